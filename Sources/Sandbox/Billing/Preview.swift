import JSON

/// `POST /v1/invoices/create_preview`: the same rules run on the same objects and are then undone, so that a preview is
/// always equal to the invoice that follows.
extension Account {
    static let previewRoutes: [Route] = [
        Route(
            "POST /v1/invoices/create_preview",
            """
            automatic_tax:{@automatic_tax} currency customer customer_account customer_details:any @discounts invoice_items:[{currency \
            invoiceitem @line_terms price price_data:{product! @one_time_price} \
            tax_behavior:(exclusive|inclusive|unspecified) tax_code? tax_rates?:[text] unit_amount:int \
            unit_amount_decimal:dec}] issuer:any on_behalf_of? preview_mode:(next|recurring) schedule \
            schedule_details:{\(Account.scheduleDetailsTable)} subscription \
            subscription_details:{billing_cycle_anchor:{type!:(now|unchanged|timestamp) timestamp:int}/\
            time|now|unchanged billing_mode:{type!:(classic|flexible) \
            flexible:{proration_discounts:(included|itemized)}} billing_schedules?:any \
            cancel_at?:time|min_period_end|max_period_end|max_billed_until cancel_at_period_end:bool cancel_now:bool \
            default_tax_rates?:[text] items:[{billing_thresholds?:any clear_usage:bool deleted:bool @discounts id \
            metadata?:map plan price price_data:{@price_data} quantity:int tax_rates?:[text]}] metadata?:map \
            pause:{\(Account.pauseTable)} \
            @proration resume_at:(now) start_date:int trial_end:time|now}
            """, Account.createPreview)
    ]

    func createPreview(_ call: Call) throws(APIFailure) -> JSONValue {
        let params = call.params
        let details = params.object("subscription_details")
        try refuseUnemulated(details, ["billing_schedules"])
        let point = savepoint
        defer { rollback(to: point) }
        let invoice: String
        if params.has("schedule") || params.has("schedule_details") {
            invoice = try previewSchedule(params)
        } else if let id = try subscriptionToPreview(params, details) {
            let subscription = known(.subscription, id)
            try addPreviewed(params.array("invoice_items"), to: subscription)
            var change = details
            for name in ["automatic_tax", "discounts"] { change[name] = params[name] }
            invoice = try previewChange(of: id, change, isRecurring: params.string("preview_mode") == "recurring")
        } else if details.has("items") {
            invoice = try previewNew(params, details)
        } else {
            invoice = try previewItems(params)
        }
        return .object(preview(of: invoice))
    }

    /// The subscription that a preview is about: the named one, or the customer's next to renew when nothing else is
    /// said; nil for a new subscription.
    private func subscriptionToPreview(
        _ params: JSONObject, _ details: JSONObject
    ) throws(APIFailure) -> String? {
        if let customer = params.string("customer") { _ = try referred(.customer, customer, param: "customer") }
        if let id = params.string("subscription") {
            return try referred(.subscription, id, param: "subscription").id
        }
        if details.has("items") { return nil }
        guard let customer = params.string("customer") else { throw .missing("customer") }
        if params.has("invoice_items"), details.isEmpty { return nil }
        let candidates = all(.subscription, where: "customer", is: customer)
            .filter { !Self.isOver($0) && $0.has("_period_end") && $0["cancel_at"]?.isNull ?? true }
            .sorted { ($0.integer("_period_end") ?? 0) < ($1.integer("_period_end") ?? 0) }
        guard let next = candidates.first else { throw Self.noUpcoming(customer) }
        return next.id
    }

    private static func noUpcoming(_ customer: String) -> APIFailure {
        APIFailure(404, "No upcoming invoices for customer: \(customer)", code: "invoice_upcoming_none")
    }

    // MARK: What would happen

    private func previewNew(_ params: JSONObject, _ details: JSONObject) throws(APIFailure) -> String {
        var terms = details
        for name in ["automatic_tax", "currency", "customer", "discounts"] { terms[name] = params[name] }
        if let start = details.integer("start_date"), start < now { terms["backdate_start_date"] = .integer(start) }
        if !params.has("customer") {
            let call = Call(path: [], params: [:], url: "", caller: .secret, apiVersion: Self.apiVersion)
            terms["customer"] = .optional(try createCustomer(call).referenceID)
        }
        for entry in params.array("invoice_items") {
            var item = entry.objectValue ?? [:]
            if !item.has("currency") { item["currency"] = params["currency"] }
            _ = try addInvoiceItem(item, customer: terms.string("customer") ?? "", subscription: nil)
        }
        let (id, invoice) = try openSubscription(terms, requiresMethod: false)
        return if let invoice { invoice } else { try upcomingInvoice(of: id) }
    }

