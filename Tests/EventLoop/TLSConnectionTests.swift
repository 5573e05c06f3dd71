import EventLoop
import Glibc
import Synchronization
import TestSupport
import Testing

@Suite(.enabled(if: Certificates.canBeMade, "\(Certificates.whyNot)"))
struct TLSConnectionTests {
    let certificates: Certificates

    init() throws { certificates = try Certificates.shared.get() }

    @Test func `a megabyte in odd pieces comes back whole, after the client's end too`() throws {
        let server = try Server(certificates.server())
        defer { server.stop() }
        let stream = try server.dial(certificates.client())
        let message = (0..<1_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        var sent = 0
        for size in sequence(first: 1, next: { $0 * 3 % 40_009 }) {
            guard sent < message.count else { break }
            let end = min(sent + size, message.count)
            try stream.write(message[sent..<end])
            sent = end
        }
        // Half-close: what was written is still answered.
        try stream.endWriting()
        #expect(try Self.readAll(stream) == message)
        #expect(stream.session.version == "TLSv1.3")
    }

    @Test func `bytes that come one by one are put together`() throws {
        let server = try Server(certificates.server())
        defer { server.stop() }
        let socket = try server.address.connect()
        var yes: Int32 = 1
        setsockopt(socket.raw, Int32(IPPROTO_TCP), TCP_NODELAY, &yes, socklen_t(MemoryLayout<Int32>.size))
        let session = try TLSSession(certificates.client(), host: "127.0.0.1")
        session.send("byte by byte".utf8)
        session.end()
        var answer: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 4096)
        while !session.peerHasEnded {
            var output: [UInt8] = []
            session.takeEncrypted(into: &output)
            for byte in output { writeAll([byte], to: socket.raw) }
            let count = read(socket.raw, &chunk, chunk.count)
            guard count > 0 else { break }
            session.receive(chunk.span.extracting(0..<count), into: &answer)
        }
        #expect(String(decoding: answer, as: UTF8.self) == "byte by byte")
        #expect(session.peerHasEnded)
    }

    @Test func `what is no TLS is closed, and the others are served`() throws {
        let server = try Server(certificates.server())
        defer { server.stop() }
        let good = try server.dial(certificates.client())
        let socket = try server.address.connect()
        writeAll(Array("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"rpc.health\"}\n".utf8), to: socket.raw)
        #expect(readToEnd(socket.raw).isEmpty)
        #expect(server.log.waitForFailure() == "wrong version number")
        #expect(server.log.received == 0)
        try good.write("still here".utf8)
        #expect(try good.read() == Array("still here".utf8))
    }

    @Test func `a client certificate is demanded, and lets in`() throws {
        let server = try Server(certificates.server(demanding: "house"))
        defer { server.stop() }
        let known = try server.dial(certificates.client(as: "house-client"))
        try known.write("hello".utf8)
        #expect(try known.read() == Array("hello".utf8))
        // In TLS 1.3 the client is done before the server has looked at it: the refusal comes with the first answer.
        let failure = try #require(throws: TLSError.self) {
            let unknown = try server.dial(certificates.client())
            try unknown.write("hello".utf8)
            _ = try unknown.read()
        }
        #expect(failure.reason == "tlsv13 alert certificate required")
        #expect(server.log.waitForFailure() == "peer did not return a certificate")
        #expect(server.log.received == 5)
    }

    @Test func `the server is not believed without its authority`() throws {
        let server = try Server(certificates.server())
        defer { server.stop() }
        let failure = try #require(throws: TLSError.self) { try server.dial(certificates.client(trusting: "stranger")) }
        #expect(failure.reason == "certificate verify failed: unable to get local issuer certificate")
        #expect(server.log.waitForFailure() == "tlsv1 alert unknown ca")
    }

    @Test func `a handshake that is not done in time is closed`() throws {
        var context = try certificates.server()
        context.handshakeMilliseconds = 50
        let server = try Server(context)
        defer { server.stop() }
        let silent = try server.address.connect()
        #expect(readToEnd(silent.raw).isEmpty)
        // Whoever is through may be silent for longer.
        let patient = try server.dial(certificates.client())
        usleep(150_000)
        try patient.write("still here".utf8)
        #expect(try patient.read() == Array("still here".utf8))
    }

    @Test func `an end that TLS did not announce breaks off`() throws {
        let server = try Server(certificates.server())
        defer { server.stop() }
        do {
            let stream = try server.dial(certificates.client())
            try stream.write("cut".utf8)
            #expect(try stream.read() == Array("cut".utf8))
        }
        server.log.waitForClosed()
        #expect(server.log.ended == 0)
    }

    @Test func `new connections take the new context, old ones keep theirs`() throws {
        let server = try Server(certificates.server())
        defer { server.stop() }
        let old = try server.dial(certificates.client())
        let stranger = try TLSContext.server(identity: certificates.identity("stranger-server"))
        server.log.context = stranger
        #expect(throws: TLSError.self) { try server.dial(certificates.client()) }
        let new = try server.dial(certificates.client(trusting: "stranger"))
        for stream in [old, new] {
            try stream.write("who".utf8)
            #expect(try stream.read() == Array("who".utf8))
        }
    }

    private static func readAll(_ stream: TLSStream) throws -> [UInt8] {
        var all: [UInt8] = []
        while let some = try stream.read() { all += some }
        return all
    }
}

