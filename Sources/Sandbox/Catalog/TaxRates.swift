import JSON

/// Tax rates, which subscriptions, their items, invoices and invoice items name.
extension Account {
    static let taxRateRoutes: [Route] = [
        Route(
            "POST /v1/tax_rates",
            """
            display_name! inclusive!:bool percentage!:num active:bool country description jurisdiction metadata?:map \
            state tax_type
            """, Account.createTaxRate),
        Route("GET /v1/tax_rates", "@list active:bool inclusive:bool", Account.listTaxRates),
        Route("GET /v1/tax_rates/{tax_rate}", "", Account.retrieveTaxRate),
        Route(
            "POST /v1/tax_rates/{tax_rate}",
            "active:bool country description display_name jurisdiction metadata?:map state tax_type",
            Account.updateTaxRate),
    ]

    private static let taxRateMembers = [
        "active", "country", "description", "display_name", "inclusive", "jurisdiction", "percentage", "state",
        "tax_type",
    ]

    func createTaxRate(_ call: Call) throws(APIFailure) -> JSONValue {
        let percentage = call.params["percentage"]?.doubleValue ?? 0
        guard (0...100).contains(percentage) else {
            throw .invalid("The percentage must be between 0 and 100.", param: "percentage")
        }
        let id = newID(.taxRate)
        var rate: JSONObject = [
            "id": .string(id), "object": "tax_rate", "active": true, "country": nil, "created": .integer(now),
            "description": nil, "display_name": nil, "effective_percentage": call.params["percentage"] ?? .null,
            "flat_amount": nil, "inclusive": false, "jurisdiction": nil, "jurisdiction_level": nil,
            "livemode": false, "metadata": Self.newMetadata(call.params), "percentage": nil,
            "rate_type": "percentage", "state": nil, "tax_type": nil,
        ]
        rate.copy(Self.taxRateMembers, from: call.params)
        put(.taxRate, rate)
        emit("tax_rate.created", .taxRate, id)
        return .object(rendered(.taxRate, id))
    }

    func retrieveTaxRate(_ call: Call) throws(APIFailure) -> JSONValue {
        .object(render(.taxRate, try named(.taxRate, call.id)))
    }

    func listTaxRates(_ call: Call) throws(APIFailure) -> JSONValue {
        try list(.taxRate, call) { Self.agrees($0, call.params, ["active", "inclusive"]) }
    }

    func updateTaxRate(_ call: Call) throws(APIFailure) -> JSONValue {
        let before = render(.taxRate, try named(.taxRate, call.id))
        change(.taxRate, call.id) { rate in
            rate.copy(Self.taxRateMembers, from: call.params)
            Self.mergeMetadata(call.params["metadata"], into: &rate)
        }
        emitUpdate("tax_rate.updated", .taxRate, call.id, since: before)
        return .object(rendered(.taxRate, call.id))
    }
}
