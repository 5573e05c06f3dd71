/// A row that was not as Stripe has its object, and was corrected.
package struct Correction: Sendable, Equatable {
    package enum Verdict: String, Sendable {
        /// The store did not know the object.
        case missing = "MISSING"
        case different = "DIFFERENT"
        /// Stripe does not know the object any more.
        case gone = "GONE"
    }

    /// The type of the event that watchers see. It is ours, not Stripe's.
    package static let eventType = "dues.drift.corrected"

    /// The number of the change that corrected it.
    package var change: Int64
    package var kind: MirrorKind
    /// The object's id.
    package var object: String
    package var customer: String?
    package var verdict: Verdict
    /// The members of the object in which the two differed, for a row that was different.
    package var members: [String]
}