/// An echo over TLS, with a log of what its connections saw.
private final class Server: Sendable {
    let log: ConnectionLog
    let address: SocketAddress
    private let thread: EventLoopThread

    init(_ context: TLSContext) throws {
        let log = ConnectionLog(context)
        self.log = log
        (thread, address) = try EventLoopThread.start { loop throws(SystemError) in
            let anywhere = SocketAddress(host: "127.0.0.1", port: 0)
            return try Listener(anywhere, on: loop, tls: { log.context }) { $0.handler = LoggedEcho(log) }.address
        }
    }

    func dial(_ context: TLSContext) throws -> TLSStream {
        try TLSStream(address.connect(), context: context, host: "127.0.0.1")
    }

    func stop() { thread.stop() }
}

/// What a server's loop and a test share.
private final class ConnectionLog: Sendable {
    private let seen: Mutex<(context: TLSContext, received: Int, ended: Int, closed: Int, failure: String?)>

    init(_ context: TLSContext) { seen = Mutex((context, 0, 0, 0, nil)) }

    /// What the next connection takes.
    var context: TLSContext {
        get { seen.withLock { $0.context } }
        set { seen.withLock { $0.context = newValue } }
    }
    /// Plain bytes of all connections.
    var received: Int { seen.withLock { $0.received } }
    var ended: Int { seen.withLock { $0.ended } }

    func noteReceived(_ count: Int) { seen.withLock { $0.received += count } }
    func noteEnded() { seen.withLock { $0.ended += 1 } }
    func noteClosed(_ failure: String?) {
        seen.withLock { seen in
            seen.closed += 1
            seen.failure = seen.failure ?? failure
        }
    }

    /// Waits until a connection is gone, at most five seconds.
    func waitForClosed() {
        for _ in 0..<1000 where seen.withLock({ $0.closed }) == 0 { usleep(5000) }
        #expect(seen.withLock { $0.closed } == 1)
    }

    /// Waits, as long, until one has failed, and says why.
    func waitForFailure() -> String? {
        for _ in 0..<1000 where seen.withLock({ $0.failure }) == nil { usleep(5000) }
        return seen.withLock { $0.failure }
    }
}

private final class LoggedEcho: ConnectionHandler {
    private let log: ConnectionLog

    init(_ log: ConnectionLog) { self.log = log }

    func received(_ bytes: Span<UInt8>, on connection: Connection) {
        log.noteReceived(bytes.count)
        bytes.withUnsafeBufferPointer { connection.write(UnsafeRawBufferPointer($0)) }
    }
    func ended(_ connection: Connection) {
        log.noteEnded()
        connection.closeAfterFlush()
    }
    func drained(_ connection: Connection) {}
    func closed(_ connection: Connection) { log.noteClosed(connection.tlsFailure) }
}
