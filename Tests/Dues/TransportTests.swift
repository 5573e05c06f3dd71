import EventLoop
import Glibc
import JSON
import RPC
import TestSupport
import Testing

/// PROTOCOL section 1: the same bytes are answered alike over TCP, TLS, Unix sockets and standard streams.
@Suite struct TransportTests {
    /// Lines whose answers come in the order of the lines and are the same every time.
    private static let lines: [String] = [
        Calls.access(1), "", Calls.access(2) + "\r", "nonsense", "[]", "[\(Calls.access(3)),7]", Calls.discover(4),
        #"{"jsonrpc":"2.0","id":"é\ud83d\ude00","method":"rpc.hello","params":{"protocol":1}}"#,
        #"{"jsonrpc":"2.0","method":"rpc.cancel","params":{"id":1}}"#, String(repeating: "x", count: 3_000_000),
        #"{"jsonrpc":"2.0","id":5,"method":"CheckAccess","params":{"customer":"cus_1"}}"#,
        String(repeating: "[", count: 65), String(repeating: Calls.discover(6) + "\n", count: 10), Calls.access(7),
    ]

    /// Sends every line, the last one without its end, and answers what comes until the server closes.
    private static func converse(_ channel: LineChannel) throws -> [[UInt8]] {
        try channel.sendRaw(Array(lines.joined(separator: "\n").utf8))
        channel.finishSending()
        var answers: [[UInt8]] = []
        while let line = try channel.receive(timeoutMilliseconds: 30_000) { answers.append(line) }
        return answers
    }

    @Test func `TCP, Unix sockets and standard streams answer the same bytes with the same bytes`() async throws {
        try await offPool {
            let server = try DuesProcess(["--sandbox", "--unix", try Scratch.directory() + "/dues.sock"])
            let answers = try Self.converse(LineChannel(socket: try server.tcp.connect()))
            #expect(answers.compactMap { Calls.id(of: $0) } == [1, 2, 4, 5] + Array(repeating: 6, count: 10) + [7])
            #expect(answers.count == 21)
            let unix = LineChannel(socket: try UnixSocket.connect(try #require(server.unix)))
            #expect(try Self.converse(unix) == answers)
            let child = try ChildProcess([DuesProcess.binary, "stdio", "--sandbox", "--log", "error"])
            #expect(try Self.converse(child.channel) == answers)
            #expect(child.wait(timeoutMilliseconds: 10_000) == 0)
            server.stop()
        }
    }

    @Test(.enabled(if: Certificates.canBeMade, Comment(rawValue: Certificates.whyNot)))
    func `TLS answers the same bytes with the same bytes`() async throws {
        try await offPool {
            let certificates = try Certificates.shared.get()
            let identity = certificates.identity("house-server")
            let plain = try DuesProcess()
            let server = try DuesProcess([
                "--sandbox", "--tls-cert", identity.certificateChainFile, "--tls-key", identity.keyFile,
            ])
            let answers = try Self.converse(LineChannel(socket: try plain.tcp.connect()))
            let stream = try TLSStream(
                try server.tcp.connect(), context: try certificates.client(), host: server.tcp.host)
            #expect(try Self.converse(LineChannel(tls: stream)) == answers)
            #expect(answers.count == 21)
            plain.stop()
            server.stop()
        }
    }
}
