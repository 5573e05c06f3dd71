import JSON

/// What an invoice comes to: its lines, less their own discounts, less those of the invoice, and the taxes on the rest.
///
/// Discounts apply one after the other, each to what the ones before it left. A percentage is taken of the sum, an amount
/// is spread over the lines in proportion; each line's share is floored and what remains goes to the last line.
struct DiscountTerms {
    let id: String
    let percent: ExactAmount?
    let amount: Int64?
    /// The products that it is for; nil for all.
    let products: Set<String>?

    func appliesTo(_ product: String?) -> Bool { products.map { product.map($0.contains) ?? false } ?? true }

    /// What it takes off each of some amounts, none of which is negative.
    func shares(of amounts: [Int64]) -> [Int64] {
        let sum = amounts.reduce(0, +)
        guard sum > 0 else { return amounts.map { _ in 0 } }
        let wanted: Int64
        if let percent {
            wanted = percent.times(sum)?.share(1, of: 100)?.rounded ?? sum
        } else {
            wanted = amount ?? 0
        }
        let total = min(wanted, sum)
        var shares = amounts.map { ExactAmount(total).share($0, of: sum)?.floored ?? 0 }
        var rest = total - shares.reduce(0, +)
        for index in amounts.indices.reversed() {
            let more = min(rest, amounts[index] - shares[index])
            shares[index] += more
            rest -= more
        }
        return shares
    }
}

/// How much one discount takes off something.
struct DiscountShare: Equatable {
    let discount: String
    let amount: Int64

    init(discount: String, amount: Int64) {
        self.discount = discount
        self.amount = amount
    }

    init?(_ json: JSONValue) {
        guard let discount = json["discount"]?.stringValue, let amount = json["amount"]?.integerValue else { return nil }
        self.init(discount: discount, amount: amount)
    }

    var json: JSONValue { ["amount": .integer(amount), "discount": .string(discount)] }
    var pretaxCredit: JSONValue { ["amount": .integer(amount), "discount": .string(discount), "type": "discount"] }

    /// The sums by discount, in the order of their first appearance.
    static func sums(_ shares: [DiscountShare]) -> [DiscountShare] {
        var sums: [DiscountShare] = []
        for share in shares {
            if let index = sums.firstIndex(where: { $0.discount == share.discount }) {
                sums[index] = DiscountShare(discount: share.discount, amount: sums[index].amount + share.amount)
            } else {
                sums.append(share)
            }
        }
        return sums
    }
}

extension Account {
    func terms(of discount: String, in currency: String) -> DiscountTerms {
        let coupon = known(.coupon, known(.discount, discount).object("source").string("coupon") ?? "")
        let percent: ExactAmount? =
            switch coupon["percent_off"] {
            case .number(let digits): ExactAmount(decimal: digits)
            case .integer(let whole): ExactAmount(whole)
            default: nil
            }
        let products = coupon["_applies_to"]?["products"]?.arrayValue.map { Set($0.compactMap(\.stringValue)) }
        return DiscountTerms(
            id: discount, percent: percent, amount: percent == nil ? Self.amountOff(coupon, currency) ?? 0 : nil,
            products: products)
    }

    /// Something that discounts are taken off.
    struct Discountable {
        let amount: Int64
        let product: String?
        /// Its own discounts, which come before those of the whole.
        var own: [JSONValue] = []
        var isDiscountable = true
        /// What is already settled, as it is for the prorations of itemized billing.
        var settled: [DiscountShare] = []
    }

    /// What each of `things` loses by its own discounts and by those of the whole, in this order.
    func discountShares(
        of things: [Discountable], whole: [JSONValue], currency: String
    ) -> [[DiscountShare]] {
        var shares = things.map(\.settled)
        var left = things.map { max(0, $0.amount) }
        var own: [String] = []
        for id in things.flatMap(\.own).compactMap(\.stringValue) where !own.contains(id) { own.append(id) }
        let rounds =
            own.map { id in (id, things.indices.filter { things[$0].own.contains(.string(id)) }) }
            + whole.compactMap(\.stringValue).map { id in (id, Array(things.indices)) }
        for (id, places) in rounds {
            let terms = terms(of: id, in: currency)
            let places = places.filter { things[$0].isDiscountable && terms.appliesTo(things[$0].product) }
            for (place, amount) in zip(places, terms.shares(of: places.map { left[$0] })) {
                shares[place].append(DiscountShare(discount: id, amount: amount))
                left[place] -= amount
            }
        }
        return shares
    }

    /// Sums an invoice's lines anew; while it is a draft the amounts mirror the total.
    func refreshTotals(of id: String) {
        let invoice = known(.invoice, id)
        let lines = all(.invoiceLine, where: "invoice", is: id)
        let things = lines.map { line in
            Discountable(
                amount: line.integer("amount") ?? 0,
                product: line.object("pricing").object("price_details").string("product"), own: line.array("discounts"),
                isDiscountable: line.flag("discountable"),
                settled: line.array("_settled_discounts").compactMap { DiscountShare($0) })
        }
        let shares = discountShares(
            of: things, whole: invoice.array("discounts"), currency: invoice.string("currency") ?? "usd")
        var taxes: [JSONValue] = []
        for (line, shares) in zip(lines, shares) {
            let net = (line.integer("amount") ?? 0) - shares.reduce(0) { $0 + $1.amount }
            let own = line.array("_tax_rates")
            let taxed = Self.taxes(
                on: net, own.isEmpty ? invoice.array("default_tax_rates") : own,
                exempt: invoice.string("customer_tax_exempt"))
            taxes += taxed
            if line.array("discount_amounts") == shares.map(\.json), line.array("taxes") == taxed { continue }
            change(.invoiceLine, line.id) {
                $0["discount_amounts"] = .array(shares.map(\.json))
                $0["pretax_credit_amounts"] = .array(shares.map(\.pretaxCredit))
                $0["taxes"] = .array(taxed)
            }
        }
        let included = Self.total(ofTaxes: taxes, "inclusive")
        let added = Self.total(ofTaxes: taxes, "exclusive")
        let subtotal = things.reduce(Int64(0)) { $0 + $1.amount }
        let whole = invoice.array("discounts").compactMap(\.stringValue).map { DiscountShare(discount: $0, amount: 0) }
        let sums = DiscountShare.sums(whole + shares.flatMap(\.self))
        let total = subtotal - sums.reduce(Int64(0)) { $0 + $1.amount } + added
        change(.invoice, id) { invoice in
            invoice["subtotal"] = .integer(subtotal)
            invoice["subtotal_excluding_tax"] = .integer(subtotal - included)
            invoice["total"] = .integer(total)
            invoice["total_excluding_tax"] = .integer(total - included - added)
            invoice["total_taxes"] = .array(Self.sums(ofTaxes: taxes))
            invoice["total_discount_amounts"] = .array(sums.map(\.json))
            invoice["total_pretax_credit_amounts"] = .array(sums.map(\.pretaxCredit))
            invoice["amount_due"] = .integer(max(0, total))
            invoice["amount_remaining"] = .integer(max(0, total))
        }
    }
}
