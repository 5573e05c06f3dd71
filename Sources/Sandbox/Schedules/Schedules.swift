import JSON

/// Subscription schedules: how they begin and change. A schedule owns the configuration of its subscription, phase by
/// phase (docs.stripe.com/billing/subscriptions/subscription-schedules).
extension Account {
    func createSchedule(_ call: Call) throws(APIFailure) -> JSONValue {
        let params = call.params
        if let subscription = params.string("from_subscription") {
            let before = render(.subscription, known(.subscription, subscription))
            let id = try adopt(subscription, params)
            emit("subscription_schedule.created", .schedule, id)
            emitUpdate("customer.subscription.updated", .subscription, subscription, since: before)
            return .object(rendered(.schedule, id))
        }
        guard let customer = params.string("customer") else { throw .missing("customer") }
        _ = try referred(.customer, customer, param: "customer")
        guard let phases = params["phases"]?.arrayValue else { throw .missing("phases") }
        guard let start = params["start_date"] else { throw .missing("start_date") }
        let id = try addSchedule(params, phases, start: start.integerValue ?? now)
        let begins = known(.schedule, id).array("phases").first?["start_date"]?.integerValue ?? now
        let subscription = begins <= now ? try beginSchedule(id) : nil
        emit("subscription_schedule.created", .schedule, id)
        if let subscription { emitBeginning(of: subscription) }
        return .object(rendered(.schedule, id))
    }

    /// A schedule of one phase: what the subscription is now, until its period ends.
    private func adopt(_ subscriptionID: String, _ params: JSONObject) throws(APIFailure) -> String {
        let others = ["billing_mode", "customer", "default_settings", "end_behavior", "phases", "start_date"]
        if let other = others.first(where: { params.has($0) }) {
            throw .invalid("You cannot set `\(other)` if `from_subscription` is set.", param: other)
        }
        let subscription = try referred(.subscription, subscriptionID, param: "from_subscription")
        guard !Self.isOver(subscription) else {
            throw .invalid(
                "You cannot migrate a subscription that is already canceled.", param: "from_subscription")
        }
        if let schedule = subscription.string("schedule") {
            throw .invalid(
                "You cannot migrate a subscription that is already attached to a schedule: `\(schedule)`.",
                param: "from_subscription")
        }
        let items = items(of: subscriptionID)
        var phase = Self.emptyPhase
        phase["start_date"] = .integer(items.compactMap { $0.integer("current_period_start") }.max() ?? now)
        phase["end_date"] = .integer(items.compactMap { $0.integer("current_period_end") }.min() ?? now)
        phase["items"] = .array(phaseItems(of: subscriptionID))
        phase.copy(["currency", "default_tax_rates", "metadata"], from: subscription)
        phase["discounts"] = Self.shownDiscounts(live(subscription.array("discounts")))
        if Self.isTrialing(subscription) { phase.copy(["trial_end"], from: subscription) }
        var defaults = Self.defaultSettings
        defaults.copy(["collection_method", "default_payment_method", "description"], from: subscription)
        defaults.set("invoice_settings", "days_until_due", to: subscription["days_until_due"] ?? .null)
        var schedule = newSchedule(customer: subscription.string("customer") ?? "", params, [phase])
        schedule["billing_mode"] = subscription["billing_mode"]
        schedule["default_settings"] = .object(defaults)
        if let end = subscription.integer("cancel_at") {
            schedule["end_behavior"] = "cancel"
            phase["end_date"] = .integer(end)
            schedule["phases"] = [.object(phase)]
        }
        put(.schedule, schedule)
        attachSchedule(schedule.id, to: subscriptionID)
        return schedule.id
    }

    /// The items of a subscription as a phase lists them.
    func phaseItems(of subscription: String) -> [JSONValue] {
        items(of: subscription).map {
            Self.phaseItem(
                price(of: $0), quantity: $0.integer("quantity") ?? 1, metadata: $0["metadata"] ?? [:],
                discounts: Self.shownDiscounts(live($0.array("discounts"))), taxRates: $0["tax_rates"])
        }
    }

