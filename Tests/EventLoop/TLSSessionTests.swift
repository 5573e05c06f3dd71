import EventLoop
import TestSupport
import Testing

@Suite(.enabled(if: Certificates.canBeMade, "\(Certificates.whyNot)"))
struct TLSSessionTests {
    let certificates: Certificates

    init() throws { certificates = try Certificates.shared.get() }

    @Test(arguments: [1, 2, 7, 1000, 16_384, 1_000_000])
    func `what one side sends the other receives, in whatever pieces it comes`(piece: Int) throws {
        var pair = try Pair(certificates.server(), certificates.client())
        let size = piece == 1 ? 20_000 : 300_000
        let question = (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        let answer = Array(question.reversed())
        // Sent before the handshake is done: both wait for it.
        pair.client.send(question)
        pair.server.send(answer)
        pair.exchange(pieces: piece)
        #expect(pair.server.state == .open && pair.client.state == .open)
        #expect(pair.server.version == "TLSv1.3")
        #expect(pair.atServer == question)
        #expect(pair.atClient == answer)
        #expect(!pair.server.hasOutput && pair.server.waitingBytes == 0)
    }

    @Test(arguments: [TLSContext.Version.tls1_2, .tls1_3])
    func `after one side's end the other still sends`(version: TLSContext.Version) throws {
        let client = try certificates.client()
        client.insecurelySpeakOnly(version)
        var pair = try Pair(certificates.server(), client)
        pair.client.send("last".utf8)
        pair.client.end()
        pair.client.send("too late".utf8)
        pair.exchange(pieces: 100)
        #expect(pair.server.peerHasEnded && !pair.client.peerHasEnded)
        pair.server.send("answer".utf8)
        pair.server.end()
        pair.exchange(pieces: 100)
        #expect(pair.client.peerHasEnded)
        #expect(String(decoding: pair.atServer, as: UTF8.self) == "last")
        #expect(String(decoding: pair.atClient, as: UTF8.self) == "answer")
    }

    @Test(arguments: [TLSContext.Version.tls1_0, .tls1_1])
    func `older versions than 1_2 are refused`(version: TLSContext.Version) throws {
        let client = try certificates.client()
        client.insecurelySpeakOnly(version)
        var pair = try Pair(certificates.server(), client)
        pair.exchange(pieces: 100)
        #expect(pair.server.state == .failed(reason: "unsupported protocol"))
        #expect(pair.client.state == .failed(reason: "tlsv1 alert protocol version"))
    }

    @Test func `a client that speaks an old version meets nothing else in its way`() throws {
        // So that the refusal above is the server's, and not a client that cannot speak at all.
        let (server, client) = try (certificates.server(), certificates.client())
        for context in [server, client] { context.insecurelySpeakOnly(.tls1_1) }
        var pair = try Pair(server, client)
        pair.exchange(pieces: 100)
        #expect(pair.server.state == .open && pair.server.version == "TLSv1.1")
    }

    /// Whom the server demands, whom the client trusts, what it shows, by what name it calls, and whether that works.
    struct Meeting: Sendable, CustomTestStringConvertible {
        let testDescription: String
        var demanded: String?
        var trusted = "house"
        var shown: String?
        var host = "127.0.0.1"
        var serverFailure: String?
        var clientFailure: String?
    }

    static let meetings: [Meeting] = [
        Meeting(testDescription: "as it should be"),
        Meeting(testDescription: "by name", host: "localhost"),
        Meeting(testDescription: "an unneeded client certificate", shown: "stranger-client"),
        Meeting(testDescription: "a client certificate", demanded: "house", shown: "house-client"),
        Meeting(
            testDescription: "another authority", trusted: "stranger", serverFailure: "tlsv1 alert unknown ca",
            clientFailure: "certificate verify failed: unable to get local issuer certificate"),
        Meeting(
            testDescription: "another name", host: "example.com", serverFailure: "sslv3 alert bad certificate",
            clientFailure: "certificate verify failed: hostname mismatch"),
        Meeting(
            testDescription: "another address", host: "127.0.0.2", serverFailure: "sslv3 alert bad certificate",
            clientFailure: "certificate verify failed: IP address mismatch"),
        Meeting(
            testDescription: "no client certificate", demanded: "house",
            serverFailure: "peer did not return a certificate", clientFailure: "tlsv13 alert certificate required"),
        Meeting(
            testDescription: "a stranger's client certificate", demanded: "house", shown: "stranger-client",
            serverFailure: "certificate verify failed: unable to get local issuer certificate",
            clientFailure: "tlsv1 alert unknown ca"),
        Meeting(
            testDescription: "a server's certificate shown by a client", demanded: "house", shown: "house-server",
            serverFailure: "certificate verify failed: unsuitable certificate purpose",
            clientFailure: "sslv3 alert unsupported certificate"),
    ]

    @Test(arguments: meetings)
    func `each side holds the other to its certificate`(meeting: Meeting) throws {
        let server = try certificates.server(demanding: meeting.demanded)
        let client = try certificates.client(trusting: meeting.trusted, as: meeting.shown)
        var pair = try Pair(server, client, host: meeting.host)
        pair.client.send("secret".utf8)
        pair.exchange(pieces: 100)
        #expect(pair.server.state == meeting.serverFailure.map { .failed(reason: $0) } ?? .open)
        #expect(pair.client.state == meeting.clientFailure.map { .failed(reason: $0) } ?? .open)
        #expect(pair.atServer == Array((meeting.serverFailure == nil ? "secret" : "").utf8))
    }

    @Test(arguments: ["GET / HTTP/1.1\r\n\r\n", "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"rpc.health\"}\n"])
    func `what is no TLS is refused at once`(text: String) throws {
        let server = try TLSSession(certificates.server())
        var plaintext: [UInt8] = []
        server.receive(Array(text.utf8).span, into: &plaintext)
        guard case .failed = server.state else { return #expect(Bool(false), "\(server.state)") }
        #expect(plaintext.isEmpty)
        // It says nothing to somebody who would not understand it.
        server.send("secret".utf8)
        #expect(!server.hasOutput && server.waitingBytes == 0)
    }

    /// The length that a client hello claims, and why it is refused before so many bytes have come.
    @Test(arguments: [(16_000_000, "excessive message size"), (100_000, "the handshake is too long")])
    func `a handshake that goes on and on is refused`(claimed: Int, reason: String) throws {
        let server = try TLSSession(certificates.server())
        let length = [UInt8(claimed >> 16), UInt8(claimed >> 8 & 255), UInt8(claimed & 255)]
        let hello: [UInt8] = [1] + length + [UInt8](repeating: 0, count: claimed)
        var plaintext: [UInt8] = []
        var sent = 0
        while sent < hello.count, server.state == .handshaking {
            let fragment = hello[sent..<min(sent + 16_000, hello.count)]
            let record = [22, 3, 1, UInt8(fragment.count >> 8), UInt8(fragment.count & 255)] + fragment
            server.receive(record.span, into: &plaintext)
            sent += fragment.count
        }
        #expect(server.state == .failed(reason: reason))
        #expect(sent < TLSSession.maximumHandshakeBytes + 16_000)
    }

    @Test func `a forged byte ends the session`() throws {
        var pair = try Pair(certificates.server(), certificates.client())
        pair.exchange(pieces: 100)
        pair.client.send("amount 100".utf8)
        var record: [UInt8] = []
        pair.client.takeEncrypted(into: &record)
        record[record.count - 1] ^= 1
        var plaintext: [UInt8] = []
        pair.server.receive(record.span, into: &plaintext)
        #expect(pair.server.state == .failed(reason: "decryption failed or bad record mac"))
        #expect(plaintext.isEmpty)
    }

    @Test func `files that cannot be used are named, and nothing of what they hold`() throws {
        let house = certificates.identity("house-server")
        let missing = TLSContext.Identity(certificateChainFile: "/nowhere/a.pem", keyFile: "/nowhere/a.key")
        let swapped = TLSContext.Identity(certificateChainFile: house.keyFile, keyFile: house.certificateChainFile)
        let foreign = TLSContext.Identity(
            certificateChainFile: house.certificateChainFile, keyFile: certificates.identity("house-client").keyFile)
        for (identity, reason) in [
            (missing, "No such file or directory"), (swapped, "no start line"), (foreign, "key values mismatch"),
        ] {
            let error = try #require(throws: TLSError.self) { try TLSContext.server(identity: identity) }
            #expect(error.reason == reason)
            #expect(error.description.contains(identity.keyFile))
        }
        let error = try #require(throws: TLSError.self) {
            try TLSContext.server(identity: house, clientAuthoritiesFile: "/nowhere/ca.pem")
        }
        #expect(error.description.contains("/nowhere/ca.pem"))
    }
}

/// Two sessions, and what each has received.
private struct Pair {
    let server: TLSSession
    let client: TLSSession
    var atServer: [UInt8] = []
    var atClient: [UInt8] = []

    init(_ serverContext: TLSContext, _ clientContext: TLSContext, host: String = "127.0.0.1") throws(TLSError) {
        server = try TLSSession(serverContext)
        client = try TLSSession(clientContext, host: host)
    }

    /// Carries bytes back and forth, in pieces of `size`, until neither side has anything to say.
    mutating func exchange(pieces size: Int) {
        while client.hasOutput || server.hasOutput {
            Self.carry(from: client, to: server, size, &atServer)
            Self.carry(from: server, to: client, size, &atClient)
        }
    }

    private static func carry(from: TLSSession, to: TLSSession, _ size: Int, _ received: inout [UInt8]) {
        var encrypted: [UInt8] = []
        from.takeEncrypted(into: &encrypted)
        for start in stride(from: 0, to: encrypted.count, by: size) {
            to.receive(encrypted.span.extracting(start..<min(start + size, encrypted.count)), into: &received)
        }
    }
}
