import JSON

/// A line of an invoice before it is stored.
struct LineDraft {
    var description: String
    var amount: Int64
    var quantity: Int64
    var period: (start: Int64, end: Int64)
    var price: JSONObject?
    /// The quantity where it may have a fraction.
    var quantityDecimal: String?
    /// What one costs, where it is not the price's own amount.
    var unitAmountDecimal: String?
    /// The subscription item that the line is for.
    var item: String?
    /// The invoice item that stands behind the line.
    var invoiceItem: String?
    var isProration = false
    /// Whether it is for usage, which may still be reported.
    var isUsage = false
    /// Of a credit: the invoice and lines that it takes back.
    var credited: JSONValue = .null
    var discountable = true
    var metadata: JSONValue = [:]
    /// Its own discounts, besides those of the invoice.
    var discounts: [JSONValue] = []
    /// Its own tax rates, which stand in the place of those of the invoice.
    var taxRates: [JSONValue] = []
    /// What was taken off it already, of an itemized proration.
    var settledDiscounts: [JSONValue] = []
}

/// An invoice before it is stored.
struct InvoiceDraft {
    var customer: String
    var subscription: JSONObject?
    /// Stripe's `billing_reason`.
    var reason: String
    var currency: String
    /// When invoice items could be added, looking back; a line's own period is what is paid for.
    var period: (start: Int64, end: Int64)
    var lines: [LineDraft]
    /// Whether what is pending for the subscription, or for nothing in particular, is put on it.
    var sweeps = true
    /// Whether it is for a change that waits for its payment: the items are not charged for its lines yet.
    var isParked = false
    /// Whether it finalizes by itself, an hour after it was made.
    var finalizesLater = false
    var prorationDate: Int64?
    /// The discounts of the whole; nil for those of the subscription.
    var discounts: [JSONValue]?
}

extension Account {
    /// Stores a draft invoice with its lines: pending items newest first, then what recurs. Without an event.
    func addInvoice(_ draft: InvoiceDraft) -> String {
        let id = newID(.invoice, sideEffect: draft.subscription != nil)
        put(.invoice, invoice(id, draft))
        if draft.sweeps {
            for item in pendingItems(customer: draft.customer, subscription: draft.subscription?.id).reversed()
            where item.string("currency") == draft.currency {
                attach(item.id, to: id)
            }
        }
        var debits: [String: [JSONValue]] = [:]
        for recurring in draft.lines {
            let line = addLine(recurring, to: id)
            guard let item = recurring.item, !recurring.isProration, !draft.isParked else { continue }
            let debit = Debit(
                amount: recurring.amount, start: recurring.period.start, end: recurring.period.end, invoice: id,
                line: line, invoiceItem: nil)
            debits[item, default: []].append(debit.json)
        }
        for (item, debits) in debits { change(.subscriptionItem, item) { $0["_debits"] = .array(debits) } }
        refreshTotals(of: id)
        if known(.customer, draft.customer)["currency"]?.isNull ?? true {
            change(.customer, draft.customer) { $0["currency"] = .string(draft.currency) }
        }
        return id
    }

    /// The invoice items that wait for an invoice of this subscription (or of the customer), oldest first.
    func pendingItems(customer: String, subscription: String?) -> [JSONObject] {
        all(.invoiceItem, where: "customer", is: customer).filter { item in
            guard item["invoice"]?.isNull ?? true else { return false }
            let owner = item.string("_subscription")
            return owner == nil || owner == subscription
        }
    }

