import JSON

/// The endpoints of subscription schedules.
extension Account {
    private static let pausesTable = """
        key pause:{pause_at:{timestamp:int type!:(now|timestamp)} settings:any} \
        resume?:{resume_at:{duration:{@duration} timestamp:int type!:(duration|now|timestamp)} settings:any}
        """
    private static let settingsTable = """
        default_settings:{application_fee_percent:num automatic_tax:any billing_cycle_anchor:(automatic|phase_start) \
        billing_thresholds?:any collection_method:(charge_automatically|send_invoice) default_payment_method description? \
        invoice_settings:{@schedule_invoices} on_behalf_of? transfer_data?:any} \
        end_behavior:(cancel|none|release|renew) metadata?:map
        """
    private static let modeTable =
        "billing_mode:{type!:(classic|flexible) flexible:{proration_discounts:(included|itemized)}}"
    private static let changeTable =
        "pause_schedules?:[{\(pausesTable)}] phases:[{@phase end_date:time|now start_date:time|now trial_end:time|now}] "
        + "proration_behavior:(create_prorations|none|always_invoice)"

    /// What `create_preview` takes of a schedule.
    static let scheduleDetailsTable = modeTable + " end_behavior:(cancel|release) " + changeTable

    static let scheduleRoutes: [Route] = [
        Route(
            "POST /v1/subscription_schedules",
            settingsTable + " " + modeTable + """
                 customer customer_account from_subscription pause_schedules:[{\(pausesTable)}] \
                phases:[{@phase end_date:int trial_end:int}] start_date:time|now
                """, Account.createSchedule),
        Route(
            "GET /v1/subscription_schedules",
            """
            @list canceled_at:range completed_at:range customer customer_account released_at:range scheduled:bool
            """, Account.listSchedules),
        Route("GET /v1/subscription_schedules/{schedule}", "", Account.retrieveSchedule),
        Route(
            "POST /v1/subscription_schedules/{schedule}", settingsTable + " " + changeTable, Account.updateSchedule),
        Route(
            "POST /v1/subscription_schedules/{schedule}/cancel", "invoice_now:bool prorate:bool", Account.cancelSchedule),
        Route(
            "POST /v1/subscription_schedules/{schedule}/release", "preserve_cancel_date:bool", Account.releaseSchedule),
    ]

    // MARK: Reading

    func retrieveSchedule(_ call: Call) throws(APIFailure) -> JSONValue {
        .object(render(.schedule, try named(.schedule, call.id)))
    }

    /// `scheduled` finds those that have not begun; it does not go with the times of an end.
    func listSchedules(_ call: Call) throws(APIFailure) -> JSONValue {
        let params = call.params
        let ends = ["completed_at", "released_at", "canceled_at"]
        if params.has("scheduled"), let both = ends.first(where: { params.has($0) }) {
            throw .invalid("You may only specify one of these parameters: \(both), scheduled.", param: both)
        }
        if let customer = params.string("customer") { _ = try referred(.customer, customer, param: "customer") }
        let group = params.string("customer").map { (member: "customer", value: $0) }
        return try list(.schedule, call, group: group) { schedule in
            let isScheduled = params["scheduled"]?.boolValue
            return (isScheduled == nil || isScheduled == (schedule.string("status") == "not_started"))
                && ends.allSatisfy { end in
                    guard let range = params[end] else { return true }
                    return schedule.integer(end).map { Self.isWithin($0, range) } ?? false
                }
        }
    }

    // MARK: Ending

    /// Whether a schedule still has something to do.
    static func isLive(_ schedule: JSONObject) -> Bool {
        schedule.string("status") == "active" || schedule.string("status") == "not_started"
    }

    func liveSchedule(_ id: String, to verb: String) throws(APIFailure) -> JSONObject {
        let schedule = try named(.schedule, id)
        guard Self.isLive(schedule) else {
            throw .invalid(
                "You cannot \(verb) a subscription schedule that is currently in the `\(schedule.string("status") ?? "")` "
                    + "status. It must be in one of the following statuses: `not_started`, `active`.", param: "schedule")
        }
        return schedule
    }

    /// Ends the schedule and, at once, what it manages. Unused time is credited unless `prorate` says otherwise.
    func cancelSchedule(_ call: Call) throws(APIFailure) -> JSONValue {
        let schedule = try liveSchedule(call.id, to: "cancel")
        if let subscription = schedule.string("subscription") {
            var params: JSONObject = ["prorate": true]
            params.copy(["invoice_now", "prorate"], from: call.params)
            try cancelNow(subscription, params)
        }
        if Self.isLive(known(.schedule, call.id)) { closeSchedule(call.id, "canceled", event: "canceled") }
        return .object(rendered(.schedule, call.id))
    }

    func releaseSchedule(_ call: Call) throws(APIFailure) -> JSONValue {
        _ = try liveSchedule(call.id, to: "release")
        detachSchedule(call.id, keepsCancelDate: call.params.flag("preserve_cancel_date"))
        return .object(rendered(.schedule, call.id))
    }

    /// Leaves the subscription to itself.
    func detachSchedule(_ id: String, keepsCancelDate: Bool) {
        let subscription = known(.schedule, id).string("subscription")
        change(.schedule, id) {
            $0["released_subscription"] = .optional(subscription)
            $0["subscription"] = .null
        }
        if let subscription {
            let before = rendered(.subscription, subscription)
            change(.subscription, subscription) {
                $0["schedule"] = .null
                if $0.flag("_ends_by_schedule"), !keepsCancelDate { Self.unscheduleEnd(&$0) }
                $0["_ends_by_schedule"] = nil
            }
            emitUpdate("customer.subscription.updated", .subscription, subscription, since: before)
        }
        closeSchedule(id, "released", event: "released")
    }

    /// Writes that a schedule is over. `status` is one of `completed`, `released` and `canceled`, whose time is kept.
    func closeSchedule(_ id: String, _ status: String, event: String) {
        change(.schedule, id) {
            $0["status"] = .string(status)
            $0["\(status)_at"] = .integer(now)
            $0["current_phase"] = .null
        }
        emit("subscription_schedule.\(event)", .schedule, id)
    }

    /// A subscription ended by itself or by a call of its own: its schedule goes with it, as aborted where it was not
    /// paid for.
    func subscriptionEnded(_ subscription: JSONObject, reason: String?) {
        guard let id = subscription.string("schedule"), Self.isLive(known(.schedule, id)) else { return }
        closeSchedule(id, "canceled", event: reason == "payment_failed" ? "aborted" : "canceled")
    }
}
