import Contract
import Crypto
import EventLoop
import Glibc
import JSON
import RPC
import TestSupport
import Testing

/// Who may do what (PROTOCOL section 7), on the real binary.
@Suite struct AccessTests {
    private static func line(_ name: String, _ token: String, _ scopes: String) -> String {
        let digest = Encoding.hexadecimal(Digest.sha256(Array(token.utf8)))
        return "{\"name\":\"\(name)\",\"sha256\":\"\(digest)\",\"scopes\":[\(scopes)]}\n"
    }

    private static func reason(_ client: RPCClient, _ method: String, _ params: JSONValue = [:]) -> String? {
        do throws(RPCError) {
            _ = try client.call(method, params)
            return nil
        } catch {
            return error.reason
        }
    }

    @Test func `a call needs a token with its scope, from hello or its own`() async throws {
        try await offPool {
            let path = try Scratch.directory() + "/tokens"
            try Scratch.write(
                "# who may call\n" + Self.line("reader", "r3ad", "\"read\"")
                    + Self.line("writer", "wr1te", "\"read\",\"write\""),
                to: path)
            let server = try DuesProcess(["--sandbox", "--tokens", path])
            let client = try server.client()
            #expect(Self.reason(client, "ListPlans") == "TOKEN_REQUIRED")
            #expect(Self.reason(client, "rpc.health") == nil, "health asks nobody")
            #expect(try client.call("rpc.hello")["scopes"] == [])
            #expect(Self.reason(client, "rpc.hello", ["authorization": "Bearer nobody"]) == "TOKEN_UNKNOWN")
            #expect(Self.reason(client, "ListPlans", ["_meta": ["authorization": "Bearer r3ad"]]) == nil)
            #expect(Self.reason(client, "ListPlans") == "TOKEN_REQUIRED", "a call's token is that call's alone")
            #expect(try client.call("rpc.hello", ["authorization": "Bearer r3ad"])["scopes"] == ["read"])
            #expect(Self.reason(client, "ListPlans") == nil)
            #expect(Self.reason(client, "CreateCustomer") == "SCOPE_REQUIRED")
            #expect(Self.reason(client, "IngestWebhook", ["payload": "{}", "signature": "t=1"]) == "SCOPE_REQUIRED")
            #expect(Self.reason(client, "CreateCustomer", ["_meta": ["authorization": "Bearer wr1te"]]) == nil)
            let events = try SandboxAPI(server.sandbox).get("/v1/customers")
            #expect(events["data"]?.arrayValue?.count == 1, "what was refused was not run")
            server.stop()
        }
    }

