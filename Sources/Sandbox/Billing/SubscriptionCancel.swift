import JSON

/// Ways to end a subscription: at once, at the period's end, at a given time; and back again before it happens.
extension Account {
    // MARK: Later

    /// `cancel_at`, `cancel_at_period_end` and `cancellation_details` of an update or a creation. `periodEnd`: the end
    /// of the current period where there is one.
    func applyEnd(
        _ params: JSONObject, to subscription: inout JSONObject, periodEnd: Int64?
    ) throws(APIFailure) {
        if let details = params["cancellation_details"]?.objectValue {
            var merged = subscription.object("cancellation_details")
            merged.copy(["comment", "feedback", "feedback_option"], from: details)
            subscription["cancellation_details"] = .object(merged)
        }
        if params.flag("cancel_at_period_end"), let time = params["cancel_at"], time != .null {
            throw .invalid("You may only specify one of these parameters: cancel_at, cancel_at_period_end.")
        }
        switch params["cancel_at"] {
        case .integer(let time):
            scheduleEnd(at: try future(time, "cancel_at"), atPeriodEnd: false, in: &subscription)
        case .string(let word):
            let ends = items(of: subscription.id).compactMap { $0.integer("current_period_end") }
            guard let time = word == "min_period_end" ? ends.min() : ends.max() else { throw .notEmulated("cancel_at") }
            scheduleEnd(at: time, atPeriodEnd: false, in: &subscription)
        case .null?: Self.unscheduleEnd(&subscription)
        default: break
        }
        guard let flag = params["cancel_at_period_end"]?.boolValue else { return }
        if !flag {
            if subscription.flag("cancel_at_period_end") { Self.unscheduleEnd(&subscription) }
        } else if let periodEnd {
            scheduleEnd(at: periodEnd, atPeriodEnd: true, in: &subscription)
        }
    }

    func scheduleEnd(at end: Int64, atPeriodEnd: Bool, in subscription: inout JSONObject) {
        subscription["cancel_at"] = .integer(end)
        subscription["cancel_at_period_end"] = .bool(atPeriodEnd)
        subscription["canceled_at"] = .integer(now)
        subscription.set("cancellation_details", "reason", to: "cancellation_requested")
    }

    static func unscheduleEnd(_ subscription: inout JSONObject) {
        subscription["cancel_at"] = .null
        subscription["cancel_at_period_end"] = false
        subscription["canceled_at"] = .null
        subscription.set("cancellation_details", "reason", to: .null)
    }

    /// `cancel_at_period_end` at creation, once the items have their periods.
    func applyPeriodEndCancellation(_ params: JSONObject, to id: String) throws(APIFailure) {
        guard params.flag("cancel_at_period_end") else { return }
        let end = items(of: id).compactMap { $0.integer("current_period_end") }.max()
        var subscription = known(.subscription, id)
        try applyEnd(["cancel_at_period_end": true], to: &subscription, periodEnd: end)
        put(.subscription, subscription)
    }

    /// `cancel_at` inside the current period shortens it and gives back the rest (recorded in no session; as the
    /// reference describes it); a later end, or none, restores what it cut and asks for it again.
    func fitPeriods(of id: String, prorates: Bool, _ outcome: inout ChangeOutcome) throws(APIFailure) {
        let subscription = known(.subscription, id)
        guard !Self.isTrialing(subscription) else { return }
        for item in items(of: id) {
            let end = item.integer("current_period_end") ?? now
            let whole = max(end, item.integer("_whole_end") ?? end)
            let fitted = min(whole, subscription.integer("cancel_at") ?? whole)
            guard fitted != end else { continue }
            let isProrated = prorates && !Self.isMetered(price(of: item))
            if isProrated, fitted < end { try addUnused(of: item, ProrationWindow(item, date: fitted), subscription) }
            change(.subscriptionItem, item.id) { item in
                item["current_period_end"] = .integer(fitted)
                item["_whole_end"] = fitted < whole ? .integer(whole) : nil
                guard isProrated, fitted < end else { return }
                // What was given back cannot be given back again.
                item["_debits"] = .array(item.array("_debits").compactMap { Debit($0).ending(at: fitted)?.json })
            }
            if isProrated, fitted > end {
                let longer = known(.subscriptionItem, item.id)
                let debit = try addRemaining(of: longer, ProrationWindow(longer, date: end), subscription)
                change(.subscriptionItem, item.id) { $0["_debits"] = .array($0.array("_debits") + [debit.json]) }
            }
            if isProrated { outcome.hasProrations = true }
        }
        refreshPeriod(of: id)
    }

