import JSON

/// Usage: meter events, their cancellation, and sums over them (docs.stripe.com/billing/subscriptions/usage-based).
extension Account {
    func createMeterEvent(_ call: Call) throws(APIFailure) -> JSONValue {
        let params = call.params
        let name = params.string("event_name") ?? ""
        guard let meter = activeMeter(counting: name) else {
            throw .invalid("No active meter found for event name \(name).", param: "event_name", code: "no_meter")
        }
        let payload = params.object("payload")
        let time = params.integer("timestamp") ?? now
        guard time >= now - 35 * CivilDate.secondsPerDay else {
            throw .invalid("The timestamp must be within the past 35 days.", param: "timestamp")
        }
        guard time <= now + 300 else {
            throw .invalid("The timestamp must be no more than 5 minutes in the future.", param: "timestamp")
        }
        let customer = try customer(of: payload, meter)
        let value = try Self.value(of: payload, meter)
        let identifier = params.string("identifier") ?? random.text(32)
        guard store.object(.meterEvent, identifier) == nil else {
            throw .invalid("An event already exists with identifier \(identifier).", param: "identifier")
        }
        put(
            .meterEvent,
            [
                "id": .string(identifier), "_key": .string("\(meter.id) \(customer)"), "_time": .integer(time),
                "_value": .string(value), "_made": .integer(now),
            ])
        return [
            "object": "billing.meter_event", "created": .integer(now), "event_name": .string(name),
            "identifier": .string(identifier), "livemode": false, "payload": .object(payload),
            "timestamp": .integer(time),
        ]
    }

    private func customer(of payload: JSONObject, _ meter: JSONObject) throws(APIFailure) -> String {
        let key = meter.object("customer_mapping").string("event_payload_key") ?? "stripe_customer_id"
        guard let customer = payload.string(key) else { throw .missing("payload[\(key)]") }
        return try referred(.customer, customer, param: "payload[\(key)]").id
    }

    /// The number that an event carries; a meter that counts events needs none.
    private static func value(of payload: JSONObject, _ meter: JSONObject) throws(APIFailure) -> String {
        if meter.object("default_aggregation").string("formula") == "count" { return "1" }
        let key = meter.object("value_settings").string("event_payload_key") ?? "value"
        guard let text = payload.string(key) else { throw .missing("payload[\(key)]") }
        guard ExactAmount(decimal: text) != nil else {
            throw .invalid("Invalid decimal: \(text)", param: "payload[\(key)]")
        }
        return text
    }

    /// Takes back an event of the last 24 hours.
    func createMeterEventAdjustment(_ call: Call) throws(APIFailure) -> JSONValue {
        guard let identifier = call.params.object("cancel").string("identifier") else {
            throw .missing("cancel[identifier]")
        }
        let name = call.params.string("event_name") ?? ""
        guard let event = find(.meterEvent, identifier), let meter = activeMeter(counting: name),
            event.string("_key")?.hasPrefix(meter.id) == true
        else {
            throw .invalid(
                "No meter event found with identifier \(identifier).", param: "cancel[identifier]",
                code: "resource_missing")
        }
        guard (event.integer("_made") ?? 0) > now - CivilDate.secondsPerDay else {
            throw .invalid("A meter event can only be canceled within 24 hours.", param: "cancel[identifier]")
        }
        change(.meterEvent, identifier) { $0["_deleted"] = true }
        return [
            "object": "billing.meter_event_adjustment", "cancel": ["identifier": .string(identifier)],
            "event_name": .string(name), "livemode": false, "status": "complete", "type": "cancel",
        ]
    }

    // MARK: Sums

    /// A customer's usage from `start` until before `end`.
    func usage(_ meter: JSONObject, customer: String, from start: Int64, until end: Int64) -> ExactAmount {
        var sum = ExactAmount(0)
        var last: (time: Int64, value: ExactAmount)?
        for event in all(.meterEvent, where: "_key", is: "\(meter.id) \(customer)") {
            guard let time = event.integer("_time"), start <= time, time < end,
                let value = ExactAmount(decimal: event.string("_value") ?? "0")
            else { continue }
            sum = sum.plus(value) ?? sum
            if last.map({ time >= $0.time }) ?? true { last = (time, value) }
        }
        return meter.object("default_aggregation").string("formula") == "last" ? last?.value ?? ExactAmount(0) : sum
    }

