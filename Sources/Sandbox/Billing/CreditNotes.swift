import JSON

/// Credit notes: they lower what an open invoice still asks for, and say where what was paid too much goes: to the
/// customer's balance, back to the card, or outside Stripe (docs.stripe.com/api/credit_notes).
extension Account {
    private static let creditNoteTable = """
        amount:int credit_amount:int effective_at:int email_type:(credit_note|none) invoice! lines:[{amount:int \
        description invoice_line_item metadata:map quantity:int tax_amounts?:any tax_rates?:[text] \
        type!:(custom_line_item|invoice_line_item) unit_amount:int unit_amount_decimal:dec}] memo metadata:map \
        out_of_band_amount:int reason:(duplicate|fraudulent|order_change|product_unsatisfactory) refund_amount:int \
        refunds:[{amount_refunded:int payment_record_refund:any refund type:(payment_record_refund|refund)}] \
        shipping_cost:any
        """

    static let creditNoteRoutes: [Route] = [
        Route("POST /v1/credit_notes", creditNoteTable, Account.createCreditNote),
        Route("GET /v1/credit_notes", "@list customer customer_account invoice", Account.listCreditNotes),
        Route("GET /v1/credit_notes/preview", creditNoteTable, Account.previewCreditNote),
        Route("GET /v1/credit_notes/preview/lines", creditNoteTable + " @page", Account.previewCreditNoteLines),
        Route("GET /v1/credit_notes/{id}", "", Account.retrieveCreditNote),
        Route("POST /v1/credit_notes/{id}", "memo metadata:map", Account.updateCreditNote),
        Route("POST /v1/credit_notes/{id}/void", "", Account.voidCreditNote),
        Route("GET /v1/credit_notes/{id}/lines", "@page", Account.listCreditNoteLines),
    ]

    // MARK: Reading

    func retrieveCreditNote(_ call: Call) throws(APIFailure) -> JSONValue {
        .object(render(.creditNote, try named(.creditNote, call.id)))
    }

    func listCreditNotes(_ call: Call) throws(APIFailure) -> JSONValue {
        if let invoice = call.params.string("invoice") { _ = try referred(.invoice, invoice, param: "invoice") }
        return try list(.creditNote, call) { Self.agrees($0, call.params, ["customer", "invoice"]) }
    }

    func listCreditNoteLines(_ call: Call) throws(APIFailure) -> JSONValue {
        _ = try named(.creditNote, call.id)
        return try page(.creditNoteLine, all(.creditNoteLine, where: "_note", is: call.id), call)
    }

    func renderCreditNote(_ note: JSONObject) -> JSONObject {
        var shown = note.withoutHidden
        let lines = all(.creditNoteLine, where: "_note", is: note.id).map { JSONValue.object($0.withoutHidden) }
        shown["lines"] = Self.embedded(lines, url: "/v1/credit_notes/\(note.id)/lines")
        return shown
    }

    // MARK: Making

    func createCreditNote(_ call: Call) throws(APIFailure) -> JSONValue {
        let id = try addCreditNote(call.params)
        return .object(rendered(.creditNote, id))
    }

    /// The same rules, and then nothing of it has happened.
    func previewCreditNote(_ call: Call) throws(APIFailure) -> JSONValue {
        let point = savepoint
        defer { rollback(to: point) }
        return .object(rendered(.creditNote, try addCreditNote(call.params)))
    }

    func previewCreditNoteLines(_ call: Call) throws(APIFailure) -> JSONValue {
        let point = savepoint
        defer { rollback(to: point) }
        let id = try addCreditNote(call.params)
        return try page(.creditNoteLine, all(.creditNoteLine, where: "_note", is: id), call)
    }