    @Test func `SIGHUP reads the tokens again, and keeps the old ones where the new ones are wrong`() async throws {
        try await offPool {
            let path = try Scratch.directory() + "/tokens"
            try Scratch.write(Self.line("old", "0ld", "\"read\""), to: path)
            let server = try DuesProcess(["--sandbox", "--tokens", path])
            let client = try server.client()
            func becomes(_ token: String, _ reason: String?) throws {
                let deadline = EventLoop.monotonicMilliseconds() + 10_000
                while Self.reason(client, "ListPlans", ["_meta": ["authorization": .string("Bearer \(token)")]]) != reason {
                    try #require(
                        EventLoop.monotonicMilliseconds() < deadline,
                        "\(token) should be answered with \(reason ?? "a result")")
                    usleep(20_000)
                }
            }
            try becomes("0ld", nil)
            try Scratch.write("{\"name\":\"broken\"}\n", to: path)
            server.child.signal(SIGHUP)
            usleep(200_000)
            try becomes("0ld", nil)
            try Scratch.write(Self.line("new", "n3w", "\"read\""), to: path)
            server.child.signal(SIGHUP)
            try becomes("n3w", nil)
            try becomes("0ld", "TOKEN_UNKNOWN")
            server.stop()
        }
    }

    @Test func `a guesser is not listened to any more, and others are`() async throws {
        try await offPool {
            let path = try Scratch.directory() + "/tokens"
            try Scratch.write(Self.line("web", "s3cret", "\"read\""), to: path)
            let server = try DuesProcess(["--sandbox", "--tokens", path, "--unix", try Scratch.directory() + "/dues.sock"])
            let client = try server.client()
            let reasons = (0..<30).map { number in
                Self.reason(client, "ListPlans", ["_meta": ["authorization": .string("Bearer guess\(number)")]]) ?? ""
            }
            #expect(reasons.first == "TOKEN_UNKNOWN")
            #expect(reasons.last == "TOO_MANY_ATTEMPTS")
            let local = try RPCClient(unixPath: try #require(server.unix))
            #expect(Self.reason(local, "ListPlans", ["_meta": ["authorization": "Bearer s3cret"]]) == nil, "another peer")
            server.stop()
        }
    }

    @Test func `a token file that cannot be used ends the start, naming every line`() async throws {
        try await offPool {
            let directory = try Scratch.directory()
            try Scratch.write("{\"name\":\"a\"}\nnonsense\n", to: "\(directory)/tokens")
            let child = try ChildProcess([
                "/bin/sh", "-c",
                "exec \(DuesProcess.binary) serve --sandbox --tcp 127.0.0.1:0 --http 127.0.0.1:0 --sandbox-http 127.0.0.1:0"
                    + " --tokens \(directory)/tokens 2>\(directory)/errors",
            ])
            #expect(child.wait(timeoutMilliseconds: 20_000) == 1)
            let errors = try Scratch.text(of: "\(directory)/errors")
            #expect(errors.contains("line 1") && errors.contains("line 2"))
        }
    }

    @Test(.enabled(if: Certificates.canBeMade, Comment(rawValue: Certificates.whyNot)))
    func `TLS is spoken with those who may, and with nobody else`() async throws {
        try await offPool {
            let certificates = try Certificates.shared.get()
            let identity = certificates.identity("house-server")
            let server = try DuesProcess([
                "--sandbox", "--tls-cert", identity.certificateChainFile, "--tls-key", identity.keyFile, "--tls-client-ca",
                certificates.authority(),
            ])
            let client = try RPCClient(server.tcp, tls: try certificates.client(as: "house-client"))
            #expect(try client.call("ListPlans")["plans"]?.arrayValue?.count == 2)
            #expect(Self.reason(try server.client(), "ListPlans") == "SERVER_UNREACHABLE", "plain text is not answered")
            let stranger = try? RPCClient(server.tcp, tls: try certificates.client())
            #expect(stranger.map { Self.reason($0, "ListPlans") } ?? "refused" != nil, "a certificate is asked for")
            server.stop()
        }
    }

    @Test(.enabled(if: Certificates.canBeMade, Comment(rawValue: Certificates.whyNot)))
    func `handshakes that fail are in the log with peer and reason, and no more of them than a log can bear`() async throws
    {
        try await offPool {
            let certificates = try Certificates.shared.get()
            let identity = certificates.identity("house-server")
            let log = try Scratch.directory() + "/log"
            let server = try ChildProcess([
                "/bin/sh", "-c",
                "exec \(DuesProcess.binary) serve --sandbox --loops 1 --tcp 127.0.0.1:0 --http 127.0.0.1:0"
                    + " --sandbox-http 127.0.0.1:0 --tls-cert \(identity.certificateChainFile) --tls-key \(identity.keyFile)"
                    + " --tls-client-ca \(certificates.authority()) 2>\(log)",
            ])
            let handshake = try JSONValue(parsing: try #require(try server.channel.receive(timeoutMilliseconds: 20_000)))
            let tcp = try #require(handshake["tcp"]?.stringValue.flatMap(SocketAddress.init))
            func isLogged(_ reason: String) -> Bool { (try? Scratch.text(of: log))?.contains(reason) == true }
            #expect(Self.reason(try RPCClient(tcp), "rpc.health") == "SERVER_UNREACHABLE")
            LoopsOfProcessTests.wait { isLogged("http request") || isLogged("wrong version number") }
            _ = (try? RPCClient(tcp, tls: try certificates.client())).map { Self.reason($0, "ListPlans") }
            LoopsOfProcessTests.wait { isLogged("peer did not return a certificate") }
            for number in 0..<60 {
                let channel = LineChannel(socket: try tcp.connect())
                // The first bytes of a greeting; who sends none has only looked whether somebody is there.
                if number % 2 == 0 { try channel.sendRaw([22, 3, 1]) }
            }
            let client = try RPCClient(tcp, tls: try certificates.client(as: "house-client"))
            #expect(Self.reason(client, "rpc.health") == nil)
            server.signal(SIGTERM)
            #expect(server.wait(timeoutMilliseconds: 15_000) == 0)
            let lines = try Scratch.text(of: log).split(separator: "\n").filter { $0.contains(" warning tls-failed ") }
            #expect(lines.count == 20)
            #expect(lines.allSatisfy { $0.contains("peer=127.0.0.1") })
            #expect(lines.count { $0.contains("the connection ended before it was done") } == 18)
        }
    }

    @Test func `a Unix socket is served, has its mode, and goes with the server`() async throws {
        try await offPool {
            let path = try Scratch.directory() + "/dues.sock"
            let server = try DuesProcess(["--sandbox", "--unix", path, "--unix-mode", "660"])
            #expect(server.unix == path)
            var status = stat()
            #expect(stat(path, &status) == 0)
            #expect(status.st_mode & 0o777 == 0o660)
            let story = Story(try RPCClient(unixPath: path), sandbox: server.sandbox)
            for step in Story.steps { try step.play(story) }
            server.stop()
            #expect(stat(path, &status) != 0)
        }
    }
}
