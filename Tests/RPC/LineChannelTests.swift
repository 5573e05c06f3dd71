import EventLoop
import RPC
import TestSupport
import Testing

@Suite struct LineChannelTests {
    @Test func `lines go over TCP`() throws {
        let (thread, address) = try EventLoopThread.start { loop throws(SystemError) in
            try Listener(SocketAddress(host: "127.0.0.1", port: 0), on: loop) { $0.handler = Echo() }.address
        }
        defer { thread.stop() }
        try converse(LineChannel(socket: address.connect()))
    }

    @Test func `lines go over a Unix socket`() throws {
        let folder = try Folder()
        let path = folder.path("lines.sock")
        let (thread, _) = try EventLoopThread.start { loop throws(SystemError) in
            _ = try Listener(unixPath: path, on: loop) { $0.handler = Echo() }
        }
        defer { thread.stop() }
        try converse(LineChannel(socket: UnixSocket.connect(path)))
    }

    @Test(.enabled(if: Certificates.canBeMade, "\(Certificates.whyNot)"))
    func `lines go over TLS`() throws {
        let certificates = try Certificates.shared.get()
        let server = try certificates.server(demanding: "house")
        let (thread, address) = try EventLoopThread.start { loop throws(SystemError) in
            let anywhere = SocketAddress(host: "127.0.0.1", port: 0)
            return try Listener(anywhere, on: loop, tls: { server }) { $0.handler = Echo() }.address
        }
        defer { thread.stop() }
        let client = try certificates.client(as: "house-client")
        try converse(LineChannel(tls: TLSStream(address.connect(), context: client, host: address.host)))
        let stranger = try certificates.client(trusting: "stranger")
        let failure = try #require(throws: SystemError.self) { try RPCClient(address, tls: stranger) }
        #expect(failure.description.hasPrefix("TLS failed: certificate verify failed"))
    }

    /// Says lines short and long to an echo, and hears them again; then ends, and so does the echo.
    private func converse(_ channel: LineChannel) throws {
        let lines = ["{}", String(repeating: "long ", count: 50_000), "", "last"]
        for line in lines { try channel.send(line.utf8) }
        for line in lines {
            #expect(try channel.receive(timeoutMilliseconds: 10_000) == Array(line.utf8))
        }
        let silence = try #require(throws: SystemError.self) { try channel.receive(timeoutMilliseconds: 1) }
        #expect(silence.description.contains("no answer came"))
        try channel.send("one more".utf8)
        channel.finishSending()
        #expect(try channel.receive(timeoutMilliseconds: 10_000) == Array("one more".utf8))
        #expect(try channel.receive(timeoutMilliseconds: 10_000) == nil)
    }
}

private final class Echo: ConnectionHandler {
    func received(_ bytes: Span<UInt8>, on connection: Connection) {
        bytes.withUnsafeBufferPointer { connection.write(UnsafeRawBufferPointer($0)) }
    }
    func ended(_ connection: Connection) { connection.closeAfterFlush() }
    func drained(_ connection: Connection) {}
    func closed(_ connection: Connection) {}
}
