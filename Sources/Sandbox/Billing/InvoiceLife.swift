import JSON

/// An invoice's life after the draft: finalized, paid, failed, voided, and what that does to its subscription.
extension Account {
    // MARK: Finalizing

    /// What an invoice comes to with the customer's balance: a credit beyond the total is kept, and an amount below the
    /// smallest charge is carried over as debt (recorded: 1 cent leaves ending_balance 1).
    struct Settlement: Equatable {
        let amountDue: Int64
        let endingBalance: Int64
        let isTooSmall: Bool

        init(total: Int64, balance: Int64, minimum: Int64) {
            let sum = total &+ balance
            isTooSmall = sum > 0 && sum < minimum
            amountDue = sum >= minimum ? sum : 0
            endingBalance = amountDue > 0 ? 0 : sum
        }
    }

    func settlement(of invoice: JSONObject) -> Settlement {
        Settlement(
            total: invoice.integer("total") ?? 0,
            balance: balance(
                of: invoice.string("customer") ?? "", in: invoice.string("currency") ?? "usd"),
            minimum: Self.minimumCharge(invoice.string("currency") ?? "usd"))
    }

    /// What an invoice shows of its customer, and keeps as it is when it becomes final.
    static let customerDetails = [
        ("customer_address", "address"), ("customer_email", "email"), ("customer_name", "name"),
        ("customer_phone", "phone"), ("customer_shipping", "shipping"), ("customer_tax_exempt", "tax_exempt"),
    ]

    /// Makes a draft final: number, balance, and either paid at once (nothing is due) or open with a payment intent.
    func finalize(_ id: String) {
        countLateUsage(of: id)
        let draft = known(.invoice, id)
        let customerID = draft.string("customer") ?? ""
        let customer = known(.customer, customerID)
        let settled = settlement(of: draft)
        let balance = balance(of: customerID, in: draft.string("currency") ?? "usd")
        let sequence = customer.integer("next_invoice_sequence") ?? 1
        let digits = String(sequence)
        let number =
            "\(customer.string("invoice_prefix") ?? "")-\(String(repeating: "0", count: max(0, 4 - digits.count)))\(digits)"
        let page = "acct_1\(Self.fragment)/test_\(id)"
        change(.customer, customerID) { $0["next_invoice_sequence"] = .integer(sequence + 1) }
        change(.invoice, id) { invoice in
            invoice["status"] = "open"
            if invoice["number"]?.isNull ?? true { invoice["number"] = .string(number) }
            if invoice["effective_at"]?.isNull ?? true { invoice["effective_at"] = .integer(now) }
            invoice.set("status_transitions", "finalized_at", to: .integer(now))
            invoice["starting_balance"] = .integer(balance)
            invoice["ending_balance"] = .integer(settled.endingBalance)
            invoice["amount_due"] = .integer(settled.amountDue)
            invoice["amount_remaining"] = .integer(settled.amountDue)
            invoice["automatically_finalizes_at"] = .null
            invoice["next_payment_attempt"] = .null
            invoice["hosted_invoice_url"] = .string("https://invoice.stripe.com/i/\(page)?s=ap")
            invoice["invoice_pdf"] = .string("https://pay.stripe.com/invoice/\(page)/pdf?s=ap")
            for (shown, member) in Self.customerDetails { invoice[shown] = customer[member] ?? .null }
            invoice["customer_tax_ids"] = shownTaxIDs(of: customerID)
            if invoice.object("automatic_tax").flag("enabled") {
                invoice.set("automatic_tax", "provider", to: "stripe")
                invoice.set("automatic_tax", "status", to: "complete")
            }
            invoice["_applied"] = .integer(settled.endingBalance - balance)
            if invoice.string("collection_method") == "send_invoice" { invoice["_deadline"] = invoice["due_date"] }
            if invoice.object("rendering").object("pdf").string("page_size") == "auto" {
                invoice.set("rendering", "pdf", "page_size", to: "letter")
            }
        }
        emit("invoice.finalized", .invoice, id)
        consumeDiscounts(of: id)
        if settled.endingBalance != balance {
            let before = rendered(.customer, customerID)
            moveBalance(
                of: customerID, by: settled.endingBalance - balance,
                type: settled.isTooSmall ? "invoice_too_small" : "applied_to_invoice",
                currency: draft.string("currency") ?? "usd", invoice: id)
            emitUpdate("customer.updated", .customer, customerID, since: before)
        }
        if settled.amountDue == 0 {
            markPaidWithoutCharge(id)
        } else {
            openIntent(for: id)
        }
    }

