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
        try refuseUnemulated(
            params, ["billing_schedules", "billing_thresholds", "discounts", "add_invoice_items"])
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

    /// What an update does to the items.
    struct ItemEdit {
        /// Nil for an item that is added.
        var item: JSONObject?
        var price: JSONObject
        var quantity: Int64
        var isRemoved = false
        var metadata: JSONValue?

        /// Whether anything that is paid for changes.
        func changesAmount(from oldPrice: JSONObject?) -> Bool {
            guard let item, let oldPrice else { return true }
            return isRemoved || oldPrice.id != price.id || item.integer("quantity") != quantity
        }
    }

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
        for key in ["description", "footer"] {
            if let value = params.object("invoice_settings")[key] { subscription.set("invoice_settings", key, to: value) }
        }
        put(.subscription, subscription)
    }

    private func applyPeriodEnd(_ params: JSONObject, to id: String) throws(APIFailure) {
        let end = items(of: id).compactMap { $0.integer("current_period_end") }.max()
        var subscription = known(.subscription, id)
        try applyEnd(params, to: &subscription, periodEnd: end)
        put(.subscription, subscription)
    }

    // MARK: Items

    /// Reads `items`: an entry with an id edits that item, one without adds, `deleted` removes. A new price without a
    /// quantity means one.
    func itemEdits(_ params: JSONObject, of subscription: JSONObject) throws(APIFailure) -> [ItemEdit] {
        let existing = items(of: subscription.id)
        var edits: [ItemEdit] = []
        for (index, entry) in params.array("items").enumerated() {
            let entry = entry.objectValue ?? [:]
            let place = "items[\(index)]"
            let namesPrice = entry.has("price") || entry.has("plan") || entry.has("price_data")
            if let id = entry.string("id") {
                guard let item = existing.first(where: { $0.id == id }) else {
                    throw .absent(.subscriptionItem, id, param: place)
                }
                let old = price(of: item)
                let new = namesPrice ? try itemPrice(entry, place: place) : old
                try Self.checkCurrency(of: new, agreesWith: old)
                let keeps = new.id == old.id && !entry.has("quantity")
                edits.append(
                    ItemEdit(
                        item: item, price: new, quantity: keeps ? item.integer("quantity") ?? 1 : try Self.quantity(entry),
                        isRemoved: entry.flag("deleted"), metadata: entry["metadata"]))
                continue
            }
            let new = try itemPrice(entry, place: place)
            let removed = Set(params.array("items").filter { $0["deleted"] == true }.compactMap { $0["id"]?.stringValue })
            if let twin = existing.first(where: { price(of: $0).id == new.id && !removed.contains($0.id) }) {
                throw .invalid(
                    "A new item with Price \(new.id) can't be added to this Subscription because an existing "
                        + "Subscription Item \(twin.id) is already using that Price. If you want to update the existing "
                        + "item (e.g., to adjust the quantity), pass the existing Subscription Item's `id` in your "
                        + "update request: "
                        + "https://stripe.com/docs/api/subscriptions/update#update_subscription-items-id", param: "plan")
            }
            if let first = existing.first { try Self.checkCurrency(of: new, agreesWith: price(of: first)) }
            edits.append(ItemEdit(item: nil, price: new, quantity: try Self.quantity(entry), metadata: entry["metadata"]))
        }
        let removed = edits.filter(\.isRemoved).count
        if removed > 0, removed == existing.count, edits.allSatisfy({ $0.item != nil }) {
            throw .invalid(
                "A subscription must have at least one active plan. To cancel the subscription, please use the cancel "
                    + "API.")
        }
        return edits
    }

    private func applyEdits(
        _ edits: [ItemEdit], to id: String, prorates: Bool, resets: Bool, date: Int64, _ outcome: inout ChangeOutcome
    ) throws(APIFailure) {
        let subscription = known(.subscription, id)
        let prorates = prorates && !Self.isTrialing(subscription)
        let sibling = items(of: id).first
        for edit in edits {
            let oldPrice = edit.item.map { price(of: $0) }
            let restarts =
                oldPrice.map { Self.interval(of: $0) != Self.interval(of: edit.price) && !edit.isRemoved } ?? false
            let item = edit.item ?? newItem(edit, in: subscription, like: sibling)
            let window = ProrationWindow(item, date: date)
            if edit.changesAmount(from: oldPrice) {
                var debit: Debit?
                if prorates {
                    debit = try prorate(edit, item, oldPrice, window, subscription, whole: restarts || resets)
                    outcome.hasProrations = true
                }
                apply(edit, to: item.id)
                if let debit { change(.subscriptionItem, item.id) { $0["_debits"] = [debit.json] } }
                if (restarts || resets), !edit.isRemoved, !Self.isTrialing(subscription) {
                    try restart(item.id, edit, &outcome)
                }
            } else {
                apply(edit, to: item.id)
            }
        }
    }

    /// Writes the two lines of a change: the debit is made first, so that newest first shows the credit before it.
    private func prorate(
        _ edit: ItemEdit, _ item: JSONObject, _ oldPrice: JSONObject?, _ window: ProrationWindow,
        _ subscription: JSONObject, whole: Bool
    ) throws(APIFailure) -> Debit? {
        var debit: Debit?
        let credit = edit.item == nil ? nil : try credit(for: item, window, flexible: Self.isFlexible(subscription))
        if !edit.isRemoved, !whole {
            let amount = try Self.remaining(Self.amount(edit.price, edit.quantity), window)
            let id = addProration(
                ProrationItem(
                    amount: amount, quantity: edit.quantity, price: edit.price,
                    description: Wording.remaining(edit.quantity, productName(of: edit.price), after: window.date),
                    period: (window.date, window.end)),
                item: item, subscription: subscription)
            debit = Debit(
                amount: amount, start: window.date, end: window.end, invoice: nil, line: nil, invoiceItem: id)
        }
        if let credit, let oldPrice {
            let quantity = item.integer("quantity") ?? 1
            addProration(
                ProrationItem(
                    amount: credit.amount, quantity: quantity, price: oldPrice,
                    description: Wording.unused(quantity, productName(of: oldPrice), after: window.date),
                    period: (window.date, window.end), credited: credit.credited),
                item: item, subscription: subscription)
        }
        return debit
    }

    private func newItem(_ edit: ItemEdit, in subscription: JSONObject, like sibling: JSONObject?) -> JSONObject {
        let anchor = subscription.integer("billing_cycle_anchor") ?? now
        let interval = Self.interval(of: edit.price)
        let same = sibling.map { Self.interval(of: price(of: $0)) == interval } ?? false
        let start = same ? sibling?.integer("current_period_start") ?? now : now
        let end = same ? sibling?.integer("current_period_end") ?? now : interval.nextBoundary(anchor: anchor, after: now)
        let metadata = Self.newMetadata(["metadata": edit.metadata ?? [:]])
        let terms = ItemTerms(price: edit.price, quantity: edit.quantity, metadata: metadata)
        return known(
            .subscriptionItem, addItem(terms, to: subscription.id, start: start, end: end, anchor: anchor))
    }

    func apply(_ edit: ItemEdit, to item: String) {
        change(.subscriptionItem, item) { item in
            if edit.isRemoved { item["_deleted"] = true }
            item["_price"] = .string(edit.price.id)
            item["quantity"] = .integer(edit.quantity)
            Self.mergeMetadata(edit.metadata, into: &item)
        }
    }

    /// Begins a new period of an item now, paid for in full at once.
    private func restart(_ item: String, _ edit: ItemEdit, _ outcome: inout ChangeOutcome) throws(APIFailure) {
        let end = Self.interval(of: edit.price).boundary(1, anchor: now)
        change(.subscriptionItem, item) {
            $0["current_period_start"] = .integer(now)
            $0["current_period_end"] = .integer(end)
            $0["_anchor"] = .integer(now)
        }
        outcome.lines.append(try recurringLine(item, edit.price, edit.quantity, (now, end)))
        outcome.mustInvoice = true
    }

    func recurringLine(
        _ item: String, _ price: JSONObject, _ quantity: Int64, _ period: (start: Int64, end: Int64)
    ) throws(APIFailure) -> LineDraft {
        guard let amount = Self.amount(price, quantity)?.rounded else { throw .amountTooLarge }
        return LineDraft(
            description: Wording.line(quantity, productName(of: price), price), amount: amount, quantity: quantity,
            period: period, price: price, item: item)
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
            let quantity = item.integer("quantity") ?? 1
            let oldEnd = item.integer("current_period_end") ?? now
            let newEnd = Self.interval(of: price).boundary(1, anchor: now)
            if Self.isFlexible(subscription) {
                change(.subscriptionItem, item.id) {
                    $0["current_period_start"] = .integer(now)
                    $0["current_period_end"] = .integer(newEnd)
                    $0["_anchor"] = .integer(now)
                }
                guard prorates, newEnd > oldEnd else { continue }
                let window = ProrationWindow(known(.subscriptionItem, item.id), date: oldEnd)
                let amount = try Self.remaining(Self.amount(price, quantity), window)
                let made = addProration(
                    ProrationItem(
                        amount: amount, quantity: quantity, price: price,
                        description: Wording.remaining(quantity, productName(of: price), after: oldEnd),
                        period: (oldEnd, newEnd)),
                    item: item, subscription: subscription)
                let debit = Debit(
                    amount: amount, start: oldEnd, end: newEnd, invoice: nil, line: nil, invoiceItem: made)
                change(.subscriptionItem, item.id) { $0["_debits"] = .array($0.array("_debits") + [debit.json]) }
                outcome.hasProrations = true
            } else {
                let edit = ItemEdit(item: item, price: price, quantity: quantity)
                if prorates {
                    _ = try prorate(edit, item, price, ProrationWindow(item, date: now), subscription, whole: true)
                }
                try restart(item.id, edit, &outcome)
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
        for item in items(of: id) {
            try restart(
                item.id, ItemEdit(item: item, price: price(of: item), quantity: item.integer("quantity") ?? 1), &outcome)
        }
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
                let edit = ItemEdit(item: item, price: price, quantity: quantity)
                _ = try prorate(edit, item, price, ProrationWindow(item, date: now), subscription, whole: true)
                outcome.hasProrations = true
                outcome.mustInvoice = true
                outcome.lines.append(
                    LineDraft(
                        description: Wording.trial(
                            quantity, productName(of: price), isFlexible: Self.isFlexible(subscription)),
                        amount: 0, quantity: quantity, period: (now, end), price: price, item: item.id))
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
