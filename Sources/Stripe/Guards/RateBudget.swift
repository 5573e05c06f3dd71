/// Keeps under a rate by making callers wait their turn: a token bucket whose tokens can be reserved ahead. Time is an
/// argument, in milliseconds of one steady clock.
package struct RateBudget: Sendable, Equatable {
    /// Calls a second in the long run.
    package let perSecond: Double
    /// Calls that may go out at once after a quiet time.
    package let burst: Double
    /// Negative when turns are reserved ahead.
    private var tokens: Double
    private var updated: Int64?

    package init(perSecond: Double, burst: Double) {
        self.perSecond = max(perSecond, 0.001)
        self.burst = max(burst, 1)
        tokens = self.burst
    }

    /// Takes a turn, if it comes within `patience` milliseconds; otherwise nothing is taken.
    /// - Returns: the milliseconds until the turn, whether it was taken or not.
    package mutating func reserve(now: Int64, patience: Int64) -> (wait: Int64, taken: Bool) {
        let elapsed = Double(max(now - (updated ?? now), 0))
        tokens = min(burst, tokens + elapsed / 1000 * perSecond)
        updated = max(updated ?? now, now)
        let missing = 1 - tokens
        // A reservation beyond a day is no turn at all; it also keeps the conversion in range.
        let wait = missing <= 0 ? 0 : Int64(min((missing / perSecond * 1000).rounded(.up), 86_400_000))
        guard wait <= patience else { return (wait, false) }
        tokens -= 1
        return (wait, true)
    }
}
