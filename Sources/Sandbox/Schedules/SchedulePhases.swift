import JSON

/// Phases as they are asked for and as they are kept: each begins where the one before ends.
extension Account {
    /// Phases that a schedule may have from now on (docs.stripe.com/billing/subscriptions/subscription-schedules).
    private static let mostPhases = 10
    /// Seconds that a phase may last: as far as Stripe looks ahead elsewhere, five years.
    private static let longestPhase = 5 * 366 * CivilDate.secondsPerDay

    /// Reads the phases of a request. `start`: when the first begins unless it says so itself. `current`: the start of the
    /// phase that is running, which no request moves.
    func phases(
        _ given: [JSONValue], start: Int64?, current: Int64?
    ) throws(APIFailure) -> [JSONObject] {
        guard !given.isEmpty else { throw .missing("phases") }
        guard given.count <= Self.mostPhases else {
            throw .invalid("A schedule can have up to \(Self.mostPhases) phases.", param: "phases")
        }
        var cursor = start
        var phases: [JSONObject] = []
        for (index, entry) in given.enumerated() {
            let entry = entry.objectValue ?? [:]
            let place = "phases[\(index)]"
            if let begins = time(entry["start_date"]) {
                if index > 0, let cursor, cursor != begins {
                    guard entry.string("start_date") == "now", begins < cursor else {
                        throw .invalid(
                            "The `start_date` of a phase must be the `end_date` of the phase before it.",
                            param: "\(place)[start_date]")
                    }
                    phases[index - 1]["end_date"] = .integer(begins)
                }
                cursor = begins
            }
            guard let begins = cursor else {
                throw .invalid(
                    "The subscription schedule update is missing at least one phase with a `start_date` to anchor end "
                        + "dates to.", param: "phases")
            }
            guard begins >= 0, begins <= now + Self.longestPhase else { throw .tooFar("\(place)[start_date]") }
            var phase = try phase(entry, place)
            let end = try end(of: entry, phase, from: begins, place)
            phase["start_date"] = .integer(begins)
            phase["end_date"] = .integer(end)
            phase["trial_end"] = .optional(entry.flag("trial") ? end : time(entry["trial_end"]))
            if let trial = phase.integer("trial_end"), trial > end || trial < begins {
                throw .invalid("The trial of a phase must end within the phase.", param: "\(place)[trial_end]")
            }
            phases.append(phase)
            cursor = end
        }
        for (index, phase) in phases.enumerated() {
            guard let begins = phase.integer("start_date"), let end = phase.integer("end_date"), begins < end else {
                throw .invalid(
                    "The `end_date` of a phase must be after its `start_date`.", param: "phases[\(index)][end_date]")
            }
            guard end - begins <= Self.longestPhase else { throw .tooFar("phases[\(index)][end_date]") }
        }
        if let current, !phases.contains(where: { $0.integer("start_date") == current }) {
            throw .invalid("You can not modify the start date of the current phase.")
        }
        return phases
    }

    /// The Unix time of a parameter that also takes `now`.
    private func time(_ value: JSONValue?) -> Int64? { value == "now" ? now : value?.integerValue }

    /// When a phase ends: as it says, after its duration or its number of billing periods, and else after one period.
    private func end(
        of entry: JSONObject, _ phase: JSONObject, from start: Int64, _ place: String
    ) throws(APIFailure) -> Int64 {
        let names = ["duration", "end_date", "iterations"].filter { entry.has($0) }
        guard names.count <= 1 else {
            throw .invalid("You may only specify one of these parameters: \(names.joined(separator: ", ")).", param: place)
        }
        if let end = time(entry["end_date"]) { return end }
        let billing = billingInterval(of: phase)
        var interval = billing
        if let duration = entry["duration"]?.objectValue {
            interval = BillingInterval(
                unit: duration.string("interval") ?? "month", count: duration.integer("interval_count") ?? 1)
        } else if let iterations = entry.integer("iterations") {
            guard (1...1830).contains(iterations) else { throw .tooFar(place) }
            interval = BillingInterval(unit: billing.unit, count: billing.count * iterations)
        }
        let most: [String: Int64] = ["day": 1830, "week": 261, "year": 5]
        guard (1...(most[interval.unit] ?? 60)).contains(interval.count) else { throw .tooFar(place) }
        return interval.boundary(1, anchor: start)
    }

