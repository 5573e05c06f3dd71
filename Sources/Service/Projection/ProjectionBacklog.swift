internal import Store

/// How far the projector has come, and what waits for another try: events that only Stripe can settle, and products that only
/// Stripe can tell of.
struct ProjectionBacklog {
    /// Subscriptions whose products are looked for one by one; those of more are looked for among all.
    private static let maximumOfIncomplete = 10_000
    private static let pauseBetweenLooks: Duration = .seconds(2)
    private static let pauseBetweenLooksForProducts: Duration = .seconds(600)

    /// The place in the journal up to which every event was looked at.
    var seen: Int64 = 0
    /// Events that could not be projected, by their place, with the tries so far and the time of the next one.
    private(set) var stuck: [Int64: (tries: Int, next: ContinuousClock.Instant)] = [:]
    /// Subscriptions whose products may be missing from the mirror; nil for all that there are.
    var incomplete: Set<String>?
    var nextProducts: ContinuousClock.Instant
    /// When to look for what other processes left, and the place in the journal up to which that was done.
    private(set) var nextLook: ContinuousClock.Instant
    var looked: Int64 = 0
    /// When to look for what they left of the products.
    private var nextLookForProducts: ContinuousClock.Instant
    /// When the loop wakes by itself.
    var alarm: ContinuousClock.Instant?

    init(now: ContinuousClock.Instant) {
        nextProducts = now
        nextLook = now
        nextLookForProducts = now + Self.pauseBetweenLooksForProducts
    }

    var isEmpty: Bool { stuck.isEmpty && incomplete == [] }
    var next: ContinuousClock.Instant? { (stuck.values.map(\.next) + (incomplete == [] ? [] : [nextProducts])).min() }

    /// Whether an event waits for another try of its own.
    func isStuck(_ event: JournalEvent) -> Bool { stuck[event.sequence] != nil }

    /// The places of the events whose next try is due, in their order.
    func due(at now: ContinuousClock.Instant) -> [Int64] { stuck.filter { $0.value.next <= now }.keys.sorted() }

    /// An event waits for nothing any longer.
    mutating func forget(_ sequence: Int64) { stuck[sequence] = nil }

    /// What an event was about is projected.
    mutating func note(_ object: MirrorObject?) {
        guard let object, object.kind == .subscriptions else { return }
        incomplete?.insert(object.id)
        if let count = incomplete?.count, count > Self.maximumOfIncomplete { incomplete = nil }
    }

    /// An event has failed: it is tried again after a quarter of a second, doubled with every try, up to half a minute.
    mutating func postpone(_ event: JournalEvent, now: ContinuousClock.Instant) {
        let tries = (stuck[event.sequence]?.tries ?? 0) + 1
        stuck[event.sequence] = (tries, now + .milliseconds(min(30_000, 250 << min(tries - 1, 10))))
    }

    /// What other processes left was looked for.
    mutating func haveLooked(now: ContinuousClock.Instant) {
        nextLook = now + Self.pauseBetweenLooks
        guard nextLookForProducts <= now else { return }
        incomplete = nil
        nextLookForProducts = now + Self.pauseBetweenLooksForProducts
    }
}
