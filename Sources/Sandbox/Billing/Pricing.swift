import JSON

/// A stretch of a quantity that has its own unit price: one line of an invoice.
struct PricePart {
    let quantity: ExactAmount
    /// What one costs in minor units; of a flat amount, all of it.
    let unit: ExactAmount
    let amount: ExactAmount
    /// The tier that it comes from, counted from 1.
    var tier: Int?
    /// Whether it is a tier's flat amount, which does not depend on the quantity.
    var isFlat = false
}

/// What a price asks for a quantity: per unit, per package of units, or by tiers
/// (docs.stripe.com/products-prices/pricing-models).
enum Pricing {
    /// The parts that a quantity falls into; nil when an amount leaves all bounds.
    static func parts(_ price: JSONObject, _ quantity: ExactAmount) -> [PricePart]? {
        let tiers = price.array("_tiers").compactMap(\.objectValue)
        if tiers.isEmpty { return unitPart(price, quantity).map { [$0] } }
        return price.string("tiers_mode") == "volume" ? volume(tiers, quantity) : graduated(tiers, quantity)
    }

    /// The exact sum of the parts.
    static func amount(_ price: JSONObject, _ quantity: ExactAmount) -> ExactAmount? {
        var sum = ExactAmount(0)
        guard let parts = parts(price, quantity) else { return nil }
        for part in parts {
            guard let more = sum.plus(part.amount) else { return nil }
            sum = more
        }
        return sum
    }

    private static func decimal(_ object: JSONObject, _ key: String) -> ExactAmount? {
        object.string(key).flatMap { ExactAmount(decimal: $0) }
    }

    /// `transform_quantity` counts packages, begun ones or full ones.
    private static func unitPart(_ price: JSONObject, _ quantity: ExactAmount) -> PricePart? {
        let unit = decimal(price, "unit_amount_decimal") ?? ExactAmount(0)
        var packages = quantity
        if let size = price.object("transform_quantity").integer("divide_by"), size > 0 {
            let share = quantity.share(1, of: size)
            let isUp = price.object("transform_quantity").string("round") == "up"
            guard let whole = isUp ? share?.raised : share?.floored else { return nil }
            packages = ExactAmount(whole)
        }
        return unit.times(packages).map { PricePart(quantity: quantity, unit: unit, amount: $0) }
    }

    /// Everything at the price of the tier that the quantity reaches.
    private static func volume(_ tiers: [JSONObject], _ quantity: ExactAmount) -> [PricePart]? {
        let reached = tiers.firstIndex { tier in tier.integer("up_to").map { !isAbove(quantity, $0) } ?? true }
        let index = reached ?? tiers.count - 1
        return parts(of: tiers[index], number: index + 1, quantity)
    }

    /// Each stretch of the quantity at the price of its own tier. The first tier's flat amount is asked for nothing too.
    private static func graduated(_ tiers: [JSONObject], _ quantity: ExactAmount) -> [PricePart]? {
        var found: [PricePart] = []
        var floor: Int64 = 0
        for (index, tier) in tiers.enumerated() where index == 0 || isAbove(quantity, floor) {
            let top = tier.integer("up_to")
            let end = top.map { isAbove(quantity, $0) ? ExactAmount($0) : quantity } ?? quantity
            guard let stretch = end.minus(ExactAmount(floor)), let more = parts(of: tier, number: index + 1, stretch)
            else { return nil }
            found += more
            floor = top ?? floor
        }
        return found
    }

    private static func isAbove(_ quantity: ExactAmount, _ bound: Int64) -> Bool {
        ExactAmount(bound).minus(quantity)?.isNegative ?? false
    }

    private static func parts(of tier: JSONObject, number: Int, _ quantity: ExactAmount) -> [PricePart]? {
        let unit = decimal(tier, "unit_amount_decimal") ?? ExactAmount(0)
        guard let amount = unit.times(quantity) else { return nil }
        var parts = [PricePart(quantity: quantity, unit: unit, amount: amount, tier: number)]
        if let flat = decimal(tier, "flat_amount_decimal"), !flat.isZero {
            parts.append(PricePart(quantity: ExactAmount(1), unit: flat, amount: flat, tier: number, isFlat: true))
        }
        return parts
    }
}

extension Account {
    /// What a price costs for a quantity, exactly; nil when it is out of all bounds.
    static func amount(_ price: JSONObject, _ quantity: Int64) -> ExactAmount? {
        Pricing.amount(price, ExactAmount(quantity))
    }

    static func isMetered(_ price: JSONObject) -> Bool { price.object("recurring").string("usage_type") == "metered" }

    /// A price as it is in one of its currencies; nil when it has no amount in that currency.
    static func price(_ price: JSONObject, in currency: String?) -> JSONObject? {
        guard let currency, currency != price.string("currency") else { return price }
        guard let option = price.object("_currency_options")[currency]?.objectValue else { return nil }
        var local = price
        local["currency"] = .string(currency)
        for key in ["unit_amount", "unit_amount_decimal", "custom_unit_amount"] { local[key] = option[key] ?? .null }
        local["_tiers"] = option["tiers"]
        return local
    }

    /// The lines of an item's period to come, one for each part of its price; none for what is metered. `whole`: the full
    /// period, of which the item gets a part.
    func recurringLines(
        for item: JSONObject, _ period: (start: Int64, end: Int64), of whole: (start: Int64, end: Int64)? = nil
    ) throws(APIFailure) -> [LineDraft] {
        let price = price(of: item)
        guard !Self.isMetered(price) else { return [] }
        let quantity = ExactAmount(item.integer("quantity") ?? 1)
        var lines = try self.lines(of: item, price, quantity, period)
        guard let whole, whole.start != period.start || whole.end != period.end else { return lines }
        let parts = Pricing.parts(price, quantity) ?? []
        for (index, part) in parts.enumerated() {
            let share = part.amount.share(period.end - period.start, of: whole.end - whole.start)
            guard let amount = share?.floored else { throw .amountTooLarge }
            lines[index].amount = amount
        }
        return lines
    }

    /// One line for each part that a quantity falls into.
    func lines(
        of item: JSONObject, _ price: JSONObject, _ quantity: ExactAmount, _ period: (start: Int64, end: Int64)
    ) throws(APIFailure) -> [LineDraft] {
        guard let parts = Pricing.parts(price, quantity) else { throw .amountTooLarge }
        var lines: [LineDraft] = []
        for part in parts {
            guard let amount = part.amount.rounded, let count = part.quantity.floored else { throw .amountTooLarge }
            var line = LineDraft(
                description: Wording.line(part, of: price, product(of: price)), amount: amount, quantity: count,
                period: period, price: price, item: item.id)
            line.quantityDecimal = part.quantity.decimal
            line.unitAmountDecimal = part.unit.decimal
            line.discounts = live(item.array("discounts"))
            line.taxRates = item.array("tax_rates")
            lines.append(line)
        }
        return lines
    }

    func product(of price: JSONObject) -> JSONObject { known(.product, price.string("product") ?? "") }
}
