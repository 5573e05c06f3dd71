import JSON

/// What a price may be made of: unit amounts, tiers, packages, amounts that the customer chooses, and the same again in
/// other currencies (docs.stripe.com/api/prices/create).
extension Account {
    /// Refuses terms that do not fit together.
    static func checkTerms(_ params: JSONObject, recurring: JSONObject?) throws(APIFailure) {
        let isTiered = params.string("billing_scheme") == "tiered"
        if isTiered, recurring == nil {
            throw .invalid("Prices with `type=one_time` are not supported with tiered billing.", param: "interval")
        }
        if recurring?.string("usage_type") == "metered", recurring?.has("meter") != true {
            throw .invalid(
                "Starting with Stripe version `2025-03-31.basil`, metered prices must be backed by meters.")
        }
        try check(params.object("transform_quantity"), "divide_by", in: 1...ExactAmount.largest)
        try check(params.object("custom_unit_amount"), "maximum", in: 0...ExactAmount.largest)
        guard isTiered else {
            if params.has("tiers") || params.has("tiers_mode") {
                throw .invalid("You may only specify `tiers` and `tiers_mode` if `billing_scheme=tiered`.", param: "tiers")
            }
            return
        }
        for key in ["unit_amount", "unit_amount_decimal"] where params.has(key) {
            throw .invalid("You may not specify `\(key)` if `billing_scheme=tiered`.", param: key)
        }
        guard params.has("tiers") else { throw .missing("tiers") }
        guard params.has("tiers_mode") else { throw .missing("tiers_mode") }
        if params.has("transform_quantity") {
            throw .invalid(
                "You may not specify `transform_quantity` if `billing_scheme=tiered`.", param: "transform_quantity")
        }
        try checkTiers(params.array("tiers"), place: "tiers")
    }

    /// Bounds rise, and only the last tier is without one.
    private static func checkTiers(_ tiers: [JSONValue], place: String) throws(APIFailure) {
        var floor: Int64 = 0
        for (index, tier) in tiers.enumerated() {
            let isLast = index == tiers.count - 1
            let place = "\(place)[\(index)]"
            if let top = tier["up_to"]?.integerValue {
                guard !isLast else {
                    throw .invalid("The last tier in `tiers` must have `up_to` set to `inf`.", param: "\(place)[up_to]")
                }
                guard top > floor else {
                    throw .invalid("Each tier's `up_to` must be greater than the one before.", param: "\(place)[up_to]")
                }
                floor = top
            } else if !isLast {
                throw .invalid("Only the last tier in `tiers` may have `up_to` set to `inf`.", param: "\(place)[up_to]")
            }
            guard
                ["unit_amount", "unit_amount_decimal", "flat_amount", "flat_amount_decimal"].contains(where: {
                    tier[$0] != nil
                })
            else {
                throw .invalid(
                    "Each tier must have at least one of `unit_amount` and `flat_amount` set.", param: place)
            }
            for name in ["unit_amount", "flat_amount"] {
                try check(tier.objectValue ?? [:], name, in: 0...ExactAmount.largest)
            }
            for (whole, decimal) in [("unit_amount", "unit_amount_decimal"), ("flat_amount", "flat_amount_decimal")] {
                guard tier[whole] == nil || tier[decimal] == nil else {
                    throw .invalid("You may only specify one of these parameters: \(whole), \(decimal).", param: place)
                }
            }
        }
    }

    /// Tiers as they are read back: the last one's bound is null.
    static func tiers(_ given: JSONValue) -> JSONValue {
        .array(
            (given.arrayValue ?? []).map { tier in
                let (unit, unitDecimal) = amounts(tier, "unit_amount")
                let (flat, flatDecimal) = amounts(tier, "flat_amount")
                return [
                    "flat_amount": flat, "flat_amount_decimal": flatDecimal, "unit_amount": unit,
                    "unit_amount_decimal": unitDecimal, "up_to": .optional(tier["up_to"]?.integerValue),
                ]
            })
    }

    /// An amount in its two forms: an integer where it is one, and a decimal.
    static func amounts(_ given: JSONValue, _ name: String) -> (whole: JSONValue, decimal: JSONValue) {
        if let whole = given[name]?.integerValue { return (.integer(whole), .string(String(whole))) }
        guard let decimal = given["\(name)_decimal"]?.stringValue else { return (.null, .null) }
        return (.optional(ExactAmount(decimal: decimal)?.integer), .string(decimal))
    }

    static func customUnitAmount(_ given: JSONValue?) -> JSONValue {
        guard let custom = given?.objectValue, custom.flag("enabled") else { return .null }
        return [
            "maximum": custom["maximum"] ?? .null, "minimum": custom["minimum"] ?? .null,
            "preset": custom["preset"] ?? .null,
        ]
    }

    /// The amounts of a price by currency, its own among them.
    static func currencyOptions(
        _ price: JSONObject, _ given: JSONObject
    ) throws(APIFailure) -> JSONValue {
        var options: JSONObject = price.object("_currency_options")
        for (currency, terms) in given {
            guard currency == currency.lowercased() else {
                throw .invalid(
                    "Currencies must be lowercase when used as keys in a map. Use `\(currency.lowercased())` instead of "
                        + "`\(currency)`.", param: "currency_options")
            }
            try check(terms.objectValue ?? [:], "unit_amount", in: 0...ExactAmount.largest)
            let (unit, decimal) = amounts(terms, "unit_amount")
            var option: JSONObject = [
                "custom_unit_amount": customUnitAmount(terms["custom_unit_amount"]),
                "tax_behavior": terms["tax_behavior"] ?? "unspecified", "unit_amount": unit,
                "unit_amount_decimal": decimal,
            ]
            if let tiers = terms["tiers"] {
                try checkTiers(tiers.arrayValue ?? [], place: "currency_options[\(currency)][tiers]")
                option["tiers"] = Self.tiers(tiers)
            }
            options[currency] = .object(option)
        }
        if let own = price.string("currency") {
            var option: JSONObject = [:]
            option.copy(["custom_unit_amount", "tax_behavior", "unit_amount", "unit_amount_decimal"], from: price)
            option["tiers"] = price["_tiers"]
            options[own] = .object(option)
        }
        return .object(options)
    }
}
