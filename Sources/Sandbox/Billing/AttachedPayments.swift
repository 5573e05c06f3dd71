import JSON

/// Payments that were made by themselves and are put towards an invoice, in full or in part
/// (docs.stripe.com/invoicing/partial-payments).
extension Account {
    static let attachedPaymentRoutes: [Route] = [
        Route(
            "POST /v1/invoices/{invoice}/attach_payment", "payment_intent payment_record", Account.attachPayment)
    ]

    func attachPayment(_ call: Call) throws(APIFailure) -> JSONValue {
        let invoice = try named(.invoice, call.id)
        if let record = call.params.string("payment_record") {
            // Only money that came in outside Stripe has one, and nothing reports it here.
            throw .invalid("No such payment record: '\(record)'", param: "payment_record", code: "resource_missing")
        }
        guard let id = call.params.string("payment_intent") else { throw .missing("payment_intent") }
        let intent = try referred(.paymentIntent, id, param: "payment_intent")
        guard invoice.string("status") == "open" else {
            throw .invalid("You can only pass in open invoices. This invoice isn't open.")
        }
        guard intent["customer"] == invoice["customer"], intent["currency"] == invoice["currency"],
            !intent.has("_invoice"), !intent.has("_towards"), intent.string("status") != "canceled"
        else {
            throw .invalid("The PaymentIntent \(id) cannot be attached to this invoice.", param: "payment_intent")
        }
        let remaining = invoice.integer("amount_remaining") ?? 0
        let payment = addInvoicePayment(
            of: call.id, amount: min(remaining, intent.integer("amount") ?? 0), intent: id, isDefault: false)
        change(.paymentIntent, id) { $0["_towards"] = .string(payment) }
        if intent.string("status") == "succeeded" { creditAttached(known(.paymentIntent, id)) }
        return .object(rendered(.invoice, call.id))
    }

    /// Stores an invoice payment without an event.
    func addInvoicePayment(of invoice: String, amount: Int64, intent: String, isDefault: Bool) -> String {
        let id = newID(.invoicePayment)
        put(
            .invoicePayment,
            [
                "id": .string(id), "object": "invoice_payment", "amount_paid": nil,
                "amount_requested": .integer(amount), "created": .integer(now),
                "currency": known(.invoice, invoice)["currency"] ?? "usd", "invoice": .string(invoice),
                "is_default": .bool(isDefault), "livemode": false,
                "payment": ["payment_intent": .string(intent), "type": "payment_intent"], "status": "open",
                "status_transitions": ["canceled_at": nil, "paid_at": nil],
            ])
        return id
    }

    /// A payment that stands for an invoice has succeeded: the invoice asks for so much less, or is paid.
    func creditAttached(_ intent: JSONObject) {
        guard let id = intent.string("_towards") else { return }
        let payment = known(.invoicePayment, id)
        let invoice = payment.string("invoice") ?? ""
        guard payment.string("status") == "open", known(.invoice, invoice).string("status") == "open" else { return }
        let amount = payment.integer("amount_requested") ?? 0
        change(.invoicePayment, id) {
            $0["status"] = "paid"
            $0["amount_paid"] = .integer(amount)
            $0.set("status_transitions", "paid_at", to: .integer(now))
        }
        let remaining = (known(.invoice, invoice).integer("amount_remaining") ?? 0) - amount
        if remaining > 0 {
            let before = rendered(.invoice, invoice)
            change(.invoice, invoice) {
                $0["amount_paid"] = .integer(($0.integer("amount_paid") ?? 0) + amount)
                $0["amount_remaining"] = .integer(remaining)
            }
            emitUpdate("invoice.updated", .invoice, invoice, since: before)
            if let own = known(.invoice, invoice).string("_intent") {
                change(.paymentIntent, own) { $0["amount"] = .integer(remaining) }
            }
        } else {
            markPaid(invoice, automatic: false, elsewhere: true)
        }
        emit("invoice_payment.paid", .invoicePayment, id)
    }
}
