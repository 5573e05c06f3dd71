/// What stands between all callers of one client and Stripe: the circuit breaker and the rate budget.
internal import Synchronization

final class UpstreamGuard: Sendable {
    private struct State {
        var breaker: CircuitBreaker
        /// Nil where there is no rate to keep.
        var budget: RateBudget?
    }

    /// Guards the two state machines, each step of which is a few comparisons.
    private let state: Mutex<State>
    private let epoch = ContinuousClock.now

    init(_ configuration: StripeConfiguration) {
        let budget = configuration.callsPerSecond.map { RateBudget(perSecond: $0, burst: $0) }
        state = Mutex(State(breaker: configuration.circuitBreaker, budget: budget))
    }

    /// Nil where a call may begin, otherwise the milliseconds until it might.
    func admit() -> Int64? {
        let now = milliseconds
        return state.withLock { $0.breaker.admit(now: now) }
    }

    /// Whether it is no use to try again now.
    var isOpen: Bool {
        let now = milliseconds
        return state.withLock { $0.breaker.wait(now: now) != nil }
    }

    func record(_ verdict: CircuitBreaker.Verdict) {
        let now = milliseconds
        state.withLock { $0.breaker.record(verdict, now: now) }
    }

    func reserve(patience: Int64) -> (wait: Int64, taken: Bool) {
        let now = milliseconds
        return state.withLock { $0.budget?.reserve(now: now, patience: patience) ?? (0, true) }
    }

    private var milliseconds: Int64 { Int64((ContinuousClock.now - epoch) / .milliseconds(1)) }
}
