/// A change of the mirror with what it wrote: the mirror is what all of them, one after the other, leave.
package struct LedgerEntry: Sendable, Equatable {
    /// The change's number.
    package var change: Int64
    package var kind: MirrorKind
    /// The object's id.
    package var object: String
    package var customer: String?
    /// The event that closed with it; nil where there was none.
    package var event: String?
    /// When it happened, in seconds of Stripe's clock.
    package var at: Int64
    /// What the change rests on.
    package var source: Source

    package enum Source: Sendable, Equatable {
        /// That event, which bears the object.
        case event(JournalEvent)
        /// What Stripe answered, and between which seconds of its clock that was true; `isGone` where it does not know the
        /// object any more, of which this is the last that was known.
        case answer(raw: String, isGone: Bool, from: Int64, until: Int64)
    }
}

/// What a rebuild of the mirror did.
package struct RebuiltRows: Sendable, Equatable {
    /// Changes that were gone through.
    package var changes = 0
    /// Changes whose object cannot be read, and which did nothing.
    package var unreadable = 0
    /// The rows that are not as they were: `subscriptions sub_1`.
    package var differing: [String] = []
}
