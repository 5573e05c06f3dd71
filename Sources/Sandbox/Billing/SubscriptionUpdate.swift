import JSON

/// Changes of a subscription: items, trial, cycle and end, with their prorations and the invoice that follows.
extension Account {
    func updateSubscription(_ call: Call) throws(APIFailure) -> JSONValue {
        let id = call.id
        let subscription = try named(.subscription, id)
        let params = call.params
        try checkUpdatable(subscription, params)
        try update(id, params)
        if params.has("items") { followItems(of: id) }
        return .object(rendered(.subscription, id))
    }

    private func checkUpdatable(_ subscription: JSONObject, _ params: JSONObject) throws(APIFailure) {
        try checkManaged(subscription, params)
        let names = params.keys.filter { $0 != "expand" }
        if Self.isOver(subscription) {
            guard names.allSatisfy({ ["metadata", "cancellation_details"].contains($0) }) else {
                throw .invalid(
                    "A canceled subscription can only update its cancellation_details and metadata.",
                    code: "invalid_canceled_subscription_fields")
            }
        }
        if subscription.string("status") == "incomplete" {
            let allowed = ["metadata", "description", "default_payment_method", "default_source", "payment_settings"]
            guard names.allSatisfy({ allowed.contains($0) }) else {
                throw .invalid(
                    "This subscription's first invoice is not paid yet; until then only its metadata, description and "
                        + "default payment method can be updated.", code: "status_transition_invalid")
            }
        }
        try refuseUnemulated(params, ["billing_schedules", "billing_thresholds"])
    }

    /// Applies an update and collects what it makes due, as `payment_behavior` says.
    func update(_ id: String, _ params: JSONObject) throws(APIFailure) {
        let behavior = params.string("payment_behavior") ?? "allow_incomplete"
        let point = savepoint
        guard let invoice = try applyUpdate(id, params) else { return }
        guard known(.subscription, id).string("collection_method") != "send_invoice" else { return }
        finalize(invoice)
        guard known(.invoice, invoice).string("status") == "open" else { return }
        if behavior == "default_incomplete" {
            paymentFailed(invoice)
            return
        }
        guard defaultMethod(ofInvoice: known(.invoice, invoice)) != nil else { throw Self.noMethod }
        let attempt = PaymentAttempt(offSession: params.flag("off_session"))
        let result = collect(invoice, attempt)
        switch result {
        case .succeeded, .processing: return settle(invoice, result, automatic: false)
        default: break
        }
        switch behavior {
        case "error_if_incomplete":
            throw Self.failure(of: result) ?? Self.noMethod
        case "pending_if_incomplete":
            try parkUpdate(id, params, invoice: invoice, since: point, attempt)
        default:
            settle(invoice, result, automatic: false)
            guard case .declined = result, known(.invoice, invoice).string("status") == "open" else { return }
            change(.invoice, invoice) {
                $0["next_payment_attempt"] = .optional(settings.retryDays.first.map { now + $0 * CivilDate.secondsPerDay })
            }
        }
    }

    // MARK: Applying

    /// Applies an update up to the draft of the invoice that it causes, if it does; a preview stops here.
    @discardableResult
    func applyUpdate(
        _ id: String, _ params: JSONObject, finalizesLater: Bool = false
    ) throws(APIFailure) -> String? {
        let subscription = known(.subscription, id)
        let before = render(.subscription, subscription)
        let edits = try itemEdits(params, of: subscription)
        try applyMembers(params, to: id)
        let behavior = params.string("proration_behavior") ?? "create_prorations"
        var outcome = ChangeOutcome(periodStart: Self.periodStart(items(of: id)) ?? now)
        if let trial = params["trial_end"], trial != .null {
            if try applyTrial(trial, to: id, prorates: behavior != "none", &outcome) { return nil }
        }
        let resets =
            params.object("billing_cycle_anchor").string("type") == "now"
            || params.string("billing_cycle_anchor") == "now"
        let date = try prorationDate(params, of: id)
        try applyEdits(edits, to: id, prorates: behavior != "none", resets: resets, date: date, &outcome)
        if resets { try resetCycle(of: id, prorates: behavior != "none", except: edits, &outcome) }
        refreshPeriod(of: id)
        try applyPeriodEnd(params, to: id)
        if params.has("cancel_at") { try fitPeriods(of: id, prorates: behavior != "none", &outcome) }
        let invoices = outcome.mustInvoice || (behavior == "always_invoice" && outcome.hasProrations)
        var invoice: String?
        if invoices {
            let current = known(.subscription, id)
            invoice = addInvoice(
                InvoiceDraft(
                    customer: current.string("customer") ?? "", subscription: current, reason: "subscription_update",
                    currency: current.string("currency") ?? "usd", period: (outcome.periodStart, now),
                    lines: outcome.lines,
                    finalizesLater: finalizesLater || current.string("collection_method") == "send_invoice",
                    prorationDate: outcome.hasProrations ? date : nil))
            change(.subscription, id) { $0["latest_invoice"] = .optional(invoice) }
        }
        emitUpdate("customer.subscription.updated", .subscription, id, since: before)
        if let invoice { emit("invoice.created", .invoice, invoice) }
        return invoice
    }