    private func addCreditNote(_ params: JSONObject) throws(APIFailure) -> String {
        try refuseUnemulated(params, ["shipping_cost"])
        for name in ["credit_amount", "out_of_band_amount"] {
            try Self.check(params, name, in: 0...ExactAmount.largest)
        }
        let invoiceID = params.string("invoice") ?? ""
        let invoice = try referred(.invoice, invoiceID, param: "invoice")
        let status = invoice.string("status") ?? ""
        guard ["open", "paid", "uncollectible"].contains(status) else {
            throw .invalid(
                "Credit notes can only be created on open, paid, or uncollectible invoices. This invoice is \(status).")
        }
        let id = newID(.creditNote)
        let lines = try creditedLines(params, invoice)
        let amount = lines.reduce(Int64(0)) { $0 + $1.total }
        let earlier = creditNotes(of: invoiceID)
        let rest = (invoice.integer("total") ?? 0) - earlier.reduce(Int64(0)) { $0 + ($1.integer("amount") ?? 0) }
        guard amount > 0 else { throw .invalid("The credit note amount must be greater than 0.", param: "amount") }
        let currency = invoice.string("currency") ?? "usd"
        guard amount <= rest else {
            throw .invalid(
                "The credit note amount (\(Wording.money(amount, currency))) is greater than what can still be credited "
                    + "on the invoice (\(Wording.money(rest, currency))).", param: "amount")
        }
        let isOpen = status != "paid"
        let before = isOpen ? min(amount, invoice.integer("amount_remaining") ?? 0) : 0
        let after = amount - before
        let credit = params.integer("credit_amount") ?? 0
        let outside = params.integer("out_of_band_amount") ?? 0
        let refunds = try creditedRefunds(params, of: invoiceID)
        guard credit + outside + refunds.total == after else {
            throw .invalid(
                "The sum of `credit_amount`, `refund_amount` and `out_of_band_amount` must equal the amount of the credit "
                    + "note that was paid already (\(Wording.money(after, currency))).")
        }
        let shown = render(.invoice, invoice)
        put(
            .creditNote,
            creditNote(
                id, params, invoice, lines, number: earlier.count + 1,
                amounts: (before: before, after: after, outside: outside)))
        for line in lines { put(.creditNoteLine, creditNoteLine(line, of: id)) }
        let sent = sendBack(refunds)
        change(.creditNote, id) { $0["refunds"] = sent }
        lowerInvoice(invoiceID, before: before, after: after)
        if credit > 0 { creditCustomer(of: invoice, by: credit, for: id) }
        emit("credit_note.created", .creditNote, id)
        emitUpdate("invoice.updated", .invoice, invoiceID, since: shown)
        settleCredited(invoiceID)
        return id
    }

    func creditNotes(of invoice: String) -> [JSONObject] {
        all(.creditNote, where: "invoice", is: invoice).filter { $0.string("status") == "issued" }
    }

    private func creditCustomer(of invoice: JSONObject, by amount: Int64, for note: String) {
        let customer = invoice.string("customer") ?? ""
        let before = rendered(.customer, customer)
        let transaction = moveBalance(
            of: customer, by: -amount, type: "credit_note", currency: invoice.string("currency") ?? "usd",
            invoice: invoice.id)
        change(.customerBalanceTransaction, transaction) { $0["credit_note"] = .string(note) }
        change(.creditNote, note) { $0["customer_balance_transaction"] = .string(transaction) }
        emitUpdate("customer.updated", .customer, customer, since: before)
    }

    /// Takes `before` from what is still due, and notes what came after the payment.
    private func lowerInvoice(_ id: String, before: Int64, after: Int64) {
        change(.invoice, id) { invoice in
            for key in ["amount_due", "amount_remaining"] {
                invoice[key] = .integer((invoice.integer(key) ?? 0) - before)
            }
            for (key, more) in [
                ("pre_payment_credit_notes_amount", before), ("post_payment_credit_notes_amount", after),
            ] {
                invoice[key] = .integer((invoice.integer(key) ?? 0) + more)
            }
        }
    }

    /// The intent asks for what remains; an invoice of which nothing does is paid.
    private func settleCredited(_ id: String) {
        let invoice = known(.invoice, id)
        guard invoice.string("status") == "open" || invoice.string("status") == "uncollectible",
            let remaining = invoice.integer("amount_remaining")
        else { return }
        if remaining == 0 { return markPaid(id, automatic: false, elsewhere: true) }
        if let intent = invoice.string("_intent") {
            change(.paymentIntent, intent) { $0["amount"] = .integer(remaining) }
        }
        for payment in all(.invoicePayment, where: "invoice", is: id) where payment.string("status") == "open" {
            change(.invoicePayment, payment.id) { $0["amount_requested"] = .integer(remaining) }
        }
    }

