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
            schedule(end: try future(time, "cancel_at"), atPeriodEnd: false, in: &subscription)
        case .string(let word):
            let ends = items(of: subscription.id).compactMap { $0.integer("current_period_end") }
            guard let time = word == "min_period_end" ? ends.min() : ends.max() else { throw .notEmulated("cancel_at") }
            schedule(end: time, atPeriodEnd: false, in: &subscription)
        case .null?: unschedule(&subscription)
        default: break
        }
        guard let flag = params["cancel_at_period_end"]?.boolValue else { return }
        if !flag {
            if subscription.flag("cancel_at_period_end") { unschedule(&subscription) }
        } else if let periodEnd {
            schedule(end: periodEnd, atPeriodEnd: true, in: &subscription)
        }
    }

    private func schedule(end: Int64, atPeriodEnd: Bool, in subscription: inout JSONObject) {
        subscription["cancel_at"] = .integer(end)
        subscription["cancel_at_period_end"] = .bool(atPeriodEnd)
        subscription["canceled_at"] = .integer(now)
        subscription.set("cancellation_details", "reason", to: "cancellation_requested")
    }

    private func unschedule(_ subscription: inout JSONObject) {
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
        endSubscription(id, at: now, reason: "cancellation_requested")
        if let invoice {
            // The last draft is the one that still advances: it was made by the end itself.
            change(.invoice, invoice) {
                $0["auto_advance"] = true
                $0["next_payment_attempt"] = .integer(now + 3600)
                $0["automatically_finalizes_at"] = .integer(now + 3601)
            }
            emit("invoice.created", .invoice, invoice)
        }
        return invoice
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
        void(invoice)
    }
}
