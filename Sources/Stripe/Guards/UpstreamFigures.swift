/// How calls to Stripe fare just now, for health and metrics. Counts are those since the client was made.
package struct UpstreamFigures: Sendable, Equatable {
    package struct Mode: Sendable, Equatable {
        /// Attempts that Stripe has not answered yet.
        package var inFlight = 0
        /// Calls that wait for their turn, so that the rate is kept.
        package var waiting = 0
        /// Attempts a second that go out for now; nil while nothing bounds them.
        package var perSecond: Double?
        package var attempts = 0
        /// How long all attempts took together, in milliseconds.
        package var milliseconds: Int64 = 0
        /// Answers by which Stripe said that there were too many.
        package var complaints = 0
        /// Calls that were refused because too many waited, or their turn came too late.
        package var refused = 0
    }

    package var read = Mode()
    package var write = Mode()
    package var breaker = CircuitBreaker.Phase.closed
    /// How often the breaker opened.
    package var breakerOpened = 0
    /// Calls that it refused.
    package var refusedByBreaker = 0
    /// Attempts that were made again, by why.
    package var retries: [RetryPolicy.Reason: Int] = [:]

    package init() {}

    package subscript(mode: UpstreamMode) -> Mode {
        get { mode == .read ? read : write }
        set { if mode == .read { read = newValue } else { write = newValue } }
    }
}

/// What Stripe counts apart when it limits rates (https://docs.stripe.com/rate-limits).
package enum UpstreamMode: String, Sendable, CaseIterable {
    /// GET.
    case read
    /// Everything else.
    case write
}
