import JSON

/// How a subscription begins: validation, items, the first invoice and its payment.
extension Account {
    /// One item as asked for.
    struct ItemTerms {
        let price: JSONObject
        let quantity: Int64
        let metadata: JSONValue
        var discounts: JSONValue?
        var taxRates: JSONValue?
    }

    /// When a new subscription's first period runs.
    private struct Opening {
        var trialEnd: Int64?
        var anchor: Int64
        var prorates = true
        /// Where it begins before now.
        var start: Int64?
    }

    func createSubscription(_ call: Call) throws(APIFailure) -> JSONValue {
        let attempt = PaymentAttempt(offSession: call.params.flag("off_session"))
        return .object(rendered(.subscription, try startSubscription(call.params, attempt)))
    }

    /// Makes a subscription and pays for its first invoice as `payment_behavior` says.
    func startSubscription(_ params: JSONObject, _ attempt: PaymentAttempt) throws(APIFailure) -> String {
        let behavior = params.string("payment_behavior") ?? "allow_incomplete"
        if behavior == "pending_if_incomplete" {
            throw .invalid(
                "Setting `payment_behavior` to `pending_if_incomplete` has no effect when creating a subscription.",
                param: "payment_behavior")
        }
        let (id, invoice) = try openSubscription(params, requiresMethod: behavior != "default_incomplete")
        emit("customer.subscription.created", .subscription, id)
        if let invoice { emit("invoice.created", .invoice, invoice) }
        let subscription = known(.subscription, id)
        guard subscription.string("collection_method") != "send_invoice" else { return id }
        if let invoice { finalize(invoice) }
        if let setup = subscription.string("pending_setup_intent") { emit("setup_intent.created", .setupIntent, setup) }
        announceTrialEnd(id)
        if let invoice, known(.invoice, invoice).string("status") == "open", behavior != "default_incomplete" {
            let result = collect(invoice, attempt)
            if behavior == "error_if_incomplete", let failure = Self.failure(of: result) { throw failure }
            settle(invoice, result, automatic: false)
        }
        return id
    }

    /// The refusal of `error_if_incomplete`: nothing of what was made is kept.
    static func failure(of result: PaymentResult) -> APIFailure? {
        switch result {
        case .succeeded, .processing: return nil
        case .declined(var failure):
            for key in ["payment_intent", "charge"] { failure.details[key] = nil }
            return failure
        case .noMethod: return noMethod
        case .requiresAction:
            return .card(
                "subscription_payment_intent_requires_action",
                "Payment for this subscription requires additional user action, but the requested payment behavior "
                    + "doesn't save the invoice or PaymentIntent. Retry the request with "
                    + "`payment_behavior=allow_incomplete` or `payment_behavior=default_incomplete`, then complete the "
                    + "PaymentIntent on the subscription's latest invoice. Additional information is available here: "
                    + "https://stripe.com/docs/billing/subscriptions/overview#requires-action", param: nil)
        }
    }

    // MARK: Opening