    /// What a change has led to so far.
    struct ChangeOutcome {
        /// The start of the period that the change's invoice looks back on.
        var periodStart: Int64
        /// Lines of periods that begin now.
        var lines: [LineDraft] = []
        var hasProrations = false
        /// The change invoices by itself, whatever the proration behaviour.
        var mustInvoice = false
    }

    private static func periodStart(_ items: [JSONObject]) -> Int64? {
        items.compactMap { $0.integer("current_period_start") }.min()
    }

    private func prorationDate(_ params: JSONObject, of id: String) throws(APIFailure) -> Int64 {
        guard let date = params.integer("proration_date") else { return now }
        let items = items(of: id)
        let start = Self.periodStart(items) ?? now
        let end = items.compactMap { $0.integer("current_period_end") }.max() ?? now
        guard (start...max(start, end)).contains(date) else {
            throw .invalid(
                "Invalid proration_date: the date must be within the current period.", param: "proration_date")
        }
        return date
    }

    func applyMembers(_ params: JSONObject, to id: String) throws(APIFailure) {
        var subscription = known(.subscription, id)
        try checkDefaultMethod(params, customer: subscription.string("customer") ?? "")
        try Self.check(params, "days_until_due", in: 0...3650)
        subscription.copy(["default_payment_method", "description", "days_until_due", "collection_method"], from: params)
        Self.mergeMetadata(params["metadata"], into: &subscription)
        try applyCollectionPause(params, to: &subscription)
        if let settings = params["payment_settings"]?.objectValue {
            var merged = subscription.object("payment_settings")
            merged.copy(["payment_method_options", "payment_method_types", "save_default_payment_method"], from: settings)
            subscription["payment_settings"] = .object(merged)
        }
        for (key, value) in params.object("trial_settings").object("end_behavior") {
            subscription.set("trial_settings", "end_behavior", key, to: value)
        }
        if let rates = try taxRates(params, "default_tax_rates") { subscription["default_tax_rates"] = rates }
        Self.setAutomaticTax(params, of: &subscription)
        for key in ["description", "footer"] {
            if let value = params.object("invoice_settings")[key] { subscription.set("invoice_settings", key, to: value) }
        }
        put(.subscription, subscription)
        if let discounts = params["discounts"] {
            try replaceDiscounts(.subscription, id, with: discounts, owner(of: subscription))
        }
        try addInvoiceItems(params.array("add_invoice_items"), to: subscription)
    }

    private func applyPeriodEnd(_ params: JSONObject, to id: String) throws(APIFailure) {
        let end = items(of: id).compactMap { $0.integer("current_period_end") }.max()
        var subscription = known(.subscription, id)
        try applyEnd(params, to: &subscription, periodEnd: end)
        // The end of the period is where the period ends now.
        if subscription.flag("cancel_at_period_end"), let end { subscription["cancel_at"] = .integer(end) }
        put(.subscription, subscription)
    }

    // MARK: The cycle

    /// `billing_cycle_anchor=now`. Flexible billing keeps what is paid for and asks only for the time that the new
    /// period adds, as a pending item (recorded); classic billing credits the old period and invoices the new one.
    private func resetCycle(
        of id: String, prorates: Bool, except edits: [ItemEdit], _ outcome: inout ChangeOutcome
    ) throws(APIFailure) {
        let subscription = known(.subscription, id)
        let edited = Set(edits.compactMap { $0.item?.id })
        for item in items(of: id) where !edited.contains(item.id) && item.integer("current_period_start") != now {
            let price = price(of: item)
            let oldEnd = item.integer("current_period_end") ?? now
            let newEnd = Self.interval(of: price).boundary(1, anchor: now)
            if Self.isMetered(price) { try billUsage(of: item, until: now, subscription) }
            if Self.isFlexible(subscription) {
                change(.subscriptionItem, item.id) {
                    $0["current_period_start"] = .integer(now)
                    $0["current_period_end"] = .integer(newEnd)
                    $0["_anchor"] = .integer(now)
                }
                guard prorates, newEnd > oldEnd, !Self.isMetered(price) else { continue }
                let moved = known(.subscriptionItem, item.id)
                let debit = try addRemaining(of: moved, ProrationWindow(moved, date: oldEnd), subscription)
                change(.subscriptionItem, item.id) { $0["_debits"] = .array($0.array("_debits") + [debit.json]) }
                outcome.hasProrations = true
            } else {
                if prorates { try addUnused(of: item, ProrationWindow(item, date: now), subscription) }
                try restart(item.id, &outcome)
            }
        }
        change(.subscription, id) { $0["billing_cycle_anchor"] = .integer(now) }
    }

