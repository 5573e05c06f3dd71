import JSON

/// Billing meters: what is counted, by which payload keys, and how (docs.stripe.com/api/billing/meter).
extension Account {
    static let meterRoutes: [Route] = [
        Route(
            "POST /v1/billing/meters",
            """
            default_aggregation!:{formula!:(count|last|sum)} display_name! event_name! \
            customer_mapping:{event_payload_key! type!:(by_id)} event_time_window:(day|hour) \
            value_settings:{event_payload_key!}
            """, Account.createMeter),
        Route("GET /v1/billing/meters", "@page status:(active|inactive)", Account.listMeters),
        Route("GET /v1/billing/meters/{id}", "", Account.retrieveMeter),
        Route("POST /v1/billing/meters/{id}", "display_name", Account.updateMeter),
        Route("POST /v1/billing/meters/{id}/deactivate", "", Account.deactivateMeter),
        Route("POST /v1/billing/meters/{id}/reactivate", "", Account.reactivateMeter),
        Route(
            "GET /v1/billing/meters/{id}/event_summaries",
            "@page customer! start_time!:int end_time!:int value_grouping_window:(day|hour)", Account.listMeterSummaries),
        Route(
            "POST /v1/billing/meter_events", "event_name! payload!:map identifier timestamp:int", Account.createMeterEvent),
        Route(
            "POST /v1/billing/meter_event_adjustments", "event_name! type!:(cancel) cancel:{identifier}",
            Account.createMeterEventAdjustment),
    ]

    func createMeter(_ call: Call) throws(APIFailure) -> JSONValue {
        let params = call.params
        let name = params.string("event_name") ?? ""
        guard activeMeter(counting: name) == nil else {
            throw .invalid("An active meter with the event name `\(name)` already exists.", param: "event_name")
        }
        let id = newID(.meter)
        put(
            .meter,
            [
                "id": .string(id), "object": "billing.meter", "created": .integer(now),
                "customer_mapping": params["customer_mapping"] ?? [
                    "event_payload_key": "stripe_customer_id", "type": "by_id",
                ],
                "default_aggregation": params["default_aggregation"] ?? .null,
                "display_name": params["display_name"] ?? .null, "event_name": .string(name),
                "event_time_window": params["event_time_window"] ?? .null, "livemode": false, "status": "active",
                "status_transitions": ["deactivated_at": nil], "updated": .integer(now),
                "value_settings": params["value_settings"] ?? ["event_payload_key": "value"],
            ])
        emit("billing.meter.created", .meter, id)
        return .object(rendered(.meter, id))
    }

    func retrieveMeter(_ call: Call) throws(APIFailure) -> JSONValue {
        .object(render(.meter, try named(.meter, call.id)))
    }

    func listMeters(_ call: Call) throws(APIFailure) -> JSONValue {
        try list(.meter, call) { Self.agrees($0, call.params, ["status"]) }
    }

    func updateMeter(_ call: Call) throws(APIFailure) -> JSONValue {
        let before = render(.meter, try named(.meter, call.id))
        change(.meter, call.id) { meter in
            meter.copy(["display_name"], from: call.params)
            meter["updated"] = .integer(now)
        }
        emitUpdate("billing.meter.updated", .meter, call.id, since: before)
        return .object(rendered(.meter, call.id))
    }

    func deactivateMeter(_ call: Call) throws(APIFailure) -> JSONValue {
        try setStatus(of: call.id, "inactive", at: .integer(now), event: "billing.meter.deactivated")
    }

    func reactivateMeter(_ call: Call) throws(APIFailure) -> JSONValue {
        try setStatus(of: call.id, "active", at: .null, event: "billing.meter.reactivated")
    }

    private func setStatus(
        of id: String, _ status: String, at time: JSONValue, event: String
    ) throws(APIFailure) -> JSONValue {
        let meter = try named(.meter, id)
        guard meter.string("status") != status else {
            throw .invalid("This meter is already \(status).", param: "id")
        }
        if status == "active", activeMeter(counting: meter.string("event_name") ?? "") != nil {
            throw .invalid(
                "An active meter with the event name `\(meter.string("event_name") ?? "")` already exists.",
                param: "event_name")
        }
        change(.meter, id) { meter in
            meter["status"] = .string(status)
            meter.set("status_transitions", "deactivated_at", to: time)
            meter["updated"] = .integer(now)
        }
        emit(event, .meter, id)
        return .object(rendered(.meter, id))
    }

    func activeMeter(counting event: String) -> JSONObject? {
        store.ids(.meter).lazy.compactMap { self.find(.meter, $0) }.first {
            $0.string("event_name") == event && $0.string("status") == "active"
        }
    }

    /// The meter of a price, which has to be metered itself.
    func checkMeter(_ recurring: JSONObject) throws(APIFailure) {
        guard let id = recurring.string("meter") else { return }
        let meter = try referred(.meter, id, param: "recurring[meter]")
        guard recurring.string("usage_type") == "metered" else {
            throw .invalid(
                "You may only specify `recurring[meter]` if `recurring[usage_type]=metered`.", param: "recurring[meter]")
        }
        guard meter.string("status") == "active" else {
            throw .invalid("The meter \(id) is inactive. This field only accepts active meters.", param: "recurring[meter]")
        }
    }
}
