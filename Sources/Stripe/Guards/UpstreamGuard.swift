/// What stands between all callers of one client and Stripe: the circuit breaker and a rate budget for each mode, with the
/// figures of both.
internal import Synchronization

final class UpstreamGuard: Sendable {
    private struct State {
        var breaker: CircuitBreaker
        var budgets: [UpstreamMode: RateBudget]
        var figures = UpstreamFigures()

        mutating func record(_ verdict: CircuitBreaker.Verdict, now: Int64) {
            let wasOpen = breaker.phase == .open
            breaker.record(verdict, now: now)
            // A probe that comes back without knowing leaves it open too, but only a failure opens it.
            if !wasOpen, breaker.phase == .open, verdict == .dead { figures.breakerOpened += 1 }
        }
    }

    /// Guards the state machines, each step of which is a few comparisons.
    private let state: Mutex<State>
    private let clock: SteadyClock
    private let epoch: ContinuousClock.Instant

    init(_ configuration: StripeConfiguration, _ clock: SteadyClock) {
        self.clock = clock
        epoch = clock.now
        let budget = RateBudget(
            perSecond: configuration.callsPerSecond, maximumWaiting: configuration.maximumWaiting)
        let budgets = Dictionary(uniqueKeysWithValues: UpstreamMode.allCases.map { ($0, budget) })
        state = Mutex(State(breaker: configuration.circuitBreaker, budgets: budgets))
    }

    /// Nil where a call may begin, otherwise the milliseconds until it might.
    func admit() -> Int64? {
        let now = milliseconds
        return state.withLock { state in
            let wait = state.breaker.admit(now: now)
            if wait != nil { state.figures.refusedByBreaker += 1 }
            return wait
        }
    }

    /// Whether it is no use to try again now.
    var isOpen: Bool {
        let now = milliseconds
        return state.withLock { $0.breaker.wait(now: now) != nil }
    }

    func reserve(_ mode: UpstreamMode, patience: Int64) -> RateBudget.Turn {
        let now = milliseconds
        return state.withLock { state in
            // Every mode has one from the start.
            guard let turn = state.budgets[mode]?.reserve(now: now, patience: patience) else {
                return .taken(afterMilliseconds: 0)
            }
            if case .taken = turn {} else { state.figures[mode].refused += 1 }
            return turn
        }
    }

    /// An attempt goes out.
    func begin(_ mode: UpstreamMode) {
        state.withLock { state in
            state.figures[mode].attempts += 1
            state.figures[mode].inFlight += 1
        }
    }

    /// The attempt is back.
    func end(_ mode: UpstreamMode, _ result: AttemptResult, _ verdict: CircuitBreaker.Verdict, milliseconds taken: Int64) {
        let now = milliseconds
        state.withLock { state in
            state.figures[mode].inFlight -= 1
            state.figures[mode].milliseconds += taken
            state.record(verdict, now: now)
            if result.complainsOfRate {
                state.figures[mode].complaints += 1
                state.budgets[mode]?.complain(now: now, pauseMilliseconds: result.pauseForAllMilliseconds)
            }
        }
    }

    /// A call that was admitted ends without an attempt: the breaker may count on it to be its probe.
    func giveUp() {
        let now = milliseconds
        state.withLock { $0.record(.unknown, now: now) }
    }

    func retries(because reason: RetryPolicy.Reason) {
        state.withLock { $0.figures.retries[reason, default: 0] += 1 }
    }

    var figures: UpstreamFigures {
        let now = milliseconds
        return state.withLock { state in
            var figures = state.figures
            for (mode, budget) in state.budgets {
                figures[mode].waiting = budget.waiting(now: now)
                figures[mode].perSecond = budget.rate
            }
            figures.breaker = state.breaker.phase
            return figures
        }
    }

    private var milliseconds: Int64 { Int64((clock.now - epoch) / .milliseconds(1)) }
}
