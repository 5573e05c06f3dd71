import HTTP
import JSON
import Stripe
import Synchronization

@testable import Sandbox

/// Stripe in memory, on its worst days: the sandbox, and between it and its callers whatever a seed says.
final class FaultyStripe: Sendable {
    private let scheduler: Scheduler
    /// Guards against callers at once, where no scheduler is played.
    private let state: Mutex<State>
    /// Events on their way out, as they arise.
    let deliveries = AsyncStream<EventDelivery>.makeStream()

    private struct State {
        let engine: SandboxEngine
        /// Requests of which nobody expects an answer any more, and which have not arrived yet.
        var late: [(request: HTTPRequest, caller: String)] = []
        /// When something is to be done next, if somebody will be there then.
        var alarm: Int64?
        var trace: [String] = []
        var names: [String: Int] = [:]
        var effects: [Effect] = []
    }

    /// A request that changed something.
    struct Effect: Sendable {
        /// Who sent it.
        let caller: String
        let request: String
    }

    /// 2026-11-01T00:00:00Z: a month of 30 days begins.
    static let opening: Int64 = 1_793_491_200

    init(seed: UInt64, _ scheduler: Scheduler, hasEndpoint: Bool = false) {
        self.scheduler = scheduler
        state = Mutex(
            State(engine: SandboxEngine(seed: seed, openedAt: Self.opening, hasConfiguredEndpoint: hasEndpoint)))
    }

    /// Of a test that lets time pass by hand.
    convenience init(seed: UInt64) { self.init(seed: seed, Scheduler(seed: seed)) }

    /// Stripe's clock, and everybody's, in Unix seconds.
    var now: Int64 { Self.opening + scheduler.milliseconds / 1000 }
    func pass(milliseconds: Int64) { scheduler.pass(milliseconds: milliseconds) }

    /// What has happened, for whoever has to find out why.
    var trace: String { state.withLock { $0.trace.joined(separator: "\n") } }

    func note(_ line: String) {
        let line = "\(time) \(line)"
        state.withLock { $0.trace.append(line) }
    }

    /// What has changed something so far.
    var effects: [Effect] { state.withLock { $0.effects } }

    private var time: String {
        let milliseconds = scheduler.milliseconds
        return "\(milliseconds / 1000).\(String(milliseconds % 1000 + 1000).dropFirst())"
    }

    // MARK: Its own life

    /// Has the stragglers arrive.
    func settle() {
        let late = state.withLock { state in
            defer { state.late = [] }
            return state.late
        }
        for (request, caller) in late { _ = perform(request, by: caller, "late") }
    }

    /// Lets happen what is due, and hands out what arose.
    private func live() {
        let now = now
        let next = state.withLock { state -> Int64? in
            state.engine.tick(now: now)
            for delivery in state.engine.takeDeliveries() { deliveries.continuation.yield(delivery) }
            guard let due = state.engine.nextDue, due > now, state.alarm.map({ due < $0 || $0 <= now }) ?? true else {
                return nil
            }
            state.alarm = due
            return due
        }
        guard let next else { return }
        scheduler.after(milliseconds: (next - Self.opening) * 1000 - scheduler.milliseconds) { self.live() }
    }

    /// What is to be done next, in Unix seconds.
    var nextDue: Int64? { state.withLock { $0.engine.nextDue } }

    // MARK: Requests

    /// The engine's answer, as the sandbox's server would send it.
    private func perform(_ request: HTTPRequest, by caller: String, _ how: String) -> HTTPResponse {
        let response = state.withLock { state in
            let now = now
            var response = state.engine.handle(request, now: now)
            response.headers["Date"] = HTTPDate.text(now)
            var key = ""
            if let found = request.headers["Idempotency-Key"] {
                // Keys are random; what they are called is not.
                let known = state.names.count
                state.names[found] = state.names[found] ?? known + 1
                key = " key \(state.names[found] ?? 0)"
            }
            let isReplayed = response.headers["Idempotent-Replayed"] != nil
            let what = "\(request.method) \(request.path)"
            if request.method != "GET", response.status == 200, !isReplayed {
                state.effects.append(Effect(caller: caller, request: what))
            }
            state.trace.append(
                "\(time)   \(caller): \(what)\(key): \(response.status)\(isReplayed ? ", replayed" : ""), \(how)")
            return response
        }
        live()
        return response
    }

