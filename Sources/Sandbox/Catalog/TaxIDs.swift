import JSON

/// Tax ids of customers and of the account. Some are looked up by the authorities; three values say how that ends
/// (docs.stripe.com/billing/customer/tax-ids#test).
extension Account {
    static let taxIDRoutes: [Route] = [
        Route("POST /v1/customers/{customer}/tax_ids", "@tax_id", Account.createCustomerTaxID),
        Route("GET /v1/customers/{customer}/tax_ids", "@page", Account.listCustomerTaxIDs),
        Route("GET /v1/customers/{customer}/tax_ids/{id}", "", Account.retrieveCustomerTaxID),
        Route("DELETE /v1/customers/{customer}/tax_ids/{id}", "", Account.deleteCustomerTaxID),
        Route("POST /v1/tax_ids", "@tax_id owner:{@tax_owner}", Account.createTaxID),
        Route("GET /v1/tax_ids", "@page owner:{@tax_owner}", Account.listTaxIDs),
        Route("GET /v1/tax_ids/{id}", "", Account.retrieveTaxID),
        Route("DELETE /v1/tax_ids/{id}", "", Account.deleteTaxID),
    ]

    /// The kinds that a registry answers for.
    private static let verified: Set<String> = ["au_abn", "ch_uid", "eu_vat", "gb_vat"]

    // MARK: Of a customer

    func createCustomerTaxID(_ call: Call) throws(APIFailure) -> JSONValue {
        _ = try named(.customer, call.id, param: "customer")
        let id = addTaxID(call.params, customer: call.id)
        emit("customer.tax_id.created", .taxID, id)
        return .object(rendered(.taxID, id))
    }

    func listCustomerTaxIDs(_ call: Call) throws(APIFailure) -> JSONValue {
        _ = try named(.customer, call.id, param: "customer")
        return try list(.taxID, call, group: ("customer", call.id))
    }

    private func taxIDOfCustomer(_ call: Call) throws(APIFailure) -> JSONObject {
        _ = try named(.customer, call.id, param: "customer")
        let found = try named(.taxID, call.path[1])
        guard found.string("customer") == call.id else { throw .absent(.taxID, call.path[1], param: "id", status: 404) }
        return found
    }

    func retrieveCustomerTaxID(_ call: Call) throws(APIFailure) -> JSONValue {
        .object(render(.taxID, try taxIDOfCustomer(call)))
    }

    func deleteCustomerTaxID(_ call: Call) throws(APIFailure) -> JSONValue {
        removeTaxID(try taxIDOfCustomer(call))
    }

    /// What an invoice shows of its customer's tax ids.
    func shownTaxIDs(of customer: String) -> JSONValue {
        .array(
            all(.taxID, where: "customer", is: customer).map {
                ["type": $0["type"] ?? .null, "value": $0["value"] ?? .null]
            })
    }

    // MARK: Of anybody

    func createTaxID(_ call: Call) throws(APIFailure) -> JSONValue {
        let owner = call.params.object("owner")
        var customer: String?
        if owner.string("type") == "customer" {
            guard let named = owner.string("customer") else { throw .missing("owner[customer]") }
            customer = try referred(.customer, named, param: "owner[customer]").id
        }
        let id = addTaxID(call.params, customer: customer)
        if customer != nil { emit("customer.tax_id.created", .taxID, id) }
        return .object(rendered(.taxID, id))
    }

    func listTaxIDs(_ call: Call) throws(APIFailure) -> JSONValue {
        let owner = call.params.object("owner")
        let type = owner.string("type") ?? "self"
        return try list(.taxID, call) {
            $0.object("owner").string("type") == type && Self.agrees($0, owner, ["customer"])
        }
    }

    func retrieveTaxID(_ call: Call) throws(APIFailure) -> JSONValue { .object(render(.taxID, try named(.taxID, call.id))) }

    func deleteTaxID(_ call: Call) throws(APIFailure) -> JSONValue { removeTaxID(try named(.taxID, call.id)) }

    // MARK: Making and removing

    func addTaxID(_ params: JSONObject, customer: String?) -> String {
        let id = newID(.taxID)
        let type = params.string("type") ?? ""
        let value = params.string("value") ?? ""
        let prefix = String(type.prefix(2)).uppercased()
        let country = type == "eu_vat" || type == "eu_oss_vat" ? String(value.prefix(2)).uppercased() : prefix
        let verdicts = ["000000000": "verified", "111111111": "unverified"]
        let digits = String(value.filter(\.isNumber))
        let status = Self.verified.contains(type) ? verdicts[digits] ?? "pending" : "unavailable"
        put(
            .taxID,
            [
                "id": .string(id), "object": "tax_id", "country": .string(country), "created": .integer(now),
                "customer": .optional(customer), "customer_account": nil, "livemode": false,
                "owner": customer.map { ["customer": .string($0), "customer_account": nil, "type": "customer"] }
                    ?? ["type": "self"],
                "type": .string(type), "value": .string(value),
                "verification": ["status": .string(status), "verified_address": nil, "verified_name": nil],
            ])
        return id
    }

    private func removeTaxID(_ found: JSONObject) -> JSONValue {
        if found["customer"] != .null { emit("customer.tax_id.deleted", .taxID, found.id) }
        change(.taxID, found.id) { $0["_deleted"] = true }
        return .object(rendered(.taxID, found.id))
    }
}