    /// Stores a subscription with its items and its first invoice, a draft. A preview stops here. There is no invoice
    /// where flexible billing has nothing to ask for yet, because everything is metered. `isScheduled`: a schedule opens it;
    /// it is active before its first invoice is paid, which is a draft for an hour.
    func openSubscription(
        _ params: JSONObject, requiresMethod: Bool, isScheduled: Bool = false
    ) throws(APIFailure) -> (subscription: String, invoice: String?) {
        guard let customer = params.string("customer") else { throw .missing("customer") }
        guard let entries = params["items"]?.arrayValue else { throw .missing("items") }
        _ = try referred(.customer, customer, param: "customer", status: 404)
        try checkRoom(ofCustomer: customer)
        try refuseUnemulated(params, ["billing_schedules", "billing_thresholds"])
        let sends = try checkCollection(params)
        let items = try itemTerms(entries, currency: params.string("currency")?.lowercased())
        try checkDefaultMethod(params, customer: customer)
        let opening = try opening(params, items: items)
        let id = newID(.subscription)
        var subscription = Self.newSubscription(id, params, customer: customer, items[0].price, now: now)
        subscription["billing_cycle_anchor"] = .integer(opening.anchor)
        subscription["test_clock"] = clockMember
        if let start = opening.start { subscription["start_date"] = .integer(start) }
        if let end = opening.trialEnd {
            subscription["trial_start"] = .integer(now)
            subscription["trial_end"] = .integer(end)
        }
        if let rates = try taxRates(params, "default_tax_rates") { subscription["default_tax_rates"] = rates }
        Self.setAutomaticTax(params, of: &subscription)
        try applyEnd(params, to: &subscription, periodEnd: nil)
        put(.subscription, subscription)
        let lines = try addItems(items, to: id, opening)
        try checkIntervals(of: id)
        try applyPeriodEndCancellation(params, to: id)
        try addInvoiceItems(params.array("add_invoice_items"), to: subscription)
        let subtotal = lines.reduce(Int64(0)) { $0 + $1.amount }
        let discounts = try redeem(params["discounts"], for: owner(of: subscription, subtotal: subtotal))
        change(.subscription, id) { $0["discounts"] = .array(discounts) }
        var invoice: String?
        let isSilent = lines.isEmpty && items.allSatisfy { Self.isMetered($0.price) } && Self.isFlexible(subscription)
        if !isSilent || !pendingItems(customer: customer, subscription: id).isEmpty {
            invoice = addInvoice(
                InvoiceDraft(
                    customer: customer, subscription: known(.subscription, id), reason: "subscription_create",
                    currency: subscription.string("currency") ?? "usd", period: (now, now), lines: lines,
                    finalizesLater: sends || isScheduled))
        }
        let amountDue = invoice.map { settlement(of: known(.invoice, $0)).amountDue } ?? 0
        let hasMethod = defaultMethod(ofSubscription: known(.subscription, id)) != nil
        if amountDue > 0, !sends, requiresMethod, !hasMethod { throw Self.noMethod }
        let status =
            opening.trialEnd != nil ? "trialing" : (sends || isScheduled || amountDue == 0 ? "active" : "incomplete")
        let setup = amountDue == 0 && !sends && !hasMethod ? addSetupIntent(customer: customer, types: nil) : nil
        if let setup { change(.setupIntent, setup) { $0["_subscription"] = .string(id) } }
        change(.subscription, id) {
            $0["status"] = .string(status)
            $0["latest_invoice"] = .optional(invoice)
            $0["pending_setup_intent"] = .optional(setup)
        }
        refreshPeriod(of: id)
        return (id, invoice)
    }

    func refuseUnemulated(_ params: JSONObject, _ names: [String]) throws(APIFailure) {
        for name in names where params.has(name) && params[name] != .null { throw .notEmulated(name) }
    }

    /// Whether invoices are sent rather than charged.
    private func checkCollection(_ params: JSONObject) throws(APIFailure) -> Bool {
        let sends = params.string("collection_method") == "send_invoice"
        if sends, !params.has("days_until_due") {
            throw .invalid("If invoice collection method is 'send_invoice', you must specify 'days_until_due'.")
        }
        if !sends, params.has("days_until_due") {
            throw .invalid("You can only specify 'days_until_due' if invoice collection method is 'send_invoice'.")
        }
        try Self.check(params, "days_until_due", in: 0...3650)
        return sends
    }

    private func itemTerms(_ entries: [JSONValue], currency: String?) throws(APIFailure) -> [ItemTerms] {
        var items: [ItemTerms] = []
        for (index, entry) in entries.enumerated() {
            let entry = entry.objectValue ?? [:]
            let price = try itemPrice(entry, place: "items[\(index)]", currency: currency)
            if items.contains(where: { $0.price.id == price.id }) {
                throw .invalid(
                    "Cannot create a Subscription with multiple Subscription Items with the same Price: \(price.id)",
                    param: "plan")
            }
            if let first = items.first { try Self.checkCurrency(of: price, agreesWith: first.price) }
            items.append(
                ItemTerms(
                    price: price, quantity: try Self.quantity(entry, of: price), metadata: Self.newMetadata(entry),
                    discounts: entry["discounts"],
                    taxRates: try taxRates(entry, "tax_rates", place: "items[\(index)][tax_rates]")))
        }
        guard !items.isEmpty else { throw .missing("items") }
        return items
    }