    private func invoice(_ id: String, _ draft: InvoiceDraft) -> JSONObject {
        let customer = known(.customer, draft.customer)
        let sends = draft.subscription?.string("collection_method") == "send_invoice"
        let days = draft.subscription?.integer("days_until_due")
        var invoice: JSONObject = [
            "id": .string(id), "object": "invoice", "account_country": "US", "account_name": "Dues sandbox",
            "account_tax_ids": nil, "amount_due": 0, "amount_overpaid": 0, "amount_paid": 0,
            "amount_paid_off_stripe": 0, "amount_remaining": 0,
            "amount_shipping": 0, "application": nil, "attempt_count": 0, "attempted": false,
            "auto_advance": .bool(draft.finalizesLater),
            "automatic_tax": Self.automaticTax(draft.subscription),
            "automatically_finalizes_at": draft.finalizesLater ? .integer(now + 3601) : .null,
            "billing_reason": .string(draft.reason),
            "collection_method": sends ? "send_invoice" : "charge_automatically", "created": .integer(now),
            "currency": .string(draft.currency), "custom_fields": nil, "customer": .string(draft.customer),
            "customer_account": nil, "customer_address": customer["address"] ?? .null,
            "customer_email": customer["email"] ?? .null, "customer_name": customer["name"] ?? .null,
            "customer_phone": customer["phone"] ?? .null, "customer_shipping": customer["shipping"] ?? .null,
            "customer_tax_exempt": customer["tax_exempt"] ?? "none", "customer_tax_ids": shownTaxIDs(of: draft.customer),
            "default_payment_method": nil, "default_source": nil,
            "default_tax_rates": draft.subscription?["default_tax_rates"] ?? [], "description": nil,
            "discounts": .array(draft.discounts ?? live(draft.subscription?.array("discounts") ?? [])),
            "due_date": sends ? .integer(now + (days ?? 30) * CivilDate.secondsPerDay) : .null,
            "effective_at": nil, "ending_balance": nil, "footer": nil, "from_invoice": nil,
            "hosted_invoice_url": nil, "invoice_pdf": nil, "issuer": ["type": "self"],
            "last_finalization_error": nil, "latest_revision": nil, "livemode": false, "metadata": [:],
            "next_payment_attempt": draft.finalizesLater && !sends ? .integer(now + 3600) : .null, "number": nil,
            "on_behalf_of": nil, "parent": nil,
            "payment_settings": [
                "default_mandate": nil, "payment_method_options": nil, "payment_method_types": nil,
            ],
            "period_end": .integer(draft.period.end), "period_start": .integer(draft.period.start),
        ]
        let more: JSONObject = [
            "post_payment_credit_notes_amount": 0, "pre_payment_credit_notes_amount": 0, "receipt_number": nil,
            "rendering": nil, "shipping_cost": nil, "shipping_details": nil,
            "starting_balance": .integer(balance(of: draft.customer, in: draft.currency)), "statement_descriptor": nil,
            "status": "draft",
            "status_details": nil,
            "status_transitions": [
                "finalized_at": nil, "marked_uncollectible_at": nil, "paid_at": nil, "voided_at": nil,
            ],
            "subtotal": 0, "subtotal_excluding_tax": 0, "test_clock": customer["test_clock"] ?? .null, "total": 0,
            "total_discount_amounts": [], "total_excluding_tax": 0, "total_pretax_credit_amounts": [],
            "total_taxes": [], "webhooks_delivered_at": nil,
        ]
        for (key, value) in more { invoice[key] = value }
        if let subscription = draft.subscription {
            var details: JSONObject = [
                "metadata": subscription["metadata"] ?? [:], "subscription": .string(subscription.id),
            ]
            if let date = draft.prorationDate { details["subscription_proration_date"] = .integer(date) }
            invoice["parent"] = [
                "quote_details": nil, "subscription_details": .object(details), "type": "subscription_details",
            ]
            invoice["_subscription"] = .string(subscription.id)
        }
        return invoice
    }

    private static func automaticTax(_ subscription: JSONObject?) -> JSONValue {
        let tax = subscription?.object("automatic_tax") ?? [:]
        return [
            "disabled_reason": nil, "enabled": tax["enabled"] ?? false, "liability": tax["liability"] ?? .null,
            "provider": nil, "status": nil,
        ]
    }

    /// Puts a pending invoice item on a draft.
    func attach(_ item: String, to invoice: String) {
        let line = addLine(line(of: known(.invoiceItem, item)), to: invoice)
        change(.invoiceItem, item) {
            $0["invoice"] = .string(invoice)
            $0["_line"] = .string(line)
        }
    }

