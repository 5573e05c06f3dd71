import HTTP
import JSON
import Sandbox
import Stripe
import Synchronization

/// Stripe in memory, on its worst days: the sandbox, and between it and its callers whatever a seed says.
final class FaultyStripe: Sendable {
    /// Guards against the two who may call at once.
    private let state: Mutex<State>

    private struct State {
        let engine: SandboxEngine
        var milliseconds: Int64
        /// Requests of which nobody expects an answer any more, and which have not arrived yet.
        var late: [HTTPRequest] = []
        var trace: [String] = []
    }

    /// 2026-11-01T00:00:00Z: a month of 30 days begins.
    static let opening: Int64 = 1_793_491_200

    init(seed: UInt64) {
        state = Mutex(
            State(engine: SandboxEngine(seed: seed, openedAt: Self.opening), milliseconds: Self.opening * 1000))
    }

    /// Stripe's clock, and everybody's, in Unix seconds.
    var now: Int64 { state.withLock { $0.milliseconds / 1000 } }
    func pass(milliseconds: Int64) { state.withLock { $0.milliseconds += milliseconds } }

    /// What has happened, for whoever has to find out why.
    var trace: String { state.withLock { $0.trace.joined(separator: "\n") } }
    func note(_ line: String) { state.withLock { $0.trace.append(line) } }

    /// Has the stragglers arrive.
    func settle() {
        state.withLock { state in
            let late = state.late
            state.late = []
            for request in late { _ = Self.perform(request, &state, "late") }
        }
    }

    /// The engine's answer, as the sandbox's server would send it.
    private static func perform(_ request: HTTPRequest, _ state: inout State, _ how: String) -> HTTPResponse {
        var response = state.engine.handle(request, now: state.milliseconds / 1000)
        response.headers["Date"] = HTTPDate.text(state.milliseconds / 1000)
        let key = request.headers["Idempotency-Key"].map { " key …\($0.suffix(16))" } ?? ""
        let replayed = response.headers["Idempotent-Replayed"] == nil ? "" : ", replayed"
        state.trace.append("  \(request.method) \(request.target)\(key): \(response.status)\(replayed), \(how)")
        return response
    }

    /// A request in good order, for whoever sets the scene or looks at what is left of it.
    func ask(_ method: String, _ path: String, _ form: String = "") -> JSONValue {
        let headers: HTTPHeaders = ["Authorization": "Bearer sk_test_scene"]
        let request = HTTPRequest(method: method, target: path, headers: headers, body: Array(form.utf8))
        let response = state.withLock { $0.engine.handle(request, now: $0.milliseconds / 1000) }
        return (try? JSONValue(parsing: response.body)) ?? .null
    }

    /// One attempt of somebody's. Throws what HTTP would.
    func attempt(_ request: HTTPRequest, _ fault: Fault) throws(HTTPClientError) -> HTTPResponse {
        let result: Result<HTTPResponse, HTTPClientError> = state.withLock { state in
            var request = request
            request.target = String(request.target.dropFirst(Self.base.count))
            if fault.comesLate { state.late.append(request) }
            let done = fault.hasEffect ? Self.perform(request, &state, "\(fault)") : nil
            if done == nil { state.trace.append("  \(request.method) \(request.target): \(fault)") }
            state.milliseconds += fault.milliseconds
            return fault.result(done)
        }
        return try result.get()
    }

    /// Where clients believe it to be.
    static let base = "http://stripe.test"
}
