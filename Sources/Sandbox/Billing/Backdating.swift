import JSON

/// `backdate_start_date`: a subscription that began before it was made asks for that time on its first invoice, flexible
/// billing period by period, classic billing in one line (docs.stripe.com/billing/subscriptions/backdating).
extension Account {
    /// The most lines that an invoice has (docs.stripe.com/api/invoices).
    private static let maximumLines = 250

    /// The moment that a new subscription begins at in hindsight; nil where it begins now.
    func backdatedStart(_ params: JSONObject) throws(APIFailure) -> Int64? {
        guard let start = params.integer("backdate_start_date") else { return nil }
        guard start <= now, start > 0 else {
            throw .invalid(
                "The parameter `backdate_start_date` expects a unix timestamp representing a date and time in the past. "
                    + "You specified the value `\(start)`.", param: "backdate_start_date")
        }
        return start
    }

    /// What an item would have cost from `start` until now, in periods that count back from now.
    func pastLines(of item: JSONObject, since start: Int64, isFlexible: Bool) throws(APIFailure) -> [LineDraft] {
        let price = price(of: item)
        let interval = Self.interval(of: price)
        var lines: [LineDraft] = []
        var end = now
        var index: Int64 = 0
        while end > start {
            index -= 1
            guard -index <= Int64(Self.maximumLines) else {
                throw .invalid("The start date is too far in the past.", param: "backdate_start_date")
            }
            let whole = (start: interval.boundary(index, anchor: now), end: end)
            lines = try recurringLines(for: item, (max(start, whole.start), end), of: whole) + lines
            end = whole.start
        }
        guard !isFlexible, let first = lines.first else { return lines }
        let quantity = item.integer("quantity") ?? 1
        var line = first
        line.description = Wording.past(quantity, productName(of: price), from: start, until: now)
        line.amount = lines.reduce(0) { $0 + $1.amount }
        line.quantity = quantity
        line.quantityDecimal = nil
        line.period = (start, now)
        return [line]
    }
}
