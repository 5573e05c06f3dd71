import JSON

/// `POST /v1/invoices/create_preview`: the same rules run on the same objects and are then undone, so that a preview is
/// always equal to the invoice that follows.
extension Account {
    static let previewRoutes: [Route] = [
        Route(
            "POST /v1/invoices/create_preview",
            """
            automatic_tax:any currency customer customer_account customer_details:any @discounts invoice_items:any \
            issuer:any on_behalf_of? preview_mode:(next|recurring) schedule \
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
        try refuseUnemulated(params, ["discounts", "invoice_items"])
        let details = params.object("subscription_details")
        try refuseUnemulated(details, ["billing_schedules", "start_date"])
        let point = savepoint
        defer { rollback(to: point) }
        let invoice: String
        if params.has("schedule") || params.has("schedule_details") {
            invoice = try previewSchedule(params)
        } else if let id = try subscriptionToPreview(params, details) {
            invoice = try previewChange(of: id, details, isRecurring: params.string("preview_mode") == "recurring")
        } else {
            invoice = try previewNew(params, details)
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
        if let customer = params.string("customer") {
            terms["customer"] = .string(customer)
        } else {
            let call = Call(path: [], params: [:], url: "", caller: .secret, apiVersion: Self.apiVersion)
            terms["customer"] = .optional(try createCustomer(call).referenceID)
        }
        return try openSubscription(terms, requiresMethod: false).invoice
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
            lines.append(try recurringLine(item.id, price, item.integer("quantity") ?? 1, (start, end)))
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
        return known(.subscription, begun).string("latest_invoice") ?? ""
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
        guard let end = subscription.integer("_period_end"), subscription.string("status") != "paused" else {
            throw Self.noUpcoming(customer)
        }
        if let cancel = subscription.integer("cancel_at"), cancel <= end { throw Self.noUpcoming(customer) }
        if let schedule = subscription.string("schedule"), let time = Self.dueSchedule(known(.schedule, schedule)),
            time <= end
        {
            now = max(now, time)
            runSchedule(schedule)
            let latest = known(.subscription, id).string("latest_invoice")
            if let latest, latest != subscription.string("latest_invoice") { return latest }
            return try upcomingInvoice(of: id)
        }
        now = max(now, end)
        return try renew(id)
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
        shown["starting_balance"] = known(.customer, invoice.string("customer") ?? "")["balance"] ?? 0
        let lines = all(.invoiceLine, where: "invoice", is: id).prefix(250).map { line -> JSONValue in
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