    private func creditNote(
        _ id: String, _ params: JSONObject, _ invoice: JSONObject, _ lines: [CreditedLine], number: Int,
        amounts: (before: Int64, after: Int64, outside: Int64)
    ) -> JSONObject {
        let subtotal = lines.reduce(Int64(0)) { $0 + $1.amount }
        let discounts = DiscountShare.sums(lines.flatMap(\.discounts))
        let discount = discounts.reduce(Int64(0)) { $0 + $1.amount }
        let taxes = lines.flatMap(\.taxes)
        let included = Self.total(ofTaxes: taxes, "inclusive")
        let total = JSONValue.integer(lines.reduce(Int64(0)) { $0 + $1.total })
        let digits = String(number)
        let type = amounts.before == 0 ? "post_payment" : amounts.after == 0 ? "pre_payment" : "mixed"
        let name =
            "\(invoice.string("number") ?? "")-CN-\(String(repeating: "0", count: max(0, 2 - digits.count)))\(digits)"
        return [
            "id": .string(id), "object": "credit_note", "amount": total, "amount_shipping": 0, "created": .integer(now),
            "currency": invoice["currency"] ?? .null, "customer": invoice["customer"] ?? .null, "customer_account": nil,
            "customer_balance_transaction": nil, "discount_amount": .integer(discount),
            "discount_amounts": .array(discounts.map(\.json)), "effective_at": params["effective_at"] ?? .integer(now),
            "invoice": .string(invoice.id), "livemode": false, "memo": params["memo"] ?? .null,
            "metadata": Self.newMetadata(params), "number": .string(name),
            "out_of_band_amount": amounts.outside == 0 ? .null : .integer(amounts.outside),
            "pdf": .string("https://pay.stripe.com/credit_notes/acct_1\(Self.fragment)/test_\(id)/pdf?s=ap"),
            "post_payment_amount": .integer(amounts.after), "pre_payment_amount": .integer(amounts.before),
            "pretax_credit_amounts": .array(discounts.map(\.pretaxCredit)), "reason": params["reason"] ?? .null,
            "refunds": [], "shipping_cost": nil, "status": "issued", "subtotal": .integer(subtotal),
            "subtotal_excluding_tax": .integer(subtotal - included), "total": total,
            "total_excluding_tax": .integer(subtotal - discount - included),
            "total_taxes": .array(Self.sums(ofTaxes: taxes)), "type": .string(type), "voided_at": nil,
        ]
    }

    // MARK: Changing

    func updateCreditNote(_ call: Call) throws(APIFailure) -> JSONValue {
        let before = render(.creditNote, try named(.creditNote, call.id))
        change(.creditNote, call.id) { note in
            note.copy(["memo"], from: call.params)
            Self.mergeMetadata(call.params["metadata"], into: &note)
        }
        emitUpdate("credit_note.updated", .creditNote, call.id, since: before)
        return .object(rendered(.creditNote, call.id))
    }

    /// Only what lowered an invoice that is still open can be taken back.
    func voidCreditNote(_ call: Call) throws(APIFailure) -> JSONValue {
        let note = try named(.creditNote, call.id)
        guard note.string("status") == "issued" else { throw .invalid("This credit note has already been voided.") }
        let invoice = known(.invoice, note.string("invoice") ?? "")
        guard note.string("type") == "pre_payment", invoice.string("status") == "open" else {
            throw .invalid("You can only void a credit note while its invoice is open.")
        }
        let shown = render(.invoice, invoice)
        change(.creditNote, call.id) {
            $0["status"] = "void"
            $0["voided_at"] = .integer(now)
        }
        lowerInvoice(invoice.id, before: -(note.integer("pre_payment_amount") ?? 0), after: 0)
        settleCredited(invoice.id)
        emit("credit_note.voided", .creditNote, call.id)
        emitUpdate("invoice.updated", .invoice, invoice.id, since: shown)
        return .object(rendered(.creditNote, call.id))
    }
}
