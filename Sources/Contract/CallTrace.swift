/// What a call did beyond its result: the requests to Stripe, their time, and whether the answer is a kept one.
import Synchronization

package final class CallTrace: Sendable {
    private let waiting = Atomic(false)
    /// The handler's task and whatever it starts may note at once.
    private let noted = Mutex(
        ResultMetadata(stripeRequestIds: [], attempts: 0, upstreamMilliseconds: 0, replayed: false))

    package init() {}

    /// Notes one request sent to Stripe: its id, where an answer came, and how long it took.
    package func noteAttempt(requestId: String?, milliseconds: Int64) {
        noted.withLock { noted in
            noted.attempts += 1
            noted.upstreamMilliseconds += milliseconds
            if let requestId { noted.stripeRequestIds.append(requestId) }
        }
    }

    /// Notes that the answer is the kept one of an earlier call with the same idempotency key.
    package func noteReplay() { noted.withLock { $0.replayed = true } }

    /// Whether the call waits for others that change the same customer, and has done nothing yet.
    package var isWaitingForTurn: Bool {
        get { waiting.load(ordering: .relaxed) }
        set { waiting.store(newValue, ordering: .relaxed) }
    }

    package var metadata: ResultMetadata { noted.withLock { $0 } }
}