    /// An invoice by hand of nothing but items that are described here.
    private func previewItems(_ params: JSONObject) throws(APIFailure) -> String {
        let customer = params.string("customer") ?? ""
        let currency = params.string("currency")?.lowercased() ?? known(.customer, customer).string("currency") ?? "usd"
        let id = addInvoice(
            InvoiceDraft(
                customer: customer, reason: "manual", currency: currency, period: (now, now), lines: [], sweeps: false))
        for entry in params.array("invoice_items") {
            var item = entry.objectValue ?? [:]
            if !item.has("currency") { item["currency"] = .string(currency) }
            attach(try addInvoiceItem(item, customer: customer, subscription: nil), to: id)
        }
        let discounts = try redeem(
            params["discounts"],
            for: DiscountOwner(customer: customer, currency: currency, member: "invoice", id: id, subtotal: 0))
        change(.invoice, id) { $0["discounts"] = .array(discounts) }
        refreshTotals(of: id)
        return id
    }

    /// Invoice items that a preview adds, or changes: pending ones that are there already are named.
    private func addPreviewed(_ entries: [JSONValue], to subscription: JSONObject) throws(APIFailure) {
        for (index, entry) in entries.enumerated() {
            var params = entry.objectValue ?? [:]
            if let id = params.string("invoiceitem") {
                let item = try referred(.invoiceItem, id, param: "invoice_items[\(index)][invoiceitem]")
                params["invoiceitem"] = nil
                try updateInvoiceItem(item, params)
                continue
            }
            if !params.has("currency") { params["currency"] = subscription["currency"] }
            _ = try addInvoiceItem(
                params, customer: subscription.string("customer") ?? "", subscription: subscription.id)
        }
    }

    private func previewChange(
        of id: String, _ details: JSONObject, isRecurring: Bool
    ) throws(APIFailure) -> String {
        let subscription = known(.subscription, id)
        let customer = subscription.string("customer") ?? ""
        guard !Self.isOver(subscription) else { throw Self.noUpcoming(customer) }
        if details.flag("cancel_now") {
            let prorates = details.string("proration_behavior") != "none"
            guard let invoice = try cancelNow(id, ["prorate": .bool(prorates), "invoice_now": true]) else {
                throw Self.noUpcoming(customer)
            }
            return invoice
        }
        if let params = details["pause"]?.objectValue {
            var params = params
            params["invoicing_behavior"] = "invoice"
            guard let invoice = try pause(subscription, params) else { throw Self.noUpcoming(customer) }
            return invoice
        }
        if details.has("resume_at") {
            if let invoice = try resume(subscription, details) { return invoice }
            return try upcomingInvoice(of: id)
        }
        var change = details
        if isRecurring {
            change["proration_behavior"] = "none"
            change["proration_date"] = nil
        }
        let immediate = try applyUpdate(id, change)
        if isRecurring { return try steadyInvoice(of: id) }
        if let immediate { return immediate }
        return try upcomingInvoice(of: id)
    }

    /// The invoice of one full period with nothing besides.
    private func steadyInvoice(of id: String) throws(APIFailure) -> String {
        let subscription = known(.subscription, id)
        var lines: [LineDraft] = []
        for item in items(of: id) {
            let price = price(of: item)
            let start = item.integer("current_period_end") ?? now
            let end = Self.interval(of: price).nextBoundary(anchor: item.integer("_anchor") ?? start, after: start)
            lines += try recurringLines(for: item, (start, end))
        }
        let start = lines.map(\.period.start).min() ?? now
        return addInvoice(
            InvoiceDraft(
                customer: subscription.string("customer") ?? "", subscription: subscription,
                reason: "subscription_cycle", currency: subscription.string("currency") ?? "usd",
                period: (start, start), lines: lines, sweeps: false))
    }

