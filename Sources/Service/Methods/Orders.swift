internal import JSON
internal import Stripe

/// What a call is about to ask Stripe for, with everything looked up that it names: the parameters that must be the same in
/// every attempt at the call, in JSON for the store.
struct SubscriptionOrder {
    var items: [SubscriptionItemChange]
    var promotionCode: String?

    init(items: [SubscriptionItemChange], promotionCode: String?) {
        self.items = items
        self.promotionCode = promotionCode
    }

    init?(_ json: JSONValue) {
        guard let items = json["items"]?.arrayValue else { return nil }
        self.init(items: items.map(SubscriptionItemChange.init), promotionCode: json["promotionCode"]?.stringValue)
    }

    var json: JSONValue { ["items": .array(items.map(\.json)), "promotionCode": .optional(promotionCode)] }
}

/// A change of plan, ready to be sent.
struct PlanOrder {
    var subscriptionID: String
    var items: [SubscriptionItemChange]
    var prorationBehavior: Stripe.ProrationBehavior
    /// The date that Stripe is told, in Unix seconds; nil lets it take the moment of the request.
    var prorationDate: Int64?
    /// When the change takes effect, in Unix seconds.
    var effectiveAt: Int64
    /// The subscription's latest invoice before the change: another one afterwards is the change's.
    var invoiceBefore: String?

    init(_ change: PlanChange) {
        subscriptionID = change.subscription.id
        items = change.items
        prorationBehavior = change.prorationBehavior
        prorationDate = change.bindsProrationDate && prorationBehavior != .none ? change.prorationDate : nil
        effectiveAt = change.prorationDate
        invoiceBefore = change.subscription.latestInvoice?.id
    }

    init?(_ json: JSONValue) {
        guard let id = json["subscription"]?.stringValue, let items = json["items"]?.arrayValue,
            let behavior = json["prorationBehavior"]?.stringValue.flatMap(Stripe.ProrationBehavior.init),
            let effectiveAt = json["effectiveAt"]?.integerValue
        else { return nil }
        subscriptionID = id
        self.items = items.map(SubscriptionItemChange.init)
        prorationBehavior = behavior
        prorationDate = json["prorationDate"]?.integerValue
        self.effectiveAt = effectiveAt
        invoiceBefore = json["invoiceBefore"]?.stringValue
    }

    var json: JSONValue {
        [
            "subscription": .string(subscriptionID), "items": .array(items.map(\.json)),
            "prorationBehavior": .string(prorationBehavior.rawValue), "prorationDate": .optional(prorationDate),
            "effectiveAt": .integer(effectiveAt), "invoiceBefore": .optional(invoiceBefore),
        ]
    }
}

extension SubscriptionItemChange {
    fileprivate init(_ json: JSONValue) {
        self.init(
            id: json["id"]?.stringValue, price: json["price"]?.stringValue, quantity: json["quantity"]?.integerValue,
            deleted: json["deleted"]?.boolValue)
    }

    fileprivate var json: JSONValue {
        [
            "id": .optional(id), "price": .optional(price), "quantity": .optional(quantity),
            "deleted": deleted.map { .bool($0) } ?? .null,
        ]
    }
}

extension JSONValue {
    fileprivate static func optional(_ text: String?) -> JSONValue { text.map { .string($0) } ?? .null }
    fileprivate static func optional(_ number: Int64?) -> JSONValue { number.map { .integer($0) } ?? .null }
}
