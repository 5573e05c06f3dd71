internal import Billing
internal import JSON
internal import Store
internal import Stripe

/// What an event of the journal says.
struct EventReading {
    let news: EventNews
    /// Whether it says all that there is to be known: others are settled by asking Stripe.
    let isWhole: Bool

    /// - Parameter now: our own time, in Unix seconds.
    init(_ entry: JournalEvent, now: Int64) {
        let event = (try? JSONValue(parsing: entry.payload)).flatMap(StripeEvent.init)
        let object = event.flatMap { MirrorObject($0) }
        let kind = Observation.kind(ofType: entry.type)
        news = EventNews(
            object: object, basis: EventBasis(sequence: entry.sequence, created: entry.created, kind: kind, now: now))
        isWhole = object.map { !$0.isPartial && event?.related == nil && event?.isOfOlderShape != true } ?? true
    }
}
