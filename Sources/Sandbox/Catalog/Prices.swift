import JSON

/// Prices.
extension Account {
    static let priceRoutes: [Route] = [
        Route(
            "POST /v1/prices",
            """
            currency! active:bool billing_scheme:(per_unit|tiered) @currency_options \
            custom_unit_amount:{enabled!:bool maximum:int minimum:int preset:int} lookup_key metadata?:map nickname \
            product product_data:{name! active:bool id metadata:map statement_descriptor tax_code unit_label} \
            recurring:{@recurring meter trial_period_days:int usage_type:(licensed|metered)} \
            tax_behavior:(exclusive|inclusive|unspecified) @tiers tiers_mode:(graduated|volume) \
            transfer_lookup_key:bool transform_quantity:{divide_by!:int round!:(down|up)} unit_amount:int \
            unit_amount_decimal:dec
            """, Account.createPrice),
        Route("GET /v1/prices/{price}", "", Account.retrievePrice),
        Route(
            "POST /v1/prices/{price}",
            """
            active:bool @currency_options lookup_key? metadata?:map nickname? \
            tax_behavior:(exclusive|inclusive|unspecified) transfer_lookup_key:bool
            """, Account.updatePrice),
        Route(
            "GET /v1/prices",
            """
            @list active:bool currency lookup_keys:[text] product recurring:{interval:(day|week|month|year) meter \
            usage_type:(licensed|metered)} type:(one_time|recurring)
            """, Account.listPrices),
    ]

    /// The catalogue that a new sandbox has, the one of Stripe's subscription guide: two plans by the month.
    func openCatalog() {
        let plans: [(name: String, description: String, key: String, amount: Int64)] = [
            ("Basic", "The plan to start with: one person, the essential features.", "basic", 500),
            ("Premium", "The plan for teams: every feature, priority support.", "premium", 1500),
        ]
        for plan in plans {
            let product = newID(.product)
            // Neither can fail: the ids are new, the parameters are complete and the lookup keys differ.
            guard
                (try? addProduct([
                    "id": .string(product), "name": .string(plan.name), "description": .string(plan.description),
                ])) != nil,
                let price = try? addPrice([
                    "product": .string(product), "currency": "usd", "unit_amount": .integer(plan.amount),
                    "lookup_key": .string(plan.key), "recurring": ["interval": "month"],
                ])
            else { preconditionFailure("the opening catalogue is not valid") }
            change(.product, product) { $0["default_price"] = .string(price) }
        }
    }

    func createPrice(_ call: Call) throws(APIFailure) -> JSONValue {
        var params = call.params
        if params.has("product"), params.has("product_data") {
            throw .invalid(
                "You may only specify one of these parameters: product, product_data.", param: "product")
        }
        if let data = params["product_data"]?.objectValue {
            let product = try addProduct(data)
            params["product"] = .string(product)
            emit("product.created", .product, product)
        }
        let id = try addPrice(params)
        emit("price.created", .price, id)
        return .object(rendered(.price, id))
    }

    /// Stores a price without an event. Fails as Stripe does on what does not fit together.
    func addPrice(_ params: JSONObject) throws(APIFailure) -> String {
        guard let product = params.string("product") else {
            throw .invalid("You must specify either `product` or `product_data` when creating a price.")
        }
        _ = try referred(.product, product, param: "product")
        let recurring = params["recurring"]?.objectValue
        let amount = try Self.unitAmount(params)
        try Self.checkTerms(params, recurring: recurring)
        if params.string("billing_scheme") != "tiered", amount == nil, !params.has("custom_unit_amount") {
            throw .invalid("Prices require an `unit_amount` or `unit_amount_decimal` parameter to be set.")
        }
        if let recurring {
            try checkMeter(recurring)
            // At most three years (docs.stripe.com/api/prices/create).
            let most: [String: Int64] = ["day": 1095, "week": 156, "month": 36, "year": 3]
            try Self.check(recurring, "interval_count", in: 1...(most[recurring.string("interval") ?? ""] ?? 36))
            try Self.check(recurring, "trial_period_days", in: 0...730)
        }
        let id = params.string("id") ?? newID(.price)
        try claimLookupKey(params, for: id)
        var price = Self.price(id, product, params, amount, recurring, now: now)
        price["_currency_options"] = try Self.currencyOptions(price, params.object("currency_options"))
        put(.price, price)
        return id
    }