    /// Writes the line of an invoice item anew, after the item has changed.
    func rewriteLine(of item: String) {
        let item = known(.invoiceItem, item)
        guard let line = item.string("_line"), let invoice = item.string("invoice") else { return }
        put(.invoiceLine, lineObject(line, self.line(of: item), on: known(.invoice, invoice)))
    }

    /// The line that an invoice item becomes.
    private func line(of item: JSONObject) -> LineDraft {
        let period = item.object("period")
        let details = item.object("parent").object("subscription_details")
        let credited = item.object("proration_details").object("credited_items").object("invoice_line_item_details")
        return LineDraft(
            description: item.string("description") ?? "", amount: item.integer("amount") ?? 0,
            quantity: item.integer("quantity") ?? 1,
            period: (period.integer("start") ?? now, period.integer("end") ?? now),
            price: item.object("pricing").object("price_details").string("price").map { known(.price, $0) },
            quantityDecimal: item.string("quantity_decimal"),
            unitAmountDecimal: item.object("pricing").string("unit_amount_decimal"),
            item: details.string("subscription_item"), invoiceItem: item.id, isProration: item.flag("proration"),
            credited: credited.isEmpty ? .null : .object(credited), discountable: item.flag("discountable"),
            metadata: item["metadata"] ?? [:], discounts: item.array("discounts"),
            taxRates: item.array("tax_rates"),
            settledDiscounts: item.object("proration_details").array("discount_amounts"))
    }

    func addLine(_ line: LineDraft, to invoice: String) -> String {
        let id = newID(.invoiceLine)
        put(.invoiceLine, lineObject(id, line, on: known(.invoice, invoice)))
        return id
    }

    private func lineObject(_ id: String, _ line: LineDraft, on invoice: JSONObject) -> JSONObject {
        let subscription = JSONValue.optional(invoice.string("_subscription"))
        let details: JSONObject = [
            "invoice_item": .optional(line.invoiceItem), "proration": .bool(line.isProration),
            "proration_details": ["credited_items": line.credited],
            "subscription": subscription,
        ]
        var parent: JSONObject = [
            "invoice_item_details": nil, "subscription_item_details": nil, "type": "invoice_item_details",
        ]
        if let item = line.item {
            var full = details
            full["subscription_item"] = .string(item)
            parent["subscription_item_details"] = .object(full)
            parent["type"] = "subscription_item_details"
        } else {
            parent["invoice_item_details"] = .object(details)
        }
        return [
            "id": .string(id), "object": "line_item", "amount": .integer(line.amount),
            "currency": invoice["currency"] ?? .null,
            "description": line.description.isEmpty ? .null : .string(line.description),
            "discount_amounts": [], "discountable": .bool(line.discountable), "discounts": .array(line.discounts),
            "invoice": .string(invoice.id), "livemode": false, "metadata": line.metadata, "parent": .object(parent),
            "period": ["end": .integer(line.period.end), "start": .integer(line.period.start)],
            "pretax_credit_amounts": [], "pricing": Self.pricing(line), "quantity": .integer(line.quantity),
            "quantity_decimal": .string(line.quantityDecimal ?? String(line.quantity)), "subscription": subscription,
            "subtotal": .integer(line.amount), "taxes": [], "_item": .optional(line.invoiceItem),
            "_usage_of": line.isUsage ? .optional(line.item) : .null, "_settled_discounts": .array(line.settledDiscounts),
            "_tax_rates": .array(line.taxRates),
        ]
    }

    private static func pricing(_ line: LineDraft) -> JSONValue {
        guard let price = line.price else { return .null }
        return [
            "price_details": ["price": .string(price.id), "product": price["product"] ?? .null],
            "type": "price_details",
            "unit_amount_decimal": line.isProration
                ? .null : line.unitAmountDecimal.map(JSONValue.string) ?? price["unit_amount_decimal"] ?? .null,
        ]
    }

    func renderInvoice(_ invoice: JSONObject) -> JSONObject {
        var shown = invoice.withoutHidden
        let lines = lines(of: invoice.id).map { JSONValue.object($0.withoutHidden) }
        shown["lines"] = Self.embedded(lines, url: "/v1/invoices/\(invoice.id)/lines")
        return shown
    }
}
