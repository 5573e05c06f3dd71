import JSON

/// Invoice items: amounts that wait for a customer's next invoice, or stand on a draft as its lines.
extension Account {
    static let invoiceItemRoutes: [Route] = [
        Route(
            "POST /v1/invoiceitems",
            """
            customer customer_account currency invoice pricing:{price} \
            price_data:{product! @one_time_price} subscription @line_terms tax_behavior:(exclusive|inclusive|unspecified) tax_code tax_rates?:[text] \
            unit_amount_decimal:dec
            """, Account.createInvoiceItem),
        Route("GET /v1/invoiceitems", "@list customer customer_account invoice pending:bool", Account.listInvoiceItems),
        Route("GET /v1/invoiceitems/{invoiceitem}", "", Account.retrieveInvoiceItem),
        Route(
            "POST /v1/invoiceitems/{invoiceitem}",
            """
            invoicing_rules? pricing:{price} price_data:{product! @one_time_price} @line_terms \
            tax_behavior:(exclusive|inclusive|unspecified) tax_code tax_rates?:[text] unit_amount_decimal:dec
            """, Account.updateInvoiceItem),
        Route("DELETE /v1/invoiceitems/{invoiceitem}", "", Account.deleteInvoiceItem),
    ]

    // MARK: Reading

    func listInvoiceItems(_ call: Call) throws(APIFailure) -> JSONValue {
        let params = call.params
        let pending = params["pending"]?.boolValue
        let group =
            params.string("invoice").map { (member: "invoice", value: $0) }
            ?? params.string("customer").map { (member: "customer", value: $0) }
        return try list(.invoiceItem, call, group: group) { item in
            Self.agrees(item, params, ["customer"])
                && pending.map { $0 == (item["invoice"]?.isNull ?? true) } ?? true
        }
    }

    func retrieveInvoiceItem(_ call: Call) throws(APIFailure) -> JSONValue {
        .object(render(.invoiceItem, try named(.invoiceItem, call.id)))
    }

    // MARK: Making

    func createInvoiceItem(_ call: Call) throws(APIFailure) -> JSONValue {
        var params = call.params
        var invoice: JSONObject?
        if let id = params.string("invoice") {
            let found = try editable(try referred(.invoice, id, param: "invoice"))
            if !params.has("customer") { params["customer"] = found["customer"] }
            if !params.has("currency") { params["currency"] = found["currency"] }
            if !params.has("subscription") { params["subscription"] = found["_subscription"] }
            invoice = found
        }
        guard let customer = params.string("customer") else { throw .missing("customer") }
        _ = try referred(.customer, customer, param: "customer")
        if let subscription = params.string("subscription") {
            _ = try referred(.subscription, subscription, param: "subscription")
        }
        if let invoice, invoice.string("customer") != customer {
            throw .invalid(
                "The customer of the invoice item does not match that of the invoice \(invoice.id).", param: "customer")
        }
        let id = try addInvoiceItem(params, customer: customer, subscription: params.string("subscription"))
        if let invoice {
            guard known(.invoiceItem, id).string("currency") == invoice.string("currency") else {
                throw .invalid(
                    "The currency of the invoice item does not match that of the invoice \(invoice.id).",
                    param: "currency")
            }
            try changing(invoice: invoice.id) { () throws(APIFailure) in
                self.attach(id, to: invoice.id)
                self.emit("invoiceitem.created", .invoiceItem, id)
            }
        } else {
            emit("invoiceitem.created", .invoiceItem, id)
        }
        return .object(rendered(.invoiceItem, id))
    }

    /// Stores a pending invoice item without an event.
    func addInvoiceItem(
        _ params: JSONObject, customer: String, subscription: String?
    ) throws(APIFailure) -> String {
        let terms = try amountTerms(params, currency: params.string("currency")?.lowercased())
        let id = newID(.invoiceItem)
        var item: JSONObject = [
            "id": .string(id), "object": "invoiceitem", "amount": .integer(terms.amount),
            "currency": .string(terms.currency), "customer": .string(customer), "customer_account": nil,
            "date": .integer(now),
            "description": params["description"] ?? .optional(descriptionOfProduct(terms.price)),
            "discountable": params["discountable"] ?? .bool(terms.amount >= 0), "discounts": [], "frozen_fields": [],
            "invoice": nil, "invoicing_rules": [], "livemode": false, "metadata": Self.newMetadata(params),
            "parent": nil, "period": Self.period(params) ?? ["end": .integer(now), "start": .integer(now)],
            "pricing": Self.pricing(of: terms), "proration": false, "quantity": .integer(terms.quantity),
            "quantity_decimal": .string(terms.quantityDecimal), "tax_rates": try taxRates(params, "tax_rates") ?? [],
            "test_clock": clockMember,
        ]
        if let subscription {
            item["parent"] = [
                "subscription_details": ["subscription": .string(subscription)], "type": "subscription_details",
            ]
            item["_subscription"] = .string(subscription)
        }
        put(.invoiceItem, item)
        let discounts = try redeem(params["discounts"], for: owner(of: item))
        change(.invoiceItem, id) { $0["discounts"] = .array(discounts) }
        return id
    }

    /// What an item is called without a description of its own; nothing where the product was made for it alone.
    private func descriptionOfProduct(_ price: JSONObject) -> String? {
        let product = product(of: price)
        return product.flag("_inline") ? nil : product.string("name")
    }