    func listMeterSummaries(_ call: Call) throws(APIFailure) -> JSONValue {
        let params = call.params
        let meter = try named(.meter, call.id)
        let customer = try referred(.customer, params.string("customer") ?? "", param: "customer").id
        for name in ["start_time", "end_time"] { try Self.check(params, name, in: 0...4_102_444_800) }
        let start = params.integer("start_time") ?? 0
        let end = params.integer("end_time") ?? 0
        let windows: [String: Int64] = ["hour": 3600, "day": CivilDate.secondsPerDay]
        let step = params.string("value_grouping_window").flatMap { windows[$0] }
        for (name, time) in [("start_time", start), ("end_time", end)] {
            guard time % (step ?? 60) == 0 else {
                throw .invalid(
                    "The `\(name)` must be aligned with \(step == nil ? "minute" : "value_grouping_window") boundaries.",
                    param: name)
            }
        }
        guard start < end else { throw .invalid("The `end_time` must be after the `start_time`.", param: "end_time") }
        guard (end - start) / (step ?? end) <= 10_000 else {
            throw .invalid("The time between `start_time` and `end_time` is too long.", param: "end_time")
        }
        var summaries: [JSONObject] = []
        for from in stride(from: start, to: end, by: Int(step ?? end - start)) {
            let until = min(end, from + (step ?? end - start))
            let value = usage(meter, customer: customer, from: from, until: until)
            if step != nil, value.isZero { continue }
            summaries.append([
                "id": .string("mtrusg_\(meter.id.suffix(8))\(customer.suffix(6))\(from)"),
                "object": "billing.meter_event_summary",
                "aggregated_value": value.integer.map(JSONValue.integer) ?? .number(value.decimal),
                "end_time": .integer(until), "livemode": false, "meter": .string(meter.id), "start_time": .integer(from),
            ])
        }
        return try page(.meterEventSummary, summaries.reversed(), call)
    }

    // MARK: Billing

    /// The lines of what an item's customer has used since it was last billed.
    func usageLines(of item: JSONObject, until end: Int64) throws(APIFailure) -> [LineDraft] {
        let price = price(of: item)
        let subscription = known(.subscription, item.string("subscription") ?? "")
        guard let (start, used) = countedUsage(of: item, until: end) else { return [] }
        let lines = try self.lines(of: item, price, used, (start, end))
            .map { line in
                var line = line
                line.isUsage = true
                return line
            }
        // Flexible billing leaves out what costs nothing (docs.stripe.com/billing/subscriptions/billing-mode).
        return Self.isFlexible(subscription) ? lines.filter { $0.amount != 0 } : lines
    }

    /// Since when an item's usage is not billed, and how much it is until `end`; nil without a meter.
    func countedUsage(of item: JSONObject, until end: Int64) -> (start: Int64, quantity: ExactAmount)? {
        guard let meter = find(.meter, price(of: item).object("recurring").string("meter") ?? "") else { return nil }
        let start = max(item.integer("current_period_start") ?? end, item.integer("_billed_until") ?? 0)
        let customer = known(.subscription, item.string("subscription") ?? "").string("customer") ?? ""
        let used = usage(meter, customer: customer, from: start, until: end)
        return (start, used.isNegative ? ExactAmount(0) : used)
    }

    /// Turns usage into pending invoice items before its period is over, because the item changes.
    func billUsage(of item: JSONObject, until end: Int64, _ subscription: JSONObject) throws(APIFailure) {
        for line in try usageLines(of: item, until: end) {
            let id = newID(.invoiceItem)
            put(
                .invoiceItem,
                [
                    "id": .string(id), "object": "invoiceitem", "amount": .integer(line.amount),
                    "currency": subscription["currency"] ?? "usd", "customer": subscription["customer"] ?? .null,
                    "customer_account": nil, "date": .integer(now), "description": .string(line.description),
                    "discountable": true, "discounts": .array(line.discounts), "frozen_fields": [], "invoice": nil,
                    "invoicing_rules": [], "livemode": false, "metadata": [:],
                    "parent": [
                        "subscription_details": [
                            "subscription": .string(subscription.id), "subscription_item": .string(item.id),
                        ],
                        "type": "subscription_details",
                    ],
                    "period": ["end": .integer(line.period.end), "start": .integer(line.period.start)],
                    "pricing": [
                        "price_details": [
                            "price": .optional(line.price?.id), "product": line.price?["product"] ?? .null,
                        ],
                        "type": "price_details", "unit_amount_decimal": .optional(line.unitAmountDecimal),
                    ],
                    "proration": false, "quantity": .integer(line.quantity),
                    "quantity_decimal": .optional(line.quantityDecimal), "tax_rates": item["tax_rates"] ?? [],
                    "test_clock": clockMember,
                    "_subscription": .string(subscription.id),
                ])
            emit("invoiceitem.created", .invoiceItem, id)
        }
        change(.subscriptionItem, item.id) { $0["_billed_until"] = .integer(end) }
    }
}
