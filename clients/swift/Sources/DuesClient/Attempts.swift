/// Whether and when a call that failed is made again.
struct Attempts {
    /// When the call's time is over, if it has a timeout.
    private let deadline: ContinuousClock.Instant?
    /// When the client gives up waiting: later than the deadline, for the server to say that it has passed.
    let end: ContinuousClock.Instant?
    private let retries: Int
    private var failures = 0

    private static let grace = Duration.seconds(1)
    private static let firstPause = 0.1
    private static let longestPause = 5.0

    /// Of a call that begins now. `patience` is for one that has no timeout; nil where it may last.
    init(timeout: Duration?, patience: Duration? = .seconds(90), retries: Int) {
        deadline = timeout.map { .now + $0 }
        end = deadline.map { $0 + Self.grace } ?? patience.map { .now + $0 }
        self.retries = retries
    }

    /// Nil without a timeout.
    var timeLeft: Duration? { deadline.map { ContinuousClock.now.duration(to: $0) } }

    /// Counts anew: the call has got somewhere.
    mutating func reset() { failures = 0 }

    /// Returns when the next attempt is due; throws `error` where there shall be none.
    mutating func pause(after error: any Error) async throws {
        guard let failure = error as? DuesError, failure.isRetryable, failure.reason != DuesError.noAnswer,
            failures < retries
        else { throw error }
        let longest = min(Self.longestPause, Self.firstPause * Double(1 << min(failures, 16)))
        let pause = failure.retryAfter ?? .seconds(Double.random(in: 0...longest))
        if let limit = deadline ?? end, .now + pause >= limit { throw error }
        failures += 1
        try await Task.sleep(for: pause)
    }
}
