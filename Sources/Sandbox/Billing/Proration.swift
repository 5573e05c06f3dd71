import JSON

/// What was asked for a stretch of an item's period: the ground on which flexible billing credits.
struct Debit {
    let amount: Int64
    let start: Int64
    let end: Int64
    /// Until when it still counts; what lies after was given back.
    let until: Int64
    /// The invoice and line that carry it, once known; a pending invoice item until then.
    let invoice: String?
    let line: String?
    let invoiceItem: String?

    var json: JSONValue {
        [
            "amount": .integer(amount), "start": .integer(start), "end": .integer(end), "invoice": .optional(invoice),
            "line": .optional(line), "invoice_item": .optional(invoiceItem), "until": .integer(until),
        ]
    }

    init(
        amount: Int64, start: Int64, end: Int64, until: Int64? = nil, invoice: String?, line: String?, invoiceItem: String?
    ) {
        self.amount = amount
        self.start = start
        self.end = end
        self.until = until ?? end
        self.invoice = invoice
        self.line = line
        self.invoiceItem = invoiceItem
    }

    init(_ json: JSONValue) {
        self.init(
            amount: json["amount"]?.integerValue ?? 0, start: json["start"]?.integerValue ?? 0,
            end: json["end"]?.integerValue ?? 0, until: json["until"]?.integerValue,
            invoice: json["invoice"]?.stringValue, line: json["line"]?.stringValue,
            invoiceItem: json["invoice_item"]?.stringValue)
    }

    /// Whether it is for the same stretch of time as another.
    func isBeside(_ other: Debit) -> Bool { (start, end, until) == (other.start, other.end, other.until) }

    /// What is left of it when the time from `date` on is given back; nil when nothing is.
    func ending(at date: Int64) -> Debit? {
        guard start < date else { return nil }
        return Debit(
            amount: amount, start: start, end: end, until: min(until, date), invoice: invoice, line: line,
            invoiceItem: invoiceItem)
    }
}

/// An amount for a part of a period, and what discounts do to it.
struct Prorated: Equatable {
    /// The amount of the line: before the discounts where they are itemized, after them where they are included.
    var amount: Int64
    var net: Int64
    /// What the discounts take off the line; nothing where the amount includes it.
    var discounts: [DiscountShare]

    static let nothing = Prorated(amount: 0, net: 0, discounts: [])

    /// The share `part / whole` of a full amount with its discounts, given back or asked for. Each amount is floored by
    /// itself, and the discounts make up the difference.
    init?(
        _ full: ExactAmount, _ discounts: [DiscountShare], isCredit: Bool, part: Int64, of whole: Int64, itemizes: Bool
    ) {
        guard whole > 0, part > 0 else {
            self = .nothing
            return
        }
        let off = discounts.reduce(Int64(0)) { $0 + $1.amount }
        func share(_ amount: ExactAmount?) -> Int64? {
            (isCredit ? amount?.negated : amount)?.share(part, of: whole)?.floored
        }
        guard let gross = share(full), let net = share(full.minus(ExactAmount(off))) else { return nil }
        self.init(amount: itemizes ? gross : net, net: net, discounts: [])
        guard itemizes else { return }
        var rest = gross - net
        for (index, discount) in discounts.enumerated() {
            let isLast = index == discounts.count - 1
            guard let amount = isLast ? rest : share(ExactAmount(discount.amount)) else { return nil }
            self.discounts.append(DiscountShare(discount: discount.discount, amount: amount))
            rest -= amount
        }
    }

    init(amount: Int64, net: Int64, discounts: [DiscountShare]) {
        self.amount = amount
        self.net = net
        self.discounts = discounts
    }

    static func + (left: Prorated, right: Prorated) -> Prorated {
        Prorated(
            amount: left.amount + right.amount, net: left.net + right.net,
            discounts: DiscountShare.sums(left.discounts + right.discounts))
    }
}

/// Proration (docs.stripe.com/billing/subscriptions/prorations): the whole old configuration is credited and the whole
/// new one charged, each line floored by itself, to the second. Classic billing credits at the current price and the
/// current discounts; flexible billing credits what was in fact charged for the time.
extension Account {
    struct ProrationWindow {
        /// The moment of the change, inside the period.
        let date: Int64
        let start: Int64
        let end: Int64
        /// Seconds of the whole period, of which a planned end of the subscription may have cut some.
        let whole: Int64

        init(_ item: JSONObject, date: Int64) {
            start = item.integer("current_period_start") ?? date
            end = item.integer("current_period_end") ?? date
            whole = max(end, item.integer("_whole_end") ?? end) - start
            self.date = min(max(date, start), end)
        }
    }

