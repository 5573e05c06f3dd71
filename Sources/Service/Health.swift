package import Contract
internal import Stripe
internal import Synchronization

/// What the server stands on, as far as its own work shows: every answer of Stripe's, every commit and every webhook is a
/// check. Times are of the monotonic clock.
package final class Health: Sendable {
    /// Guards against the tasks and the loop that report here at once.
    private let state = Mutex(State())

    private struct State {
        var stripe = Check()
        var store = Check()
        var webhooks = Check()
        /// Whether everything in the journal has reached the mirror.
        var isProjectionCurrent = true
        var isDraining = false
        /// Tells how calls to Stripe fare, once there is a client.
        var upstream: (@Sendable () -> Upstream)?
    }

    /// What lies between the calls and Stripe.
    struct Upstream: Sendable {
        var figures = UpstreamFigures()
        /// Calls that wait until another one no longer changes their customer.
        var waitingForTurn = 0
    }

    private struct Check {
        var isServing = true
        var since: ContinuousClock.Instant?
        var lastError: String?

        mutating func succeed() {
            isServing = true
            since = .now
        }

        mutating func fail(_ problem: String, isServing: Bool = false) {
            self.isServing = isServing
            since = .now
            lastError = problem
        }

        var report: HealthCheck {
            let age = since.map { Int64($0.duration(to: .now) / .milliseconds(1)) }
            return HealthCheck(status: isServing ? .serving : .notServing, ageMilliseconds: age, lastError: lastError)
        }
    }

    package init() {}

    package func stripeAnswered() { state.withLock { $0.stripe.succeed() } }
    package func stripeFailed(_ problem: String) { state.withLock { $0.stripe.fail(problem) } }
    package func storeCommitted() { state.withLock { $0.store.succeed() } }
    package func storeFailed(_ problem: String) { state.withLock { $0.store.fail(problem) } }
    package func webhookArrived() { state.withLock { $0.webhooks.succeed() } }
    /// A refused delivery says something about its sender, not about the server.
    package func webhookRefused(_ problem: String) { state.withLock { $0.webhooks.fail(problem, isServing: true) } }
    package func webhooksImpossible(_ problem: String) { state.withLock { $0.webhooks.fail(problem) } }
    func projectionIsCurrent() { state.withLock { $0.isProjectionCurrent = true } }
    /// Events wait: late, not lost.
    func projectionWaits() {
        state.withLock { state in
            state.isProjectionCurrent = false
            state.webhooks.lastError = "events wait to be projected, for Stripe or for the store"
        }
    }
    /// The list of events could not be looked at: what webhooks bring is known all the same.
    func listOfEventsFailed(_ problem: String) {
        state.withLock { $0.webhooks.lastError = "Stripe's list of events could not be looked at: \(problem)" }
    }
    /// The server finishes what it has and takes nothing more.
    package func drain() { state.withLock { $0.isDraining = true } }

    /// Where to look for how calls to Stripe fare.
    func watch(_ upstream: @escaping @Sendable () -> Upstream) { state.withLock { $0.upstream = upstream } }

    var upstream: Upstream { state.withLock { $0.upstream }?() ?? Upstream() }

    package var report: RPCHealthResult {
        let pressure = UpstreamPressure(upstream)
        return state.withLock { state in
            var webhooks = state.webhooks
            webhooks.isServing = webhooks.isServing && state.isProjectionCurrent
            let checks = HealthChecks(stripe: state.stripe.report, store: state.store.report, webhooks: webhooks.report)
            let isServing = !state.isDraining && state.stripe.isServing && state.store.isServing && webhooks.isServing
            return RPCHealthResult(status: isServing ? .serving : .notServing, checks: checks, upstream: pressure)
        }
    }
}

extension UpstreamPressure {
    fileprivate init(_ upstream: Health.Upstream) {
        let breaker: BreakerState =
            switch upstream.figures.breaker {
            case .closed: .closed
            case .open: .open
            case .probing: .probing
            }
        self.init(
            breaker: breaker, read: UpstreamTraffic(upstream.figures.read), write: UpstreamTraffic(upstream.figures.write),
            waitingForTurn: Int64(upstream.waitingForTurn))
    }
}

extension UpstreamTraffic {
    fileprivate init(_ mode: UpstreamFigures.Mode) {
        self.init(
            inFlight: Int64(mode.inFlight), waiting: Int64(mode.waiting), perSecond: mode.perSecond.map { Int64($0) })
    }
}
