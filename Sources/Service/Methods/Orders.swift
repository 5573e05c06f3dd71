internal import Contract
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
    var items: [Item]
    var prorationBehavior: Stripe.ProrationBehavior
    /// Whether the change waits for the period's end.
    var isAtPeriodEnd: Bool
    /// How long periods are after the change.
    var interval: BillingInterval?
    /// The date that Stripe is told, in Unix seconds; nil lets it take the moment of the request.
    var prorationDate: Int64?
    /// When the change takes effect, in Unix seconds.
    var effectiveAt: Int64
    /// The subscription's latest invoice before the change: another one afterwards is the change's.
    var invoiceBefore: String?
    /// The schedule of an earlier change, which this one replaces.
    var schedule: String?

    struct Item {
        var change: SubscriptionItemChange
        /// The price that the item had before; nil for a new one.
        var replaces: String?

        var price: String? { change.price }
        var quantity: Int64? { change.quantity }
        var deleted: Bool? { change.deleted }
    }

    init(_ change: PlanChange) {
        subscriptionID = change.subscription.id
        items = change.items.map { item in
            Item(change: item, replaces: change.subscription.items.first { $0.id == item.id }?.priceID)
        }
        prorationBehavior = change.prorationBehavior
        isAtPeriodEnd = change.isAtPeriodEnd
        interval = change.interval
        prorationDate = change.bindsProrationDate && prorationBehavior != .none ? change.prorationDate : nil
        effectiveAt = change.effectiveAt
        invoiceBefore = change.subscription.latestInvoice?.id
        schedule = change.schedule
    }

    init?(_ json: JSONValue) {
        guard let id = json["subscription"]?.stringValue, let items = json["items"]?.arrayValue,
            let behavior = json["prorationBehavior"]?.stringValue.flatMap(Stripe.ProrationBehavior.init),
            let effectiveAt = json["effectiveAt"]?.integerValue
        else { return nil }
        subscriptionID = id
        self.items = items.map { Item(change: SubscriptionItemChange($0), replaces: $0["replaces"]?.stringValue) }
        prorationBehavior = behavior
        isAtPeriodEnd = json["isAtPeriodEnd"]?.boolValue ?? false
        interval = json["interval"]?.stringValue.map { unit in
            BillingInterval(unit: unit, count: json["intervalCount"]?.integerValue ?? 1)
        }
        prorationDate = json["prorationDate"]?.integerValue
        self.effectiveAt = effectiveAt
        invoiceBefore = json["invoiceBefore"]?.stringValue
        schedule = json["schedule"]?.stringValue
    }

    var json: JSONValue {
        [
            "subscription": .string(subscriptionID), "items": .array(items.map(\.json)),
            "prorationBehavior": .string(prorationBehavior.rawValue), "isAtPeriodEnd": .bool(isAtPeriodEnd),
            "interval": .optional(interval?.unit), "intervalCount": .optional(interval?.count),
            "prorationDate": .optional(prorationDate), "effectiveAt": .integer(effectiveAt),
            "invoiceBefore": .optional(invoiceBefore), "schedule": .optional(schedule),
        ]
    }
}

extension PlanOrder.Item {
    fileprivate var json: JSONValue {
        guard case .object(var object) = change.json else { return change.json }
        object["replaces"] = .optional(replaces)
        return .object(object)
    }
}

/// What is to be taken back of a subscription.
struct ResumeOrder {
    var resumed: [ResumedState]
    /// Whether the cancellation has a date of its own rather than the period's end.
    var cancelsAtDate: Bool

    init(_ subscription: StripeSubscription) {
        resumed = []
        if subscription.willEnd { resumed.append(.cancellation) }
        if subscription.pauseCollection != nil { resumed.append(.pausedCollection) }
        if subscription.status == "paused" { resumed.append(.pause) }
        cancelsAtDate = !subscription.cancelAtPeriodEnd
    }

    init?(_ json: JSONValue) {
        guard let resumed = json["resumed"]?.arrayValue, let cancelsAtDate = json["cancelsAtDate"]?.boolValue else {
            return nil
        }
        self.resumed = resumed.compactMap { $0.stringValue.flatMap(ResumedState.init) }
        self.cancelsAtDate = cancelsAtDate
    }

    var json: JSONValue {
        ["resumed": .array(resumed.map { .string($0.rawValue) }), "cancelsAtDate": .bool(cancelsAtDate)]
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