    /// Whether prorations show their discounts beside the amount rather than in it.
    private static func itemizes(_ subscription: JSONObject) -> Bool {
        subscription.object("billing_mode").object("flexible").string("proration_discounts") == "itemized"
    }

    /// What a full period of an item costs, and what discounts take off it: in classic billing as if it were alone, in
    /// flexible billing its share among all items.
    private func fullPeriod(
        of item: JSONObject, _ subscription: JSONObject
    ) throws(APIFailure) -> (amount: ExactAmount, discounts: [DiscountShare]) {
        let quantity = item.integer("quantity") ?? 1
        guard let amount = Self.amount(price(of: item), quantity) else { throw .amountTooLarge }
        let company =
            Self.isFlexible(subscription)
            ? items(of: subscription.id).filter { $0.id != item.id && !Self.isMetered(price(of: $0)) } : []
        let things = ([item] + company).map { item in
            let price = price(of: item)
            return Discountable(
                amount: Self.amount(price, item.integer("quantity") ?? 1)?.rounded ?? 0,
                product: price.string("product"), own: live(item.array("discounts")))
        }
        let shares = discountShares(
            of: things, whole: live(subscription.array("discounts")), currency: subscription.string("currency") ?? "usd")
        return (amount, shares[0])
    }

    /// Asks for the rest of an item's period, as the item is now.
    func addRemaining(
        of item: JSONObject, _ window: ProrationWindow, _ subscription: JSONObject
    ) throws(APIFailure) -> Debit {
        let price = price(of: item)
        let quantity = item.integer("quantity") ?? 1
        let full = try fullPeriod(of: item, subscription)
        guard
            let prorated = Prorated(
                full.amount, full.discounts, isCredit: false, part: window.end - window.date, of: window.whole,
                itemizes: Self.itemizes(subscription))
        else { throw .amountTooLarge }
        let terms = discountWords(full.discounts, subscription)
        let id = addProration(
            ProrationItem(
                prorated: prorated, quantity: quantity, price: price,
                description: Wording.remaining(quantity, productName(of: price), after: window.date, terms: terms),
                period: (window.date, window.end)),
            item: item, subscription: subscription)
        return Debit(
            amount: prorated.amount, start: window.date, end: window.end, invoice: nil, line: nil, invoiceItem: id)
    }

    /// Gives back the unused time of an item as it was. `skipsNothing`: a credit of nothing is not written down.
    /// `isFinal`: it is the last of a subscription that ends.
    func addUnused(
        of item: JSONObject, _ window: ProrationWindow, _ subscription: JSONObject, skipsNothing: Bool = false,
        isFinal: Bool = false
    ) throws(APIFailure) {
        let price = price(of: item)
        let quantity = item.integer("quantity") ?? 1
        let debits = item.array("_debits").map { Debit($0) }.filter { $0.until > window.date }
        let (credit, discounts) =
            Self.isFlexible(subscription)
            ? try creditOfDebits(debits, from: window.date, subscription)
            : try creditAtPrice(of: item, window, subscription)
        if skipsNothing, credit.amount == 0 { return }
        let terms = discountWords(discounts, subscription)
        addProration(
            ProrationItem(
                prorated: credit, quantity: quantity, price: price,
                description: Wording.unused(quantity, productName(of: price), after: window.date, terms: terms),
                period: (window.date, window.end), credited: isFinal ? .null : creditedItems(debits), isFinal: isFinal),
            item: item, subscription: subscription)
    }

    private func creditAtPrice(
        of item: JSONObject, _ window: ProrationWindow, _ subscription: JSONObject
    ) throws(APIFailure) -> (Prorated, [DiscountShare]) {
        let full = try fullPeriod(of: item, subscription)
        guard
            let credit = Prorated(
                full.amount, full.discounts, isCredit: true, part: window.end - window.date, of: window.whole,
                itemizes: false)
        else { throw .amountTooLarge }
        return (credit, full.discounts)
    }

