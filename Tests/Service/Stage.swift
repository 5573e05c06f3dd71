import HTTP
import Stripe
import Synchronization
import TestSupport
import Testing

/// A client of Stripe's in front of a scripted server: pauses are noted, not waited for.
final class Stage: Sendable {
    let server: SocketServer
    private let client: StripeClient
    private let http: HTTPClient
    private let noted: Noted

    private final class Noted: Sendable {
        let pauses = Mutex<[Int64]>([])
    }

    /// The pauses that were asked for, in milliseconds.
    var pauses: [Int64] { noted.pauses.withLock { $0 } }

    init(
        opening: @escaping @Sendable (Int) -> [SocketServer.Step] = { _ in [] }, certificate: String? = nil,
        configure: (inout StripeConfiguration) -> Void = { _ in },
        _ script: @escaping @Sendable (SocketServer.Received) -> [SocketServer.Step]
    ) {
        do {
            let certificates = try certificate.map { _ in try Certificates.shared.get() }
            server = SocketServer(opening: opening, tls: try certificate.flatMap { try certificates?.server($0) }, script)
            var http = HTTPClientConfiguration()
            http.caFile = certificates?.authority()
            self.http = HTTPClient(http)
        } catch {
            preconditionFailure("a test has no certificates: \(error)")
        }
        guard let key = StripeKey("sk_test_of_a_bad_day") else { preconditionFailure("the key of the test is none") }
        var configuration = StripeConfiguration(secretKey: key, apiBase: server.base)
        configure(&configuration)
        let noted = Noted()
        self.noted = noted
        client = StripeClient(
            configuration, http: http,
            clock: SteadyClock(sleep: { pause in noted.pauses.withLock { $0.append(Int64(pause / .milliseconds(1))) } }),
            random01: { 0.5 })
    }

    func createCustomer(
        deadline: ContinuousClock.Instant? = nil
    ) async throws -> StripeAnswer<StripeCustomer> {
        var parameters = CustomerParameters()
        parameters.email = "ada@example.com"
        return try await client.createCustomer(parameters, StripeCallOptions(deadline: deadline))
    }

    /// Every request that arrived had the same key and the same bytes.
    func expectOneCall() {
        let requests = server.received
        #expect(Set(requests.map { $0.header("Idempotency-Key") }).count <= 1)
        #expect(Set(requests.map(\.body)).count <= 1)
        #expect(requests.allSatisfy { $0.requestLine == "POST /v1/customers HTTP/1.1" })
        #expect(requests.allSatisfy { $0.header("Idempotency-Key")?.isEmpty == false && !$0.body.isEmpty })
    }

    func stop() {
        server.stop()
        http.shutdown()
    }
}

extension SocketServer.Step {
    /// An error as Stripe writes it.
    static func refusal(_ status: Int) -> SocketServer.Step {
        .reply(status, body: #"{"error":{"type":"invalid_request_error","message":"m"}}"#)
    }
}
