import JSON

/// `POST /v1/invoices/{invoice}/attach_payment`: a payment that was made by itself pays an open invoice, or a part of it.
extension Account {
    static let attachedPaymentRoutes: [Route] = [
        Route(
            "POST /v1/invoices/{invoice}/attach_payment", "payment_intent payment_record", Account.attachPayment)
    ]

    func attachPayment(_ call: Call) throws(APIFailure) -> JSONValue {
        let invoice = try named(.invoice, call.id, param: "id")
        if call.params.has("payment_record") { throw .notEmulated("payment_record") }
        guard let id = call.params.string("payment_intent") else { throw .missing("payment_intent") }
        let intent = try referred(.paymentIntent, id, param: "payment_intent")
        guard invoice.string("status") == "open" else {
            throw .invalid("You can only pass in open invoices. This invoice isn't open.")
        }
        try checkAttachable(intent, to: invoice)
        let remaining = invoice.integer("amount_remaining") ?? 0
        let amount = min(remaining, intent.integer("amount_received") ?? 0)
        change(.paymentIntent, id) { $0["_invoice"] = .string(invoice.id) }
        if amount == remaining {
            dropDefaultPayment(of: invoice)
            _ = addInvoicePayment(of: id, amount, to: invoice)
            markPaid(invoice.id, automatic: false)
        } else {
            payPart(of: invoice, by: id, amount)
        }
        return .object(rendered(.invoice, invoice.id))
    }

    private func checkAttachable(_ intent: JSONObject, to invoice: JSONObject) throws(APIFailure) {
        let param = "payment_intent"
        guard !intent.has("_invoice") else {
            throw .invalid("The PaymentIntent \(intent.id) is already attached to an invoice.", param: param)
        }
        guard intent.string("currency") == invoice.string("currency") else {
            throw .invalid("The PaymentIntent's currency must be that of the invoice.", param: param)
        }
        let owner = intent.string("customer")
        guard owner == nil || owner == invoice.string("customer") else {
            throw .invalid("The PaymentIntent's customer must be that of the invoice.", param: param)
        }
        // One that is still to be paid would have to hold a part of the invoice until then.
        guard intent.string("status") == "succeeded" else { throw .notEmulated(param) }
    }

    /// Stores the invoice payment of an intent that is not the invoice's own.
    private func addInvoicePayment(of intent: String, _ amount: Int64, to invoice: JSONObject) -> String {
        let id = newID(.invoicePayment)
        put(
            .invoicePayment,
            [
                "id": .string(id), "object": "invoice_payment", "amount_paid": nil, "amount_requested": .integer(amount),
                "created": .integer(now), "currency": invoice["currency"] ?? .null, "invoice": .string(invoice.id),
                "is_default": false, "livemode": false,
                "payment": ["payment_intent": .string(intent), "type": "payment_intent"], "status": "open",
                "status_transitions": ["canceled_at": nil, "paid_at": nil],
            ])
        return id
    }

    /// Nothing is left for the intent that the invoice was made with.
    private func dropDefaultPayment(of invoice: JSONObject) {
        for payment in all(.invoicePayment, where: "invoice", is: invoice.id) where payment.string("status") == "open" {
            change(.invoicePayment, payment.id) {
                $0["status"] = "canceled"
                $0.set("status_transitions", "canceled_at", to: .integer(now))
            }
        }
        if let own = invoice.string("_intent") { cancelIntent(own, reason: nil) }
    }

    /// The invoice's own intent asks for the rest from now on.
    private func payPart(of invoice: JSONObject, by intent: String, _ amount: Int64) {
        let before = render(.invoice, invoice)
        let rest = (invoice.integer("amount_remaining") ?? 0) - amount
        for payment in all(.invoicePayment, where: "invoice", is: invoice.id) where payment.string("status") == "open" {
            change(.invoicePayment, payment.id) { $0["amount_requested"] = .integer(rest) }
        }
        if let own = invoice.string("_intent") { change(.paymentIntent, own) { $0["amount"] = .integer(rest) } }
        let payment = addInvoicePayment(of: intent, amount, to: invoice)
        change(.invoicePayment, payment) {
            $0["status"] = "paid"
            $0["amount_paid"] = .integer(amount)
            $0.set("status_transitions", "paid_at", to: .integer(now))
        }
        change(.invoice, invoice.id) {
            $0["amount_paid"] = .integer((invoice.integer("amount_paid") ?? 0) + amount)
            $0["amount_remaining"] = .integer(rest)
        }
        emitUpdate("invoice.updated", .invoice, invoice.id, since: before)
        emit("invoice_payment.paid", .invoicePayment, payment)
    }
}
