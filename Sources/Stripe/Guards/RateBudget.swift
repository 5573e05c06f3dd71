/// Keeps under a rate by making callers wait their turn: a token bucket whose tokens can be reserved ahead, and whose rate
/// gives way when Stripe says that it is too high, and comes back slowly. Time is an argument, in milliseconds of one steady
/// clock.
///
/// Without a ceiling nobody waits until Stripe complains for the first time; the rate is then taken from what was sent.
package struct RateBudget: Sendable {
    /// Calls a second that are never gone beyond; nil for no bound.
    package let ceiling: Double?
    /// Turns that may be reserved ahead. Who comes after that is refused, however patient.
    package let maximumWaiting: Int
    /// Calls a second for now; nil while nothing holds them up.
    package private(set) var rate: Double?
    /// Negative when turns are reserved ahead.
    private var tokens: Double
    private var updated: Int64
    /// What the rate was when Stripe complained: it comes back by a share of this.
    private var complained: (at: Int64, rate: Double)?
    private var sent = Sent()
    /// No turn comes before this: Stripe asked for a pause.
    private var pausedUntil = Int64.min

    /// The slowest that a budget becomes: a share of its ceiling, or of Stripe's usual one.
    private var floor: Double { max((ceiling ?? 80) / 4, 0.001) }
    /// How much of the rate is left after a complaint.
    private static let decrease = 0.5
    /// How much of what the rate was comes back each second.
    private static let recoveryPerSecond = 0.05
    /// Complaints within this time are one: they answer calls that were under way together.
    private static let complaintMilliseconds: Int64 = 1000

    /// - Parameter perSecond: calls a second in the long run, and as many at once after a quiet time.
    package init(perSecond: Double?, maximumWaiting: Int = 1000) {
        ceiling = perSecond.map { max($0, 0.001) }
        self.maximumWaiting = max(maximumWaiting, 0)
        rate = ceiling
        tokens = max(ceiling ?? 1, 1)
        updated = .min
    }

    package enum Turn: Sendable, Equatable {
        /// The turn comes after so many milliseconds.
        case taken(afterMilliseconds: Int64)
        /// It would come after so many milliseconds, which is later than the caller can wait.
        case tooLate(afterMilliseconds: Int64)
        /// So many wait already that nobody else may; asking again makes sense after so many milliseconds.
        case tooManyWait(retryAfterMilliseconds: Int64)
    }

    /// Calls that wait for their turn.
    package func waiting(now: Int64) -> Int {
        var current = self
        current.refill(now)
        return current.waiting
    }

    private var waiting: Int { rate == nil ? 0 : Int(max(0, (-tokens).rounded(.up))) }

    /// Takes a turn, if it comes within `patience` milliseconds; otherwise nothing is taken.
    package mutating func reserve(now: Int64, patience: Int64) -> Turn {
        refill(now)
        guard let rate else {
            sent.count(now)
            return .taken(afterMilliseconds: 0)
        }
        let missing = 1 - tokens
        // A reservation beyond a day is no turn at all; it also keeps the conversion in range.
        let ahead = missing <= 0 ? 0 : Int64(min((missing / rate * 1000).rounded(.up), 86_400_000))
        let wait = max(ahead, pausedUntil > now ? pausedUntil - now : 0)
        if waiting >= maximumWaiting, wait > 0 {
            return .tooManyWait(retryAfterMilliseconds: max(1, Int64(min(1000 / rate, 86_400_000).rounded(.up))))
        }
        guard wait <= patience else { return .tooLate(afterMilliseconds: wait) }
        tokens -= 1
        sent.count(now)
        return .taken(afterMilliseconds: wait)
    }

    /// Stripe refused a call because there were too many.
    /// - Parameter pauseMilliseconds: how long nobody should call.
    package mutating func complain(now: Int64, pauseMilliseconds: Int64?) {
        refill(now)
        if let pause = pauseMilliseconds { pausedUntil = max(pausedUntil, now + pause) }
        if let complained, now - complained.at < Self.complaintMilliseconds { return }
        let before = rate ?? max(sent.perSecond(now), floor)
        complained = (now, max(before, complained?.rate ?? before))
        rate = min(before, max(before * Self.decrease, floor))
        // What a quiet time has left may go out: then it was not this rate that was too high.
        tokens = min(tokens, max(rate ?? 1, 1))
    }

    /// Lets time pass: tokens come in, and the rate comes back.
    private mutating func refill(_ now: Int64) {
        guard now > updated else { return }
        let seconds = updated == .min ? 0 : Double(now - updated) / 1000
        updated = now
        guard let rate else { return }
        tokens = min(max(rate, 1), tokens + seconds * rate)
        guard let complained, now - complained.at >= Self.complaintMilliseconds else { return }
        let recovered = rate + seconds * Self.recoveryPerSecond * complained.rate
        if let ceiling {
            self.rate = min(recovered, ceiling)
            if recovered >= ceiling { self.complained = nil }
        } else if recovered < 2 * complained.rate {
            self.rate = recovered
        } else {
            // Twice what was too much, and no complaint: there is nothing to hold up any more.
            self.rate = nil
            self.complained = nil
            tokens = 1
        }
    }

    /// How many calls went out in this second and in the one before.
    private struct Sent: Sendable {
        private var second: Int64 = .min
        private var current = 0
        private var previous = 0

        mutating func count(_ now: Int64) {
            turn(to: now)
            current += 1
        }

        mutating func perSecond(_ now: Int64) -> Double {
            turn(to: now)
            return Double(max(current, previous))
        }

        private mutating func turn(to now: Int64) {
            let this = now / 1000
            guard this != second else { return }
            previous = this - 1 == second ? current : 0
            current = 0
            second = this
        }
    }
}
