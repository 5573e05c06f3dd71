/// What an event does to the stored row of its object.
///
/// Arrival says nothing about order (Stripe promises none, and repeats itself), and one second may hold several events.
/// So: what is surely newer is written, what is surely older is not, and what could be either is settled by asking Stripe.
/// Whatever the order and however often a set of events arrives, the rows end the same.
package enum ProjectionRule {
    /// - Parameter row: what is stored of the object; nil where nothing is.
    package static func decide(_ event: Observation, against row: KnownRow?) -> ProjectionDecision {
        guard let row else { return decideUnknown(event) }
        if row.isDeleted { return .skip(because: .tombstone) }
        if let stored = row.status, let status = event.status, !stored.mayMove(to: status) {
            return .skip(because: .terminalStatus)
        }
        if event.created > row.known.until { return .apply(because: .newer) }
        if event.created < row.known.from {
            // An end that happened before the row was seen alive: one of the two is wrong, and ends are not missed.
            let contradicts = event.kind == .deleted && row.status?.isTerminal != true
            return contradicts ? .fetch(because: .contradiction) : .skip(because: .older)
        }
        // What is deleted looks to the last as it did before: that it says the same does not mean that it is still there.
        let mayHaveGone = event.kind == .deleted && row.status?.isTerminal != true
        return event.isSameContent && !mayHaveGone ? .skip(because: .identical) : .fetch(because: .tie)
    }

    private static func decideUnknown(_ event: Observation) -> ProjectionDecision {
        switch event.kind {
        case .created: .apply(because: .firstSight)
        // Nothing comes after an end: its snapshot is the last one.
        case .deleted: .apply(because: .ended)
        case .updated, .other: .fetch(because: .gap)
        }
    }
}

/// An event about an object, as far as the rule needs it.
package struct Observation: Sendable, Equatable {
    package enum Kind: Sendable, CaseIterable {
        case created, updated, deleted
        /// An event whose type says nothing about the object's life (`customer.subscription.trial_will_end`).
        case other
    }

    package let kind: Kind
    /// Unix seconds of Stripe's clock.
    package let created: Int64
    /// Of a subscription's events.
    package let status: SubscriptionStatus?
    /// Whether the event's object equals what is stored: then a tie needs no question.
    package let isSameContent: Bool

    package init(kind: Kind, created: Int64, status: SubscriptionStatus? = nil, isSameContent: Bool = false) {
        self.kind = kind
        self.created = created
        self.status = status
        self.isSameContent = isSameContent
    }

    /// The kind that an event's type says: by its last word.
    package static func kind(ofType type: String) -> Kind {
        switch type.split(separator: ".").last {
        case "created": .created
        case "updated": .updated
        case "deleted": .deleted
        default: .other
        }
    }
}

/// What is stored of an object, as far as the rule needs it.
package struct KnownRow: Sendable, Equatable {
    package let known: KnownInterval
    /// Whether the row is a tombstone. A canceled subscription is not one: Stripe keeps it, and its metadata may change.
    package let isDeleted: Bool
    package let status: SubscriptionStatus?

    package init(known: KnownInterval, isDeleted: Bool = false, status: SubscriptionStatus? = nil) {
        self.known = known
        self.isDeleted = isDeleted
        self.status = status
    }
}

package enum ProjectionDecision: Sendable, Equatable {
    /// Write the event's object.
    case apply(because: Reason)
    /// Record the event, leave the row.
    case skip(because: Reason)
    /// Ask Stripe for the object and write the answer.
    case fetch(because: Reason)

    package enum Reason: String, Sendable, CaseIterable {
        case firstSight, newer, ended
        case older, tombstone, terminalStatus, identical
        case tie, gap, contradiction
    }
}
