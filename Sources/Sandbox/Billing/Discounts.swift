import JSON

/// Discounts: what the redemption of a coupon or a promotion code leaves on a subscription, one of its items, an
/// invoice or an invoice item (docs.stripe.com/billing/subscriptions/coupons).
extension Account {
    static let discountRoutes: [Route] = [
        Route("DELETE /v1/customers/{customer}/discount", "", Account.deleteCustomerDiscount),
        Route("DELETE /v1/subscriptions/{subscription}/discount", "", Account.deleteSubscriptionDiscount),
    ]

    /// What a discount is to stand on.
    struct DiscountOwner {
        let customer: String?
        let currency: String
        /// The member of the discount that names it: `subscription`, `subscription_item`, `invoice`, `invoice_item`.
        let member: String
        let id: String
        /// The subscription that it is or belongs to.
        var subscription: String?
        /// What it comes to, where that is known: without it a code with a smallest amount is not redeemed.
        var subtotal: Int64?
    }

    /// The most discounts that one thing can have (docs.stripe.com/api/subscriptions/create).
    private static let maximumDiscounts = 20

    /// Redeems a `discounts` parameter. Returns the ids of the discounts, in order: those that are kept, and new ones.
    func redeem(
        _ list: JSONValue?, for owner: DiscountOwner, place: String = "discounts"
    ) throws(APIFailure) -> [JSONValue] {
        let entries = list?.arrayValue ?? []
        guard entries.count <= Self.maximumDiscounts else {
            throw .invalid("You may specify at most \(Self.maximumDiscounts) discounts.", param: place)
        }
        var ids: [JSONValue] = []
        for (index, entry) in entries.enumerated() {
            let place = "\(place)[\(index)]"
            let named = ["coupon", "discount", "promotion_code"].filter { entry[$0]?.stringValue != nil }
            guard named.count <= 1 else {
                throw .invalid(
                    "You may only specify one of these parameters: \(named.joined(separator: ", ")).", param: place)
            }
            if let id = entry["discount"]?.stringValue {
                ids.append(.string(try referred(.discount, id, param: "\(place)[discount]").id))
            } else if let code = entry["promotion_code"]?.stringValue {
                ids.append(.string(try redeem(promotionCode: code, for: owner, place: "\(place)[promotion_code]")))
            } else if let coupon = entry["coupon"]?.stringValue {
                let found = try referred(.coupon, coupon, param: "\(place)[coupon]")
                ids.append(.string(try redeem(found, code: nil, for: owner, place: "\(place)[coupon]")))
            } else {
                throw .missing("\(place)[coupon]")
            }
        }
        return ids
    }

    private func redeem(
        _ coupon: JSONObject, code: String?, for owner: DiscountOwner, place: String
    ) throws(APIFailure) -> String {
        if let time = coupon.integer("redeem_by"), time <= now {
            throw .invalid(
                "Coupon \(coupon.id) is expired and cannot be applied.", param: place, code: "coupon_expired")
        }
        if Self.isUsedUp(coupon) {
            throw .invalid(
                "Coupon \(coupon.id) is used up and cannot be applied.", param: place, code: "coupon_expired")
        }
        guard coupon["percent_off"] != .null || Self.amountOff(coupon, owner.currency) != nil else {
            throw .invalid(
                "The coupon `\(coupon.id)` has no amount in the currency `\(owner.currency)` and cannot be applied.",
                param: place)
        }
        let id = newID(.discount)
        var discount: JSONObject = [
            "id": .string(id), "object": "discount", "checkout_session": nil, "customer": .optional(owner.customer),
            "customer_account": nil, "end": nil, "invoice": nil, "invoice_item": nil, "promotion_code": .optional(code),
            "source": ["coupon": .string(coupon.id), "type": "coupon"], "start": .integer(now), "subscription": nil,
            "subscription_item": nil,
        ]
        discount[owner.member] = .string(owner.id)
        discount["_subscription"] = owner.subscription.map(JSONValue.string)
        if coupon.string("duration") == "repeating", owner.subscription != nil {
            let months = coupon.integer("duration_in_months") ?? 1
            discount["end"] = .integer(CivilDate(unix: now).adding(months: months).unix)
        }
        put(.discount, discount)
        change(.coupon, coupon.id) { $0["times_redeemed"] = .integer(($0.integer("times_redeemed") ?? 0) + 1) }
        if let code {
            change(.promotionCode, code) { $0["times_redeemed"] = .integer(($0.integer("times_redeemed") ?? 0) + 1) }
        }
        if owner.subscription != nil { emit("customer.discount.created", .discount, id) }
        return id
    }

    private func redeem(
        promotionCode id: String, for owner: DiscountOwner, place: String
    ) throws(APIFailure) -> String {
        let code = try referred(.promotionCode, id, param: place)
        guard let coupon = find(.coupon, code.object("promotion").string("coupon") ?? "") else {
            throw .absent(.promotionCode, id, param: place)
        }
        func refuse(_ reason: String) -> APIFailure {
            .invalid("This promotion code cannot be redeemed because \(reason).", param: place)
        }
        if let time = code.integer("expires_at"), time <= now { throw refuse("it has expired") }
        if Self.isUsedUp(code) { throw refuse("it has been used the maximum number of times") }
        guard code.flag("active") else { throw refuse("it is not active") }
        if let customer = code.string("customer"), customer != owner.customer {
            throw refuse("it can only be redeemed by another customer")
        }
        let limits = code.object("restrictions")
        if limits.flag("first_time_transaction"), let customer = owner.customer, hasPaid(customer) {
            throw refuse("the associated customer has prior transactions")
        }
        if let least = Self.minimumAmount(limits, owner.currency) {
            guard let subtotal = owner.subtotal else {
                throw .invalid(
                    "This promotion code cannot be redeemed on a subscription update because it uses the "
                        + "`minimum_amount` restriction and the amount may change.", param: place)
            }
            guard subtotal >= least else { throw refuse("the amount is below its minimum amount") }
        } else if limits["minimum_amount"] != .null {
            throw refuse("it has no minimum amount in the currency `\(owner.currency)`")
        }
        return try redeem(coupon, code: id, for: owner, place: place)
    }