    private func owner(of item: JSONObject) -> DiscountOwner {
        DiscountOwner(
            customer: item.string("customer"), currency: item.string("currency") ?? "usd", member: "invoice_item",
            id: item.id, subtotal: item.integer("amount"))
    }

    /// `add_invoice_items` of a subscription: one-off prices for its next invoice.
    func addInvoiceItems(_ entries: [JSONValue], to subscription: JSONObject) throws(APIFailure) {
        for (index, entry) in entries.enumerated() {
            var params = entry.objectValue ?? [:]
            guard params.has("price") || params.has("price_data") else {
                throw .missing("add_invoice_items[\(index)][price]")
            }
            params["currency"] = subscription["currency"]
            params["period"] = nil
            let id = try addInvoiceItem(
                params, customer: subscription.string("customer") ?? "", subscription: subscription.id)
            emit("invoiceitem.created", .invoiceItem, id)
        }
    }

    private static func period(_ params: JSONObject) -> JSONValue? {
        guard let period = params["period"], period["start"]?.integerValue != nil else { return nil }
        return ["end": period["end"] ?? .null, "start": period["start"] ?? .null]
    }

    static func pricing(of terms: AmountTerms) -> JSONValue {
        [
            "price_details": ["price": .string(terms.price.id), "product": terms.price["product"] ?? .null],
            "type": "price_details", "unit_amount_decimal": .string(terms.unit),
        ]
    }

    // MARK: Changing

    private static let notEditable = APIFailure.invalid(
        "Invalid invoice: This invoice is no longer editable", code: "invoice_not_editable")

    /// An invoice that still takes changes of its lines.
    func editable(_ invoice: JSONObject) throws(APIFailure) -> JSONObject {
        guard invoice.string("status") == "draft" else {
            throw Self.notEditable
        }
        return invoice
    }

    /// An invoice item that may be changed. One that went with its draft is remembered as such (recorded).
    private func itemToChange(_ id: String, deleted refusal: APIFailure) throws(APIFailure) -> JSONObject {
        if let gone = store.object(.invoiceItem, id), gone.flag("_deleted_with_invoice") { throw refusal }
        let item = try named(.invoiceItem, id)
        if let invoice = item.string("invoice") { _ = try editable(known(.invoice, invoice)) }
        return item
    }

    func updateInvoiceItem(_ call: Call) throws(APIFailure) -> JSONValue {
        let item = try itemToChange(call.id, deleted: .invalid("This invoice item has been deleted."))
        try changing(invoice: item.string("invoice")) { () throws(APIFailure) in
            try self.updateInvoiceItem(item, call.params)
        }
        return .object(rendered(.invoiceItem, call.id))
    }

    /// Runs a change of an invoice's lines, then sums the invoice anew and tells of it.
    func changing(invoice: String?, _ body: () throws(APIFailure) -> Void) throws(APIFailure) {
        guard let invoice else { return try body() }
        let before = rendered(.invoice, invoice)
        try body()
        refreshTotals(of: invoice)
        emitUpdate("invoice.updated", .invoice, invoice, since: before)
    }

    /// Changes an invoice item, and the line that it is on a draft.
    func updateInvoiceItem(_ item: JSONObject, _ params: JSONObject) throws(APIFailure) {
        let frozen = [
            "pricing": ["amount", "price_data", "pricing", "unit_amount_decimal"],
            "quantity": ["quantity", "quantity_decimal"], "discounts": ["discounts", "discountable"],
        ]
        for field in item.array("frozen_fields").compactMap(\.stringValue) {
            guard let name = frozen[field]?.first(where: { params.has($0) }) else { continue }
            throw .invalid("You cannot update `\(name)` of an invoice item that is a proration.", param: name)
        }
        var changed = item
        changed.copy(["description", "discountable"], from: params)
        Self.mergeMetadata(params["metadata"], into: &changed)
        if let period = Self.period(params) { changed["period"] = period }
        if let rates = try taxRates(params, "tax_rates") { changed["tax_rates"] = rates }
        let names = ["amount", "price_data", "pricing", "quantity", "quantity_decimal", "unit_amount_decimal"]
        if names.contains(where: { params.has($0) }) {
            let terms = try amountTerms(params, currency: item.string("currency"), existing: item)
            changed["amount"] = .integer(terms.amount)
            changed["quantity"] = .integer(terms.quantity)
            changed["quantity_decimal"] = .string(terms.quantityDecimal)
            changed["pricing"] = Self.pricing(of: terms)
        }
        put(.invoiceItem, changed)
        if let discounts = params["discounts"] {
            try replaceDiscounts(.invoiceItem, item.id, with: discounts, owner(of: changed))
        }
        if item.has("_line") { rewriteLine(of: item.id) }
    }

    func deleteInvoiceItem(_ call: Call) throws(APIFailure) -> JSONValue {
        let item = try itemToChange(call.id, deleted: Self.notEditable)
        try changing(invoice: item.string("invoice")) { () throws(APIFailure) in self.removeInvoiceItem(item) }
        return .object(rendered(.invoiceItem, call.id))
    }

    /// Deletes an invoice item and its line.
    func removeInvoiceItem(_ item: JSONObject) {
        if let line = item.string("_line") { change(.invoiceLine, line) { $0["_deleted"] = true } }
        emit("invoiceitem.deleted", .invoiceItem, item.id)
        change(.invoiceItem, item.id) { $0["_deleted"] = true }
    }
}