    /// A schedule's next invoice: that of its change, of its beginning, or its subscription's.
    private func previewSchedule(_ params: JSONObject) throws(APIFailure) -> String {
        let details = params.object("schedule_details")
        let id: String
        if let given = params.string("schedule") {
            if params.has("subscription") || params.has("subscription_details") {
                throw .invalid("You may only specify one of these parameters: schedule, subscription.", param: "schedule")
            }
            id = try referred(.schedule, given, param: "schedule").id
            _ = try liveSchedule(id, to: "preview")
            let (begun, invoice) = try applyScheduleUpdate(id, details, collects: false)
            if let invoice = invoice ?? begun.flatMap({ known(.subscription, $0).string("latest_invoice") }) {
                return invoice
            }
        } else {
            guard let customer = params.string("customer") else { throw .missing("customer") }
            guard let phases = details["phases"]?.arrayValue else { throw .missing("schedule_details[phases]") }
            var terms = details
            terms["customer"] = .string(try referred(.customer, customer, param: "customer").id)
            id = try addSchedule(terms, phases, start: phases.first?["start_date"]?.integerValue ?? now)
        }
        let schedule = known(.schedule, id)
        if let subscription = schedule.string("subscription") { return try upcomingInvoice(of: subscription) }
        now = max(now, schedule.array("phases").first?["start_date"]?.integerValue ?? now)
        let begun = try beginSchedule(id)
        return if let invoice = known(.subscription, begun).string("latest_invoice") { invoice } else {
            try upcomingInvoice(of: begun)
        }
    }

    /// `invoice.upcoming`: what the next renewal will ask for, as a preview without an id.
    func announceRenewal(_ id: String) {
        change(.subscription, id) { $0["_upcoming_at"] = .null }
        let subscription = known(.subscription, id)
        guard subscription.string("collection_method") == "charge_automatically",
            subscription["pause_collection"]?.isNull ?? true
        else { return }
        let point = savepoint
        var announced: JSONObject?
        if let invoice = try? upcomingInvoice(of: id) {
            announced = preview(of: invoice)
            announced?["id"] = nil
        }
        rollback(to: point)
        if let announced { emit("invoice.upcoming", object: announced, previous: nil) }
    }

    /// The next renewal, made now, or the invoice that a schedule makes before it.
    private func upcomingInvoice(of id: String) throws(APIFailure) -> String {
        let subscription = known(.subscription, id)
        let customer = subscription.string("customer") ?? ""
        guard !Self.isOver(subscription), subscription.string("status") != "paused",
            let end = subscription.integer("_period_end")
        else {
            throw Self.noUpcoming(customer)
        }
        let cancel = subscription.integer("cancel_at")
        let next = min(end, cancel ?? end)
        if let schedule = subscription.string("schedule"), let time = Self.dueSchedule(known(.schedule, schedule)),
            time <= next
        {
            now = max(now, time)
            runSchedule(schedule)
            let latest = known(.subscription, id).string("latest_invoice")
            if let latest, latest != subscription.string("latest_invoice") { return latest }
            return try upcomingInvoice(of: id)
        }
        now = max(now, next)
        let isLast = cancel.map { $0 <= end } ?? false
        guard let invoice = isLast ? try plannedInvoice(of: id) : try renew(id) else { throw Self.noUpcoming(customer) }
        return invoice
    }

    // MARK: Showing it

    /// A draft as a preview: ids that name nothing, every line, and what would be due with the customer's balance.
    private func preview(of id: String) -> JSONObject {
        let invoice = known(.invoice, id)
        let settled = settlement(of: invoice)
        let shownID = "upcoming_in_\(id.dropFirst("in_".count))"
        var shown = render(.invoice, invoice)
        shown["id"] = .string(shownID)
        shown["status"] = "draft"
        shown["billing_reason"] = "upcoming"
        shown["amount_due"] = .integer(settled.amountDue)
        shown["amount_remaining"] = .integer(settled.amountDue)
        shown["ending_balance"] = .integer(settled.endingBalance)
        shown["starting_balance"] = .integer(
            balance(of: invoice.string("customer") ?? "", in: invoice.string("currency") ?? "usd"))
        let lines = lines(of: id).prefix(250).map { line -> JSONValue in
            var line = line.withoutHidden
            line["id"] = .string("il_tmp_\(line.id.dropFirst("il_".count))")
            line["invoice"] = .string(shownID)
            return .object(line)
        }
        shown["lines"] = [
            "object": "list", "data": .array(lines), "has_more": false, "total_count": .integer(Int64(lines.count)),
            "url": .string("/v1/invoices/\(shownID)/lines"),
        ]
        return shown
    }
}
