package import Billing

/// What an event knows about the object that it bears.
package struct EventBasis: Sendable, Equatable {
    /// The event's place in the journal.
    package var sequence: Int64
    /// When Stripe made the event, in Unix seconds.
    package var created: Int64
    package var kind: Observation.Kind
    /// Our own time, in Unix seconds.
    package var now: Int64

    package init(sequence: Int64, created: Int64, kind: Observation.Kind, now: Int64) {
        self.sequence = sequence
        self.created = created
        self.kind = kind
        self.now = now
    }
}

/// What an event of the journal says.
package struct EventNews: Sendable, Equatable {
    /// What it bears; nil for what the mirror does not hold: there is nothing to be done but to close the event.
    package var object: MirrorObject?
    package var basis: EventBasis

    package init(object: MirrorObject?, basis: EventBasis) {
        self.object = object
        self.basis = basis
    }
}

/// What is known about an object that Stripe has just answered: it was true at some moment between asking and answering.
package struct ReplyBasis: Sendable, Equatable {
    /// The row's version before Stripe was asked, or the number of the newest change of all.
    package var version: Int64
    /// The moment of asking and of the answer, in seconds of Stripe's clock.
    package var from: Int64
    package var until: Int64
    /// The place in the journal of the event that this answer settles, if it was asked for because of one: it is then closed.
    package var settles: Int64?
    /// Whether it was asked for to see whether the row is right: one that is not is drift, and a change that watchers see.
    package var isReview: Bool
    /// Our own time, in Unix seconds.
    package var now: Int64

    package init(
        version: Int64, from: Int64, until: Int64, settles: Int64? = nil, isReview: Bool = false, now: Int64
    ) {
        self.version = version
        self.from = from
        self.until = until
        self.settles = settles
        self.isReview = isReview
        self.now = now
    }
}

/// What became of an object that was to be projected.
package enum ProjectionOutcome: Sendable, Equatable {
    /// The row is written; the number is the change's.
    case applied(version: Int64)
    /// The row stays as it is, and that is right: `because` says why.
    case skipped(because: String)
    /// A review found the row wrong, and it is written.
    case corrected(Correction)
    /// Only Stripe can tell: fetch the object and project the answer on this version of the row.
    case fetch(version: Int64, because: String)
}
