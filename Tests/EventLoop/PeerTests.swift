import EventLoop
import TestSupport
import Testing

@Suite struct PeerTests {
    @Test func `a TCP peer is known by its address, whatever its port`() throws {
        let host = "127.0.0.1"
        let seen = Rendezvous<String>()
        let (thread, address) = try EventLoopThread.start { loop throws(SystemError) in
            try Listener(SocketAddress(host: host, port: 0), on: loop) { seen.put($0.peer) }.address
        }
        defer { thread.stop() }
        for _ in 0..<2 {
            let socket = try address.connect()
            #expect(seen.take() == host)
            _ = socket
        }
    }

    @Test func `the peers of a Unix socket are one`() throws {
        let folder = try Folder()
        let path = folder.path("peer.sock")
        let seen = Rendezvous<String>()
        let (thread, _) = try EventLoopThread.start { loop throws(SystemError) in
            _ = try Listener(unixPath: path, on: loop) { seen.put($0.peer) }
        }
        defer { thread.stop() }
        let socket = try UnixSocket.connect(path)
        #expect(seen.take() == "unix")
        _ = socket
    }
}
