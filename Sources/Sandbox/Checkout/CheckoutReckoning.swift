import JSON

/// What a Checkout session comes to, in all and part by part.
extension Account {
    /// Writes what is due into a session and its items: for a subscription from the invoice that it would lead to, which
    /// is made and undone.
    func reckonSession(_ id: String) throws(APIFailure) {
        let session = known(.checkoutSession, id)
        let items = checkoutItems(of: id)
        var amounts: [String: CheckoutAmounts] = [:]
        if session.string("mode") == "subscription" {
            amounts = try foreseenAmounts(session)
        } else {
            for item in items {
                let price = known(.price, item.string("_price") ?? "")
                guard let amount = Self.amount(price, item.integer("quantity") ?? 1)?.rounded else { throw .amountTooLarge }
                amounts[price.id, default: CheckoutAmounts()].subtotal += amount
            }
        }
        for item in items {
            let amount = amounts[item.string("_price") ?? ""] ?? CheckoutAmounts()
            change(.checkoutItem, item.id) {
                $0["amount_subtotal"] = .integer(amount.subtotal)
                $0["amount_discount"] = .integer(amount.discount)
                $0["amount_tax"] = .integer(amount.tax)
                $0["amount_total"] = .integer(amount.total)
                $0["_breakdown"] = amount.breakdown
            }
        }
        guard !items.isEmpty else { return }
        let whole = amounts.values.reduce(into: CheckoutAmounts()) { $0.add($1) }
        change(.checkoutSession, id) {
            $0["amount_subtotal"] = .integer(whole.subtotal)
            $0["amount_total"] = .integer(max(0, whole.total))
            $0["total_details"] = [
                "amount_discount": .integer(whole.discount), "amount_shipping": 0, "amount_tax": .integer(whole.tax),
            ]
            $0["_breakdown"] = whole.breakdown
        }
    }

    /// `total_details` with its breakdown, which is there only where it is expanded.
    func brokenDownTotals(of session: JSONObject) -> JSONValue {
        guard var totals = session["total_details"]?.objectValue else { return .null }
        totals["breakdown"] = .object(breakdown(.checkoutSession, session.id))
        return .object(totals)
    }

    /// The `discounts` and `taxes` of a session, or of one of its items.
    func breakdown(_ kind: ObjectKind, _ id: String) -> JSONObject {
        var breakdown = find(kind, id)?.object("_breakdown") ?? ["discounts": [], "taxes": []]
        breakdown["taxes"] = .array(
            breakdown.array("taxes").compactMap(\.objectValue).map { tax in
                var tax = tax
                if let rate = tax.string("rate") { tax["rate"] = .object(rendered(.taxRate, rate)) }
                return .object(tax)
            })
        return breakdown
    }

    /// What the first invoice asks for each price.
    private func foreseenAmounts(_ session: JSONObject) throws(APIFailure) -> [String: CheckoutAmounts] {
        let point = savepoint
        defer { rollback(to: point) }
        let customer = try buyer(session, email: .null, name: .null)
        try addOneTimePrices(of: session, to: customer)
        let invoice = try openSubscription(terms(of: session, customer: customer, method: nil), requiresMethod: false)
            .invoice
        var amounts: [String: CheckoutAmounts] = [:]
        for line in invoice.map({ all(.invoiceLine, where: "invoice", is: $0) }) ?? [] {
            let price = line.object("pricing").object("price_details").string("price") ?? ""
            let discounts = line.array("discount_amounts").compactMap(\.objectValue)
            let taxes = line.array("taxes")
            let onTop = Self.total(ofTaxes: taxes, "exclusive")
            amounts[price, default: CheckoutAmounts()].add(
                CheckoutAmounts(
                    subtotal: line.integer("amount") ?? 0,
                    discount: discounts.reduce(0) { $0 + ($1.integer("amount") ?? 0) },
                    tax: onTop + Self.total(ofTaxes: taxes, "inclusive"), taxOnTop: onTop,
                    discounts: discounts.map { share(of: $0, on: session.id) },
                    taxes: taxes.compactMap(\.objectValue).map(Self.share)))
        }
        return amounts
    }

    /// What a discount takes off, with the discount as it is while the session is open.
    private func share(of amount: JSONObject, on session: String) -> JSONObject {
        var discount = amount.string("discount").map { rendered(.discount, $0) } ?? [:]
        discount["checkout_session"] = .string(session)
        for owner in ["customer", "invoice", "subscription", "subscription_item"] { discount[owner] = .null }
        return ["amount": amount["amount"] ?? 0, "discount": .object(discount)]
    }

    /// What a tax rate asks; the rate is an id until it is shown. Why a rate applies that was set by hand is not said.
    private static func share(of tax: JSONObject) -> JSONObject {
        let reason = tax["taxability_reason"] ?? .null
        return [
            "amount": tax["amount"] ?? 0, "rate": tax.object("tax_rate_details")["tax_rate"] ?? .null,
            "taxability_reason": reason == "not_available" ? .null : reason,
            "taxable_amount": tax["taxable_amount"] ?? .null,
        ]
    }
}

/// What is asked for something on a session.
struct CheckoutAmounts {
    var subtotal: Int64 = 0
    var discount: Int64 = 0
    var tax: Int64 = 0
    /// The part of the tax that the price does not include.
    var taxOnTop: Int64 = 0
    /// Of each discount and each tax rate, its part.
    var discounts: [JSONObject] = []
    var taxes: [JSONObject] = []

    var total: Int64 { subtotal - discount + taxOnTop }

    /// As it is kept.
    var breakdown: JSONValue {
        ["discounts": .array(discounts.map(JSONValue.object)), "taxes": .array(taxes.map(JSONValue.object))]
    }

    mutating func add(_ other: CheckoutAmounts) {
        subtotal += other.subtotal
        discount += other.discount
        tax += other.tax
        taxOnTop += other.taxOnTop
        for share in other.discounts {
            Self.add(share, to: &discounts) { $0.object("discount").id == share.object("discount").id }
        }
        for share in other.taxes { Self.add(share, to: &taxes) { $0["rate"] == share["rate"] } }
    }

    private static func add(_ share: JSONObject, to shares: inout [JSONObject], _ isSame: (JSONObject) -> Bool) {
        guard let place = shares.firstIndex(where: isSame) else { return shares.append(share) }
        for member in ["amount", "taxable_amount"] {
            guard let more = share.integer(member) else { continue }
            shares[place][member] = .integer((shares[place].integer(member) ?? 0) + more)
        }
    }
}
