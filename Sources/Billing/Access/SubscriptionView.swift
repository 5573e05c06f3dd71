/// What the access policy needs to know of a subscription. Times are Unix seconds.
package struct SubscriptionView: Sendable, Equatable {
    package var id: String
    package var status: SubscriptionStatus
    /// The products of the items in force. An upgrade that waits for its payment (`pending_update`) is not in force: the
    /// old product stays here until it is paid for.
    package var products: [String]
    package var created: Int64
    package var currentPeriodStart: Int64?
    package var currentPeriodEnd: Int64?
    /// When it is settled to end, whether by `cancel_at_period_end` or by a date.
    package var cancelAt: Int64?
    package var endedAt: Int64?
    package var trialEnd: Int64?
    /// When the status became `past_due`, where that was seen.
    package var pastDueSince: Int64?

    package init(
        id: String, status: SubscriptionStatus, products: [String], created: Int64, currentPeriodStart: Int64? = nil,
        currentPeriodEnd: Int64? = nil, cancelAt: Int64? = nil, endedAt: Int64? = nil, trialEnd: Int64? = nil,
        pastDueSince: Int64? = nil
    ) {
        self.id = id
        self.status = status
        self.products = products
        self.created = created
        self.currentPeriodStart = currentPeriodStart
        self.currentPeriodEnd = currentPeriodEnd
        self.cancelAt = cancelAt
        self.endedAt = endedAt
        self.trialEnd = trialEnd
        self.pastDueSince = pastDueSince
    }
}
