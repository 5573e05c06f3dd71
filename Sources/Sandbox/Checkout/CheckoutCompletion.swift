import JSON

/// What a session comes to, and what comes of it when the customer pays: customer, method, subscription, and the event
/// that says so.
extension Account {
    // MARK: Reckoning

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

    /// The session's customer, or a new one.
    private func buyer(_ session: JSONObject, email: JSONValue, name: JSONValue) throws(APIFailure) -> String {
        if let customer = session.string("customer") { return customer }
        let call = Call(
            path: [], params: ["email": email, "name": name], url: "", caller: .secret, apiVersion: Self.apiVersion)
        return try createCustomer(call).referenceID ?? ""
    }

    /// The parameters of the subscription that a session sells.
    private func terms(of session: JSONObject, customer: String, method: String?) -> JSONObject {
        var terms = session.object("_terms")
        terms["customer"] = .string(customer)
        terms["default_payment_method"] = .optional(method)
        if method == nil { terms["default_payment_method"] = nil }
        terms["items"] = .array(
            checkoutItems(of: session.id).filter { isRecurring($0) }.map { item in
                var entry: JSONObject = ["price": item["_price"] ?? .null, "metadata": item["metadata"] ?? [:]]
                entry["quantity"] = item["quantity"]?.integerValue.map(JSONValue.integer)
                entry["tax_rates"] = item["_tax_rates"]
                return .object(entry)
            })
        terms["payment_behavior"] = "error_if_incomplete"
        return terms
    }

    private func isRecurring(_ item: JSONObject) -> Bool {
        known(.price, item.string("_price") ?? "").string("type") == "recurring"
    }

    /// What is bought once goes on the first invoice.
    private func addOneTimePrices(of session: JSONObject, to customer: String) throws(APIFailure) {
        for item in checkoutItems(of: session.id) where !isRecurring(item) {
            let params: JSONObject = [
                "customer": .string(customer), "pricing": ["price": item["_price"] ?? .null],
                "quantity": item["quantity"] ?? 1, "tax_rates": item["_tax_rates"] ?? [],
            ]
            _ = try createInvoiceItem(
                Call(path: [], params: params, url: "", caller: .secret, apiVersion: Self.apiVersion))
        }
    }

    // MARK: Completing

    /// How a customer pays for a session.
    struct CheckoutPayment {
        /// Nil where nothing is asked for now and none is needed.
        var method: JSONObject?
        var email: JSONValue
        var name: JSONValue
    }

    /// Makes everything that a session sells, or nothing of it: the caller undoes what a refusal leaves.
    func complete(_ id: String, _ payment: CheckoutPayment) throws(APIFailure) {
        let session = known(.checkoutSession, id)
        var payment = payment
        if payment.email.isNull { payment.email = session.object("customer_details")["email"] ?? .null }
        let mode = session.string("mode")
        let hasBuyer =
            mode == "subscription" || session.has("customer") && !(session["customer"]?.isNull ?? true)
            || session.string("customer_creation") == "always"
        let customer = hasBuyer ? try buyer(session, email: payment.email, name: payment.name) : nil
        var result: JSONObject =
            switch mode {
            case "subscription": try subscribe(session, payment, customer ?? "")
            case "setup": try save(session, payment, customer)
            default: try payOnce(session, payment, customer)
            }
        result["status"] = "complete"
        result["url"] = .null
        result["customer"] = .optional(customer)
        result["customer_details"] = Self.sessionDetails(email: payment.email, name: payment.name)
        change(.checkoutSession, id) { $0.copy(Array(result.keys), from: result) }
        emit("checkout.session.completed", .checkoutSession, id)
    }

    private func subscribe(
        _ session: JSONObject, _ payment: CheckoutPayment, _ customer: String
    ) throws(APIFailure) -> JSONObject {
        var method: String?
        if let given = payment.method { method = try own(given, by: customer) }
        try addOneTimePrices(of: session, to: customer)
        let terms = terms(of: session, customer: customer, method: method)
        let id = try startSubscription(terms, PaymentAttempt(isAuthenticated: true))
        change(.subscription, id) { $0["_checkout"] = .string(session.id) }
        let invoice = known(.subscription, id).string("latest_invoice").map { known(.invoice, $0) }
        return [
            "invoice": .optional(invoice?.id), "payment_status": .string(Self.paymentStatus(of: invoice)),
            "subscription": .string(id),
        ]
    }

    private func save(
        _ session: JSONObject, _ payment: CheckoutPayment, _ customer: String?
    ) throws(APIFailure) -> JSONObject {
        guard let method = payment.method else { throw .missing("payment_method") }
        let id = addSetupIntent(customer: customer, types: nil)
        annotate(.setupIntent, id, session)
        emit("setup_intent.created", .setupIntent, id)
        try setUp(id, method, PaymentAttempt(isAuthenticated: true))
        return ["setup_intent": .string(id)]
    }

    private func payOnce(
        _ session: JSONObject, _ payment: CheckoutPayment, _ customer: String?
    ) throws(APIFailure) -> JSONObject {
        guard let method = payment.method else { throw .missing("payment_method") }
        let id = addIntent(
            amount: session.integer("amount_total") ?? 0, currency: session.string("currency") ?? "usd",
            customer: customer, automatic: true)
        annotate(.paymentIntent, id, session)
        emit("payment_intent.created", .paymentIntent, id)
        if case .declined(let failure) = pay(id, with: method, PaymentAttempt(isAuthenticated: true)) { throw failure }
        let isPaid = known(.paymentIntent, id).string("status") == "succeeded"
        return ["payment_intent": .string(id), "payment_status": isPaid ? "paid" : "unpaid"]
    }

    private static func paymentStatus(of invoice: JSONObject?) -> String {
        guard let invoice else { return "no_payment_required" }
        if invoice.string("status") != "paid" { return "unpaid" }
        return invoice.integer("amount_paid") == 0 ? "no_payment_required" : "paid"
    }

    /// Makes a method the customer's; it is set up by what the customer does on the page.
    private func own(_ method: JSONObject, by customer: String) throws(APIFailure) -> String {
        let attached = try attach(method, to: customer)
        change(.paymentMethod, attached.id) { $0["_set_up"] = true }
        sayAttached(attached, since: method)
        return attached.id
    }

    private func annotate(_ kind: ObjectKind, _ intent: String, _ session: JSONObject) {
        let data = session.object("_intent_data")
        change(kind, intent) {
            $0.copy(["capture_method", "description", "receipt_email", "setup_future_usage", "transfer_group"], from: data)
            Self.mergeMetadata(data["metadata"], into: &$0)
            $0["_checkout"] = .string(session.id)
        }
    }

    /// The bank has spoken about a debit that a session began.
    func concludeCheckout(_ intent: JSONObject, succeeded: Bool) {
        let subscription = intent.string("_invoice").flatMap { known(.invoice, $0).string("_subscription") }
        let session = intent.string("_checkout") ?? subscription.flatMap { known(.subscription, $0).string("_checkout") }
        guard let session = session.flatMap({ find(.checkoutSession, $0) }), session.string("status") == "complete",
            session.string("payment_status") == "unpaid"
        else { return }
        if succeeded { change(.checkoutSession, session.id) { $0["payment_status"] = "paid" } }
        emit(
            succeeded ? "checkout.session.async_payment_succeeded" : "checkout.session.async_payment_failed",
            .checkoutSession, session.id)
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
