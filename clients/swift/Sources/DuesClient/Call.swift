internal import JSON

/// One call over all its attempts.
struct Call {
    /// What comes back for it; nothing comes behind the result.
    enum Arrival {
        case value(JSONValue)
        case result(JSONValue)
    }

    /// The end of an attempt of which more came than is kept.
    struct ReaderTooSlow: Error {}

    private let dues: Dues
    private let method: String
    private var params: JSONValue
    private var options: CallOptions
    private let isStream: Bool
    /// When the call's time is over, if it has a timeout.
    private let deadline: ContinuousClock.Instant?
    /// When the client gives up: later than the deadline, for the server to say that it has passed.
    private let end: ContinuousClock.Instant?
    private let retries: Int
    private var failures = 0
    /// What the attempt that is under way brings. Letting go of it cancels that.
    private var arrivals: Connection.Arrivals.AsyncIterator?

    private static let patience = (withoutTimeout: Duration.seconds(90), afterDeadline: Duration.seconds(1))
    private static let pause = (first: 0.1, longest: 5.0)

    init(_ dues: Dues, _ method: String, _ params: JSONValue, _ options: CallOptions, isStream: Bool = false) {
        self.dues = dues
        self.method = method
        self.params = params
        self.options = options
        self.isStream = isStream
        // 128 random bits.
        let key = Method.safeToRepeatWithKey.contains(method) ? String(UInt128.random(in: 0...(.max)), radix: 16) : nil
        self.options.idempotencyKey =
            options.idempotencyKey ?? params["_meta"]?["idempotencyKey"]?.stringValue ?? key
        let isSafeToRepeat = self.options.idempotencyKey != nil || Method.safeToRepeat.contains(method)
        retries = isSafeToRepeat ? dues.retries : 0
        deadline = (options.timeout ?? (isStream ? nil : dues.timeout)).map { .now + $0 }
        end = deadline.map { $0 + Self.patience.afterDeadline } ?? (isStream ? nil : .now + Self.patience.withoutTimeout)
    }

    /// What comes next, in as many attempts as it takes. The task's cancellation gives the call up.
    mutating func next() async throws -> Arrival {
        while true {
            do {
                try Task.checkCancellation()
                if arrivals == nil { arrivals = try begin().makeAsyncIterator() }
                guard let arrival = try await arrivals?.next(isolation: #isolation) else { throw CancellationError() }
                failures = 0
                return arrival
            } catch is ReaderTooSlow {
                // Everything that was kept is taken by now, and the rest is asked for.
                arrivals = nil
            } catch {
                arrivals = nil
                try await pause(after: error)
            }
        }
    }

    /// Lets further attempts begin behind this place of the stream.
    mutating func advance(to position: Int64) {
        guard case .object(var object) = params else { return }
        object["after"] = .integer(position)
        params = .object(object)
    }

    private func begin() throws -> Connection.Arrivals {
        try dues.connection().begin(method, isStream: isStream, by: end) { [params, options, deadline] in
            options.put(into: params, timeLeft: deadline.map { ContinuousClock.now.duration(to: $0) })
        }
    }

    /// Returns when the next attempt is due; throws `error` where there shall be none.
    private mutating func pause(after error: any Error) async throws {
        // A stream without a place to go on from might miss values, or bring them twice.
        guard let failure = error as? DuesError, failure.isRetryable, failure.reason != DuesError.noAnswer,
            failures < retries, !isStream || params["after"] != nil
        else { throw error }
        let longest = min(Self.pause.longest, Self.pause.first * Double(1 << min(failures, 16)))
        let pause = failure.retryAfter ?? .seconds(Double.random(in: 0...longest))
        if let limit = deadline ?? end, .now + pause >= limit { throw error }
        failures += 1
        try await Task.sleep(for: pause)
    }
}
