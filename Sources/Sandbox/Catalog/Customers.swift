import JSON

/// Customers, and the lists of their payment methods.
extension Account {
    private static let customerTable = """
        address?:{@address} balance:int business_name? cash_balance:any description? email? individual_name? \
        invoice_prefix invoice_settings:{custom_fields?:[{name! value!}] default_payment_method? footer? \
        rendering_options?:any} metadata?:map name? next_invoice_sequence:int phone? preferred_locales:[text] \
        shipping?:any source tax:any tax_exempt?:(none|reverse|exempt) validate:bool
        """

    static let customerRoutes: [Route] = [
        Route(
            "POST /v1/customers", customerTable + " payment_method tax_id_data:[{@tax_id}] test_clock",
            Account.createCustomer),
        Route("GET /v1/customers", "@list email test_clock", Account.listCustomers),
        Route("GET /v1/customers/{customer}", "", Account.retrieveCustomer),
        Route("POST /v1/customers/{customer}", customerTable + " default_source", Account.updateCustomer),
        Route("DELETE /v1/customers/{customer}", "", Account.deleteCustomer),
        Route(
            "GET /v1/customers/{customer}/payment_methods",
            "@page allow_redisplay:(always|limited|unspecified) type", Account.listMethodsOfCustomer),
        Route("GET /v1/customers/{customer}/payment_methods/{payment_method}", "", Account.retrieveMethodOfCustomer),
    ]

    private static let customerMembers = [
        "address", "description", "email", "invoice_prefix", "name", "next_invoice_sequence", "phone",
        "preferred_locales", "shipping", "tax_exempt",
    ]

    func createCustomer(_ call: Call) throws(APIFailure) -> JSONValue {
        let params = call.params
        try refuseUnemulated(params, ["source"])
        if let clock = params.string("test_clock") { try checkRoom(onClock: clock) }
        try Self.check(params, "balance", in: Self.amountBounds)
        try Self.check(params, "next_invoice_sequence", in: 1...ExactAmount.largest)
        let id = newID(.customer)
        var customer: JSONObject = [
            "id": .string(id), "object": "customer", "address": nil, "balance": 0, "created": .integer(now),
            "currency": nil, "customer_account": nil, "default_source": nil, "delinquent": false, "description": nil,
            "discount": nil, "email": nil, "invoice_prefix": .string(random.text(8, of: SandboxRandom.capitalsAndDigits)),
            "invoice_settings": [
                "custom_fields": nil, "default_payment_method": nil, "footer": nil, "rendering_options": nil,
            ],
            "livemode": false, "metadata": Self.newMetadata(params), "name": nil, "next_invoice_sequence": 1,
            "phone": nil, "preferred_locales": [], "shipping": nil, "tax_exempt": "none",
            "test_clock": params["test_clock"] ?? .null,
        ]
        customer.copy(Self.customerMembers, from: params)
        put(.customer, customer)
        var attached: String?
        if let given = params.string("payment_method") {
            attached = try attach(try method(given, param: "payment_method"), to: id).id
        }
        try applyInvoiceSettings(params, to: id, given: params.string("payment_method"), attached: attached)
        if let balance = params.integer("balance"), balance != 0 {
            moveBalance(of: id, by: balance, type: "initial", currency: "usd", invoice: nil)
        }
        let taxIDs = params.array("tax_id_data").compactMap(\.objectValue).map { addTaxID($0, customer: id) }
        emit("customer.created", .customer, id)
        for taxID in taxIDs { emit("customer.tax_id.created", .taxID, taxID) }
        if let attached { emit("payment_method.attached", .paymentMethod, attached) }
        return .object(rendered(.customer, id))
    }

