/// Turns a dead upstream into a fast refusal: after many failures in a row nobody waits for it, until one call at a time
/// finds out whether it lives again. A pure state machine; time is an argument, in milliseconds of one steady clock.
package struct CircuitBreaker: Sendable, Equatable {
    /// Attempts that must fail in a row, over all calls. An error of one kind of call is outvoted by the others' answers.
    package let threshold: Int
    /// How long nobody tries once it is open.
    package let openMilliseconds: Int64
    private var state = State.closed(failures: 0)

    private enum State: Equatable {
        case closed(failures: Int)
        case open(until: Int64)
        /// One attempt is under way to find out; others are refused until it is back.
        case probing
    }

    /// What it does for now.
    package enum Phase: String, Sendable, CaseIterable {
        /// Lets everybody through.
        case closed
        /// Refuses everybody.
        case open
        /// Has let one through to find out.
        case probing
    }

    package var phase: Phase {
        switch state {
        case .closed: .closed
        case .open: .open
        case .probing: .probing
        }
    }

    /// What an attempt says about the upstream.
    package enum Verdict: Sendable {
        /// It answered, be it with a refusal.
        case alive
        /// It could not be reached, or failed itself.
        case dead
        /// The attempt was given up by us.
        case unknown
    }

    package init(threshold: Int = 8, openMilliseconds: Int64 = 5000) {
        self.threshold = max(threshold, 1)
        self.openMilliseconds = openMilliseconds
    }

    /// Asks to make an attempt.
    /// - Returns: nil for "go", otherwise the milliseconds after which asking again makes sense.
    package mutating func admit(now: Int64) -> Int64? {
        if let wait = wait(now: now) { return wait }
        if case .open = state { state = .probing }
        return nil
    }

    /// What `admit` would answer.
    package func wait(now: Int64) -> Int64? {
        switch state {
        case .closed: nil
        case .open(let until): now >= until ? nil : until - now
        case .probing: max(openMilliseconds / 5, 1)
        }
    }

    package mutating func record(_ verdict: Verdict, now: Int64) {
        switch (state, verdict) {
        case (_, .alive): state = .closed(failures: 0)
        case (.closed(let failures), .dead):
            state = failures + 1 >= threshold ? .open(until: now + openMilliseconds) : .closed(failures: failures + 1)
        case (.probing, .dead): state = .open(until: now + openMilliseconds)
        // The probe came back without knowing: the next call may try at once.
        case (.probing, .unknown): state = .open(until: now)
        case (.open, .dead), (.open, .unknown), (.closed, .unknown): break
        }
    }
}
