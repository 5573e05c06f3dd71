import JSON

/// Pausing a subscription, resuming it, and pausing the collection of its invoices
/// (docs.stripe.com/billing/subscriptions/pause).
extension Account {
    static let pauseTable = """
        bill_for:{outstanding_usage_through:{type!:(none|now)} \
        unused_time_from:{type!:(item_current_period_start|none|now)}} \
        invoicing_behavior:(invoice|pending_invoice_item) type:(subscription)
        """

    static let pauseRoutes: [Route] = [
        Route("POST /v1/subscriptions/{subscription}/pause", pauseTable, Account.pauseSubscription),
        Route(
            "POST /v1/subscriptions/{subscription}/resume",
            "billing_cycle_anchor:{type!:(now|unchanged)}/(now|unchanged) @proration "
                + "payment_behavior:(resume_on_payment_attempt|resume_on_payment_success)",
            Account.resumeSubscription),
    ]

    // MARK: Pausing

    /// Stops a subscription: its periods end now, what was paid for the rest of them is given back, and nothing follows.
    func pauseSubscription(_ call: Call) throws(APIFailure) -> JSONValue {
        let id = call.id
        let subscription = try named(.subscription, id)
        guard !Self.isOver(subscription) else { throw .absent(.subscription, id, param: "id", status: 404) }
        let before = render(.subscription, subscription)
        if let invoice = try pause(subscription, call.params) {
            emit("invoice.created", .invoice, invoice)
            finalize(invoice)
            let isOpen = known(.invoice, invoice).string("status") == "open"
            if isOpen, defaultMethod(ofSubscription: subscription) != nil {
                settle(invoice, collect(invoice, PaymentAttempt(offSession: true)), automatic: false)
            }
        }
        emit("customer.subscription.paused", .subscription, id)
        emitUpdate("customer.subscription.updated", .subscription, id, since: before)
        return .object(rendered(.subscription, id))
    }

    /// Pauses, up to the draft of the invoice that was asked for, where there is something to put on it; a preview stops
    /// here. Of events only those of invoice items.
    func pause(_ subscription: JSONObject, _ params: JSONObject) throws(APIFailure) -> String? {
        try checkPausable(subscription)
        let id = subscription.id
        let start = items(of: id).compactMap { $0.integer("current_period_start") }.min() ?? now
        let credits = params.object("bill_for").object("unused_time_from").string("type") ?? "now"
        let billsUsage = params.object("bill_for").object("outstanding_usage_through").string("type") != "none"
        for item in items(of: id) {
            if Self.isMetered(price(of: item)) {
                if billsUsage { try billUsage(of: item, until: now, subscription) }
            } else if credits != "none" {
                let from = credits == "now" ? now : item.integer("current_period_start") ?? now
                try addUnused(of: item, ProrationWindow(item, date: from), subscription, skipsNothing: true)
                change(.subscriptionItem, item.id) { $0["_debits"] = [] }
            }
            change(.subscriptionItem, item.id) { $0["current_period_end"] = .integer(now) }
        }
        stop(id, because: "pause_requested", at: now)
        let pending = pendingItems(customer: subscription.string("customer") ?? "", subscription: id)
        guard params.string("invoicing_behavior") == "invoice", !pending.isEmpty else { return nil }
        let invoice = addInvoice(
            InvoiceDraft(
                customer: subscription.string("customer") ?? "", subscription: subscription,
                reason: "subscription_update", currency: subscription.string("currency") ?? "usd",
                period: (start, now), lines: [], prorationDate: now))
        change(.subscription, id) { $0["latest_invoice"] = .string(invoice) }
        return invoice
    }

    private func checkPausable(_ subscription: JSONObject) throws(APIFailure) {
        let status = subscription.string("status") ?? ""
        guard status == "active" || status == "past_due" || status == "unpaid" else {
            throw .invalid("You can only pause a subscription if it is `active`; this one is `\(status)`.")
        }
        guard Self.isFlexible(subscription) else {
            throw .invalid("You can only pause a subscription whose `billing_mode` is `flexible`.")
        }
        guard subscription.string("collection_method") == "charge_automatically" else {
            throw .invalid("You can only pause a subscription whose `collection_method` is `charge_automatically`.")
        }
        if let schedule = subscription.string("schedule") {
            throw .invalid("You cannot pause a subscription that is attached to a schedule: `\(schedule)`.")
        }
    }

