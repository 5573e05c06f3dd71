internal import Billing
internal import JSON
internal import Store
internal import Stripe

/// Stripe's objects as the store keeps them.
extension MirrorObject {
    /// The mirror's view of an object, whatever its type; nil for types that the mirror does not hold, and for an object that
    /// lacks what its row needs.
    init?(_ object: JSONValue) {
        // A summary of entitlements has no id of its own: a customer has one.
        let isSummary = object["object"] == "entitlements.active_entitlement_summary"
        guard let id = object[isSummary ? "customer" : "id"]?.stringValue, let record = Record(object) else { return nil }
        self.init(id: id, raw: object.collapsed.text, isDeleted: object["deleted"]?.boolValue ?? false, record: record)
        isPartial = object[isSummary ? "entitlements" : "items"]?["has_more"] == true
        unsaid = Set(kind.members.lazy.filter { $0.value.allSatisfy { object[$0] == nil } }.map(\.key))
    }

    /// The object that an event bears, or names; nil for what the mirror does not hold.
    init?(_ event: StripeEvent) {
        if let related = event.related {
            guard let kind = MirrorKind(rawValue: related.collection) else { return nil }
            self.init(unknown: kind, id: related.id)
        } else {
            self.init(event.object)
        }
        // A canceled subscription is an object that ended, not one that is gone: Stripe still answers it.
        if Observation.kind(ofType: event.type) == .deleted, kind != .subscriptions { isDeleted = true }
    }

    /// What a change wrote; nil where it cannot be read.
    init?(_ entry: LedgerEntry) {
        switch entry.source {
        case .event(let journaled):
            guard let event = (try? JSONValue(parsing: journaled.payload)).flatMap(StripeEvent.init) else { return nil }
            self.init(event)
        case .answer(let raw, let isGone, _, _):
            guard let object = try? JSONValue(parsing: raw) else { return nil }
            self = MirrorObject(object) ?? MirrorObject(unknown: entry.kind, id: entry.object)
            isDeleted = isGone
        }
    }

    /// An object of which only the name is known, as the stub that Stripe leaves of one that is gone. It says nothing that a
    /// row could learn.
    init(unknown kind: MirrorKind, id: String) {
        let stub: JSONValue = ["id": .string(id), "object": .string(kind.objectType), "deleted": true]
        self.init(id: id, raw: stub.text, record: Record(unknown: kind))
        unsaid = Set(kind.members.map(\.key)).union(["customer", "status"])
    }
}

extension MirrorKind {
    /// Which members of an object say what a column holds, in whichever API version.
    fileprivate var members: KeyValuePairs<String, [String]> { Self.members[self] ?? [:] }

    private static let members: [MirrorKind: KeyValuePairs<String, [String]>] = [
        .customers: ["email": ["email"], "name": ["name"]],
        .subscriptions: [
            "created": ["created"], "cancel_at": ["cancel_at"], "ended_at": ["ended_at"], "trial_end": ["trial_end"],
            "items": ["items"],
        ],
        .products: ["name": ["name"], "active": ["active"], "features": ["marketing_features", "features"]],
        .prices: ["product": ["product"], "lookup_key": ["lookup_key"], "active": ["active"]],
        .invoices: [
            "customer": ["customer"], "subscription": ["parent", "subscription"], "status": ["status"],
            "amount_due": ["amount_due"], "amount_paid": ["amount_paid"], "currency": ["currency"],
        ],
        .paymentMethods: ["customer": ["customer"], "type": ["type"]],
        .entitlements: ["count": ["entitlements"], "features": ["entitlements"]],
    ]
}

