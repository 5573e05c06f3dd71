import JSON

/// A line of a credit note before it is stored.
struct CreditedLine {
    /// Before discounts.
    let amount: Int64
    let description: String?
    var discounts: [DiscountShare] = []
    /// The line of the invoice that it takes back.
    var line: String?
    var quantity: Int64?
    var unit: String?
    var metadata: JSONValue = [:]
    var taxes: [JSONValue] = []

    var discount: Int64 { discounts.reduce(0) { $0 + $1.amount } }
    /// With the taxes that come on top.
    var total: Int64 { amount - discount + Account.total(ofTaxes: taxes, "exclusive") }
}

extension Account {
    /// What a credit note takes back: an amount, or lines of the invoice, or lines of its own.
    func creditedLines(_ params: JSONObject, _ invoice: JSONObject) throws(APIFailure) -> [CreditedLine] {
        try Self.check(params, "amount", in: 0...ExactAmount.largest)
        if params.has("amount"), params.has("lines") {
            throw .invalid("You may only specify one of these parameters: amount, lines.", param: "amount")
        }
        if let amount = params.integer("amount") { return [CreditedLine(amount: amount, description: nil, quantity: 1)] }
        guard params.has("lines") else {
            throw .invalid("You must specify one of `amount`, `lines` or `shipping_cost`.", param: "amount")
        }
        var lines: [CreditedLine] = []
        for (index, entry) in params.array("lines").enumerated() {
            let place = "lines[\(index)]"
            let entry = entry.objectValue ?? [:]
            lines.append(
                entry.string("type") == "invoice_line_item"
                    ? try creditedLine(entry, invoice, place) : try Self.customLine(entry, place))
        }
        return lines
    }

    /// A line of the invoice, or a part of it, with its part of the discounts.
    private func creditedLine(
        _ entry: JSONObject, _ invoice: JSONObject, _ place: String
    ) throws(APIFailure) -> CreditedLine {
        guard let id = entry.string("invoice_line_item") else { throw .missing("\(place)[invoice_line_item]") }
        let line = try referred(.invoiceLine, id, param: "\(place)[invoice_line_item]")
        guard line.string("invoice") == invoice.id else {
            throw .absent(.invoiceLine, id, param: "\(place)[invoice_line_item]")
        }
        if entry.has("amount"), entry.has("quantity") {
            throw .invalid("You may only specify one of these parameters: amount, quantity.", param: place)
        }
        try Self.check(entry, "amount", in: 0...ExactAmount.largest)
        let whole = max(0, line.integer("amount") ?? 0)
        let count = max(1, line.integer("quantity") ?? 1)
        var amount = entry.integer("amount") ?? whole
        if let quantity = entry.integer("quantity") {
            guard (0...count).contains(quantity) else {
                throw .invalid("The quantity is greater than that of the line.", param: "\(place)[quantity]")
            }
            amount = ExactAmount(whole).share(quantity, of: count)?.rounded ?? whole
        }
        let earlier = all(.creditNoteLine, where: "invoice_line_item", is: id)
            .filter { known(.creditNote, $0.string("_note") ?? "").string("status") == "issued" }
            .reduce(Int64(0)) { $0 + ($1.integer("amount") ?? 0) }
        guard amount <= max(0, whole - earlier) else {
            throw .invalid("The amount is greater than what can still be credited on the line.", param: "\(place)[amount]")
        }
        let discounts = line.array("discount_amounts").compactMap { DiscountShare($0) }.map { share in
            DiscountShare(
                discount: share.discount,
                amount: whole == 0 ? 0 : ExactAmount(share.amount).share(amount, of: whole)?.floored ?? 0)
        }
        let taxes = line.array("taxes").compactMap(\.objectValue).map { tax -> JSONValue in
            var part = tax
            for key in ["amount", "taxable_amount"] {
                let whole = ExactAmount(tax.integer(key) ?? 0).share(amount, of: max(1, whole))?.rounded ?? 0
                part[key] = .integer(whole)
            }
            return .object(part)
        }
        return CreditedLine(
            amount: amount, description: entry.string("description") ?? line.string("description"),
            discounts: discounts, line: id, quantity: entry.integer("quantity") ?? line.integer("quantity"),
            unit: line.object("pricing").string("unit_amount_decimal"), metadata: Self.newMetadata(entry), taxes: taxes)
    }

    private static func customLine(_ entry: JSONObject, _ place: String) throws(APIFailure) -> CreditedLine {
        guard let description = entry.string("description") else { throw .missing("\(place)[description]") }
        guard let unit = try unitAmount(entry) else { throw .missing("\(place)[unit_amount]") }
        let quantity = try quantity(entry)
        guard let amount = unit.times(quantity)?.rounded else { throw .amountTooLarge }
        return CreditedLine(
            amount: amount, description: description, quantity: quantity, unit: unit.decimal, metadata: newMetadata(entry))
    }

    func creditNoteLine(_ line: CreditedLine, of note: String) -> JSONObject {
        var object: JSONObject = [
            "id": .string(newID(.creditNoteLine)), "object": "credit_note_line_item", "amount": .integer(line.amount),
            "description": .optional(line.description), "discount_amount": .integer(line.discount),
            "discount_amounts": .array(line.discounts.map(\.json)),
            "livemode": false, "metadata": line.metadata,
            "pretax_credit_amounts": .array(line.discounts.map(\.pretaxCredit)), "quantity": .optional(line.quantity),
            "tax_rates": [], "taxes": .array(line.taxes),
            "type": line.line == nil ? "custom_line_item" : "invoice_line_item",
            "unit_amount": .optional(line.unit.flatMap { ExactAmount(decimal: $0)?.integer }),
            "unit_amount_decimal": .optional(line.unit), "_note": .string(note),
        ]
        if let line = line.line { object["invoice_line_item"] = .string(line) }
        return object
    }
}
