/// Subscriptions (https://docs.stripe.com/api/subscriptions): what they hold.
package import JSON

package struct StripeSubscription: StripeObject {
    package let id: String
    package let customer: StripeReference
    /// `incomplete`, `incomplete_expired`, `trialing`, `active`, `past_due`, `unpaid`, `canceled`, `paused`; others may
    /// come.
    package let status: String
    package let items: [StripeSubscriptionItem]
    /// Whether there are more items than the first ones embedded here.
    package let itemsHaveMore: Bool
    package let currency: String?
    package let cancelAtPeriodEnd: Bool
    /// Unix seconds. Set together with `cancelAtPeriodEnd`, and without it where the portal cancels.
    package let cancelAt: Int64?
    /// When the cancellation was asked for.
    package let canceledAt: Int64?
    package let endedAt: Int64?
    package let trialStart: Int64?
    package let trialEnd: Int64?
    package let startDate: Int64?
    package let created: Int64?
    package let latestInvoice: StripeReference?
    package let pendingSetupIntent: StripeReference?
    package let defaultPaymentMethod: StripeReference?
    package let defaultSource: StripeReference?
    package let collectionMethod: String?
    /// A change that waits for its payment: `expires_at`, `subscription_items`, …
    package let pendingUpdate: JSONValue?
    package let pauseCollection: JSONValue?
    package let schedule: StripeReference?
    package let discounts: [StripeReference]
    package let metadata: [String: String]
    package let raw: JSONValue

    package init?(_ raw: JSONValue) {
        guard let id = raw.text("id"), let status = raw.text("status"), let customer = raw.reference("customer") else {
            return nil
        }
        self.id = id
        self.status = status
        self.customer = customer
        items = raw.elements("items").compactMap { StripeSubscriptionItem($0, within: raw) }
        itemsHaveMore = raw["items"]?.flag("has_more") ?? false
        currency = raw.text("currency")
        cancelAtPeriodEnd = raw.flag("cancel_at_period_end") ?? false
        cancelAt = raw.integer("cancel_at")
        canceledAt = raw.integer("canceled_at")
        endedAt = raw.integer("ended_at")
        trialStart = raw.integer("trial_start")
        trialEnd = raw.integer("trial_end")
        startDate = raw.integer("start_date")
        created = raw.integer("created")
        latestInvoice = raw.reference("latest_invoice")
        pendingSetupIntent = raw.reference("pending_setup_intent")
        defaultPaymentMethod = raw.reference("default_payment_method")
        defaultSource = raw.reference("default_source")
        collectionMethod = raw.text("collection_method")
        pendingUpdate = raw.at("pending_update")
        pauseCollection = raw.at("pause_collection")
        schedule = raw.reference("schedule")
        discounts = raw.discounts
        metadata = raw.metadata
        self.raw = raw
    }

    /// The latest end of its items' periods.
    package var currentPeriodEnd: Int64? { items.compactMap(\.currentPeriodEnd).max() }
    /// The earliest start of its items' periods.
    package var currentPeriodStart: Int64? { items.compactMap(\.currentPeriodStart).min() }
    /// Whether its end is settled, by either of the two ways.
    package var willEnd: Bool { cancelAtPeriodEnd || cancelAt != nil }

    /// Whether it is over for good.
    package var hasEnded: Bool { endedAt != nil || status == "canceled" || status == "incomplete_expired" }

    /// What the customer has yet to do, where the reply was expanded far enough to say.
    package var confirmation: StripeConfirmation {
        if let invoice = latestInvoice?.object.flatMap(StripeInvoice.init), let secret = invoice.clientSecret {
            return .payment(clientSecret: secret)
        }
        if let intent = pendingSetupIntent?.object.flatMap(StripeSetupIntent.init), let secret = intent.clientSecret,
            intent.status != "succeeded", intent.status != "canceled"
        {
            return .setup(clientSecret: secret)
        }
        return .none
    }
}

/// What a customer's browser has to confirm, with the secret that lets it.
package enum StripeConfirmation: Sendable, Equatable {
    case payment(clientSecret: String)
    case setup(clientSecret: String)
    case none

    package var clientSecret: String? {
        switch self {
        case .payment(let secret), .setup(let secret): secret
        case .none: nil
        }
    }
}

extension StripeConfirmation: CustomStringConvertible, CustomReflectable {
    package var description: String {
        switch self {
        case .payment: "payment"
        case .setup: "setup"
        case .none: "none"
        }
    }
    package var customMirror: Mirror { Mirror(self, children: ["intent": description]) }
}

package struct StripeSubscriptionItem: StripeObject {
    package let id: String
    package let priceID: String?
    package let productID: String?
    /// Nil only where the price stands there as an id.
    package let price: StripePrice?
    /// Nil for metered prices.
    package let quantity: Int64?
    package let currentPeriodStart: Int64?
    package let currentPeriodEnd: Int64?
    package let metadata: [String: String]
    package let raw: JSONValue

    package init?(_ raw: JSONValue) { self.init(raw, within: .null) }

    /// - Parameter subscription: carries the billing period in API versions before basil (2025-03-31).
    init?(_ raw: JSONValue, within subscription: JSONValue) {
        guard let id = raw.text("id") else { return nil }
        self.id = id
        (priceID, productID) = raw.sold
        price = raw.at("price").flatMap(StripePrice.init)
        quantity = raw.integer("quantity")
        currentPeriodStart = raw.integer("current_period_start") ?? subscription.integer("current_period_start")
        currentPeriodEnd = raw.integer("current_period_end") ?? subscription.integer("current_period_end")
        metadata = raw.metadata
        self.raw = raw
    }
}
