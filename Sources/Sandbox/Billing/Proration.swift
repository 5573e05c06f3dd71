import JSON

/// What was asked for a stretch of an item's period: the ground on which flexible billing credits.
struct Debit {
    let amount: Int64
    let start: Int64
    let end: Int64
    /// The invoice and line that carry it, once known; a pending invoice item until then.
    let invoice: String?
    let line: String?
    let invoiceItem: String?

    var json: JSONValue {
        [
            "amount": .integer(amount), "start": .integer(start), "end": .integer(end), "invoice": .optional(invoice),
            "line": .optional(line), "invoice_item": .optional(invoiceItem),
        ]
    }

    init(amount: Int64, start: Int64, end: Int64, invoice: String?, line: String?, invoiceItem: String?) {
        self.amount = amount
        self.start = start
        self.end = end
        self.invoice = invoice
        self.line = line
        self.invoiceItem = invoiceItem
    }

    init(_ json: JSONValue) {
        self.init(
            amount: json["amount"]?.integerValue ?? 0, start: json["start"]?.integerValue ?? 0,
            end: json["end"]?.integerValue ?? 0, invoice: json["invoice"]?.stringValue,
            line: json["line"]?.stringValue, invoiceItem: json["invoice_item"]?.stringValue)
    }

    /// What is given back for the time from `date` on: negative, floored by itself.
    func credit(from date: Int64) -> Int64? {
        guard end > date, end > start else { return 0 }
        return ExactAmount(amount).negated.share(end - max(date, start), of: end - start)?.floored
    }

    /// What is left of it when the time from `date` on was given back; nil when nothing is.
    func ending(at date: Int64) -> Debit? {
        guard start < date else { return nil }
        return Debit(
            amount: amount + (credit(from: date) ?? 0), start: start, end: min(end, date), invoice: invoice, line: line,
            invoiceItem: invoiceItem)
    }
}

/// Proration (docs.stripe.com/billing/subscriptions/prorations): the whole old configuration is credited and the whole
/// new one charged, each line floored by itself, to the second. Classic billing credits at the current price; flexible
/// billing credits what was in fact charged for the time.
extension Account {
    struct ProrationWindow {
        /// The moment of the change, inside the period.
        let date: Int64
        let start: Int64
        let end: Int64

        init(_ item: JSONObject, date: Int64) {
            start = item.integer("current_period_start") ?? date
            end = item.integer("current_period_end") ?? date
            self.date = min(max(date, start), end)
        }
    }

    /// What remains of a full period's amount from the window's date on.
    static func remaining(_ amount: ExactAmount?, _ window: ProrationWindow) throws(APIFailure) -> Int64 {
        guard window.end > window.start else { return 0 }
        guard let share = amount?.share(window.end - window.date, of: window.end - window.start)?.floored else {
            throw .amountTooLarge
        }
        return share
    }

    /// The credit for an item's unused time, and the invoice and lines that it takes back.
    func credit(
        for item: JSONObject, _ window: ProrationWindow, flexible: Bool
    ) throws(APIFailure) -> (amount: Int64, credited: JSONValue) {
        let debits = item.array("_debits").map { Debit($0) }.filter { $0.end > window.date }
        let credited = creditedItems(debits)
        guard flexible else {
            let full = Self.amount(price(of: item), item.integer("quantity") ?? 1)
            return (try Self.remaining(full?.negated, window), credited)
        }
        var total: Int64 = 0
        for debit in debits {
            guard let amount = debit.credit(from: window.date) else { throw .amountTooLarge }
            total += amount
        }
        return (total, credited)
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
        let amount: Int64
        let quantity: Int64
        let price: JSONObject
        let description: String
        let period: (start: Int64, end: Int64)
        var credited: JSONValue = .null
        /// Of a canceled subscription's last credit: it has neither parent nor details (recorded).
        var isFinal = false
    }

    @discardableResult
    func addProration(_ proration: ProrationItem, item: JSONObject, subscription: JSONObject) -> String {
        let id = newID(.invoiceItem)
        let amount = JSONValue.integer(proration.amount)
        var stored: JSONObject = [
            "id": .string(id), "object": "invoiceitem", "amount": amount,
            "currency": subscription["currency"] ?? "usd", "customer": subscription["customer"] ?? .null,
            "customer_account": nil, "date": .integer(now), "description": .string(proration.description),
            "discountable": false, "discounts": [], "frozen_fields": ["pricing", "quantity", "discounts"],
            "invoice": nil, "invoicing_rules": [], "livemode": false, "metadata": [:], "net_amount": amount,
            "parent": nil,
            "period": ["end": .integer(proration.period.end), "start": .integer(proration.period.start)],
            "pricing": [
                "price_details": [
                    "price": .string(proration.price.id), "product": proration.price["product"] ?? .null,
                ],
                "type": "price_details", "unit_amount_decimal": nil,
            ],
            "proration": true, "quantity": .integer(proration.quantity),
            "quantity_decimal": .string(String(proration.quantity)), "tax_rates": [], "test_clock": clockMember,
            "_subscription": .string(subscription.id),
        ]
        if !proration.isFinal {
            stored["parent"] = [
                "subscription_details": [
                    "subscription": .string(subscription.id), "subscription_item": .string(item.id),
                ],
                "type": "subscription_details",
            ]
            stored["proration_details"] = ["credited_items": proration.credited, "discount_amounts": []]
        }
        put(.invoiceItem, stored)
        emit("invoiceitem.created", .invoiceItem, id)
        return id
    }
}
