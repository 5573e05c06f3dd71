import JSON

/// The words of invoice lines, as recorded in Stripe's test mode.
enum Wording {
    /// `1 × Basic (at $5.00 / month)`; `5 seat × Pro (Tier 1 at $7.00 / month)`; a tier's flat amount has no count.
    static func line(_ part: PricePart, of price: JSONObject, _ product: JSONObject) -> String {
        let name = product.string("name") ?? ""
        let unit = money(part.unit, price.string("currency") ?? "usd")
        let tier = part.tier.map { "Tier \($0) " } ?? ""
        let terms = "(\(tier)at \(unit)\(package(price))\(every(price)))"
        if part.isFlat { return "\(name) \(terms)" }
        let label = product.string("unit_label").map { " \($0)" } ?? ""
        return "\(part.quantity.decimal)\(label) × \(name) \(terms)"
    }

    /// ` per 60 units`, of a price for packages.
    private static func package(_ price: JSONObject) -> String {
        price.object("transform_quantity").integer("divide_by").map { " per \($0) units" } ?? ""
    }

    private static func every(_ price: JSONObject) -> String {
        guard let recurring = price["recurring"]?.objectValue else { return "" }
        let unit = recurring.string("interval") ?? "month"
        let count = recurring.integer("interval_count") ?? 1
        return count == 1 ? " / \(unit)" : " / every \(count) \(unit)s"
    }

    static func trial(_ quantity: Int64, _ name: String, isFlexible: Bool) -> String {
        isFlexible ? "Free trial for \(quantity) × \(name)" : "Trial period for \(name)"
    }

    static func past(_ quantity: Int64, _ name: String, from start: Int64, until end: Int64) -> String {
        "Time on \(counted(quantity, name)) from \(CivilDate(unix: start).words) until \(CivilDate(unix: end).words)"
    }

    /// The count is there only when it is not 1.
    private static func counted(_ quantity: Int64, _ name: String) -> String {
        quantity == 1 ? name : "\(quantity) × \(name)"
    }

    /// `terms`: the discount that is in the amount, ` (with 30.0% off)`, or nothing.
    static func unused(_ quantity: Int64, _ name: String, after time: Int64, terms: String = "") -> String {
        "Unused time on \(counted(quantity, name))\(terms) after \(CivilDate(unix: time).words)"
    }

    static func remaining(_ quantity: Int64, _ name: String, after time: Int64, terms: String = "") -> String {
        "Remaining time on \(counted(quantity, name))\(terms) after \(CivilDate(unix: time).words)"
    }

    /// Minor units as a person writes them: `$5.00`, `¥500`; a fraction of a cent in full, `$0.036`.
    static func money(_ amount: Int64, _ currency: String) -> String { money(ExactAmount(amount), currency) }

    static func money(_ amount: ExactAmount, _ currency: String) -> String {
        let symbol = ["usd": "$", "eur": "€", "gbp": "£", "jpy": "¥", "cad": "CA$", "aud": "A$"][currency]
        let parts = amount.decimal.split(separator: ".").map(String.init)
        let sign = amount.isNegative ? "-" : ""
        let digits = String(parts[0].drop { $0 == "-" })
        let fraction = parts.count > 1 ? parts[1] : ""
        let number: String
        if Self.zeroDecimal.contains(currency) {
            number = fraction.isEmpty ? digits : "\(digits).\(fraction)"
        } else {
            let padded = String(repeating: "0", count: max(0, 3 - digits.count)) + digits
            number = "\(padded.dropLast(2)).\(padded.suffix(2))\(fraction)"
        }
        return sign + (symbol.map { $0 + number } ?? "\(number) \(currency.uppercased())")
    }

    static let zeroDecimal: Set<String> = [
        "bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "vnd", "vuv", "xaf", "xof", "xpf",
    ]
}

extension Account {
    /// The smallest amount that is charged rather than carried over to the next invoice
    /// (docs.stripe.com/currencies#minimum-and-maximum-charge-amounts).
    static func minimumCharge(_ currency: String) -> Int64 {
        let others: [String: Int64] = [
            "gbp": 30, "aed": 200, "bgn": 100, "czk": 1500, "dkk": 250, "hkd": 400, "huf": 17_500, "jpy": 50, "krw": 50,
            "mxn": 1000, "myr": 200, "nok": 300, "pln": 200, "ron": 200, "sek": 300, "thb": 1000,
        ]
        return others[currency] ?? 50
    }
}
