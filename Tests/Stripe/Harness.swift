/// A Stripe client against a scripted server: pauses are noted, not waited for.
internal import HTTP
internal import Stripe
internal import Synchronization
internal import TestSupport
internal import Testing

final class Harness: Sendable {
    let server: SocketServer
    let client: StripeClient
    private let http = HTTPClient()
    private let noted = Mutex<(pauses: [Int64], attempts: [StripeClient.Attempt])>(([], []))

    /// The pauses that the client asked for, in milliseconds.
    var pauses: [Int64] { noted.withLock { $0.pauses } }
    var attempts: [StripeClient.Attempt] { noted.withLock { $0.attempts } }

    static let key = "sk_test_51Habcdefghijklmnop"

    /// - Parameter sleep: instead of noting the pause and going on at once.
    init(
        configure: (inout StripeConfiguration) -> Void = { _ in },
        sleep: (@Sendable (Int64) async throws -> Void)? = nil,
        _ script: @escaping @Sendable (SocketServer.Received) -> [SocketServer.Step]
    ) throws {
        server = SocketServer(script)
        var configuration = StripeConfiguration(
            secretKey: try #require(StripeKey(Self.key)), apiBase: "http://127.0.0.1:\(server.port)")
        configure(&configuration)
        let relay = Relay()
        client = StripeClient(
            configuration, http: http,
            clock: SteadyClock(sleep: { pause in
                let milliseconds = Int64(pause / .milliseconds(1))
                relay.harness?.noted.withLock { $0.pauses.append(milliseconds) }
                try await sleep?(milliseconds)
            }), random01: { 0.5 },
            observe: { attempt in relay.harness?.noted.withLock { $0.attempts.append(attempt) } })
        relay.box.withLock { $0.harness = self }
    }

    deinit {
        server.stop()
        http.shutdown()
    }

    /// Lets the client's closures, which are made before the harness is whole, find it.
    private final class Relay: Sendable {
        struct Weak { weak var harness: Harness? }
        let box = Mutex(Weak())
        var harness: Harness? { box.withLock { $0.harness } }
    }
}

extension SocketServer.Step {
    /// An error as Stripe writes it.
    static func refusal(
        _ status: Int, code: String? = nil, type: String = "invalid_request_error", message: String = "No.",
        headers: [String] = []
    ) -> SocketServer.Step {
        let code = code.map { #""code":"\#($0)","# } ?? ""
        return .reply(
            status, headers: ["Request-Id: req_\(status)"] + headers,
            body: #"{"error":{"type":"\#(type)",\#(code)"message":"\#(message)"}}"#)
    }
}