    private func hasPaid(_ customer: String) -> Bool {
        all(.invoice, where: "customer", is: customer).contains {
            $0.string("status") == "paid" && ($0.integer("amount_paid") ?? 0) > 0
        } || all(.charge, where: "customer", is: customer).contains { $0.string("status") == "succeeded" }
    }

    static func minimumAmount(_ restrictions: JSONObject, _ currency: String) -> Int64? {
        if restrictions.string("minimum_amount_currency") == currency { return restrictions.integer("minimum_amount") }
        return restrictions.object("_currency_options").object(currency).integer("minimum_amount")
    }

    /// Whether a coupon or a promotion code was redeemed as often as it may be.
    static func isUsedUp(_ offer: JSONObject) -> Bool {
        offer.integer("max_redemptions").map { (offer.integer("times_redeemed") ?? 0) >= $0 } ?? false
    }

    /// What a coupon takes off in a currency; nil for one that takes a percentage, or nothing in that currency.
    static func amountOff(_ coupon: JSONObject, _ currency: String) -> Int64? {
        if coupon.string("currency") == currency { return coupon.integer("amount_off") }
        return coupon.object("_currency_options").object(currency).integer("amount_off")
    }

    // MARK: Their life

    /// Those of the discounts that still count at the account's time.
    func live(_ discounts: [JSONValue]) -> [JSONValue] {
        discounts.filter { id in
            let discount = known(.discount, id.stringValue ?? "")
            return !discount.flag("_ended") && discount.integer("end").map { $0 > now } ?? true
        }
    }

    /// Takes a discount from what it stands on. It remains readable, for invoices go on naming it.
    func endDiscount(_ id: String) {
        let discount = known(.discount, id)
        guard !discount.flag("_ended") else { return }
        change(.discount, id) { $0["_ended"] = true }
        guard discount.has("_subscription") else { return }
        for (kind, member) in [(ObjectKind.subscription, "subscription"), (.subscriptionItem, "subscription_item")] {
            guard let owner = discount.string(member), find(kind, owner) != nil else { continue }
            change(kind, owner) { $0["discounts"] = .array($0.array("discounts").filter { $0 != .string(id) }) }
        }
        emit("customer.discount.deleted", .discount, id)
    }

    /// A repeating discount's months are over.
    func expireDiscount(_ id: String) {
        guard let subscription = known(.discount, id).string("_subscription") else { return endDiscount(id) }
        let before = rendered(.subscription, subscription)
        endDiscount(id)
        emitUpdate("customer.subscription.updated", .subscription, subscription, since: before)
    }

    /// Discounts that count once are used up by the invoice on which they took something off.
    func consumeDiscounts(of invoice: String) {
        let used = known(.invoice, invoice).array("total_discount_amounts").filter { $0["amount"]?.integerValue != 0 }
        for id in used.compactMap({ $0["discount"]?.stringValue }) {
            let discount = known(.discount, id)
            let coupon = known(.coupon, discount.object("source").string("coupon") ?? "")
            if coupon.string("duration") == "once", discount.has("_subscription") { expireDiscount(id) }
        }
    }

    /// Puts new discounts in the place of old ones: what is not among the new ones ends. Null clears.
    func replaceDiscounts(
        _ kind: ObjectKind, _ id: String, with list: JSONValue, _ owner: DiscountOwner
    ) throws(APIFailure) {
        let old = known(kind, id).array("discounts")
        let new = try redeem(list, for: owner)
        for discount in old where !new.contains(discount) {
            endDiscount(discount.stringValue ?? "")
        }
        change(kind, id) { $0["discounts"] = .array(new) }
    }

    // MARK: Endpoints

    /// No call of this version of the API puts a discount on a customer itself.
    func deleteCustomerDiscount(_ call: Call) throws(APIFailure) -> JSONValue {
        let customer = try named(.customer, call.id)
        throw APIFailure(404, "No active discount for customer: \(customer.id)", code: "resource_missing")
    }

    func deleteSubscriptionDiscount(_ call: Call) throws(APIFailure) -> JSONValue {
        let subscription = try named(.subscription, call.id)
        let customer = subscription.string("customer") ?? ""
        let discounts = subscription.array("discounts").compactMap(\.stringValue)
        guard let first = discounts.first else {
            throw APIFailure(
                404, "No active discount for subscription \(call.id) on customer \(customer)", code: "resource_missing")
        }
        let before = render(.subscription, subscription)
        for id in discounts { endDiscount(id) }
        emitUpdate("customer.subscription.updated", .subscription, call.id, since: before)
        var deleted = rendered(.discount, first)
        deleted["deleted"] = true
        return .object(deleted)
    }
}
