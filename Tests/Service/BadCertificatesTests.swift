import Contract
import Stripe
import TestSupport
import Testing

@testable import Service

/// Calls over TLS: whom the client believes, what it tells those whom it does not, and connections that end too early.
@Suite(.enabled(if: Certificates.canBeMade, Comment(rawValue: Certificates.whyNot))) struct BadCertificatesTests {
    private static let customer = #"{"id":"cus_1","object":"customer","created":1}"#

    @Test func `a server that can be trusted is`() async throws {
        let stage = Stage(certificate: "house-server") { _ in [.reply(body: Self.customer)] }
        defer { stage.stop() }
        #expect(try await stage.createCustomer().object.id == "cus_1")
        stage.expectOneCall()
    }

    @Test(arguments: [
        ("an expired certificate", "house-expired", "expired"),
        ("a certificate of another name", "house-elsewhere", "127.0.0.1"),
        ("a certificate of an unknown authority", "stranger-server", "issuer"),
        ("a client's certificate", "house-client", "purpose"),
    ])
    func `a server that cannot be trusted learns nothing, and is not asked again`(
        name: String, certificate: String, word: String
    ) async throws {
        let stage = Stage(certificate: certificate) { _ in [.reply(body: Self.customer)] }
        defer { stage.stop() }
        let error = try #require(await #expect(throws: StripeError.self) { try await stage.createCustomer() })
        #expect(error.attempts == 1 && stage.pauses.isEmpty, "\(error)")
        #expect(error.mayHaveBeenExecuted == false && stage.server.received.isEmpty)
        guard case .unreachable(let problem) = error.kind else {
            Issue.record("\(error)")
            return
        }
        #expect(problem.contains(word), "the operator can tell why: \(problem)")
        let wire = RPCError(error)
        #expect(wire.reason == "STRIPE_UNAVAILABLE" && wire.retryable && !wire.mayHaveTakenEffect)
    }

    @Test func `a server that does not speak TLS learns nothing, and is not asked again`() async throws {
        let stage = Stage(
            opening: { _ in [.send("HTTP/1.1 400 Bad Request\r\n\r\n"), .close] }, certificate: "house-server"
        ) {
            _ in []
        }
        defer { stage.stop() }
        let error = await #expect(throws: StripeError.self) { try await stage.createCustomer() }
        #expect(error?.attempts == 1 && error?.mayHaveBeenExecuted == false)
    }

    /// Nothing is wrong with a server whose connection breaks; it is the connection's fault, and another one may hold.
    @Test(arguments: [SocketServer.Step.reset, .close])
    func `a handshake that breaks off is begun again`(step: SocketServer.Step) async throws {
        let stage = Stage(opening: { $0 < 2 ? [step] : [] }, certificate: "house-server") { _ in
            [.reply(body: Self.customer)]
        }
        defer { stage.stop() }
        #expect(try await stage.createCustomer().reply.attempts == 3)
        stage.expectOneCall()
    }

    @Test func `a handshake that hangs has its time`() async throws {
        let stage = Stage(
            opening: { $0 == 0 ? [.hang] : [] }, certificate: "house-server",
            configure: { $0.totalTimeoutMilliseconds = 400 }
        ) { _ in [.reply(body: Self.customer)] }
        defer { stage.stop() }
        #expect(try await stage.createCustomer().reply.attempts == 2)
        stage.expectOneCall()
    }

    @Test(
        arguments: [
            ("reset before the answer", [.reset]),
            ("reset in the body", [.send("HTTP/1.1 200 OK\r\nContent-Length: 46\r\n\r\n{"), .reset]),
            ("a body that is cut short", [.send("HTTP/1.1 200 OK\r\nContent-Length: 46\r\n\r\n{"), .close]),
            (
                "a body that ends with its connection, too early",
                [.send("HTTP/1.1 200 OK\r\n\r\n" + customer.dropLast(9)), .cut]
            ),
        ] as [(String, [SocketServer.Step])])
    func `an answer that breaks off is asked for again`(name: String, steps: [SocketServer.Step]) async throws {
        let stage = Stage(certificate: "house-server") { $0.number == 0 ? steps : [.reply(body: Self.customer)] }
        defer { stage.stop() }
        #expect(try await stage.createCustomer().reply.attempts == 2)
        #expect(stage.server.received.count == 2)
        stage.expectOneCall()
    }

    @Test func `a body that ends with its connection is whole where TLS says so`() async throws {
        let stage = Stage(certificate: "house-server") { _ in [.send("HTTP/1.1 200 OK\r\n\r\n" + Self.customer), .close] }
        defer { stage.stop() }
        #expect(try await stage.createCustomer().reply.attempts == 1)
    }
}
