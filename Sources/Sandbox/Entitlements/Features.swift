import JSON

/// Features, and which product grants which (docs.stripe.com/billing/entitlements).
extension Account {
    static let featureRoutes: [Route] = [
        Route("POST /v1/entitlements/features", "lookup_key! name! metadata:map", Account.createFeature),
        Route("GET /v1/entitlements/features", "@page archived:bool lookup_key", Account.listFeatures),
        Route("GET /v1/entitlements/features/{id}", "", Account.retrieveFeature),
        Route("POST /v1/entitlements/features/{id}", "active:bool metadata?:map name", Account.updateFeature),
        Route("POST /v1/products/{product}/features", "entitlement_feature!", Account.attachFeature),
        Route("GET /v1/products/{product}/features", "@page", Account.listProductFeatures),
        Route("GET /v1/products/{product}/features/{id}", "", Account.retrieveProductFeature),
        Route("DELETE /v1/products/{product}/features/{id}", "", Account.detachFeature),
    ]

    func createFeature(_ call: Call) throws(APIFailure) -> JSONValue {
        let key = call.params.string("lookup_key") ?? ""
        guard !key.isEmpty, key.count <= 80 else {
            throw .invalid("Invalid lookup_key: must be between 1 and 80 characters.", param: "lookup_key")
        }
        guard let name = call.params.string("name"), !name.isEmpty, name.count <= 80 else {
            throw .invalid("Invalid name: must be between 1 and 80 characters.", param: "name")
        }
        if let holder = all(.feature, where: "lookup_key", is: key).first(where: { $0.flag("active") }) {
            throw .invalid("A feature (`\(holder.id)`) already uses that lookup key.", param: "lookup_key")
        }
        let id = newID(.feature)
        put(
            .feature,
            [
                "id": .string(id), "object": "entitlements.feature", "active": true, "livemode": false,
                "lookup_key": .string(key), "metadata": Self.newMetadata(call.params), "name": .string(name),
            ])
        return .object(rendered(.feature, id))
    }

    func retrieveFeature(_ call: Call) throws(APIFailure) -> JSONValue {
        .object(render(.feature, try named(.feature, call.id)))
    }

    /// Without `archived`: the active ones.
    func listFeatures(_ call: Call) throws(APIFailure) -> JSONValue {
        let archived = call.params["archived"]?.boolValue ?? false
        return try list(.feature, call) {
            $0.flag("active") != archived && Self.agrees($0, call.params, ["lookup_key"])
        }
    }

    func updateFeature(_ call: Call) throws(APIFailure) -> JSONValue {
        let feature = try named(.feature, call.id)
        if call.params["active"] == true, !feature.flag("active") {
            throw .invalid("An archived feature cannot be made active again.", param: "active")
        }
        change(.feature, call.id) {
            $0.copy(["active", "name"], from: call.params)
            Self.mergeMetadata(call.params["metadata"], into: &$0)
        }
        return .object(rendered(.feature, call.id))
    }

    // MARK: Products

    /// Whom a product is sold to already has the feature from their next period on.
    func attachFeature(_ call: Call) throws(APIFailure) -> JSONValue {
        _ = try named(.product, call.id, param: "product")
        let given = call.params.string("entitlement_feature") ?? ""
        let feature = try referred(.feature, given, param: "entitlement_feature")
        guard feature.flag("active") else {
            throw .invalid("The feature `\(given)` is archived.", param: "entitlement_feature")
        }
        guard !features(of: call.id).contains(given) else {
            throw .invalid("The feature `\(given)` is already attached to this product.", param: "entitlement_feature")
        }
        let id = newID(.productFeature)
        put(
            .productFeature,
            [
                "id": .string(id), "object": "product_feature", "livemode": false, "_feature": .string(given),
                "_product": .string(call.id),
            ])
        return .object(rendered(.productFeature, id))
    }

    func renderProductFeature(_ attachment: JSONObject) -> JSONObject {
        var shown = attachment.withoutHidden
        shown["entitlement_feature"] = .object(rendered(.feature, attachment.string("_feature") ?? ""))
        return shown
    }

    func listProductFeatures(_ call: Call) throws(APIFailure) -> JSONValue {
        _ = try named(.product, call.id, param: "product")
        return try list(.productFeature, call, group: ("_product", call.id))
    }

    private func productFeature(_ call: Call) throws(APIFailure) -> JSONObject {
        _ = try named(.product, call.id, param: "product")
        let attachment = try named(.productFeature, call.path[1])
        guard attachment.string("_product") == call.id else {
            throw .absent(.productFeature, call.path[1], param: "id", status: 404)
        }
        return attachment
    }

    func retrieveProductFeature(_ call: Call) throws(APIFailure) -> JSONValue {
        .object(render(.productFeature, try productFeature(call)))
    }

    func detachFeature(_ call: Call) throws(APIFailure) -> JSONValue {
        let id = try productFeature(call).id
        change(.productFeature, id) { $0["_deleted"] = true }
        return .object(rendered(.productFeature, id))
    }

    /// The ids of the features that a product grants now.
    func features(of product: String) -> [String] {
        all(.productFeature, where: "_product", is: product).compactMap { $0.string("_feature") }
    }
}
