import JSON

/// What an invoice's fate does to its subscription and its customer.
extension Account {
    /// An invoice was paid: the subscription comes to life or back to it, a waiting change is applied, and the method is
    /// kept where the subscription asked for that.
    func subscriptionPaid(by invoiceID: String) {
        let invoice = known(.invoice, invoiceID)
        clearDelinquency(of: invoice.string("customer") ?? "")
        guard let id = invoice.string("_subscription"), let subscription = find(.subscription, id),
            !Self.isOver(subscription)
        else { return }
        let before = render(.subscription, subscription)
        keepMethod(of: invoice, in: subscription)
        if subscription.string("_pending_invoice") == invoiceID { applyPendingUpdate(id) }
        change(.subscription, id) { subscription in
            switch subscription.string("status") {
            case "incomplete" where invoice.string("billing_reason") == "subscription_create":
                subscription["status"] = "active"
            case "past_due", "unpaid":
                if !hasOpenInvoice(id) { subscription["status"] = "active" }
            default: break
            }
        }
        if subscription.string("status") == "paused", subscription.string("_resume_invoice") == invoiceID { activate(id) }
        emitUpdate("customer.subscription.updated", .subscription, id, since: before)
    }

    private func hasOpenInvoice(_ subscription: String) -> Bool {
        all(.invoice, where: "_subscription", is: subscription).contains { $0.string("status") == "open" }
    }

    /// `save_default_payment_method=on_subscription`.
    private func keepMethod(of invoice: JSONObject, in subscription: JSONObject) {
        guard subscription.object("payment_settings").string("save_default_payment_method") == "on_subscription",
            let intent = invoice.string("_intent"),
            let method = known(.paymentIntent, intent).string("payment_method"),
            find(.paymentMethod, method)?.string("customer") == subscription.string("customer")
        else { return }
        change(.subscription, subscription.id) { $0["default_payment_method"] = .string(method) }
    }

    func clearDelinquency(of customer: String) {
        guard let found = find(.customer, customer), found.flag("delinquent") else { return }
        let before = render(.customer, found)
        change(.customer, customer) { $0["delinquent"] = false }
        emitUpdate("customer.updated", .customer, customer, since: before)
    }

    /// An invoice was voided or given up: the first one takes the subscription with it when voided; otherwise the
    /// subscription is in good standing again once nothing else is open.
    func subscriptionReleased(by invoiceID: String, voided: Bool) {
        let invoice = known(.invoice, invoiceID)
        guard let id = invoice.string("_subscription"), let subscription = find(.subscription, id) else { return }
        if !voided, subscription.string("_resume_invoice") == invoiceID { return finishResuming(id) }
        let before = render(.subscription, subscription)
        change(.subscription, id) { subscription in
            switch subscription.string("status") {
            case "incomplete": subscription["status"] = voided ? "incomplete_expired" : "active"
            case "past_due", "unpaid":
                if !hasOpenInvoice(id) { subscription["status"] = "active" }
            default: break
            }
        }
        if subscription.string("_pending_invoice") == invoiceID { expirePendingUpdate(id) }
        emitUpdate("customer.subscription.updated", .subscription, id, since: before)
        let after = known(.subscription, id)
        if Self.isOver(after) { subscriptionEnded(after, reason: "payment_failed") }
    }

    // MARK: The end

    /// Ends a subscription: no more periods, open invoices are no longer pursued, `sparing` the one that the end itself
    /// made. `reason` nil where nobody asked.
    func endSubscription(_ id: String, at time: Int64, reason: String?, sparing last: String? = nil) {
        change(.subscription, id) { subscription in
            subscription["status"] = "canceled"
            if subscription["canceled_at"]?.isNull ?? true { subscription["canceled_at"] = .integer(time) }
            subscription["ended_at"] = .integer(time)
            subscription["pending_update"] = .null
            subscription["_pending_invoice"] = nil
            if let reason { subscription.set("cancellation_details", "reason", to: .string(reason)) }
        }
        emit("customer.subscription.deleted", .subscription, id)
        subscriptionEnded(known(.subscription, id), reason: reason)
        for invoice in all(.invoice, where: "_subscription", is: id)
        where ["open", "draft"].contains(invoice.string("status") ?? "") && invoice.id != last {
            let before = render(.invoice, invoice)
            change(.invoice, invoice.id) {
                $0["auto_advance"] = false
                $0["next_payment_attempt"] = .null
                $0["automatically_finalizes_at"] = .null
            }
            emitUpdate("invoice.updated", .invoice, invoice.id, since: before)
        }
    }
}
