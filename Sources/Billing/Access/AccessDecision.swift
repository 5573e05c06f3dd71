/// Whether a customer may use a product, and why.
package struct AccessDecision: Sendable, Equatable {
    package let allowed: Bool
    package let reason: AccessReason
    /// The subscription that decided; nil where there is none for the product.
    package let subscriptionID: String?
    package let status: SubscriptionStatus?
    /// The product asked for that the subscription has.
    package let productID: String?
    /// The end of the subscription's current period, in Unix seconds.
    package let periodEnd: Int64?
    /// Since when the reason holds, in Unix seconds, where that is known.
    package let since: Int64?
    /// When the decision is expected to be another, in Unix seconds: the end that is settled, of the grace, of the trial,
    /// or of the period. Expected, not promised: a renewal moves it.
    package let until: Int64?

    package static let noSubscription = AccessDecision(
        allowed: false, reason: .noSubscription, subscriptionID: nil, status: nil, productID: nil, periodEnd: nil,
        since: nil, until: nil)
}

/// Why access is given or not, in the words of the wire.
package enum AccessReason: String, Sendable, CaseIterable {
    case active = "ACTIVE"
    case trialing = "TRIALING"
    /// Unpaid, and within the grace.
    case grace = "GRACE"
    case noSubscription = "NO_SUBSCRIPTION"
    case pastDue = "PAST_DUE"
    case unpaid = "UNPAID"
    case paused = "PAUSED"
    case incomplete = "INCOMPLETE"
    case canceled = "CANCELED"
    case incompleteExpired = "INCOMPLETE_EXPIRED"
    /// A status that Stripe added after this was written: nothing says that it was paid for.
    case unknownStatus = "UNKNOWN_STATUS"
}