    /// Writes that a subscription is paused, and why. No events.
    func stop(_ id: String, because reason: String, at time: Int64) {
        change(.subscription, id) {
            $0["status"] = "paused"
            $0["status_details"] = [
                "paused": [
                    "subscription": ["type": .string(reason)], "transitioned_at": .integer(time), "type": "subscription",
                ]
            ]
        }
        refreshPeriod(of: id)
    }

    // MARK: Resuming

    /// Resumes a paused subscription. Its next period begins now: in full, or the rest of what the old cycle has at this
    /// time (`unchanged`). Where that is to be paid, the subscription stays paused with a pending update of which only the
    /// expiry is visible (recorded), until an attempt (or, if so asked, a payment) was made.
    func resumeSubscription(_ call: Call) throws(APIFailure) -> JSONValue {
        let id = call.id
        let subscription = try named(.subscription, id)
        guard !Self.isOver(subscription) else { throw .absent(.subscription, id, param: "id", status: 404) }
        let before = render(.subscription, subscription)
        let invoice = try resume(subscription, call.params)
        emitUpdate("customer.subscription.updated", .subscription, id, since: before)
        guard let invoice else { return .object(rendered(.subscription, id)) }
        emit("invoice.created", .invoice, invoice)
        finalize(invoice)
        payResumption(of: id, PaymentAttempt())
        return .object(rendered(.subscription, id))
    }

    /// Tries to collect what a resumption waits for, where there is a method to pay it with. An attempt is enough to resume,
    /// unless only a payment is.
    func payResumption(of id: String, _ attempt: PaymentAttempt) {
        let subscription = known(.subscription, id)
        guard let invoice = subscription.string("_resume_invoice"), known(.invoice, invoice).string("status") == "open",
            defaultMethod(ofSubscription: subscription) != nil
        else { return }
        let result = collect(invoice, attempt)
        if case .declined = result, !subscription.flag("_resumes_when_paid") { finishResuming(id) }
        settle(invoice, result, automatic: true)
    }

    /// Resumes, up to the draft of the invoice that is to be paid first; nil where there is none, and it is active. A preview
    /// stops here.
    func resume(_ subscription: JSONObject, _ params: JSONObject) throws(APIFailure) -> String? {
        guard subscription.string("status") == "paused" else {
            throw .invalid("You can only resume a subscription if it is `paused`.")
        }
        let id = subscription.id
        let (invoice, anchor, waiting) = try resumption(of: subscription, params)
        guard let invoice else {
            for item in waiting { put(.subscriptionItem, item) }
            change(.subscription, id) { $0["billing_cycle_anchor"] = .integer(anchor) }
            activate(id)
            return nil
        }
        change(.subscription, id) {
            $0["latest_invoice"] = .string(invoice)
            $0["_resume_invoice"] = .string(invoice)
            $0["_resumes_when_paid"] = .bool(params.string("payment_behavior") == "resume_on_payment_success")
            $0["_pending_invoice"] = .string(invoice)
            $0["_pending_items"] = .array(waiting.map(JSONValue.object))
            $0["_pending_anchor"] = .integer(anchor)
            $0["pending_update"] = Self.emptyPendingUpdate(expiresAt: now + Self.patience)
        }
        return invoice
    }

