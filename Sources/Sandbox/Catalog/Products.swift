import JSON

/// Products.
extension Account {
    static let productRoutes: [Route] = [
        Route(
            "POST /v1/products",
            """
            name! active:bool default_price_data:{currency! @currency_options \
            custom_unit_amount:{enabled!:bool maximum:int minimum:int preset:int} metadata:map recurring:{@recurring} tax_behavior:(exclusive|inclusive|unspecified) unit_amount:int \
            unit_amount_decimal:dec} description id images:[text] marketing_features:[{name!}] metadata?:map \
            package_dimensions:{height!:num length!:num weight!:num width!:num} shippable:bool statement_descriptor \
            tax_code tax_details:any type:(good|service) unit_label url
            """, Account.createProduct),
        Route("GET /v1/products/{id}", "", Account.retrieveProduct),
        Route(
            "POST /v1/products/{id}",
            """
            active:bool default_price description? images?:[text] marketing_features?:[{name!}] metadata?:map name \
            package_dimensions?:{height!:num length!:num weight!:num width!:num} shippable:bool \
            statement_descriptor? \
            tax_code? tax_details?:any unit_label? url?
            """, Account.updateProduct),
        Route(
            "GET /v1/products", "@list active:bool ids:[text] shippable:bool type:(good|service) url", Account.listProducts),
        Route("DELETE /v1/products/{id}", "", Account.deleteProduct),
    ]

    private static let productMembers = [
        "active", "description", "images", "marketing_features", "name", "package_dimensions", "shippable",
        "statement_descriptor", "tax_code", "unit_label", "url",
    ]

    func createProduct(_ call: Call) throws(APIFailure) -> JSONValue {
        let id = try addProduct(call.params)
        if let data = call.params["default_price_data"]?.objectValue {
            var params = data
            params["product"] = .string(id)
            let price = try addPrice(params)
            change(.product, id) { $0["default_price"] = .string(price) }
            emit("product.created", .product, id)
            emit("price.created", .price, price)
        } else {
            emit("product.created", .product, id)
        }
        return .object(rendered(.product, id))
    }

    /// Stores a product without an event.
    func addProduct(_ params: JSONObject) throws(APIFailure) -> String {
        let id = params.string("id") ?? newID(.product)
        guard store.object(.product, id) == nil else {
            throw .invalid("Product already exists.", param: "id", code: "resource_already_exists")
        }
        var product: JSONObject = [
            "id": .string(id), "object": "product", "active": true, "attributes": [], "created": .integer(now),
            "default_price": nil, "description": nil, "images": [], "livemode": false, "marketing_features": [],
            "metadata": Self.newMetadata(params), "name": nil, "package_dimensions": nil, "shippable": nil,
            "statement_descriptor": nil, "tax_code": nil, "tax_details": nil, "type": "service", "unit_label": nil,
            "updated": .integer(now), "url": nil,
        ]
        product.copy(Self.productMembers, from: params)
        Self.mirrorTaxCode(&product)
        put(.product, product)
        return id
    }

    /// `tax_code` is shown a second time inside `tax_details`.
    private static func mirrorTaxCode(_ product: inout JSONObject) {
        let code = product["tax_code"] ?? .null
        product["tax_details"] = code.isNull ? .null : ["performance_location": nil, "tax_code": code]
    }

    func retrieveProduct(_ call: Call) throws(APIFailure) -> JSONValue {
        .object(render(.product, try named(.product, call.id)))
    }

    func updateProduct(_ call: Call) throws(APIFailure) -> JSONValue {
        let before = render(.product, try named(.product, call.id))
        if let price = call.params.string("default_price") {
            _ = try referred(.price, price, param: "default_price")
        }
        change(.product, call.id) { product in
            product.copy(Self.productMembers + ["default_price"], from: call.params)
            Self.mergeMetadata(call.params["metadata"], into: &product)
            Self.mirrorTaxCode(&product)
            product["updated"] = .integer(now)
        }
        emitUpdate("product.updated", .product, call.id, since: before)
        return .object(rendered(.product, call.id))
    }

    func listProducts(_ call: Call) throws(APIFailure) -> JSONValue {
        let ids = call.params.array("ids")
        return try list(.product, call) { product in
            !product.flag("_inline") && (ids.isEmpty || ids.contains(.string(product.id)))
                && Self.agrees(product, call.params, ["active", "shippable", "type", "url"])
        }
    }

    /// Whether an object has the values of those of `members` that the parameters name.
    static func agrees(_ object: JSONObject, _ params: JSONObject, _ members: [String]) -> Bool {
        members.allSatisfy { params[$0] == nil || params[$0] == object[$0] }
    }

    func deleteProduct(_ call: Call) throws(APIFailure) -> JSONValue {
        _ = try named(.product, call.id)
        guard store.ids(.price, where: "product", is: call.id).isEmpty else {
            throw .invalid("This product cannot be deleted because it has one or more user-created prices.")
        }
        change(.product, call.id) { $0["active"] = false }
        emit("product.deleted", .product, call.id)
        change(.product, call.id) { $0["_deleted"] = true }
        return .object(rendered(.product, call.id))
    }
}