extension MirrorObject.Record {
    fileprivate init?(_ object: JSONValue) {
        switch object["object"]?.stringValue {
        case "customer":
            // One is made with every sign-up: what the row needs is read, and no more.
            self = .customer(email: object["email"]?.stringValue, name: object["name"]?.stringValue)
        case "subscription":
            guard let subscription = StripeSubscription(object) else { return nil }
            self = .subscription(SubscriptionRecord(subscription))
        case "product":
            guard let product = StripeProduct(object) else { return nil }
            self = .product(
                name: product.name, isActive: product.isActive ?? false, features: product.marketingFeatures)
        case "price":
            guard let price = StripePrice(object) else { return nil }
            self = .price(product: price.product?.id, lookupKey: price.lookupKey, isActive: price.isActive ?? false)
        case "invoice":
            guard let invoice = StripeInvoice(object) else { return nil }
            self = .invoice(
                InvoiceRecord(
                    customer: invoice.customer?.id, subscription: invoice.subscriptionID, status: invoice.status,
                    amountDue: invoice.amountDue, amountPaid: invoice.amountPaid, currency: invoice.currency))
        case "payment_method":
            guard let method = StripePaymentMethod(object) else { return nil }
            self = .paymentMethod(customer: method.customer?.id, type: method.type)
        case "entitlements.active_entitlement_summary":
            let held = object["entitlements"]?["data"]?.arrayValue ?? []
            self = .entitlements(held.compactMap { StripeActiveEntitlement($0)?.lookupKey })
        default: return nil
        }
    }
}

extension MirrorObject.Record {
    /// Nothing known.
    fileprivate init(unknown kind: MirrorKind) {
        self =
            switch kind {
            case .customers: .customer(email: nil, name: nil)
            case .subscriptions: .subscription(SubscriptionRecord(customer: "", status: "", created: 0, items: []))
            case .products: .product(name: nil, isActive: false, features: [])
            case .prices: .price(product: nil, lookupKey: nil, isActive: false)
            case .invoices:
                .invoice(
                    InvoiceRecord(
                        customer: nil, subscription: nil, status: nil, amountDue: nil, amountPaid: nil, currency: nil))
            case .paymentMethods: .paymentMethod(customer: nil, type: nil)
            case .entitlements: .entitlements([])
            }
    }
}

extension SubscriptionRecord {
    fileprivate init(_ subscription: StripeSubscription) {
        self.init(
            customer: subscription.customer.id, status: subscription.status, created: subscription.created ?? 0,
            cancelAt: subscription.cancelAt, endedAt: subscription.endedAt, trialEnd: subscription.trialEnd,
            items: subscription.items.compactMap { item in
                guard let price = item.priceID, let product = item.productID else { return nil }
                return Item(
                    id: item.id, price: price, product: product, quantity: item.quantity,
                    periodStart: item.currentPeriodStart, periodEnd: item.currentPeriodEnd)
            })
    }
}

extension JSONValue {
    /// The object with its expanded references put back to ids: one object has one form in the mirror, and the client
    /// secrets that expansion brings along are not kept.
    fileprivate var collapsed: JSONValue {
        guard case .object(let object) = self, object.contains(where: { $1.kept(as: $0) != nil }) else { return self }
        return .object(object.mapValues { key, value in value.kept(as: key) ?? value })
    }

    /// What is kept of the member `key` in its stead; nil where it is kept as it is.
    private func kept(as key: String) -> JSONValue? {
        if key == "client_secret" || key == "confirmation_secret" { return .null }
        guard let id = self["id"], id.stringValue != nil, self["object"]?.stringValue != nil else { return nil }
        return id
    }
}

extension MirrorKind {
    /// Asks Stripe for one object of this kind, as it is now.
    func fetch(
        _ id: String, from stripe: StripeClient, _ options: StripeCallOptions
    ) async throws(StripeError) -> StripeReply {
        switch self {
        case .customers: try await stripe.retrieveCustomer(id, options).reply
        case .subscriptions: try await stripe.retrieveSubscription(id, options).reply
        case .products: try await stripe.retrieveProduct(id, options).reply
        case .prices: try await stripe.retrievePrice(id, options).reply
        case .invoices: try await stripe.retrieveInvoice(id, expand: [], options).reply
        case .paymentMethods: try await stripe.retrievePaymentMethod(id, options).reply
        case .entitlements: try await stripe.retrieveEntitlementSummary(customer: id, options)
        }
    }
}