    private func markPaidWithoutCharge(_ id: String) {
        change(.invoice, id) { invoice in
            invoice["status"] = "paid"
            invoice["attempted"] = true
            invoice["auto_advance"] = false
            invoice.set("status_transitions", "paid_at", to: .integer(now))
        }
        emit("invoice.paid", .invoice, id)
        subscriptionPaid(by: id)
    }

    /// The payment intent of an open invoice and the invoice payment that joins the two.
    private func openIntent(for id: String) {
        let invoice = known(.invoice, id)
        let amount = invoice.integer("amount_due") ?? 0
        let currency = invoice.string("currency") ?? "usd"
        let reason = invoice.string("billing_reason")
        let intent = addIntent(amount: amount, currency: currency, customer: invoice.string("customer"), automatic: false)
        let method = defaultMethod(ofInvoice: invoice)
        let words = ["subscription_create": "Subscription creation", "manual": "Payment for Invoice"]
        change(.paymentIntent, intent) {
            $0["description"] = .string(words[reason ?? ""] ?? "Subscription update")
            $0["_invoice"] = .string(id)
            if reason == "subscription_create" { $0["setup_future_usage"] = "off_session" }
            if let method {
                $0["payment_method"] = .string(method.id)
                $0["status"] = "requires_confirmation"
            }
        }
        change(.invoice, id) { $0["_intent"] = .string(intent) }
        _ = addInvoicePayment(of: id, amount: amount, intent: intent, isDefault: true)
        emit("payment_intent.created", .paymentIntent, intent)
    }

    /// What a client needs to pay an invoice; null unless there is something to pay.
    func confirmationSecret(ofInvoice id: String) -> JSONValue {
        guard let invoice = find(.invoice, id), invoice.string("status") == "open",
            let intent = invoice.string("_intent")
        else { return .null }
        return [
            "client_secret": known(.paymentIntent, intent)["client_secret"] ?? .null, "type": "payment_intent",
        ]
    }

    // MARK: Paying

    /// Charges an open invoice's intent with the method that it falls to.
    func collect(_ id: String, _ attempt: PaymentAttempt) -> PaymentResult {
        let invoice = known(.invoice, id)
        guard invoice.string("status") == "open", let intent = invoice.string("_intent") else { return .succeeded }
        guard let method = defaultMethod(ofInvoice: invoice) else { return .noMethod }
        return pay(intent, with: method, attempt)
    }

    /// Writes what came of an attempt into the invoice and its subscription. `automatic`: the attempt was the
    /// sandbox's own (a renewal, a retry), which alone is counted every time and tried again.
    func settle(_ id: String, _ result: PaymentResult, automatic: Bool) {
        switch result {
        case .succeeded:
            if known(.invoice, id).string("status") != "paid" { markPaid(id, automatic: automatic) }
        case .processing: debitStarted(id, automatic: automatic)
        case .declined(let failure):
            countAttempt(id, automatic: automatic)
            if failure.code == Decline.authenticationRequired.code {
                emit("invoice.payment_action_required", .invoice, id)
            }
            emit("invoice.payment_failed", .invoice, id)
            paymentFailed(id, automatic: automatic)
        case .requiresAction:
            change(.invoice, id) { $0["attempted"] = true }
            emit("invoice.payment_action_required", .invoice, id)
            paymentFailed(id)
        case .noMethod:
            change(.invoice, id) { $0["attempted"] = true }
            emit("invoice.payment_failed", .invoice, id)
            paymentFailed(id, automatic: automatic)
        }
    }