    static func checkCurrency(of price: JSONObject, agreesWith other: JSONObject) throws(APIFailure) {
        try checkCurrency(of: price, is: other.string("currency") ?? "")
    }

    private static func checkCurrency(of price: JSONObject, is currency: String) throws(APIFailure) {
        let mine = price.string("currency") ?? ""
        guard mine != currency else { return }
        throw .invalid(
            "This `price` has `currency=\(mine)`, but other items use `currency=\(currency)`. All items must have pricing "
                + "in the same currency. When using multi-currency prices, you can specify `currency` at the top level, "
                + "to be used by all items.")
    }

    /// The quantity of an item; what is metered has none of its own.
    static func quantity(_ entry: JSONObject, of price: JSONObject) throws(APIFailure) -> Int64 {
        if isMetered(price), entry.has("quantity") {
            throw .invalid(
                "Subscription items with a metered price can't have a `quantity`; it follows from the usage.",
                param: "quantity")
        }
        return try quantity(entry)
    }

    static func quantity(_ entry: JSONObject) throws(APIFailure) -> Int64 {
        let quantity = entry.integer("quantity") ?? 1
        guard quantity >= 0 else {
            throw .invalid("Invalid non-negative integer", param: "quantity", code: "parameter_invalid_integer")
        }
        guard quantity <= 999_999_999 else { throw .amountTooLarge }
        return quantity
    }

    /// The recurring price that an entry of `items` names or describes, in the currency that was asked for or in that of
    /// the subscription that it joins.
    func itemPrice(
        _ entry: JSONObject, place: String, currency: String? = nil, existingCurrency: String? = nil
    ) throws(APIFailure) -> JSONObject {
        let price: JSONObject
        if let id = entry.string("price") ?? entry.string("plan") {
            price = try referred(.price, id, param: "\(place)[price]")
            guard price["active"] != false else {
                throw .invalid(
                    "The price specified is inactive. This field only accepts active prices.", param: "\(place)[price]")
            }
        } else if let data = entry["price_data"]?.objectValue {
            price = known(.price, try addPrice(data))
        } else {
            throw .missing("\(place)[price]")
        }
        guard price.string("type") == "recurring" else {
            throw .invalid(
                "The price specified is set to `type=one_time` but this field only accepts prices with "
                    + "`type=recurring`.", param: "\(place)[price]")
        }
        if let local = Self.price(price, in: currency ?? existingCurrency) { return local }
        if let existingCurrency { try Self.checkCurrency(of: price, is: existingCurrency) }
        throw .invalid(
            "The price specified only supports `\(price.string("currency") ?? "")`. This doesn't match the expected "
                + "currency: `\(currency ?? "")`.", param: "\(place)[price]")
    }

    private func opening(_ params: JSONObject, items: [ItemTerms]) throws(APIFailure) -> Opening {
        let end = params["trial_end"]
        let days = params.integer("trial_period_days")
        if params.flag("trial_from_plan"), end != nil || days != nil {
            throw .invalid("You cannot set `trial_end` or `trial_period_days` when `trial_from_plan=true`.")
        }
        if end != nil, days != nil {
            throw .invalid("You may only specify one of these parameters: trial_end, trial_period_days.")
        }
        var trialEnd: Int64?
        if let time = end?.integerValue {
            trialEnd = try future(time, "trial_end")
        } else if let days, days > 0 {
            guard days <= 730 else { throw .invalid("Trial periods can be at most 730 days.", param: "trial_period_days") }
            trialEnd = now + days * CivilDate.secondsPerDay
        } else if params.flag("trial_from_plan"), let days = items[0].price.object("recurring").integer("trial_period_days")
        {
            trialEnd = now + days * CivilDate.secondsPerDay
        }
        var opening = Opening(trialEnd: trialEnd, anchor: trialEnd ?? now)
        opening.start = try backdatedStart(params)
        if let anchor = params.integer("billing_cycle_anchor") {
            opening.anchor = anchor == now ? now : try future(anchor, "billing_cycle_anchor")
        } else if let config = params["billing_cycle_anchor_config"]?.objectValue {
            for (name, bounds) in [
                ("day_of_month", 1...31), ("hour", 0...23), ("minute", 0...59), ("month", 1...12), ("second", 0...59),
            ]
                as [(String, ClosedRange<Int64>)]
            {
                try Self.check(config, name, in: bounds)
            }
            opening.anchor = Self.anchor(config, after: now, Self.interval(of: items[0].price))
        }
        opening.prorates = params.string("proration_behavior") != "none"
        return opening
    }

