/// When which event is sent to which endpoint: a pure state machine. Events of one endpoint start in order; one that
/// fails is tried again later while the others go on. Its time is the sandbox's clock, so that advancing the clock brings
/// the retries on.
struct WebhookDelivery {
    /// Every limit of delivery.
    struct Limits {
        /// Sendings that one endpoint has in flight: enough to hide its latency, few enough not to flood it.
        var inFlightPerEndpoint = 8
        /// The first retry comes quickly, because an endpoint under development is often just restarting.
        var firstRetryMilliseconds: Int64 = 250
        var longestRetryMilliseconds: Int64 = 30_000
        /// Stripe gives up after three days too.
        var patienceMilliseconds: Int64 = 3 * 86_400_000
    }

    enum Outcome: Equatable {
        /// Any 2xx.
        case accepted
        case failed
    }

    /// What follows from a finished sending.
    enum Decision: Equatable {
        case acknowledge
        case retry(atMilliseconds: Int64)
        case abandon
        /// It was not in flight: the endpoint was forgotten meanwhile.
        case ignore
    }

    private struct Lane {
        /// Not tried yet, in order; those before `start` were taken.
        var fresh: [Attempt] = []
        var start = 0
        var retries = RetryHeap()
        var inFlight: [EventDelivery: Attempt] = [:]
    }

    struct Attempt {
        let delivery: EventDelivery
        /// Sendings so far that failed.
        var count = 0
        /// Nil before the first.
        var firstAtMilliseconds: Int64?
        /// How often it has still to arrive.
        var copies = 1
    }

    private let limits: Limits
    private var lanes: [String: Lane] = [:]

    init(limits: Limits = Limits()) { self.limits = limits }

    /// An event is to be delivered, unless its fate holds it back until later.
    mutating func add(_ delivery: EventDelivery, _ fate: DeliveryFate = DeliveryFate(), at nowMilliseconds: Int64 = 0) {
        let attempt = Attempt(delivery: delivery, copies: fate.copies)
        if fate.holdMilliseconds > 0 {
            let time = nowMilliseconds + fate.holdMilliseconds
            lanes[delivery.endpoint, default: Lane()].retries.insert(.init(atMilliseconds: time, attempt: attempt))
        } else {
            lanes[delivery.endpoint, default: Lane()].fresh.append(attempt)
        }
    }

    /// The sendings that start now, in order. Each has to be reported by `finished`.
    mutating func due(_ nowMilliseconds: Int64) -> [EventDelivery] {
        var started: [EventDelivery] = []
        for endpoint in lanes.keys.sorted() {
            guard var lane = lanes.removeValue(forKey: endpoint) else { continue }
            while lane.inFlight.count < limits.inFlightPerEndpoint {
                guard var attempt = Self.next(&lane, nowMilliseconds) else { break }
                attempt.firstAtMilliseconds = attempt.firstAtMilliseconds ?? nowMilliseconds
                lane.inFlight[attempt.delivery] = attempt
                started.append(attempt.delivery)
            }
            lanes[endpoint] = lane
        }
        return started
    }

    private static func next(_ lane: inout Lane, _ now: Int64) -> Attempt? {
        if let retry = lane.retries.first, retry.atMilliseconds <= now { return lane.retries.removeFirst().attempt }
        guard lane.start < lane.fresh.count else { return nil }
        let attempt = lane.fresh[lane.start]
        lane.start += 1
        if lane.start > 1_000, lane.start * 2 > lane.fresh.count {
            lane.fresh.removeFirst(lane.start)
            lane.start = 0
        }
        return attempt
    }

    mutating func finished(_ delivery: EventDelivery, _ outcome: Outcome, _ nowMilliseconds: Int64) -> Decision {
        guard var attempt = lanes[delivery.endpoint]?.inFlight.removeValue(forKey: delivery) else { return .ignore }
        var wait: Int64 = 0
        if outcome == .accepted {
            attempt.copies -= 1
            guard attempt.copies > 0 else { return .acknowledge }
        } else {
            let first = attempt.firstAtMilliseconds ?? nowMilliseconds
            if nowMilliseconds - first >= limits.patienceMilliseconds { return .abandon }
            let doublings = min(attempt.count, 20)
            wait = min(limits.longestRetryMilliseconds, limits.firstRetryMilliseconds << Int64(doublings))
            attempt.count += 1
        }
        let retry = RetryHeap.Retry(atMilliseconds: nowMilliseconds + wait, attempt: attempt)
        lanes[delivery.endpoint]?.retries.insert(retry)
        return .retry(atMilliseconds: retry.atMilliseconds)
    }

    /// When `due` is to be asked next for the sake of a retry; nil when nothing waits for a time.
    var nextMilliseconds: Int64? {
        lanes.values.lazy
            .filter { $0.inFlight.count < limits.inFlightPerEndpoint }
            .compactMap { $0.retries.first?.atMilliseconds }.min()
    }
}

/// Retries by time: a binary heap, since an endpoint that is down for long has many.
struct RetryHeap {
    struct Retry {
        let atMilliseconds: Int64
        let attempt: WebhookDelivery.Attempt
    }

    private var items: [Retry] = []

    var first: Retry? { items.first }

    mutating func insert(_ retry: Retry) {
        items.append(retry)
        var child = items.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard items[child].atMilliseconds < items[parent].atMilliseconds else { break }
            items.swapAt(child, parent)
            child = parent
        }
    }

    /// Takes the earliest; there must be one.
    mutating func removeFirst() -> Retry {
        items.swapAt(0, items.count - 1)
        let first = items.removeLast()
        var parent = 0
        while true {
            var least = parent
            for child in [2 * parent + 1, 2 * parent + 2] where child < items.count {
                if items[child].atMilliseconds < items[least].atMilliseconds { least = child }
            }
            guard least != parent else { return first }
            items.swapAt(parent, least)
            parent = least
        }
    }
}