    /// Sets the members of `invoice_settings`. A default method must be the customer's own, or the one that this very
    /// request attaches (`given`, whose attached copy is `attached`).
    private func applyInvoiceSettings(
        _ params: JSONObject, to id: String, given: String?, attached: String?
    ) throws(APIFailure) {
        guard let settings = params["invoice_settings"]?.objectValue else { return }
        var merged = known(.customer, id).object("invoice_settings")
        merged.copy(["custom_fields", "default_payment_method", "footer", "rendering_options"], from: settings)
        if let wanted = settings.string("default_payment_method") {
            let place = "invoice_settings[default_payment_method]"
            if let attached, wanted == given {
                merged["default_payment_method"] = .string(attached)
            } else {
                let found = try referred(.paymentMethod, wanted, param: place)
                guard found.string("customer") == id else {
                    throw .invalid(
                        "The customer does not have a payment method with the ID \(wanted). The payment method must be "
                            + "attached to the customer.", param: place, code: "resource_missing")
                }
            }
        }
        change(.customer, id) { $0["invoice_settings"] = .object(merged) }
    }

    func retrieveCustomer(_ call: Call) throws(APIFailure) -> JSONValue {
        guard let customer = store.object(.customer, call.id) else {
            throw .absent(.customer, call.id, param: "id", status: 404)
        }
        return .object(render(.customer, customer))
    }

    func updateCustomer(_ call: Call) throws(APIFailure) -> JSONValue {
        let params = call.params
        let id = call.id
        let before = render(.customer, try named(.customer, id))
        try refuseUnemulated(params, ["source", "default_source"])
        try Self.check(params, "balance", in: Self.amountBounds)
        try Self.check(params, "next_invoice_sequence", in: 1...ExactAmount.largest)
        change(.customer, id) { customer in
            customer.copy(Self.customerMembers, from: params)
            Self.mergeMetadata(params["metadata"], into: &customer)
            if customer["tax_exempt"] == .null { customer["tax_exempt"] = "none" }
        }
        try applyInvoiceSettings(params, to: id, given: nil, attached: nil)
        if let balance = params.integer("balance") {
            let difference = balance - (before.integer("balance") ?? 0)
            if difference != 0 {
                let currency = before.string("currency") ?? "usd"
                moveBalance(of: id, by: difference, type: "adjustment", currency: currency, invoice: nil)
            }
        }
        emitUpdate("customer.updated", .customer, id, since: before)
        return .object(rendered(.customer, id))
    }

    func listCustomers(_ call: Call) throws(APIFailure) -> JSONValue {
        let group = call.params.string("test_clock").map { (member: "test_clock", value: $0) }
        return try list(.customer, call, group: group) { Self.agrees($0, call.params, ["email", "test_clock"]) }
    }

    /// Cancels what the customer subscribes to, detaches the methods and leaves a tombstone.
    func deleteCustomer(_ call: Call) throws(APIFailure) -> JSONValue {
        removeCustomer(try named(.customer, call.id).id)
        return .object(rendered(.customer, call.id))
    }

    func removeCustomer(_ id: String) {
        for subscription in all(.subscription, where: "customer", is: id) where !Self.isOver(subscription) {
            endSubscription(subscription.id, at: now, reason: nil)
        }
        for schedule in all(.schedule, where: "customer", is: id) where Self.isLive(schedule) {
            closeSchedule(schedule.id, "canceled", event: "canceled")
        }
        emit("customer.deleted", .customer, id)
        for method in all(.paymentMethod, where: "customer", is: id) {
            change(.paymentMethod, method.id) {
                $0["customer"] = .null
                $0["_used"] = true
            }
        }
        change(.customer, id) { $0["_deleted"] = true }
    }

    // MARK: Payment methods of a customer

    func listMethodsOfCustomer(_ call: Call) throws(APIFailure) -> JSONValue {
        _ = try named(.customer, call.id)
        return try list(.paymentMethod, call, group: ("customer", call.id)) {
            Self.agrees($0, call.params, ["type", "allow_redisplay"])
        }
    }

    func retrieveMethodOfCustomer(_ call: Call) throws(APIFailure) -> JSONValue {
        _ = try named(.customer, call.id)
        guard let method = find(.paymentMethod, call.path[1]) else {
            throw .absent(.paymentMethod, call.path[1], param: "payment_method", status: 404)
        }
        guard method.string("customer") == call.id else {
            throw APIFailure(404, "Invalid request", param: "customer")
        }
        return .object(render(.paymentMethod, method))
    }
}