    /// The next moment that matches a `billing_cycle_anchor_config`; parts that it leaves out are those of now.
    static func anchor(_ config: JSONObject, after now: Int64, _ interval: BillingInterval) -> Int64 {
        let today = CivilDate(unix: now)
        let hour = config.integer("hour") ?? today.secondOfDay / 3600
        let minute = config.integer("minute") ?? today.secondOfDay % 3600 / 60
        let second = config.integer("second") ?? today.secondOfDay % 60
        let first = CivilDate(
            year: today.year, month: config.integer("month") ?? today.month, day: 1,
            secondOfDay: hour * 3600 + minute * 60 + second)
        let step: Int64 = config.has("month") || interval.unit == "year" ? 12 : 1
        for index in 0...2 {
            var candidate = first.adding(months: Int64(index) * step)
            let last = CivilDate.daysInMonth(year: candidate.year, month: candidate.month)
            candidate.day = min(max(1, config.integer("day_of_month") ?? today.day), last)
            if candidate.unix > now { return candidate.unix }
        }
        return now
    }

    // MARK: Items and the first lines

    private func addItems(
        _ items: [ItemTerms], to id: String, _ opening: Opening
    ) throws(APIFailure) -> [LineDraft] {
        let subscription = known(.subscription, id)
        let isFlexible = Self.isFlexible(subscription)
        var lines: [LineDraft] = []
        for terms in items {
            let interval = Self.interval(of: terms.price)
            let firstEnd = opening.trialEnd ?? interval.nextBoundary(anchor: opening.anchor, after: now)
            let item = known(
                .subscriptionItem,
                addItem(terms, to: id, start: now, end: firstEnd, anchor: opening.anchor))
            if let discounts = terms.discounts {
                try replaceDiscounts(.subscriptionItem, item.id, with: discounts, owner(ofItem: item.id, subscription))
            }
            let current = known(.subscriptionItem, item.id)
            if let start = opening.start, opening.prorates {
                lines += try pastLines(of: current, since: start, isFlexible: isFlexible)
            }
            if opening.trialEnd == nil {
                let start = interval.boundary(-1, anchor: firstEnd)
                let isWhole = opening.anchor == now || start == now
                if !isWhole, !opening.prorates { continue }
                lines += try recurringLines(for: current, (now, firstEnd), of: isWhole ? nil : (start, firstEnd))
            } else if !Self.isMetered(terms.price) {
                let words = Wording.trial(terms.quantity, productName(of: terms.price), isFlexible: isFlexible)
                lines.append(
                    LineDraft(
                        description: words, amount: 0, quantity: terms.quantity, period: (now, firstEnd),
                        price: terms.price, item: item.id))
            }
        }
        return lines
    }

    func addItem(_ terms: ItemTerms, to subscription: String, start: Int64, end: Int64, anchor: Int64) -> String {
        let id = newID(.subscriptionItem)
        var item: JSONObject = [
            "id": .string(id), "object": "subscription_item", "billing_thresholds": nil, "created": .integer(now),
            "current_period_end": .integer(end), "current_period_start": .integer(start), "current_trial": nil,
            "discounts": [], "metadata": terms.metadata, "quantity": .integer(terms.quantity),
            "subscription": .string(subscription), "tax_rates": terms.taxRates ?? [], "_price": .string(terms.price.id),
            "_anchor": .integer(anchor), "_debits": [],
            "_currency": known(.subscription, subscription)["currency"] ?? .null,
        ]
        if Self.isMetered(terms.price) { item["quantity"] = nil }
        put(.subscriptionItem, item)
        return id
    }

