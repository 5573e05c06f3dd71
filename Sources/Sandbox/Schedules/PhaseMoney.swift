import JSON

/// What a phase says about money besides its prices: discounts, tax rates, and what is asked for once at its beginning.
extension Account {
    /// The members of a phase for what its request says; discounts are redeemed when it begins.
    func readMoney(_ entry: JSONObject, into phase: inout JSONObject, _ place: String) throws(APIFailure) {
        phase["discounts"] = .array(try phaseDiscounts(entry, "\(place)[discounts]"))
        if let rates = try taxRates(entry, "default_tax_rates", place: "\(place)[default_tax_rates]") {
            phase["default_tax_rates"] = rates
        }
        if let tax = entry["automatic_tax"]?.objectValue {
            var shown: JSONObject = ["automatic_tax": ["disabled_reason": nil, "enabled": false, "liability": nil]]
            Self.setAutomaticTax(["automatic_tax": .object(tax)], of: &shown)
            phase["automatic_tax"] = shown["automatic_tax"]
        }
        var once: [JSONValue] = []
        for (index, given) in entry.array("add_invoice_items").compactMap(\.objectValue).enumerated() {
            once.append(try onceItem(given, "\(place)[add_invoice_items][\(index)]"))
        }
        phase["add_invoice_items"] = .array(once)
    }

    private func onceItem(_ given: JSONObject, _ place: String) throws(APIFailure) -> JSONValue {
        let price: String
        if let named = given.string("price") {
            price = try referred(.price, named, param: "\(place)[price]").id
        } else if let data = given["price_data"]?.objectValue {
            price = try addInlinePrice(data)
        } else {
            throw .missing("\(place)[price]")
        }
        let period: JSONValue = ["end": ["type": "min_item_period_end"], "start": ["type": "max_item_period_start"]]
        return [
            "discountable": given["discountable"] ?? .null,
            "discounts": .array(try phaseDiscounts(given, "\(place)[discounts]")), "metadata": Self.newMetadata(given),
            "period": given["period"] ?? period, "price": .string(price), "quantity": given["quantity"] ?? 1,
            "tax_rates": try taxRates(given, "tax_rates", place: "\(place)[tax_rates]") ?? [],
        ]
    }

    /// `discounts` of a phase or of one of its items as they are shown.
    func phaseDiscounts(_ entry: JSONObject, _ place: String) throws(APIFailure) -> [JSONValue] {
        var shown: [JSONValue] = []
        for (index, given) in entry.array("discounts").enumerated() {
            for (name, kind) in [
                ("coupon", ObjectKind.coupon), ("discount", .discount), ("promotion_code", .promotionCode),
            ] {
                guard let id = given[name]?.stringValue else { continue }
                _ = try referred(kind, id, param: "\(place)[\(index)][\(name)]")
            }
            shown.append([
                "coupon": given["coupon"] ?? .null, "discount": given["discount"] ?? .null,
                "promotion_code": given["promotion_code"] ?? .null,
            ])
        }
        return shown
    }

    /// Discounts that stand on something already, as a phase shows them.
    static func shownDiscounts(_ ids: [JSONValue]) -> JSONValue {
        .array(ids.map { ["coupon": nil, "discount": $0, "promotion_code": nil] })
    }

    // MARK: As parameters

    /// Adds to a subscription's parameters what its phase says about money. `subscription`: nil for one that begins.
    func writeMoney(of phase: JSONObject, for subscription: JSONObject?, into terms: inout JSONObject) {
        terms["discounts"] = discountTerms(phase["discounts"], on: subscription)
        let rates = phase.array("default_tax_rates")
        if rates != subscription?.array("default_tax_rates") ?? [] { terms["default_tax_rates"] = Self.ids(rates) }
        if let tax = phase["automatic_tax"]?.objectValue {
            terms["automatic_tax"] = ["enabled": tax["enabled"] ?? false, "liability": tax["liability"] ?? .null]
        }
        guard phase.integer("start_date") == now, !phase.array("add_invoice_items").isEmpty else { return }
        terms["add_invoice_items"] = .array(
            phase.array("add_invoice_items").compactMap(\.objectValue).map { item in
                var entry: JSONObject = ["tax_rates": Self.ids(item.array("tax_rates"))]
                entry.copy(["discounts", "metadata", "price", "quantity"], from: item)
                if let flag = item["discountable"], !flag.isNull { entry["discountable"] = flag }
                return .object(entry)
            })
    }

    /// The same of one item. `item`: nil for one that is added.
    func writeMoney(ofItem wanted: JSONValue, for item: JSONObject?, into entry: inout JSONObject) {
        entry["discounts"] = discountTerms(wanted["discounts"], on: item)
        let rates = wanted["tax_rates"]?.arrayValue ?? []
        if rates != item?.array("tax_rates") ?? [] { entry["tax_rates"] = Self.ids(rates) }
    }

    /// The `discounts` that make of what stands on something what a phase wants there; nil where it is so already. What is
    /// there of the same coupon or code stays.
    private func discountTerms(_ wanted: JSONValue?, on owner: JSONObject?) -> JSONValue? {
        let current = live(owner?.array("discounts") ?? [])
        var rest = current
        var terms: [JSONValue] = []
        for entry in wanted?.arrayValue ?? [] {
            if let id = entry["discount"], !id.isNull {
                if !live([id]).isEmpty { terms.append(["discount": id]) }
            } else if let index = rest.firstIndex(where: { comes($0, from: entry) }) {
                terms.append(["discount": rest.remove(at: index)])
            } else {
                terms.append(entry)
            }
        }
        return terms == current.map { ["discount": $0] } ? nil : .array(terms)
    }

    private func comes(_ discount: JSONValue, from entry: JSONValue) -> Bool {
        let found = known(.discount, discount.stringValue ?? "")
        if let code = entry["promotion_code"]?.stringValue { return found.string("promotion_code") == code }
        return found.string("promotion_code") == nil && found.object("source")["coupon"] == entry["coupon"]
    }

    private static func ids(_ objects: [JSONValue]) -> JSONValue { .array(objects.compactMap { $0["id"] }) }
}