    private static func price(
        _ id: String, _ product: String, _ params: JSONObject, _ amount: ExactAmount?, _ recurring: JSONObject?,
        now: Int64
    ) -> JSONObject {
        let decimal = params.string("unit_amount_decimal") ?? params.integer("unit_amount").map(String.init)
        var price: JSONObject = [
            "id": .string(id), "object": "price", "active": params["active"] ?? true,
            "billing_scheme": params["billing_scheme"] ?? "per_unit", "created": .integer(now),
            "currency": .string((params.string("currency") ?? "usd").lowercased()),
            "custom_unit_amount": customUnitAmount(params["custom_unit_amount"]),
            "livemode": false, "lookup_key": params["lookup_key"] ?? .null, "metadata": newMetadata(params),
            "nickname": params["nickname"] ?? .null, "product": .string(product), "recurring": nil,
            "tax_behavior": params["tax_behavior"] ?? "unspecified", "tiers_mode": params["tiers_mode"] ?? .null,
            "transform_quantity": params["transform_quantity"] ?? .null,
            "type": recurring == nil ? "one_time" : "recurring", "unit_amount": .optional(amount?.integer),
            "unit_amount_decimal": .optional(decimal),
        ]
        if let recurring {
            price["recurring"] = [
                "interval": recurring["interval"] ?? "month", "interval_count": recurring["interval_count"] ?? 1,
                "meter": recurring["meter"] ?? .null, "trial_period_days": recurring["trial_period_days"] ?? .null,
                "usage_type": recurring["usage_type"] ?? "licensed",
            ]
        }
        if let tiers = params["tiers"] { price["_tiers"] = Self.tiers(tiers) }
        return price
    }

    /// `unit_amount` or `unit_amount_decimal`; nil when neither is there.
    static func unitAmount(_ params: JSONObject) throws(APIFailure) -> ExactAmount? {
        if params.has("unit_amount"), params.has("unit_amount_decimal") {
            throw .invalid("You may only specify one of these parameters: unit_amount, unit_amount_decimal.")
        }
        if let amount = params.integer("unit_amount") {
            guard amount >= 0 else {
                throw .invalid(
                    "Invalid non-negative integer", param: "unit_amount", code: "parameter_invalid_integer")
            }
            guard amount <= 999_999_999_999 else { throw .amountTooLarge }
            return ExactAmount(amount)
        }
        return params.string("unit_amount_decimal").flatMap { ExactAmount(decimal: $0) }
    }

    /// A lookup key belongs to one price, active or not; `transfer_lookup_key` takes it from its holder, which alone
    /// then has an event.
    private func claimLookupKey(_ params: JSONObject, for id: String) throws(APIFailure) {
        guard let key = params.string("lookup_key") else { return }
        for holder in all(.price, where: "lookup_key", is: key) where holder.id != id {
            guard params.flag("transfer_lookup_key") else {
                throw .invalid("A price (`\(holder.id)`) already uses that lookup key.", param: "lookup_key")
            }
            let before = render(.price, holder)
            change(.price, holder.id) { $0["lookup_key"] = .null }
            emitUpdate("price.updated", .price, holder.id, since: before)
        }
    }

    func retrievePrice(_ call: Call) throws(APIFailure) -> JSONValue {
        .object(render(.price, try named(.price, call.id)))
    }

    func updatePrice(_ call: Call) throws(APIFailure) -> JSONValue {
        let before = render(.price, try named(.price, call.id))
        try claimLookupKey(call.params, for: call.id)
        let options = try call.params["currency_options"].map { (given) throws(APIFailure) in
            var price = known(.price, call.id)
            if given.isNull { price["_currency_options"] = nil }
            return try Self.currencyOptions(price, given.objectValue ?? [:])
        }
        change(.price, call.id) { price in
            if let options { price["_currency_options"] = options }
            price.copy(["active", "lookup_key", "nickname", "tax_behavior"], from: call.params)
            Self.mergeMetadata(call.params["metadata"], into: &price)
        }
        emitUpdate("price.updated", .price, call.id, since: before)
        return .object(rendered(.price, call.id))
    }

    func listPrices(_ call: Call) throws(APIFailure) -> JSONValue {
        let params = call.params
        let keys = params.array("lookup_keys")
        let recurring = params.object("recurring")
        let group = params.string("product").map { (member: "product", value: $0) }
        return try list(.price, call, group: group) { price in
            !price.flag("_inline") && (keys.isEmpty || keys.contains(price["lookup_key"] ?? .null))
                && Self.agrees(price, params, ["active", "currency", "type"])
                && Self.agrees(price.object("recurring"), recurring, ["interval", "meter", "usage_type"])
        }
    }

    /// A recurring price as a plan, which subscription items still carry too.
    static func plan(of price: JSONObject) -> JSONValue {
        let recurring = price.object("recurring")
        return [
            "id": price["id"] ?? .null, "object": "plan", "active": price["active"] ?? true,
            "amount": price["unit_amount"] ?? .null, "amount_decimal": price["unit_amount_decimal"] ?? .null,
            "billing_scheme": price["billing_scheme"] ?? .null, "created": price["created"] ?? .null,
            "currency": price["currency"] ?? .null, "interval": recurring["interval"] ?? .null,
            "interval_count": recurring["interval_count"] ?? .null, "livemode": false,
            "metadata": price["metadata"] ?? [:], "meter": recurring["meter"] ?? .null,
            "nickname": price["nickname"] ?? .null, "product": price["product"] ?? .null,
            "tiers_mode": price["tiers_mode"] ?? .null, "transform_usage": price["transform_quantity"] ?? .null,
            "trial_period_days": recurring["trial_period_days"] ?? .null,
            "usage_type": recurring["usage_type"] ?? .null,
        ]
    }
}