    // MARK: Trials

    /// `trial_end` of an update. Returns whether the update ends there, because the subscription paused or ended.
    private func applyTrial(
        _ value: JSONValue, to id: String, prorates: Bool, _ outcome: inout ChangeOutcome
    ) throws(APIFailure) -> Bool {
        let subscription = known(.subscription, id)
        if let end = value.integerValue {
            try startTrial(until: try future(end, "trial_end"), of: subscription, prorates: prorates, &outcome)
            return false
        }
        guard Self.isTrialing(subscription) else { return false }
        // A trial that is cut short has no three days left.
        if !subscription.flag("_trial_announced") {
            change(.subscription, id) { $0["_trial_announced"] = true }
            emit("customer.subscription.trial_will_end", .subscription, id)
        }
        let needsMethod = subscription.string("collection_method") != "send_invoice"
        if needsMethod, defaultMethod(ofSubscription: subscription) == nil, trialStops(id, at: now) { return true }
        if needsMethod, defaultMethod(ofSubscription: subscription) == nil { throw Self.noMethod }
        for item in items(of: id) { try restart(item.id, &outcome) }
        outcome.periodStart = now
        change(.subscription, id) {
            $0["status"] = "active"
            $0["billing_cycle_anchor"] = .integer(now)
            $0["trial_end"] = .integer(now - 1)
        }
        return false
    }

    private func startTrial(
        until end: Int64, of subscription: JSONObject, prorates: Bool, _ outcome: inout ChangeOutcome
    ) throws(APIFailure) {
        let wasTrialing = Self.isTrialing(subscription)
        for item in items(of: subscription.id) {
            let price = price(of: item)
            let quantity = item.integer("quantity") ?? 1
            if !wasTrialing, prorates {
                outcome.mustInvoice = true
                outcome.hasProrations = true
                if Self.isMetered(price) {
                    try billUsage(of: item, until: now, subscription)
                } else {
                    try addUnused(of: item, ProrationWindow(item, date: now), subscription)
                    outcome.lines.append(
                        LineDraft(
                            description: Wording.trial(
                                quantity, productName(of: price), isFlexible: Self.isFlexible(subscription)),
                            amount: 0, quantity: quantity, period: (now, end), price: price, item: item.id))
                }
            }
            change(.subscriptionItem, item.id) {
                if !wasTrialing { $0["current_period_start"] = .integer(now) }
                $0["current_period_end"] = .integer(end)
                $0["_anchor"] = .integer(end)
            }
        }
        change(.subscription, subscription.id) {
            $0["status"] = "trialing"
            if !wasTrialing { $0["trial_start"] = .integer(now) }
            $0["trial_end"] = .integer(end)
            $0["billing_cycle_anchor"] = .integer(end)
            $0["_trial_announced"] = false
        }
    }

    /// A trial ends without a payment method where the subscription then pauses or ends; false where it is billed.
    func trialStops(_ id: String, at time: Int64) -> Bool {
        let subscription = known(.subscription, id)
        switch subscription.object("trial_settings").object("end_behavior").string("missing_payment_method") {
        case "pause":
            let before = render(.subscription, subscription)
            for item in items(of: id) {
                change(.subscriptionItem, item.id) { $0["current_period_end"] = .integer(time) }
            }
            change(.subscription, id) {
                $0["billing_cycle_anchor"] = .integer(time)
                if let end = $0.integer("trial_end"), end > time { $0["trial_end"] = .integer(time - 1) }
            }
            stop(id, because: "trial_end_without_payment_method", at: time)
            emit("customer.subscription.paused", .subscription, id)
            emitUpdate("customer.subscription.updated", .subscription, id, since: before)
            return true
        case "cancel":
            endSubscription(id, at: time, reason: "cancellation_requested")
            return true
        default: return false
        }
    }
}
