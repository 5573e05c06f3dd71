/// A subscription's status, as Stripe names them (https://docs.stripe.com/billing/subscriptions/overview). Open: a status
/// that is not known here passes through as it was written.
package enum SubscriptionStatus: Sendable, Hashable, RawRepresentable {
    /// The first payment has not been made; Stripe waits 23 hours for it.
    case incomplete
    /// It never was. Terminal.
    case incompleteExpired
    case trialing
    case active
    /// The latest invoice is unpaid; Stripe is still trying.
    case pastDue
    /// Stripe stopped trying, and the account keeps such subscriptions.
    case unpaid
    /// Terminal.
    case canceled
    case paused
    case unknown(String)

    package static let known: [SubscriptionStatus] = [
        .incomplete, .incompleteExpired, .trialing, .active, .pastDue, .unpaid, .canceled, .paused,
    ]

    package init(rawValue: String) {
        self = Self.known.first { $0.rawValue == rawValue } ?? .unknown(rawValue)
    }

    package var rawValue: String {
        switch self {
        case .incomplete: "incomplete"
        case .incompleteExpired: "incomplete_expired"
        case .trialing: "trialing"
        case .active: "active"
        case .pastDue: "past_due"
        case .unpaid: "unpaid"
        case .canceled: "canceled"
        case .paused: "paused"
        case .unknown(let text): text
        }
    }

    /// Whether Stripe never leaves it.
    package var isTerminal: Bool { self == .canceled || self == .incompleteExpired }

    /// Whether a subscription in this status can be in `next` later: everything can change but the end.
    package func mayMove(to next: SubscriptionStatus) -> Bool { !isTerminal || next == self }
}
