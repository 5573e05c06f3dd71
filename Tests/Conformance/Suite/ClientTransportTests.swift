import EventLoop
import JSON
import RPC
import TestSupport
import Testing

/// Every client reaches the real server in every way that its language can, and tells the guide's story.
@Suite(.serialized) struct ClientTransportTests {
    private static let question: JSONValue = ["customerId": "cus_none", "productId": "prod_none"]

    /// Two calls by a driver, which then ends as it should.
    private static func converse(_ client: ClientManifest, _ flags: [String]) throws {
        let driver = try Driver(client, flags)
        #expect(try driver.call("CheckAccess", question)["result"]?["reason"] == "NO_SUBSCRIPTION")
        let hello = try driver.call("rpc.hello", ["protocol": 1])
        #expect(hello["result"]?["server"] == "dues", "\(hello.text)")
        try driver.end()
    }

    @Test(arguments: ClientManifest.over("tcp"))
    func `it dials TCP`(client: ClientManifest) async throws {
        try await offPool {
            let server = try DuesProcess()
            try Self.converse(client, ["--tcp", server.tcp.description])
            server.stop()
        }
    }

    @Test(
        .enabled(if: Certificates.canBeMade, Comment(rawValue: Certificates.whyNot)), arguments: ClientManifest.over("tls"))
    func `it dials TLS, and only a server that it has reason to trust`(client: ClientManifest) async throws {
        try await offPool {
            let certificates = try Certificates.shared.get()
            let server = try DuesProcess(["--sandbox"] + certificates.flags)
            let flags = ["--tcp", server.tcp.description, "--tls-ca"]
            try Self.converse(client, flags + [certificates.authority()])
            let stranger = try Driver(client, flags + [certificates.authority("stranger")])
            #expect(try stranger.call("CheckAccess", Self.question)["error"]?["data"]?["reason"] == "CONNECTION_LOST")
            try stranger.end()
            server.stop()
        }
    }

    @Test(arguments: ClientManifest.over("unix"))
    func `it dials a Unix socket`(client: ClientManifest) async throws {
        try await offPool {
            let path = try Scratch.directory() + "/dues.sock"
            let server = try DuesProcess(["--sandbox", "--unix", path])
            try Self.converse(client, ["--unix", path])
            server.stop()
        }
    }

    @Test(arguments: ClientManifest.over("stdio"))
    func `it starts a server and speaks to its standard streams`(client: ClientManifest) async throws {
        try await offPool {
            let directory = try Scratch.directory()
            let command = "\(DuesProcess.binary) stdio --sandbox --log info 2>\(directory)/log"
            try Self.converse(client, ["--stdio", command])
            #expect(try Scratch.text(of: "\(directory)/log").contains(" ended"), "the server has ended before its client")
        }
    }

    @Test(arguments: ClientManifest.over("serve"))
    func `it starts a server and dials where its handshake says`(client: ClientManifest) async throws {
        try await offPool {
            let directory = try Scratch.directory()
            let anywhere = "--tcp 127.0.0.1:0 --http 127.0.0.1:0 --sandbox-http 127.0.0.1:0"
            let command = "\(DuesProcess.binary) serve --sandbox \(anywhere) --log info 2>\(directory)/log"
            try Self.converse(client, ["--serve", command])
            #expect(try Scratch.text(of: "\(directory)/log").contains(" ended"), "the server has ended before its client")
        }
    }

    @Test(arguments: ClientManifest.installed)
    func `its own tests pass`(client: ClientManifest) async throws {
        try await offPool {
            try client.prepare()
            #expect(try client.runTests() == 0)
        }
    }

    @Test(arguments: ClientManifest.installed)
    func `its example tells the whole story`(client: ClientManifest) async throws {
        try await offPool {
            try client.prepare()
            let server = try DuesProcess()
            let flags = ["--tcp", server.tcp.description, "--sandbox", server.sandbox]
            #expect(try client.runExample(flags) == 0)
            server.stop()
        }
    }
}