    private func creditOfDebits(
        _ debits: [Debit], from date: Int64, _ subscription: JSONObject
    ) throws(APIFailure) -> (Prorated, [DiscountShare]) {
        var sum = Prorated.nothing
        var discounts: [DiscountShare] = []
        var rest = debits[...]
        while let first = rest.first {
            // What was asked for one stretch of time in several lines, as tiers are, is given back as one amount.
            let stretch = rest.filter { $0.isBeside(first) }
            rest.removeAll { $0.isBeside(first) }
            let taken = DiscountShare.sums(stretch.flatMap { discountsTaken(from: $0) })
            guard
                let credit = Prorated(
                    ExactAmount(stretch.reduce(0) { $0 + $1.amount }), taken, isCredit: true,
                    part: first.until - max(date, first.start), of: first.end - first.start,
                    itemizes: Self.itemizes(subscription))
            else { throw .amountTooLarge }
            sum = sum + credit
            discounts += taken
        }
        return (sum, DiscountShare.sums(discounts))
    }

    /// What discounts took off the line that carries a debit.
    private func discountsTaken(from debit: Debit) -> [DiscountShare] {
        let shares: [JSONValue] =
            if let line = debit.line {
                known(.invoiceLine, line).array("discount_amounts")
            } else if let item = debit.invoiceItem {
                known(.invoiceItem, item).object("proration_details").array("discount_amounts")
            } else {
                []
            }
        return shares.compactMap { DiscountShare($0) }.filter { $0.amount != 0 }
    }

    /// ` (with 30.0% off)`: the one discount that the amount includes.
    private func discountWords(_ discounts: [DiscountShare], _ subscription: JSONObject) -> String {
        guard !Self.itemizes(subscription), discounts.count == 1, discounts[0].amount != 0 else { return "" }
        let coupon = known(.coupon, known(.discount, discounts[0].discount).object("source").string("coupon") ?? "")
        if case .number(let percent) = coupon["percent_off"] { return " (with \(percent)% off)" }
        let currency = subscription.string("currency") ?? "usd"
        return Self.amountOff(coupon, currency).map { " (with \(Wording.money($0, currency)) off)" } ?? ""
    }

    private func creditedItems(_ debits: [Debit]) -> JSONValue {
        var invoice: String?
        var lines: [JSONValue] = []
        for debit in debits {
            let item = debit.invoiceItem.map { known(.invoiceItem, $0) }
            guard let on = debit.invoice ?? item?.string("invoice"), let line = debit.line ?? item?.string("_line"),
                invoice == nil || invoice == on
            else { continue }
            invoice = on
            lines.append(.string(line))
        }
        guard let invoice else { return .null }
        return [
            "invoice_line_item_details": ["invoice": .string(invoice), "invoice_line_items": .array(lines)],
            "type": "invoice_line_items",
        ]
    }

    /// A pending invoice item of a proration.
    struct ProrationItem {
        let prorated: Prorated
        let quantity: Int64
        let price: JSONObject
        let description: String
        let period: (start: Int64, end: Int64)
        var credited: JSONValue = .null
        /// Of a canceled subscription's last credit: it has neither parent nor details (recorded).
        var isFinal = false
    }

    @discardableResult
    private func addProration(_ proration: ProrationItem, item: JSONObject, subscription: JSONObject) -> String {
        let id = newID(.invoiceItem)
        let prorated = proration.prorated
        var stored: JSONObject = [
            "id": .string(id), "object": "invoiceitem", "amount": .integer(prorated.amount),
            "currency": subscription["currency"] ?? "usd", "customer": subscription["customer"] ?? .null,
            "customer_account": nil, "date": .integer(now), "description": .string(proration.description),
            "discountable": false, "discounts": [], "frozen_fields": ["pricing", "quantity", "discounts"],
            "invoice": nil, "invoicing_rules": [], "livemode": false, "metadata": [:], "net_amount": .integer(prorated.net),
            "parent": nil,
            "period": ["end": .integer(proration.period.end), "start": .integer(proration.period.start)],
            "pricing": [
                "price_details": [
                    "price": .string(proration.price.id), "product": proration.price["product"] ?? .null,
                ],
                "type": "price_details", "unit_amount_decimal": nil,
            ],
            "proration": true, "quantity": .integer(proration.quantity),
            "quantity_decimal": .string(String(proration.quantity)), "tax_rates": item["tax_rates"] ?? [],
            "test_clock": clockMember,
            "_subscription": .string(subscription.id),
        ]
        if !proration.isFinal {
            stored["parent"] = [
                "subscription_details": [
                    "subscription": .string(subscription.id), "subscription_item": .string(item.id),
                ],
                "type": "subscription_details",
            ]
            stored["proration_details"] = [
                "credited_items": proration.credited, "discount_amounts": .array(prorated.discounts.map(\.json)),
            ]
        }
        put(.invoiceItem, stored)
        emit("invoiceitem.created", .invoiceItem, id)
        return id
    }
}
