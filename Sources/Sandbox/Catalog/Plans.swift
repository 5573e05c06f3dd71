import JSON

/// Plans, as recurring prices were called before there were prices: the same objects, by the same ids, in older words
/// (docs.stripe.com/api/plans).
extension Account {
    static let planRoutes: [Route] = [
        Route(
            "POST /v1/plans",
            """
            currency! interval!:(day|week|month|year) active:bool amount:int amount_decimal:dec \
            billing_scheme:(per_unit|tiered) id interval_count:int metadata?:map meter nickname \
            product:{name! active:bool id metadata:map statement_descriptor tax_code tax_details:any unit_label}/text \
            @tiers tiers_mode:(graduated|volume) transform_usage:{divide_by!:int round!:(down|up)} \
            trial_period_days:int usage_type:(licensed|metered)
            """, Account.createPlan),
        Route("GET /v1/plans/{plan}", "", Account.retrievePlan),
        Route(
            "POST /v1/plans/{plan}", "active:bool metadata?:map nickname? product trial_period_days:int",
            Account.updatePlan),
        Route("GET /v1/plans", "@list active:bool product", Account.listPlans),
        Route("DELETE /v1/plans/{plan}", "", Account.deletePlan),
    ]

    /// What a plan calls otherwise than a price does.
    private static let namesOfPlans = [
        ("amount", "unit_amount"), ("amount_decimal", "unit_amount_decimal"), ("transform_usage", "transform_quantity"),
    ]

    private func createPlan(_ call: Call) throws(APIFailure) -> JSONValue {
        let given = call.params
        var params: JSONObject = [:]
        params.copy(
            ["active", "billing_scheme", "currency", "id", "metadata", "nickname", "product", "tiers", "tiers_mode"],
            from: given)
        for (plan, price) in Self.namesOfPlans { params[price] = given[plan] }
        var recurring: JSONObject = [:]
        recurring.copy(["interval", "interval_count", "meter", "trial_period_days", "usage_type"], from: given)
        params["recurring"] = .object(recurring)
        if let id = given.string("id"), store.object(.price, id) != nil {
            throw .invalid("Plan already exists.", param: "id", code: "resource_already_exists")
        }
        if let data = given["product"]?.objectValue {
            let product = try addProduct(data)
            params["product"] = .string(product)
            emit("product.created", .product, product)
        }
        guard params.has("product") else { throw .missing("product") }
        let id = try addPlan(params)
        let plan = try plan(id)
        emit("plan.created", object: plan, previous: nil)
        emit("price.created", .price, id)
        return .object(plan)
    }

    /// Stores a price; what is wrong with it is told in the words of plans.
    private func addPlan(_ params: JSONObject) throws(APIFailure) -> String {
        do {
            return try addPrice(params)
        } catch {
            var failure = error
            failure.message.replace("Prices", with: "Plans")
            // The longer names begin like the shorter ones, and become what those become.
            for (plan, price) in Self.namesOfPlans {
                failure.message.replace(price, with: plan)
                if failure.param == price { failure.param = plan }
            }
            throw failure
        }
    }

    /// Fails where there is no such recurring price.
    private func plan(_ id: String) throws(APIFailure) -> JSONObject {
        guard let price = find(.price, id), price["recurring"]?.objectValue != nil,
            let plan = Self.plan(of: price).objectValue
        else {
            throw APIFailure(404, "No such plan: '\(id)'", code: "resource_missing", param: "plan")
        }
        return plan
    }

    private func retrievePlan(_ call: Call) throws(APIFailure) -> JSONValue { .object(try plan(call.id)) }

    private func updatePlan(_ call: Call) throws(APIFailure) -> JSONValue {
        let (plan, price) = (try plan(call.id), rendered(.price, call.id))
        if let product = call.params.string("product") { _ = try referred(.product, product, param: "product") }
        try Self.check(call.params, "trial_period_days", in: 0...730)
        change(.price, call.id) { price in
            price.copy(["active", "nickname", "product"], from: call.params)
            Self.mergeMetadata(call.params["metadata"], into: &price)
            guard let days = call.params["trial_period_days"] else { return }
            var recurring = price.object("recurring")
            recurring["trial_period_days"] = days
            price["recurring"] = .object(recurring)
        }
        let after = try self.plan(call.id)
        let previous = Self.difference(from: plan, to: after)
        if !previous.isEmpty { emit("plan.updated", object: after, previous: previous) }
        emitUpdate("price.updated", .price, call.id, since: price)
        return .object(after)
    }

    private func listPlans(_ call: Call) throws(APIFailure) -> JSONValue {
        let group = call.params.string("product").map { (member: "product", value: $0) }
        let prices = try list(.price, call, group: group) { price in
            !price.flag("_inline") && price["recurring"]?.objectValue != nil && Self.agrees(price, call.params, ["active"])
        }
        let plans = prices["data"]?.arrayValue?.compactMap(\.objectValue).map(Self.plan) ?? []
        return Self.list(plans, url: call.url, hasMore: prices["has_more"] == true)
    }

    /// Whoever subscribes to it goes on.
    private func deletePlan(_ call: Call) throws(APIFailure) -> JSONValue {
        let plan = try plan(call.id)
        emit("plan.deleted", object: plan, previous: nil)
        emit("price.deleted", .price, call.id)
        change(.price, call.id) { price in
            price["_deleted"] = true
            price["lookup_key"] = .null
        }
        return ["id": .string(call.id), "object": "plan", "deleted": true]
    }
}
