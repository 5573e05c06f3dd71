/// The kinds of object that the mirror holds, one table each.
package enum MirrorKind: String, Sendable, CaseIterable {
    case customers, subscriptions, products, prices, invoices
    /// What each customer is entitled to; an object has the customer's id.
    case entitlements
    case paymentMethods = "payment_methods"

    /// What Stripe calls an object of this kind.
    package var objectType: String {
        self == .entitlements ? "entitlements.active_entitlement_summary" : String(rawValue.dropLast())
    }
}

/// An object of Stripe's as the mirror keeps it: the columns that decisions need, and the object as it was written.
package struct MirrorObject: Sendable, Equatable {
    package var id: String
    /// The object's JSON text, as Stripe wrote it.
    package var raw: String
    /// Whether Stripe says that the object is gone.
    package var isDeleted: Bool
    package var record: Record
    /// Columns of the record, and `items` and `features`, of which the object as it came says nothing: what a row knows of them
    /// stays. To say null is to say something.
    package var unsaid: Set<String>
    /// Whether it came without all its parts, as an event's subscription with many items does: Stripe has the others.
    package var isPartial = false

    package enum Record: Sendable, Equatable {
        case customer(email: String?, name: String?)
        case subscription(SubscriptionRecord)
        case product(name: String?, isActive: Bool, features: [String])
        case price(product: String?, lookupKey: String?, isActive: Bool)
        case invoice(InvoiceRecord)
        case paymentMethod(customer: String?, type: String?)
        /// The names of the features.
        case entitlements([String])
    }

    package init(id: String, raw: String, isDeleted: Bool = false, record: Record, unsaid: Set<String> = []) {
        self.id = id
        self.raw = raw
        self.isDeleted = isDeleted
        self.record = record
        self.unsaid = unsaid
    }

    package var kind: MirrorKind {
        switch record {
        case .customer: .customers
        case .subscription: .subscriptions
        case .product: .products
        case .price: .prices
        case .invoice: .invoices
        case .paymentMethod: .paymentMethods
        case .entitlements: .entitlements
        }
    }

    /// The customer that the object belongs to or is.
    package var customer: String? {
        switch record {
        case .customer, .entitlements: id
        case .subscription(let subscription): subscription.customer
        case .invoice(let invoice): invoice.customer
        case .paymentMethod(let customer, _): customer
        case .product, .price: nil
        }
    }
}

/// What access is decided from. Times are Unix seconds.
package struct SubscriptionRecord: Sendable, Equatable {
    package var customer: String
    package var status: String
    package var created: Int64
    package var cancelAt: Int64?
    package var endedAt: Int64?
    package var trialEnd: Int64?
    package var items: [Item]

    package struct Item: Sendable, Equatable {
        package var id: String
        package var price: String
        package var product: String
        package var quantity: Int64?
        package var periodStart: Int64?
        package var periodEnd: Int64?

        package init(
            id: String, price: String, product: String, quantity: Int64?, periodStart: Int64?, periodEnd: Int64?
        ) {
            self.id = id
            self.price = price
            self.product = product
            self.quantity = quantity
            self.periodStart = periodStart
            self.periodEnd = periodEnd
        }
    }

    package init(
        customer: String, status: String, created: Int64, cancelAt: Int64? = nil, endedAt: Int64? = nil,
        trialEnd: Int64? = nil, items: [Item]
    ) {
        self.customer = customer
        self.status = status
        self.created = created
        self.cancelAt = cancelAt
        self.endedAt = endedAt
        self.trialEnd = trialEnd
        self.items = items
    }

    /// A subscription as the mirror has it, with what is known about the knowledge.
    package struct Known: Sendable, Equatable {
        package var id: String
        package var record: SubscriptionRecord
        /// Since when it is past due, as far as was seen; nil where it is not.
        package var pastDueSince: Int64?
        /// The last second of Stripe's clock at which this was known to be true.
        package var knownUntil: Int64
        /// The event that wrote it last; nil where that was an answer to a call of ours.
        package var event: String?
    }
}

/// What an invoice asked for and got, in minor units of its currency.
package struct InvoiceRecord: Sendable, Equatable {
    package var customer: String?
    package var subscription: String?
    package var status: String?
    package var amountDue: Int64?
    package var amountPaid: Int64?
    package var currency: String?

    package init(
        customer: String?, subscription: String?, status: String?, amountDue: Int64?, amountPaid: Int64?, currency: String?
    ) {
        self.customer = customer
        self.subscription = subscription
        self.status = status
        self.amountDue = amountDue
        self.amountPaid = amountPaid
        self.currency = currency
    }
}