    /// `outOfBand`: not by Stripe. `elsewhere`: by a payment that is not the invoice's own.
    func markPaid(_ id: String, automatic: Bool, outOfBand: Bool = false, elsewhere: Bool = false) {
        let isOwn = !outOfBand && !elsewhere
        let before = rendered(.invoice, id)
        change(.invoice, id) { invoice in
            let count = invoice.integer("attempt_count") ?? 0
            invoice["status"] = "paid"
            invoice["amount_paid"] = invoice["amount_due"] ?? 0
            invoice["amount_remaining"] = 0
            invoice["auto_advance"] = false
            invoice["next_payment_attempt"] = .null
            invoice.set("status_transitions", "paid_at", to: .integer(now))
            if outOfBand { invoice["amount_paid_off_stripe"] = invoice["amount_paid"] }
            guard isOwn else { return }
            invoice["attempted"] = true
            if automatic || count == 0 { invoice["attempt_count"] = .integer(count + 1) }
        }
        emitUpdate("invoice.updated", .invoice, id, since: before)
        emit("invoice.paid", .invoice, id)
        emit("invoice.payment_succeeded", .invoice, id)
        for payment in all(.invoicePayment, where: "invoice", is: id) where payment.string("status") == "open" {
            change(.invoicePayment, payment.id) {
                $0["status"] = isOwn ? "paid" : "canceled"
                $0["amount_paid"] = isOwn ? $0["amount_requested"] ?? 0 : .null
                $0.set("status_transitions", isOwn ? "paid_at" : "canceled_at", to: .integer(now))
            }
            if isOwn { emit("invoice_payment.paid", .invoicePayment, payment.id) }
        }
        if !isOwn, let intent = known(.invoice, id).string("_intent") { cancelIntent(intent, reason: nil) }
        subscriptionPaid(by: id)
    }

    // MARK: Giving up

    func void(_ id: String) {
        let invoice = known(.invoice, id)
        if let intent = invoice.string("_intent") { cancelIntent(intent, reason: "void_invoice") }
        cancelPayments(of: id)
        change(.invoice, id) {
            $0["status"] = "void"
            $0["auto_advance"] = false
            $0["next_payment_attempt"] = .null
            $0.set("status_transitions", "voided_at", to: .integer(now))
        }
        emit("invoice.voided", .invoice, id)
        let applied = invoice.integer("_applied") ?? 0
        if applied != 0, let customer = invoice.string("customer") {
            let before = rendered(.customer, customer)
            moveBalance(
                of: customer, by: -applied, type: "unapplied_from_invoice",
                currency: invoice.string("currency") ?? "usd", invoice: id)
            emitUpdate("customer.updated", .customer, customer, since: before)
        }
        subscriptionReleased(by: id, voided: true)
    }

    private func cancelPayments(of id: String) {
        for payment in all(.invoicePayment, where: "invoice", is: id) where payment.string("status") == "open" {
            change(.invoicePayment, payment.id) {
                $0["status"] = "canceled"
                $0.set("status_transitions", "canceled_at", to: .integer(now))
            }
        }
    }

    func markUncollectible(_ id: String) {
        change(.invoice, id) {
            $0["status"] = "uncollectible"
            $0["auto_advance"] = false
            $0["next_payment_attempt"] = .null
            $0["status_details"] = ["uncollectible": ["reason": "user_forgiven"]]
            $0.set("status_transitions", "marked_uncollectible_at", to: .integer(now))
        }
        emit("invoice.marked_uncollectible", .invoice, id)
        subscriptionReleased(by: id, voided: false)
    }
}