    /// Stores a schedule that has not begun. No events.
    func addSchedule(_ params: JSONObject, _ given: [JSONValue], start: Int64) throws(APIFailure) -> String {
        try refuseUnemulated(params, ["pause_schedules"])
        if params.string("end_behavior") == "renew" { throw .notEmulated("end_behavior") }
        guard start >= now else { throw .notEmulated("start_date") }
        if start > now { _ = try future(start, "start_date") }
        let customer = params.string("customer") ?? ""
        let phases = try phases(given, start: start, current: nil)
        for phase in phases { try checkDefaultMethod(phase, customer: customer) }
        var schedule = newSchedule(customer: customer, params, phases)
        schedule.copy(["end_behavior"], from: params)
        try applySettings(params, to: &schedule)
        put(.schedule, schedule)
        return schedule.id
    }

    private func newSchedule(customer: String, _ params: JSONObject, _ phases: [JSONObject]) -> JSONObject {
        [
            "id": .string(newID(.schedule)), "object": "subscription_schedule", "application": nil,
            "billing_mode": Self.billingMode(params, at: now), "canceled_at": nil, "completed_at": nil,
            "created": .integer(now), "current_phase": nil, "customer": .string(customer), "customer_account": nil,
            "default_settings": .object(Self.defaultSettings), "end_behavior": "release", "livemode": false,
            "metadata": Self.newMetadata(params), "pause_schedules": [], "phases": .array(phases.map(JSONValue.object)),
            "released_at": nil, "released_subscription": nil, "status": "not_started", "subscription": nil,
            "test_clock": clockMember,
        ]
    }

    private static let defaultSettings: JSONObject = [
        "application_fee_percent": nil,
        "automatic_tax": ["disabled_reason": nil, "enabled": false, "liability": nil],
        "billing_cycle_anchor": "automatic", "billing_thresholds": nil, "collection_method": "charge_automatically",
        "default_payment_method": nil, "description": nil, "invoice_settings": scheduleInvoices([:]),
        "on_behalf_of": nil, "transfer_data": nil,
    ]

    /// The parts of a request that hold for every phase.
    private func applySettings(_ params: JSONObject, to schedule: inout JSONObject) throws(APIFailure) {
        guard let given = params["default_settings"]?.objectValue else { return }
        try refuseUnemulated(given, ["billing_thresholds", "transfer_data"])
        try checkDefaultMethod(given, customer: schedule.string("customer") ?? "")
        var settings = schedule.object("default_settings")
        settings.copy(
            ["billing_cycle_anchor", "collection_method", "default_payment_method", "description"], from: given)
        if let invoices = given["invoice_settings"]?.objectValue {
            settings["invoice_settings"] = Self.scheduleInvoices(invoices)
        }
        schedule["default_settings"] = .object(settings)
    }

    // MARK: Changing

    func updateSchedule(_ call: Call) throws(APIFailure) -> JSONValue {
        let before = render(.schedule, try liveSchedule(call.id, to: "update"))
        let begun = try applyScheduleUpdate(call.id, call.params).begun
        emitUpdate("subscription_schedule.updated", .schedule, call.id, since: before)
        if let begun { emitBeginning(of: begun) }
        return .object(rendered(.schedule, call.id))
    }

