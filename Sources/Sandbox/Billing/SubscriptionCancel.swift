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
            let whole = item.integer("_whole_end") ?? end
            let fitted = min(whole, subscription.integer("cancel_at") ?? whole)
            guard fitted != end else { continue }
            if prorates {
                try prorateFit(item, subscription, from: end, to: fitted, whole: whole)
                outcome.hasProrations = true
            }
            change(.subscriptionItem, item.id) {
                $0["current_period_end"] = .integer(fitted)
                $0["_whole_end"] = fitted < whole ? .integer(whole) : nil
            }
        }
        refreshPeriod(of: id)
    }

    private func prorateFit(
        _ item: JSONObject, _ subscription: JSONObject, from end: Int64, to fitted: Int64, whole: Int64
    ) throws(APIFailure) {
        let price = price(of: item)
        let quantity = item.integer("quantity") ?? 1
        let name = productName(of: price)
        var debits = item.array("_debits").map { Debit($0) }
        if fitted < end {
            let credit = try credit(
                for: item, ProrationWindow(item, date: fitted), flexible: Self.isFlexible(subscription))
            addProration(
                ProrationItem(
                    amount: credit.amount, quantity: quantity, price: price,
                    description: Wording.unused(quantity, name, after: fitted), period: (fitted, end),
                    credited: credit.credited),
                item: item, subscription: subscription)
            // What was given back cannot be given back again.
            debits = debits.compactMap { $0.ending(at: fitted) }
        } else {
            let start = item.integer("current_period_start") ?? end
            guard let amount = Self.amount(price, quantity)?.share(fitted - end, of: whole - start)?.floored else {
                throw .amountTooLarge
            }
            let made = addProration(
                ProrationItem(
                    amount: amount, quantity: quantity, price: price,
                    description: Wording.remaining(quantity, name, after: end), period: (end, fitted)),
                item: item, subscription: subscription)
            debits.append(
                Debit(amount: amount, start: end, end: fitted, invoice: nil, line: nil, invoiceItem: made))
        }
        change(.subscriptionItem, item.id) { $0["_debits"] = .array(debits.map(\.json)) }
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
            for item in items(of: id) { try creditUnusedTime(of: item, subscription) }
        }
        var invoice: String?
        if params.flag("invoice_now") {
            invoice = finalInvoice(of: subscription)
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

    /// The draft of what is still pending for a subscription that ends; nil where nothing is.
    private func finalInvoice(of subscription: JSONObject) -> String? {
        let customer = subscription.string("customer") ?? ""
        guard !pendingItems(customer: customer, subscription: subscription.id).isEmpty else { return nil }
        let start = items(of: subscription.id).compactMap { $0.integer("current_period_start") }.min() ?? now
        return addInvoice(
            InvoiceDraft(
                customer: customer, subscription: subscription, reason: "subscription_cycle",
                currency: subscription.string("currency") ?? "usd", period: (start, now), lines: [],
                finalizesLater: true))
    }

    private func end(_ id: String, with invoice: String?, reason: String?) {
        if let invoice { change(.subscription, id) { $0["latest_invoice"] = .string(invoice) } }
        endSubscription(id, at: now, reason: reason, sparing: invoice)
        if let invoice { emit("invoice.created", .invoice, invoice) }
    }

    /// The time has come that `cancel_at` or a schedule named.
    func endAsPlanned(_ id: String, reason: String? = nil) {
        let subscription = known(.subscription, id)
        let isOwed = pendingItems(customer: subscription.string("customer") ?? "", subscription: id)
            .contains { $0.string("_subscription") == id }
        end(id, with: isOwed ? finalInvoice(of: subscription) : nil, reason: reason)
    }

    private func creditUnusedTime(of item: JSONObject, _ subscription: JSONObject) throws(APIFailure) {
        let window = ProrationWindow(item, date: now)
        let credit = try credit(for: item, window, flexible: Self.isFlexible(subscription))
        guard credit.amount != 0 else { return }
        let price = price(of: item)
        let quantity = item.integer("quantity") ?? 1
        addProration(
            ProrationItem(
                amount: credit.amount, quantity: quantity, price: price,
                description: Wording.unused(quantity, productName(of: price), after: window.date),
                period: (window.date, window.end), isFinal: true),
            item: item, subscription: subscription)
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
