import JSON

/// `expand[]`: ids replaced by the objects that they name, and members that are absent unless asked for
/// (docs.stripe.com/api/expanding_objects). At most four levels deep.
struct Expansion {
    let account: Account

    /// Members that hold an id, and the kind that they name.
    private static let references: [String: ObjectKind] = [
        "customer": .customer, "subscription": .subscription, "latest_invoice": .invoice, "invoice": .invoice,
        "default_payment_method": .paymentMethod, "payment_method": .paymentMethod, "payment_intent": .paymentIntent,
        "latest_charge": .charge, "charge": .charge, "price": .price, "product": .product, "default_price": .price,
        "pending_setup_intent": .setupIntent, "setup_intent": .setupIntent, "latest_attempt": .setupAttempt,
        "balance_transaction": .balanceTransaction, "coupon": .coupon, "promotion_code": .promotionCode,
        "schedule": .schedule, "configuration": .portalConfiguration, "feature": .feature, "test_clock": .testClock,
        "mandate": .mandate, "refund": .refund, "dispute": .dispute, "failure_balance_transaction": .balanceTransaction,
        "customer_balance_transaction": .customerBalanceTransaction, "credit_note": .creditNote, "discount": .discount,
        "discounts": .discount,
    ]

    /// Members that may be expanded although this sandbox always has them null or empty.
    private static let alwaysEmpty: Set<String> = [
        "default_source", "on_behalf_of", "application", "source", "review", "account_tax_ids", "latest_revision",
        "transfer_data", "application_fee", "tax", "sources", "cash_balance", "single_use_mandate", "total_count",
        "tiers", "currency_options",
    ]

    func apply(_ paths: [String], to root: JSONValue) throws(APIFailure) -> JSONValue {
        var root = root
        for path in paths {
            let segments = path.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
            guard segments.count <= 4 else {
                throw .invalid(
                    "You cannot expand more than 4 levels of a property. Property: \(path)", param: "expand")
            }
            if root["object"] == "list" || root["object"] == "search_result",
                segments.first != "data", segments.first != "total_count"
            {
                throw .invalid(
                    "This property cannot be expanded (\(path)). You may want to try expanding 'data.\(path)' instead.",
                    param: "expand")
            }
            root = try expanded(root, segments[...], path)
        }
        return root
    }

    private func expanded(
        _ value: JSONValue, _ path: ArraySlice<String>, _ whole: String
    ) throws(APIFailure) -> JSONValue {
        guard let name = path.first else { return value }
        switch value {
        case .array(let elements):
            var result: [JSONValue] = []
            for element in elements { result.append(try expanded(element, path, whole)) }
            return .array(result)
        case .object(var object):
            object[name] = try member(name, of: object, path.dropFirst(), whole)
            return .object(object)
        default: return value
        }
    }

    private func member(
        _ name: String, of object: JSONObject, _ rest: ArraySlice<String>, _ whole: String
    ) throws(APIFailure) -> JSONValue? {
        if let included = account.included(name, in: object) { return try expanded(included, rest, whole) }
        if let kind = Self.references[name], let value = object[name] {
            if case .array(let ids) = value {
                var targets: [JSONValue] = []
                for id in ids { targets.append(try member(name, of: [name: id], rest, whole) ?? id) }
                return .array(targets)
            }
            let target = value.stringValue.flatMap { account.store.object(kind, $0) }.map { account.render(kind, $0) }
            return try expanded(target.map(JSONValue.object) ?? value, rest, whole)
        }
        if Self.alwaysEmpty.contains(name), object[name]?.objectValue == nil { return object[name] }
        switch object[name] {
        case .object, .array: return try expanded(object[name] ?? .null, rest, whole)
        case .null where !rest.isEmpty: return .null
        default: throw .invalid("This property cannot be expanded (\(whole)).", param: "expand")
        }
    }
}

extension Account {
    /// A member that exists only where it is expanded; nil for any other.
    func included(_ name: String, in object: JSONObject) -> JSONValue? {
        let id = object.id
        switch (object.string("object"), name) {
        case ("invoice", "payments"):
            let payments = all(.invoicePayment, where: "invoice", is: id).map {
                JSONValue.object(render(.invoicePayment, $0))
            }
            return Self.list(payments, url: "/v1/invoice_payments?invoice=\(id)")
        case ("invoice", "confirmation_secret"): return confirmationSecret(ofInvoice: id)
        case ("customer", "subscriptions"):
            let live = all(.subscription, where: "customer", is: id).reversed().filter { !Self.isOver($0) }
            return Self.list(
                live.prefix(10).map { .object(render(.subscription, $0)) }, url: "/v1/customers/\(id)/subscriptions",
                hasMore: live.count > 10)
        case ("checkout.session", "line_items"):
            let items = checkoutItems(of: id).map { JSONValue.object(render(.checkoutItem, $0)) }
            return Self.list(
                Array(items.prefix(10)), url: "/v1/checkout/sessions/\(id)/line_items", hasMore: items.count > 10)
        case ("checkout.session", "total_details"): return brokenDownTotals(of: object)
        case ("item", "discounts"), ("item", "taxes"): return breakdown(.checkoutItem, id)[name]
        case ("charge", "refunds"):
            let refunds = all(.refund, where: "charge", is: id).reversed().map { JSONValue.object(render(.refund, $0)) }
            return Self.list(
                Array(refunds.prefix(10)), url: "/v1/charges/\(id)/refunds", hasMore: refunds.count > 10)
        case ("customer", "tax_ids"):
            let ids = all(.taxID, where: "customer", is: id).reversed()
            return Self.list(
                ids.prefix(10).map { .object(render(.taxID, $0)) }, url: "/v1/customers/\(id)/tax_ids",
                hasMore: ids.count > 10)
        case ("customer", "invoice_credit_balance"): return creditBalances(of: id)
        case ("coupon", "applies_to"), ("coupon", "currency_options"): return find(.coupon, id)?["_\(name)"] ?? .null
        case ("price", "tiers"), ("plan", "tiers"): return find(.price, id)?["_tiers"]
        case ("price", "currency_options"): return find(.price, id)?["_currency_options"]
        default: return nil
        }
    }
}