    // MARK: Now

    func cancelSubscription(_ call: Call) throws(APIFailure) -> JSONValue {
        let subscription = try named(.subscription, call.id)
        guard !Self.isOver(subscription) else { throw .absent(.subscription, call.id, param: "id", status: 404) }
        try cancelNow(call.id, call.params)
        return .object(rendered(.subscription, call.id))
    }

    /// Ends a subscription as a DELETE does. With `prorate` the unused time is credited, with `invoice_now` a draft takes
    /// what is pending (recorded); without either what is pending is dropped. Returns the draft.
    @discardableResult
    func cancelNow(_ id: String, _ params: JSONObject) throws(APIFailure) -> String? {
        let subscription = known(.subscription, id)
        if subscription.string("status") == "incomplete" {
            if let invoice = subscription.string("latest_invoice"), known(.invoice, invoice).string("status") == "open" {
                endIncomplete(id, invoice, params)
                return nil
            }
        }
        let customer = subscription.string("customer") ?? ""
        if params.flag("prorate"), !Self.isTrialing(subscription) {
            for item in items(of: id) where !Self.isMetered(price(of: item)) {
                try addUnused(of: item, ProrationWindow(item, date: now), subscription, skipsNothing: true, isFinal: true)
            }
        }
        var invoice: String?
        if params.flag("invoice_now") {
            invoice = try finalInvoice(of: id)
        } else if !params.flag("prorate") {
            for item in pendingItems(customer: customer, subscription: id) where item.string("_subscription") == id {
                change(.invoiceItem, item.id) { $0["_deleted"] = true }
            }
        }
        var ended = known(.subscription, id)
        try applyEnd(["cancellation_details": params["cancellation_details"] ?? .null], to: &ended, periodEnd: nil)
        ended["canceled_at"] = .integer(now)
        put(.subscription, ended)
        end(id, with: invoice, reason: "cancellation_requested")
        return invoice
    }

    /// The last invoice of a subscription that ends now: what was used and what is pending; nil when there is neither.
    func finalInvoice(of id: String) throws(APIFailure) -> String? {
        let subscription = known(.subscription, id)
        let customer = subscription.string("customer") ?? ""
        var lines: [LineDraft] = []
        for item in items(of: id) where Self.isMetered(price(of: item)) { lines += try usageLines(of: item, until: now) }
        guard !lines.isEmpty || !pendingItems(customer: customer, subscription: id).isEmpty else { return nil }
        let start = items(of: id).compactMap { $0.integer("current_period_start") }.min() ?? now
        let invoice = addInvoice(
            InvoiceDraft(
                customer: customer, subscription: subscription, reason: "subscription_cycle",
                currency: subscription.string("currency") ?? "usd", period: (start, now), lines: lines,
                finalizesLater: true))
        change(.subscription, id) { $0["latest_invoice"] = .string(invoice) }
        return invoice
    }

    /// The last invoice of a subscription that ends as planned: items that stand alone are no business of its.
    func plannedInvoice(of id: String) throws(APIFailure) -> String? {
        let customer = known(.subscription, id).string("customer") ?? ""
        let isOwed =
            items(of: id).contains { Self.isMetered(price(of: $0)) }
            || pendingItems(customer: customer, subscription: id).contains { $0.string("_subscription") == id }
        return isOwed ? try finalInvoice(of: id) : nil
    }

    private func end(_ id: String, with invoice: String?, reason: String?) {
        endSubscription(id, at: now, reason: reason, sparing: invoice)
        if let invoice { emit("invoice.created", .invoice, invoice) }
    }

    /// The time has come that `cancel_at` or a schedule named. Usage that leaves the bounds of amounts is not asked for.
    func endAsPlanned(_ id: String, reason: String? = nil) {
        end(id, with: try? plannedInvoice(of: id), reason: reason)
    }

    /// Canceling before the first payment: the subscription never began, its invoice is void.
    private func endIncomplete(_ id: String, _ invoice: String, _ params: JSONObject) {
        change(.subscription, id) {
            $0["status"] = "incomplete_expired"
            $0["canceled_at"] = .integer(now)
            $0["ended_at"] = .integer(now)
            $0.set("cancellation_details", "reason", to: "cancellation_requested")
        }
        emit("customer.subscription.deleted", .subscription, id)
        subscriptionEnded(known(.subscription, id), reason: nil)
        void(invoice)
    }
}