    private static func newSubscription(
        _ id: String, _ params: JSONObject, customer: String, _ price: JSONObject, now: Int64
    ) -> JSONObject {
        let settings = params.object("payment_settings")
        let trial = params.object("trial_settings").object("end_behavior")
        let invoices = params.object("invoice_settings")
        return [
            "id": .string(id), "object": "subscription", "application": nil, "application_fee_percent": nil,
            "automatic_tax": ["disabled_reason": nil, "enabled": false, "liability": nil],
            "billing_cycle_anchor": .integer(now),
            "billing_cycle_anchor_config": params["billing_cycle_anchor_config"] ?? .null,
            "billing_mode": billingMode(params, at: now),
            "billing_schedules": [], "billing_thresholds": nil, "cancel_at": nil, "cancel_at_period_end": false,
            "canceled_at": nil,
            "cancellation_details": ["comment": nil, "feedback": nil, "feedback_option": nil, "reason": nil],
            "collection_method": params["collection_method"] ?? "charge_automatically", "created": .integer(now),
            "currency": price["currency"] ?? "usd", "customer": .string(customer), "customer_account": nil,
            "days_until_due": params["days_until_due"] ?? .null,
            "default_payment_method": params["default_payment_method"] ?? .null, "default_source": nil,
            "default_tax_rates": [], "description": params["description"] ?? .null, "discounts": [],
            "ended_at": nil,
            "invoice_settings": [
                "account_tax_ids": nil, "custom_fields": nil, "description": invoices["description"] ?? .null,
                "footer": invoices["footer"] ?? .null, "issuer": ["type": "self"],
            ],
            "latest_invoice": nil, "livemode": false, "managed_payments": ["enabled": false],
            "metadata": newMetadata(params), "next_pending_invoice_item_invoice": nil, "on_behalf_of": nil,
            "pause_collection": nil,
            "payment_settings": [
                "payment_method_options": settings["payment_method_options"] ?? .null,
                "payment_method_types": settings["payment_method_types"] ?? .null,
                "save_default_payment_method": settings["save_default_payment_method"] ?? "off",
            ],
            "pending_invoice_item_interval": nil, "pending_setup_intent": nil, "pending_update": nil,
            "schedule": nil, "start_date": .integer(now), "status": "incomplete", "status_details": nil,
            "test_clock": nil, "transfer_data": nil, "trial_end": nil,
            "trial_settings": [
                "end_behavior": [
                    "billing_cycle_anchor": trial["billing_cycle_anchor"] ?? "now",
                    "missing_payment_method": trial["missing_payment_method"] ?? "create_invoice",
                ]
            ],
            "trial_start": nil,
        ]
    }

    /// Flexible unless the request asks for classic.
    static func billingMode(_ params: JSONObject, at now: Int64) -> JSONValue {
        let mode = params.object("billing_mode")
        let isFlexible = mode.string("type") != "classic"
        let discounts = mode.object("flexible").string("proration_discounts") ?? "included"
        return [
            "flexible": isFlexible ? ["proration_discounts": .string(discounts)] : .null,
            "type": isFlexible ? "flexible" : "classic", "updated_at": .integer(now),
        ]
    }

    /// `customer.subscription.trial_will_end`: three days before the end, at once for a shorter trial.
    func announceTrialEnd(_ id: String) {
        let subscription = known(.subscription, id)
        guard let end = subscription.integer("trial_end"), subscription.string("status") == "trialing",
            !subscription.flag("_trial_announced"), end - 3 * CivilDate.secondsPerDay <= now
        else { return }
        change(.subscription, id) { $0["_trial_announced"] = true }
        emit("customer.subscription.trial_will_end", .subscription, id)
    }
}
