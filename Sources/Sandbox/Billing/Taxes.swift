import JSON

/// Taxes by rates that are set by hand, line by line, on what discounts leave; each is rounded half up by itself
/// (docs.stripe.com/billing/taxes/tax-rates). What is given back takes its tax back.
extension Account {
    /// The tax rates that a parameter names, as objects; nil where it is not there, none where it clears.
    func taxRates(_ params: JSONObject, _ name: String, place: String? = nil) throws(APIFailure) -> JSONValue? {
        guard let ids = params[name] else { return nil }
        var rates: [JSONValue] = []
        for (index, id) in (ids.arrayValue ?? []).compactMap(\.stringValue).enumerated() {
            let place = "\(place ?? name)[\(index)]"
            let rate = try referred(.taxRate, id, param: place)
            guard rate.flag("active") else {
                throw .invalid("The tax rate \(id) is inactive. This field only accepts active tax rates.", param: place)
            }
            rates.append(.object(render(.taxRate, rate)))
        }
        return .array(rates)
    }

    /// `automatic_tax`: remembered and shown; the sandbox is registered nowhere, so that nothing is added.
    static func setAutomaticTax(_ params: JSONObject, of object: inout JSONObject) {
        guard let isEnabled = params.object("automatic_tax")["enabled"]?.boolValue else { return }
        var tax = object.object("automatic_tax")
        tax["enabled"] = .bool(isEnabled)
        tax["liability"] = isEnabled ? params.object("automatic_tax")["liability"] ?? ["type": "self"] : .null
        object["automatic_tax"] = .object(tax)
    }

    /// The taxes on an amount. Inclusive rates are in it, exclusive ones come on top of what it is without them.
    static func taxes(on amount: Int64, _ rates: [JSONValue], exempt: String?) -> [JSONValue] {
        let isFree = exempt == "exempt" || exempt == "reverse"
        let percents = rates.map { percent($0) }
        let included = zip(rates, percents).filter { $0.0["inclusive"] == true }.map(\.1)
        let divisor = included.reduce(ExactAmount(100)) { $0.plus($1) ?? $0 }
        var taxes: [(rate: JSONValue, amount: Int64)] = []
        var inside: Int64 = 0
        for (rate, percent) in zip(rates, percents) where rate["inclusive"] == true {
            let tax = isFree ? 0 : part(of: amount, percent, per: divisor)
            inside += tax
            taxes.append((rate, tax))
        }
        for (rate, percent) in zip(rates, percents) where rate["inclusive"] != true {
            taxes.append((rate, isFree ? 0 : part(of: amount - inside, percent, per: ExactAmount(100))))
        }
        let reason: JSONValue =
            switch exempt {
            case "exempt": "customer_exempt"
            case "reverse": "reverse_charge"
            default: "not_available"
            }
        return taxes.map { rate, tax in
            [
                "amount": .integer(tax), "tax_behavior": rate["inclusive"] == true ? "inclusive" : "exclusive",
                "tax_rate_details": ["tax_rate": rate["id"] ?? .null], "taxability_reason": reason,
                "taxable_amount": .integer(amount - inside), "type": "tax_rate_details",
            ]
        }
    }

    private static func percent(_ rate: JSONValue) -> ExactAmount {
        switch rate["percentage"] {
        case .integer(let whole): ExactAmount(whole)
        case .number(let digits): ExactAmount(decimal: digits) ?? ExactAmount(0)
        default: ExactAmount(0)
        }
    }

    private static func part(of amount: Int64, _ percent: ExactAmount, per whole: ExactAmount) -> Int64 {
        guard let numerator = percent.times(ExactAmount(amount < 0 ? -amount : amount)),
            let share = numerator.divided(by: whole)
        else { return 0 }
        let tax = share.rounded ?? 0
        return amount < 0 ? -tax : tax
    }

    /// The sums by rate, in the order of their first appearance.
    static func sums(ofTaxes taxes: [JSONValue]) -> [JSONValue] {
        var sums: [JSONObject] = []
        for tax in taxes.compactMap(\.objectValue) {
            guard let index = sums.firstIndex(where: { $0["tax_rate_details"] == tax["tax_rate_details"] }) else {
                sums.append(tax)
                continue
            }
            for key in ["amount", "taxable_amount"] {
                sums[index][key] = .integer((sums[index].integer(key) ?? 0) + (tax.integer(key) ?? 0))
            }
        }
        return sums.map(JSONValue.object)
    }

    /// The sum of taxes of one behaviour.
    static func total(ofTaxes taxes: [JSONValue], _ behavior: String) -> Int64 {
        taxes.filter { $0["tax_behavior"]?.stringValue == behavior }.reduce(0) { $0 + ($1["amount"]?.integerValue ?? 0) }
    }
}