    /// The shortest of the billing intervals of a phase's prices.
    private func billingInterval(of phase: JSONObject) -> BillingInterval {
        let intervals = phase.array("items").compactMap { $0["price"]?.stringValue }.map {
            Self.interval(of: known(.price, $0))
        }
        return intervals.min { $0.boundary(1, anchor: 0) < $1.boundary(1, anchor: 0) }
            ?? BillingInterval(unit: "month", count: 1)
    }

    /// What a phase asks for, without its times.
    private func phase(_ entry: JSONObject, _ place: String) throws(APIFailure) -> JSONObject {
        try refuseUnemulated(entry, ["billing_thresholds", "transfer_data"])
        var items: [JSONValue] = []
        var first: JSONObject?
        for (index, item) in entry.array("items").enumerated() {
            let item = item.objectValue ?? [:]
            try refuseUnemulated(item, ["billing_thresholds"])
            let price = try itemPrice(item, place: "\(place)[items][\(index)]")
            if let first { try Self.checkCurrency(of: price, agreesWith: first) }
            first = first ?? price
            let place = "\(place)[items][\(index)]"
            items.append(
                Self.phaseItem(
                    price, quantity: try Self.quantity(item, of: price), metadata: Self.newMetadata(item),
                    discounts: .array(try phaseDiscounts(item, "\(place)[discounts]")),
                    taxRates: try taxRates(item, "tax_rates", place: "\(place)[tax_rates]")))
        }
        guard let first else { throw .missing("\(place)[items]") }
        var phase = Self.emptyPhase
        phase["items"] = .array(items)
        phase["currency"] = entry["currency"] ?? first["currency"] ?? "usd"
        phase["metadata"] = .object(entry.object("metadata"))
        phase.copy(
            ["billing_cycle_anchor", "collection_method", "default_payment_method", "description", "proration_behavior"],
            from: entry)
        try readMoney(entry, into: &phase, place)
        if let settings = entry["invoice_settings"]?.objectValue {
            phase["invoice_settings"] = Self.scheduleInvoices(settings)
        }
        return phase
    }

    static func phaseItem(
        _ price: JSONObject, quantity: Int64, metadata: JSONValue, discounts: JSONValue, taxRates: JSONValue?
    ) -> JSONValue {
        var item: JSONObject = [
            "billing_thresholds": nil, "discounts": discounts, "metadata": metadata, "plan": .string(price.id),
            "price": .string(price.id), "quantity": .integer(quantity), "tax_rates": taxRates ?? [],
        ]
        // The quantity of what is metered follows from the usage.
        if isMetered(price) { item["quantity"] = nil }
        return .object(item)
    }

    static let emptyPhase: JSONObject = [
        "add_invoice_items": [], "application_fee_percent": nil, "billing_cycle_anchor": nil, "billing_thresholds": nil,
        "collection_method": nil, "currency": "usd", "default_payment_method": nil, "default_tax_rates": [],
        "description": nil, "discounts": [], "end_date": nil, "invoice_settings": nil, "items": [], "metadata": [:],
        "on_behalf_of": nil, "proration_behavior": "create_prorations", "start_date": nil, "transfer_data": nil,
        "trial_end": nil,
    ]

    static func scheduleInvoices(_ given: JSONObject) -> JSONValue {
        [
            "account_tax_ids": nil, "custom_fields": given["custom_fields"] ?? .null,
            "days_until_due": given["days_until_due"] ?? .null, "description": given["description"] ?? .null,
            "footer": given["footer"] ?? .null, "issuer": ["type": "self"],
        ]
    }
}
