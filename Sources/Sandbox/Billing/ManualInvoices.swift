import JSON

/// Invoices by hand: made, changed while they are drafts, deleted, sent.
extension Account {
    private static let invoiceTable = """
        account_tax_ids?:[text] application_fee_amount:int auto_advance:bool automatic_tax:{@automatic_tax} \
        automatically_finalizes_at:int collection_method:(charge_automatically|send_invoice) \
        custom_fields?:[{name! value!}] days_until_due:int default_payment_method default_source \
        default_tax_rates?:[text] description @discounts due_date:int effective_at?:int footer issuer:any metadata?:map \
        number on_behalf_of payment_settings:{default_mandate? payment_method_options:any payment_method_types?:[text]} \
        rendering:{amount_tax_display?:(exclude_tax|include_inclusive_tax) pdf:{page_size:(a4|auto|letter)} template \
        template_version?:int} shipping_cost?:any shipping_details?:{address!:{@address} name! phone?} \
        statement_descriptor transfer_data?:any
        """

    static let manualInvoiceRoutes: [Route] = [
        Route(
            "POST /v1/invoices",
            invoiceTable + """
                 currency customer customer_account from_invoice:any \
                pending_invoice_items_behavior:(exclude|include) subscription
                """, Account.createInvoice),
        Route("POST /v1/invoices/{invoice}", invoiceTable, Account.updateInvoice),
        Route("DELETE /v1/invoices/{invoice}", "", Account.deleteInvoice),
        Route("POST /v1/invoices/{invoice}/send", "", Account.sendInvoice),
    ]

    /// What is copied as it is given.
    private static let invoiceMembers = [
        "auto_advance", "custom_fields", "default_payment_method", "description", "effective_at", "footer", "number",
        "shipping_details", "statement_descriptor",
    ]

    /// What does not change any more once an invoice is final.
    private static let frozenMembers = [
        "account_tax_ids", "automatic_tax", "automatically_finalizes_at", "collection_method", "custom_fields",
        "default_tax_rates", "description", "discounts", "effective_at", "footer", "issuer", "number", "on_behalf_of",
        "rendering", "shipping_cost", "shipping_details",
    ]

    func createInvoice(_ call: Call) throws(APIFailure) -> JSONValue {
        let params = call.params
        guard let customer = params.string("customer") else { throw .missing("customer") }
        let payer = try referred(.customer, customer, param: "customer")
        try refuseUnemulated(params, ["from_invoice", "shipping_cost", "transfer_data", "on_behalf_of"])
        try checkInvoice(params, sends: params.string("collection_method") == "send_invoice", customer: customer)
        if params.string("collection_method") == "send_invoice", !params.has("days_until_due"), !params.has("due_date") {
            throw .invalid(
                "If invoice collection method is 'send_invoice', you must specify 'due_date' or 'days_until_due'.")
        }
        let subscription = try params.string("subscription").map { (id) throws(APIFailure) in
            try self.referred(.subscription, id, param: "subscription")
        }
        if let subscription, subscription.string("customer") != customer {
            throw .absent(.subscription, subscription.id, param: "subscription")
        }
        let currency =
            params.string("currency")?.lowercased() ?? subscription?.string("currency") ?? payer.string("currency") ?? "usd"
        let id = addInvoice(
            InvoiceDraft(
                customer: customer, subscription: subscription, reason: "manual", currency: currency, period: (now, now),
                lines: [], sweeps: params.string("pending_invoice_items_behavior") == "include" || subscription != nil,
                finalizesLater: params.flag("auto_advance")))
        change(.invoice, id) { invoice in
            invoice["collection_method"] = params["collection_method"] ?? "charge_automatically"
            invoice["due_date"] = .null
            invoice["rendering"] = [
                "amount_tax_display": nil, "pdf": ["page_size": "auto"], "template": nil, "template_version": nil,
            ]
        }
        try applyInvoiceMembers(params, to: id)
        refreshTotals(of: id)
        emit("invoice.created", .invoice, id)
        return .object(rendered(.invoice, id))
    }

    private func checkInvoice(_ params: JSONObject, sends: Bool, customer: String) throws(APIFailure) {
        if !sends, params.has("due_date") || params.has("days_until_due") {
            throw .invalid(
                "You can only specify 'due_date' or 'days_until_due' if invoice collection method is 'send_invoice'.")
        }
        if params.has("due_date"), params.has("days_until_due") {
            throw .invalid("You may only specify one of these parameters: due_date, days_until_due.")
        }
        if let time = params.integer("due_date"), time < now { throw .inPast("due_date", time) }
        if let time = params.integer("automatically_finalizes_at") {
            _ = try future(time, "automatically_finalizes_at")
        }
        try Self.check(params, "days_until_due", in: 0...3650)
        try checkDefaultMethod(params, customer: customer)
    }

