import JSON

/// What comes of a Checkout session when the customer pays: customer, method, subscription, and the event that says so.
extension Account {
    /// The session's customer, or a new one.
    func buyer(_ session: JSONObject, email: JSONValue, name: JSONValue) throws(APIFailure) -> String {
        if let customer = session.string("customer") { return customer }
        let call = Call(
            path: [], params: ["email": email, "name": name], url: "", caller: .secret, apiVersion: Self.apiVersion)
        return try createCustomer(call).referenceID ?? ""
    }

    /// The parameters of the subscription that a session sells.
    func terms(of session: JSONObject, customer: String, method: String?) -> JSONObject {
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
    func addOneTimePrices(of session: JSONObject, to customer: String) throws(APIFailure) {
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