    /// Applies a change of a schedule, and with it of the phase that is running. Returns the subscription that this
    /// begins, and the invoice that it causes, a draft where `collects` is false, as it is for a preview.
    @discardableResult
    func applyScheduleUpdate(
        _ id: String, _ params: JSONObject, collects: Bool = true
    ) throws(APIFailure) -> (begun: String?, invoice: String?) {
        try refuseUnemulated(params, ["pause_schedules"])
        if params.string("end_behavior") == "renew" { throw .notEmulated("end_behavior") }
        var schedule = known(.schedule, id)
        schedule.copy(["end_behavior"], from: params)
        try applySettings(params, to: &schedule)
        Self.mergeMetadata(params["metadata"], into: &schedule)
        let current = schedule.object("current_phase").integer("start_date")
        if let given = params["phases"]?.arrayValue {
            let phases = try phases(given, start: nil, current: current)
            for phase in phases { try checkDefaultMethod(phase, customer: schedule.string("customer") ?? "") }
            let first = phases[0].integer("start_date") ?? now
            let past = schedule.array("phases").filter { ($0["end_date"]?.integerValue ?? 0) <= min(first, current ?? 0) }
            schedule["phases"] = .array(past + phases.map(JSONValue.object))
            if current == nil, first < now { throw .notEmulated("phases[0][start_date]") }
        }
        put(.schedule, schedule)
        guard let subscription = schedule.string("subscription") else {
            let begins = schedule.array("phases").first?["start_date"]?.integerValue ?? now
            return (begins <= now ? try beginSchedule(id) : nil, nil)
        }
        var change: JSONObject = [:]
        if params.has("phases"), let phase = phase(of: id, at: now) {
            setCurrentPhase(of: id, phase)
            change = terms(of: phase, for: subscription, in: known(.schedule, id))
            if phase.integer("start_date") == current { change["proration_behavior"] = params["proration_behavior"] }
        } else {
            change.copy(["proration_behavior"], from: params)
        }
        change["cancel_at"] = plannedEnd(known(.schedule, id), for: known(.subscription, subscription))
        noteEnd(of: id)
        let last = known(.subscription, subscription).string("latest_invoice")
        if collects { try update(subscription, change) } else { _ = try applyUpdate(subscription, change) }
        let latest = known(.subscription, subscription).string("latest_invoice")
        return (nil, latest == last ? nil : latest)
    }

    // MARK: What a schedule means for its subscription

    /// What may not be said to a subscription that a schedule manages.
    func checkManaged(_ subscription: JSONObject, _ params: JSONObject) throws(APIFailure) {
        guard let schedule = subscription.string("schedule"), Self.isLive(known(.schedule, schedule)) else { return }
        if params.has("cancel_at") || params.has("cancel_at_period_end") {
            throw .invalid(
                "The subscription is managed by the subscription schedule `\(schedule)`, and updating any cancelation "
                    + "behavior directly is not allowed. Please update the schedule instead.")
        }
        if params.string("payment_behavior") == "pending_if_incomplete" {
            throw .invalid(
                "You cannot use `payment_behavior=pending_if_incomplete` on a subscription that is managed by a "
                    + "subscription schedule.", param: "payment_behavior")
        }
    }

    /// The items of a managed subscription were changed directly: from now on its phase is that.
    func followItems(of subscription: String) {
        guard let id = known(.subscription, subscription).string("schedule"), Self.isLive(known(.schedule, id)),
            var phase = phase(of: id, at: now)
        else { return }
        let items = JSONValue.array(phaseItems(of: subscription))
        guard phase["items"] != items else { return }
        let before = rendered(.schedule, id)
        let start = phase["start_date"]
        phase["items"] = items
        phase["start_date"] = .integer(now)
        change(.schedule, id) { schedule in
            var phases = schedule.array("phases")
            guard let index = phases.firstIndex(where: { $0["start_date"] == start }) else { return }
            if start == .integer(now) {
                phases[index] = .object(phase)
            } else {
                var past = phases[index].objectValue ?? [:]
                past["end_date"] = .integer(now)
                phases[index] = .object(past)
                phases.insert(.object(phase), at: index + 1)
            }
            schedule["phases"] = .array(phases)
        }
        setCurrentPhase(of: id, phase)
        emitUpdate("subscription_schedule.updated", .schedule, id, since: before)
    }
}
