import JSON

/// The words of invoice lines, as recorded in Stripe's test mode.
enum Wording {
    /// `1 × Basic (at $5.00 / month)`.
    static func line(_ quantity: Int64, _ name: String, _ price: JSONObject) -> String {
        let unit = ExactAmount(decimal: price.string("unit_amount_decimal") ?? "0")?.rounded ?? 0
        let amount = money(unit, price.string("currency") ?? "usd")
        return "\(quantity) × \(name) (at \(amount) / \(every(price)))"
    }

    private static func every(_ price: JSONObject) -> String {
        let recurring = price.object("recurring")
        let unit = recurring.string("interval") ?? "month"
        let count = recurring.integer("interval_count") ?? 1
        return count == 1 ? unit : "every \(count) \(unit)s"
    }

    static func trial(_ quantity: Int64, _ name: String, isFlexible: Bool) -> String {
        isFlexible ? "Free trial for \(quantity) × \(name)" : "Trial period for \(name)"
    }

    /// The count is there only when it is not 1.
    private static func counted(_ quantity: Int64, _ name: String) -> String {
        quantity == 1 ? name : "\(quantity) × \(name)"
    }

    static func unused(_ quantity: Int64, _ name: String, after time: Int64) -> String {
        "Unused time on \(counted(quantity, name)) after \(CivilDate(unix: time).words)"
    }

    static func remaining(_ quantity: Int64, _ name: String, after time: Int64) -> String {
        "Remaining time on \(counted(quantity, name)) after \(CivilDate(unix: time).words)"
    }

    /// Minor units as a person writes them: `$5.00`, `¥500`.
    static func money(_ amount: Int64, _ currency: String) -> String {
        let symbol = ["usd": "$", "eur": "€", "gbp": "£", "jpy": "¥", "cad": "CA$", "aud": "A$"][currency]
        let sign = amount < 0 ? "-" : ""
        let digits = String(amount.magnitude)
        let number: String
        if Self.zeroDecimal.contains(currency) {
            number = digits
        } else {
            let padded = String(repeating: "0", count: max(0, 3 - digits.count)) + digits
            number = "\(padded.dropLast(2)).\(padded.suffix(2))"
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
