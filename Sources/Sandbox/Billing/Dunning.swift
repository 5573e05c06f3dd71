import JSON

/// Dunning: what follows an attempt that failed or a due date that passed. Retries by the account's schedule, then the
/// end that its settings say (docs.stripe.com/billing/revenue-recovery/smart-retries).
extension Account {
    // MARK: Attempts

    /// Counts a failed attempt. An `automatic` one is counted every time and followed by the next of the schedule; of the
    /// others only the first is counted. Debits are not tried again.
    func countAttempt(_ id: String, automatic: Bool) {
        let before = rendered(.invoice, id)
        let days = settings.retryDays
        change(.invoice, id) { invoice in
            let count = invoice.integer("attempt_count") ?? 0
            invoice["attempted"] = true
            if automatic || count == 0 { invoice["attempt_count"] = .integer(count + 1) }
            guard automatic else { return }
            let next = count < Int64(days.count) ? days[Int(count)] : nil
            invoice["next_payment_attempt"] = .optional(next.map { now + $0 * CivilDate.secondsPerDay })
        }
        if automatic { emitUpdate("invoice.updated", .invoice, id, since: before) }
    }

    /// An attempt failed. The first invoice leaves an incomplete subscription as it is; later ones make it past due,
    /// and the last automatic retry ends it.
    func paymentFailed(_ invoiceID: String, automatic: Bool = false) {
        let invoice = known(.invoice, invoiceID)
        if automatic { becomeDelinquent(invoice.string("customer") ?? "") }
        guard let id = invoice.string("_subscription"), let subscription = find(.subscription, id),
            !Self.isOver(subscription), subscription.string("status") != "incomplete",
            subscription.string("_pending_invoice") != invoiceID
        else { return }
        let isLast = automatic && (invoice.integer("attempt_count") ?? 0) > Int64(settings.retryDays.count)
        if isLast { finishRetries(id) } else { fallPastDue(subscription) }
    }

    private func fallPastDue(_ subscription: JSONObject) {
        guard subscription.string("status") == "active" else { return }
        let before = render(.subscription, subscription)
        change(.subscription, subscription.id) { $0["status"] = "past_due" }
        emitUpdate("customer.subscription.updated", .subscription, subscription.id, since: before)
    }

    func becomeDelinquent(_ customer: String) {
        guard let found = find(.customer, customer), !found.flag("delinquent") else { return }
        let before = render(.customer, found)
        change(.customer, customer) { $0["delinquent"] = true }
        emitUpdate("customer.updated", .customer, customer, since: before)
    }

    // MARK: The end of retries

    /// Nobody will try again. The invoice stays open.
    private func finishRetries(_ id: String) {
        let subscription = known(.subscription, id)
        let before = render(.subscription, subscription)
        switch settings.afterRetries {
        case .cancel: endSubscription(id, at: now, reason: "payment_failed")
        case .pastDue: fallPastDue(subscription)
        case .unpaid:
            change(.subscription, id) { $0["status"] = "unpaid" }
            emitUpdate("customer.subscription.updated", .subscription, id, since: before)
        case .pause:
            stop(id, because: "final_payment_failure", at: now)
            emit("customer.subscription.paused", .subscription, id)
            emitUpdate("customer.subscription.updated", .subscription, id, since: before)
        }
    }

    // MARK: Invoices that are sent

    /// A sent invoice is not paid at its due date; the second time that this is called, it is given up.
    func passDeadline(_ id: String) {
        let invoice = known(.invoice, id)
        let isFirst = !invoice.flag("_is_overdue")
        let patience = isFirst ? settings.overdueDays : nil
        change(.invoice, id) {
            $0["_is_overdue"] = true
            $0["_deadline"] = .optional(patience.map { now + $0 * CivilDate.secondsPerDay })
        }
        if isFirst {
            emit("invoice.overdue", .invoice, id)
            becomeDelinquent(invoice.string("customer") ?? "")
        }
        guard let subscription = invoice.string("_subscription").flatMap({ find(.subscription, $0) }),
            !Self.isOver(subscription)
        else { return }
        if isFirst { fallPastDue(subscription) } else { finishRetries(subscription.id) }
    }
}
