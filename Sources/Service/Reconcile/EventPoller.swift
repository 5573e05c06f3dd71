internal import JSON
package import Store
package import Stripe

/// Fetches the events that no webhook brought: at the start, and then every few minutes, those that Stripe lists since the last
/// look are written into the journal, as webhooks are. An event that came both ways is one event.
///
/// Stripe keeps its events for 30 days (https://docs.stripe.com/api/events). Who was away for longer, or has just begun with an
/// account that existed before, does not learn from events what is there already.
package struct EventPoller: Sendable {
    /// The name under which the store keeps how far the walk has come.
    static let walk = "events"
    /// Stripe lists an event some moments after it made it, and not always in the order of `created`.
    static let overlapSeconds: Int64 = 600
    static let retentionSeconds: Int64 = 30 * 86_400
    /// How much time is asked about at once. The oldest comes first, and what was walked through is not walked through again.
    static let windowSeconds: Int64 = 3600
    /// After a look that failed.
    private static let patienceSeconds: Int64 = 30

    private let store: any Store
    private let stripe: StripeClient
    private let projector: Projector
    private let health: Health
    private let clock: @Sendable () -> Int64
    private let log: ServiceLog
    private let intervalSeconds: Int64

    /// - Parameter intervalSeconds: from the end of one look to the beginning of the next.
    package init(
        store: any Store, stripe: StripeClient, projector: Projector, health: Health, intervalSeconds: Int64,
        clock: @escaping @Sendable () -> Int64, log: @escaping ServiceLog
    ) {
        self.store = store
        self.stripe = stripe
        self.projector = projector
        self.health = health
        self.intervalSeconds = intervalSeconds
        self.clock = clock
        self.log = log
    }

    /// Looks again and again until its task is cancelled.
    package func run() async {
        var failures = 0
        while !Task.isCancelled {
            var pause = intervalSeconds
            do {
                let found = try await poll()
                if failures > 1 { log(.info, "Stripe's list of events can be looked at again, after \(failures) tries") }
                failures = 0
                if found > 0 { log(.info, "\(found) events were fetched that no webhook had brought") }
            } catch {
                guard !Task.isCancelled else { return }
                failures += 1
                health.listOfEventsFailed("\(error)")
                // A day without Stripe is some lines, not thousands: the first try, the second, the fourth, the eighth.
                if failures & (failures - 1) == 0 {
                    log(.warning, "Stripe's list of events is looked at later (try \(failures)): \(error)")
                }
                pause = min(pause, Self.patienceSeconds)
            }
            do { try await Task.sleep(for: .seconds(pause)) } catch { return }
        }
    }

    /// Looks once; answers how many events were new. What was found before a failure is kept.
    package func poll() async throws -> Int {
        // The time is Stripe's: events are dated by it.
        var last = EventFilter()
        last.page.limit = 1
        let now = try await stripe.listEvents(last).reply.date ?? clock()
        guard let mark = try await store.mark(of: Self.walk) else {
            try await store.keep(mark: now, of: Self.walk)
            return 0
        }
        var start = max(min(mark, now) - Self.overlapSeconds, now - Self.retentionSeconds)
        var found = 0
        while now - start > Self.windowSeconds {
            let end = start + Self.windowSeconds
            found += try await journal(from: start, to: end)
            try await store.keep(mark: end, of: Self.walk)
            start = end
        }
        // Without an end: a test clock may date its events in times to come.
        found += try await journal(from: start, to: nil)
        try await store.keep(mark: now, of: Self.walk)
        return found
    }

    /// Writes down what happened between two moments; answers how many events were new.
    private func journal(from start: Int64, to end: Int64?) async throws -> Int {
        var filter = EventFilter()
        filter.created.start = start
        filter.created.end = end
        filter.page.limit = 100
        var found = 0
        repeat {
            let page = try await stripe.listEvents(filter).object
            let received = clock()
            let entries = page.data.reversed().map { JournalEvent($0, received: received, payload: $0.raw.bytes) }
            let new = try await store.journal(entries)
            if new > 0 { projector.wake() }
            found += new
            filter.page.startingAfter = page.nextCursor
        } while filter.page.startingAfter != nil
        return found
    }
}

extension JournalEvent {
    init(_ event: StripeEvent, received: Int64, payload: [UInt8]) {
        self.init(
            id: event.id, type: event.type, created: event.created, received: received, customer: event.customerID,
            subscription: event.subscriptionID, payload: payload)
    }
}
