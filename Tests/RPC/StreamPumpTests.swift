import Contract
import EventLoop
import Glibc
import Synchronization
import Testing

@testable import RPC

@Suite struct StreamPumpTests {
    /// A value a millisecond, without end.
    private struct SlowStream: ValueStream {
        let source: FakeSource

        func next() throws(RPCError) -> StreamStep<WatchEventsValue> {
            usleep(1000)
            return try FakeStream(source: source, mark: "m", bytes: 0).next()
        }

        var result: WatchEventsResult { WatchEventsResult(after: 0) }
    }

    @Test func `however often streams are to be looked at, one turn of the loop gives them its time once`() throws {
        let source = FakeSource(values: .max)
        let given = Rendezvous<Int>()
        let (thread, address) = try EventLoopThread.start { loop throws(SystemError) in
            let pump = StreamPump(loop: loop)
            return try Listener(SocketAddress(host: "127.0.0.1", port: 0), on: loop) { connection in
                let values = EncodedStream(SlowStream(source: source)) { _, _ in }
                let stream = OpenStream(id: [0x31], values: values, connection: connection, limits: RPCLimits()) { _ in }
                pump.open(stream)
                for _ in 0..<50 { pump.finish(stream) }
                // After what was posted before, in the same turn.
                connection.loop.remote.post { _ in given.put(source.given.load(ordering: .relaxed)) }
            }.address
        }
        defer { thread.stop() }
        _ = try address.connect()
        #expect((1...5).contains(given.take()))
    }
}
