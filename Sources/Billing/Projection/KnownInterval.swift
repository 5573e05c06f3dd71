/// When a stored row was true, in Stripe's whole seconds: at some moment between the two, both included.
///
/// An interval and not a moment, because Stripe's clock ticks in seconds and an answer does not say when within the call
/// it was read.
package struct KnownInterval: Sendable, Equatable {
    package let from: Int64
    package let until: Int64

    /// Stored as `from` and `until`; a reversed pair is put in order.
    package init(from: Int64, until: Int64) {
        self.from = min(from, until)
        self.until = max(from, until)
    }

    /// Of a row written from an event.
    package static func event(created: Int64) -> KnownInterval { KnownInterval(from: created, until: created) }

    /// Of a row written from an answer that Stripe dated `date` and that took `milliseconds` to come: it was read somewhere
    /// in between.
    package static func answer(date: Int64, milliseconds: Int64) -> KnownInterval {
        let seconds = max(milliseconds, 0) / 1000 + (milliseconds % 1000 > 0 ? 1 : 0)
        let (from, overflow) = date.subtractingReportingOverflow(seconds)
        return KnownInterval(from: overflow ? .min : from, until: date)
    }
}