    /// A request in good order, of whoever sets the scene, or looks at what is left of it, or sits at Stripe's dashboard.
    @discardableResult
    func ask(_ method: String, _ path: String, _ form: String = "") -> JSONValue {
        let headers: HTTPHeaders = ["Authorization": "Bearer sk_test_scene"]
        let request = HTTPRequest(method: method, target: path, headers: headers, body: Array(form.utf8))
        let response =
            method == "GET"
            ? state.withLock { $0.engine.handle(request, now: now) } : perform(request, by: "the dashboard", form)
        return (try? JSONValue(parsing: response.body)) ?? .null
    }

    /// One attempt of somebody's, which is on its way for a while. Throws what HTTP would.
    func attempt(
        _ request: HTTPRequest, _ fault: Fault = Fault(), by caller: Caller? = nil, timeoutMilliseconds: Int64
    ) async throws(HTTPClientError) -> HTTPResponse {
        var request = request
        request.target = String(request.target.dropFirst(Self.base.count))
        let name = caller?.name ?? "in good order"
        let (there, back) = (caller?.drawDelay() ?? 0, (caller?.drawDelay() ?? 0) + fault.milliseconds)
        guard there < timeoutMilliseconds else {
            // It arrives when nobody waits for it any more.
            scheduler.after(milliseconds: there) { [request] in _ = self.perform(request, by: name, "too late") }
            try await wait(timeoutMilliseconds)
            throw Self.timeout
        }
        try await wait(there)
        if fault.comesLate {
            state.withLock { $0.late.append((request, name)) }
            // Nothing is on its way for longer than Stripe remembers its key.
            scheduler.after(milliseconds: 600_000) { self.settle() }
        }
        let done = fault.hasEffect ? perform(request, by: name, "\(fault)") : nil
        if done == nil { note("  \(name): \(request.method) \(request.path): \(fault)") }
        try await wait(min(back, timeoutMilliseconds - there))
        if there + back >= timeoutMilliseconds { throw Self.timeout }
        return try fault.result(done).get()
    }

    private func wait(_ milliseconds: Int64) async throws(HTTPClientError) {
        guard milliseconds > 0 else { return }
        do { try await scheduler.sleep(milliseconds: milliseconds) } catch {
            throw HTTPClientError(kind: .cancelled, message: "the caller left", mayHaveBeenSent: true)
        }
    }

    private static let timeout = HTTPClientError(kind: .timeout, message: "a bad day", mayHaveBeenSent: true)

    /// Where clients believe it to be.
    static let base = "http://stripe.test"

    // MARK: Events

    /// What Stripe sends, signed now; nil for what nobody waits for any more.
    func webhook(_ delivery: EventDelivery, secret: String) -> (id: String, body: [UInt8], signature: String)? {
        state.withLock { state in
            guard state.engine.awaits(delivery), let body = state.engine.eventBody(delivery) else { return nil }
            return (delivery.event, body, WebhookRequest.signature(secret: secret, body: body, time: now))
        }
    }

    func acknowledge(_ delivery: EventDelivery) {
        state.withLock { _ = $0.engine.acknowledge(delivery, at: now) }
    }

    func abandon(_ delivery: EventDelivery) {
        note("Stripe gives up on \(delivery.event.suffix(8))")
        state.withLock { _ = $0.engine.abandon(delivery, at: now) }
    }

    /// Events that are not acknowledged yet.
    var undelivered: Int { state.withLock { $0.engine.undelivered.count } }

    /// Every object of a kind, as Stripe shows it, deleted ones too.
    func objects(_ kind: ObjectKind) -> [JSONObject] {
        state.withLock { state in
            state.engine.account.store.ids(kind).map { state.engine.account.rendered(kind, $0) }
        }
    }
}