    private func applyInvoiceMembers(_ params: JSONObject, to id: String) throws(APIFailure) {
        let rates = try taxRates(params, "default_tax_rates")
        change(.invoice, id) { invoice in
            if let rates { invoice["default_tax_rates"] = rates }
            Self.setAutomaticTax(params, of: &invoice)
            invoice.copy(Self.invoiceMembers, from: params)
            Self.mergeMetadata(params["metadata"], into: &invoice)
            if let days = params.integer("days_until_due") {
                invoice["due_date"] = .integer((invoice.integer("created") ?? now) + days * CivilDate.secondsPerDay)
            }
            if let time = params["due_date"] { invoice["due_date"] = time }
            for key in ["rendering", "payment_settings"] {
                guard let given = params[key]?.objectValue else { continue }
                var merged = invoice.object(key)
                for (name, value) in given { merged[name] = value }
                invoice[key] = .object(merged)
            }
            guard invoice.string("status") == "draft" else { return }
            let advances = invoice.flag("auto_advance")
            let isCharged = invoice.string("collection_method") != "send_invoice"
            let at = params["automatically_finalizes_at"] ?? invoice["automatically_finalizes_at"] ?? .null
            let hour = (invoice.integer("created") ?? now) + Self.draftPatience
            invoice["automatically_finalizes_at"] = !advances ? .null : at.isNull ? .integer(hour + 1) : at
            invoice["next_payment_attempt"] = advances && isCharged ? .integer(hour) : .null
        }
        guard let discounts = params["discounts"] else { return }
        let invoice = known(.invoice, id)
        try replaceDiscounts(
            .invoice, id, with: discounts,
            DiscountOwner(
                customer: invoice.string("customer"), currency: invoice.string("currency") ?? "usd", member: "invoice",
                id: id, subtotal: invoice.integer("subtotal")))
    }

    func updateInvoice(_ call: Call) throws(APIFailure) -> JSONValue {
        let invoice = try invoiceToChange(call)
        let params = call.params
        let isDraft = invoice.string("status") == "draft"
        if !isDraft, Self.frozenMembers.contains(where: { params.has($0) }) {
            throw .invalid("Finalized invoices can't be updated in this way")
        }
        try refuseUnemulated(params, ["shipping_cost", "transfer_data", "on_behalf_of"])
        let method = params.string("collection_method") ?? invoice.string("collection_method")
        try checkInvoice(params, sends: method == "send_invoice", customer: invoice.string("customer") ?? "")
        let before = render(.invoice, invoice)
        if let method { change(.invoice, call.id) { $0["collection_method"] = .string(method) } }
        try applyInvoiceMembers(params, to: call.id)
        if isDraft { refreshTotals(of: call.id) }
        emitUpdate("invoice.updated", .invoice, call.id, since: before)
        return .object(rendered(.invoice, call.id))
    }

    /// Only what was made by hand can be deleted, and its items go with it: nothing becomes pending again (recorded).
    func deleteInvoice(_ call: Call) throws(APIFailure) -> JSONValue {
        let invoice = try named(.invoice, call.id)
        guard invoice.string("status") == "draft" else { throw .invalid("You can only delete draft invoices.") }
        guard invoice.string("billing_reason") == "manual" else {
            throw .invalid("You can only delete draft invoices that are not for a subscription.")
        }
        for item in all(.invoiceItem, where: "invoice", is: call.id) {
            change(.invoiceItem, item.id) {
                $0["_deleted"] = true
                $0["_deleted_with_invoice"] = true
            }
        }
        emit("invoice.deleted", .invoice, call.id)
        change(.invoice, call.id) { $0["_deleted"] = true }
        return .object(rendered(.invoice, call.id))
    }

    /// Makes a draft final and sends it; what is open is sent again.
    func sendInvoice(_ call: Call) throws(APIFailure) -> JSONValue {
        let invoice = try named(.invoice, call.id)
        guard invoice.string("collection_method") == "send_invoice" else {
            throw .invalid("You can only manually send an invoice if its collection method is 'send_invoice'.")
        }
        switch invoice.string("status") {
        case "draft": finalize(call.id)
        case "open", "paid", "uncollectible": break
        default: throw .invalid("You can only pass in open invoices. This invoice isn't open.")
        }
        emit("invoice.sent", .invoice, call.id)
        return .object(rendered(.invoice, call.id))
    }

    /// An invoice that was finalized by hand and still advances is charged an hour later.
    func collectLater(_ id: String) {
        let invoice = known(.invoice, id)
        guard invoice.string("status") == "open", invoice.flag("auto_advance"),
            invoice.string("collection_method") == "charge_automatically"
        else { return }
        change(.invoice, id) { $0["next_payment_attempt"] = .integer(now + Self.draftPatience) }
    }
}
