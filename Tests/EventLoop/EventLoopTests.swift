import EventLoop
import Synchronization
import Testing

@Suite struct EventLoopTests {
    @Test func `timers run in the order of their deadlines, ties in the order of their making`() throws {
        let loop = try EventLoop()
        var order: [Int] = []
        loop.schedule(afterMilliseconds: 20) { order.append(4) }
        loop.schedule(afterMilliseconds: 1) { order.append(1) }
        loop.schedule(afterMilliseconds: 1) { order.append(2) }
        let cancelled = loop.schedule(afterMilliseconds: 2) { order.append(99) }
        loop.schedule(afterMilliseconds: 5) { order.append(3) }
        loop.schedule(afterMilliseconds: 30) { loop.stop() }
        loop.cancel(cancelled)
        loop.run()
        #expect(order == [1, 2, 3, 4])
    }

    @Test func `work posted by other threads runs on the loop, in order, and none is lost`() throws {
        let seen = Mutex<[Int]>([])
        let (thread, _) = try EventLoopThread.start { _ in }
        for number in 0..<1000 { thread.remote.post { _ in seen.withLock { $0.append(number) } } }
        let done = Rendezvous<Bool>()
        thread.remote.post { _ in done.put(true) }
        _ = done.take()
        thread.stop()
        #expect(seen.withLock { $0 } == Array(0..<1000))
    }

    @Test func `an echo over TCP comes back whole, a megabyte of it`() throws {
        let (thread, address) = try EventLoopThread.start { loop throws(SystemError) in
            try Listener(SocketAddress(host: "127.0.0.1", port: 0), on: loop) { $0.handler = Echo() }.address
        }
        defer { thread.stop() }
        let message = (0..<1_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        #expect(try echo(message, through: address.connect()) == message)
    }

    @Test(arguments: [
        ("127.0.0.1:7171", "127.0.0.1", 7171), ("[::1]:0", "::1", 0), ("localhost:65535", "localhost", 65535),
    ])
    func `addresses are read and written alike`(text: String, host: String, port: UInt16) throws {
        let address = try #require(SocketAddress(text))
        #expect(address == SocketAddress(host: host, port: port))
        #expect(address.description == text)
        #expect(try address.isLoopback())
    }

    @Test(arguments: ["", "127.0.0.1", ":80", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1", "::1:80"])
    func `what is no address is refused`(text: String) {
        #expect(SocketAddress(text) == nil)
    }

    @Test func `an address beyond this machine is not loopback`() throws {
        #expect(try !SocketAddress(host: "0.0.0.0", port: 1).isLoopback())
        #expect(try !SocketAddress(host: "192.0.2.1", port: 1).isLoopback())
    }
}