    /// The invoice of a resumption, where there is something to ask for, with the anchor and the items as they will be.
    private func resumption(
        of subscription: JSONObject, _ params: JSONObject
    ) throws(APIFailure) -> (invoice: String?, anchor: Int64, items: [JSONObject]) {
        let anchorType = params.object("billing_cycle_anchor").string("type") ?? params.string("billing_cycle_anchor")
        let keeps = anchorType == "unchanged"
        let behavior = params.string("proration_behavior") ?? "create_prorations"
        let date = params.integer("proration_date") ?? now
        var lines: [LineDraft] = []
        var waiting: [JSONObject] = []
        for item in items(of: subscription.id) {
            let price = price(of: item)
            let interval = Self.interval(of: price)
            var next = item
            next["current_period_start"] = .integer(now)
            if keeps {
                let anchor = item.integer("_anchor") ?? now
                let end = interval.nextBoundary(anchor: anchor, after: now)
                next["current_period_end"] = .integer(end)
                if behavior != "none", !Self.isMetered(price) {
                    var whole = next
                    whole["current_period_start"] = .integer(interval.boundary(-1, anchor: end))
                    next["_debits"] = [try addRemaining(of: item, ProrationWindow(whole, date: date), subscription).json]
                }
            } else {
                let end = interval.boundary(1, anchor: now)
                next["current_period_end"] = .integer(end)
                next["_anchor"] = .integer(now)
                lines += try recurringLines(for: item, (now, end))
            }
            waiting.append(next)
        }
        let anchor = keeps ? subscription.integer("billing_cycle_anchor") ?? now : now
        let pending = pendingItems(customer: subscription.string("customer") ?? "", subscription: subscription.id)
        guard keeps ? behavior == "always_invoice" : !lines.isEmpty || !pending.isEmpty else {
            return (nil, anchor, waiting)
        }
        let invoice = addInvoice(
            InvoiceDraft(
                customer: subscription.string("customer") ?? "", subscription: subscription,
                reason: "subscription_cycle", currency: subscription.string("currency") ?? "usd", period: (now, now),
                lines: lines))
        if !keeps {
            for (index, item) in waiting.enumerated() {
                waiting[index]["_debits"] = known(.subscriptionItem, item.id)["_debits"]
            }
        }
        return (invoice, anchor, waiting)
    }

    /// What a resumption waited for has come: the subscription goes on with its new period.
    func finishResuming(_ id: String) {
        let before = rendered(.subscription, id)
        applyPendingUpdate(id)
        activate(id)
        emitUpdate("customer.subscription.updated", .subscription, id, since: before)
    }

    /// A paused subscription goes on.
    func activate(_ id: String) {
        change(.subscription, id) {
            $0["status"] = "active"
            $0["status_details"] = .null
            $0["_resume_invoice"] = nil
        }
        refreshPeriod(of: id)
        emit("customer.subscription.resumed", .subscription, id)
    }

    private static func emptyPendingUpdate(expiresAt: Int64) -> JSONValue {
        [
            "billing_cycle_anchor": nil, "cancel_at_period_end": nil, "discount": nil, "discounts": nil,
            "expires_at": .integer(expiresAt), "metadata": nil, "subscription_items": nil, "trial_end": nil,
            "trial_from_plan": nil,
        ]
    }

    // MARK: Collection

    /// `pause_collection` of an update: nil leaves it, null ends it.
    func applyCollectionPause(_ params: JSONObject, to subscription: inout JSONObject) throws(APIFailure) {
        guard let pause = params["pause_collection"] else { return }
        guard let pause = pause.objectValue else {
            subscription["pause_collection"] = .null
            return
        }
        if let time = pause.integer("resumes_at") { _ = try future(time, "pause_collection[resumes_at]") }
        subscription["pause_collection"] = [
            "behavior": pause["behavior"] ?? "keep_as_draft", "resumes_at": pause["resumes_at"] ?? .null,
        ]
    }

    /// The time has come that `pause_collection[resumes_at]` named.
    func resumeCollection(_ id: String) {
        let before = rendered(.subscription, id)
        change(.subscription, id) { $0["pause_collection"] = .null }
        emitUpdate("customer.subscription.updated", .subscription, id, since: before)
    }

    /// What is done with a subscription's invoices instead of collecting them; nil where they are collected.
    func collectionPause(ofInvoice invoice: JSONObject) -> String? {
        invoice.string("_subscription").flatMap { find(.subscription, $0) }?.object("pause_collection").string("behavior")
    }

    /// Does with an invoice that was just made final what a paused collection says. Returns whether that is all.
    func withholdsCollection(of id: String) -> Bool {
        guard known(.invoice, id).string("status") == "open" else { return false }
        switch collectionPause(ofInvoice: known(.invoice, id)) {
        case "void": void(id)
        case "mark_uncollectible": markUncollectible(id)
        default: return false
        }
        return true
    }
}
