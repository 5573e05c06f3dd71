import JSON

/// What a customer is entitled to: the features of what the live subscriptions are for, as they were when the current
/// period of each item began.
extension Account {
    static let entitlementRoutes: [Route] = [
        Route("GET /v1/entitlements/active_entitlements", "@page customer!", Account.listEntitlements),
        Route("GET /v1/entitlements/active_entitlements/{id}", "", Account.retrieveEntitlement),
    ]

    func retrieveEntitlement(_ call: Call) throws(APIFailure) -> JSONValue {
        .object(render(.entitlement, try named(.entitlement, call.id)))
    }

    func listEntitlements(_ call: Call) throws(APIFailure) -> JSONValue {
        let customer = call.params.string("customer") ?? ""
        _ = try referred(.customer, customer, param: "customer")
        return try list(.entitlement, call, group: ("_customer", customer))
    }

    // MARK: Keeping them right

    /// An item as it is to be stored: with its product's features where a period of it begins or its price is new.
    func granted(_ item: JSONObject) -> JSONObject {
        let before = store.object(.subscriptionItem, item.id)
        guard before?["_price"] != item["_price"] || before?["current_period_start"] != item["current_period_start"]
        else { return item }
        let features = features(of: price(of: item).string("product") ?? "")
        var item = item
        item["_features"] = features.isEmpty ? nil : .array(features.map(JSONValue.string))
        return item
    }

    /// Statuses in which a subscription grants what it is for.
    private static let granting: Set<String> = ["trialing", "active", "past_due"]

    private func grantedFeatures(_ customer: String) -> [String] {
        var features: [String] = []
        for subscription in all(.subscription, where: "customer", is: customer)
        where Self.granting.contains(subscription.string("status") ?? "") {
            for item in items(of: subscription.id) {
                for feature in item.array("_features").compactMap(\.stringValue) where !features.contains(feature) {
                    features.append(feature)
                }
            }
        }
        return features
    }

    /// Brings the entitlements of every customer whose subscriptions were touched up to date, and tells of what changed.
    /// Runs at the end of a request or of a due action, when all its other events are out.
    func settleEntitlements() {
        let customers = touched
        touched = []
        guard !store.ids(.productFeature).isEmpty else { return }
        for (index, customer) in customers.enumerated() where !customers[..<index].contains(customer) {
            let wanted = grantedFeatures(customer)
            let current = all(.entitlement, where: "_customer", is: customer)
            let held = current.compactMap { $0.string("feature") }
            guard Set(wanted) != Set(held) else { continue }
            let before = summary(of: customer)
            for entitlement in current where !wanted.contains(entitlement.string("feature") ?? "") {
                change(.entitlement, entitlement.id) { $0["_deleted"] = true }
            }
            for feature in wanted where !held.contains(feature) { addEntitlement(feature, to: customer) }
            let after = summary(of: customer)
            emit(
                "entitlements.active_entitlement_summary.updated", object: after,
                previous: Self.difference(from: before, to: after))
        }
    }

    private func addEntitlement(_ feature: String, to customer: String) {
        put(
            .entitlement,
            [
                "id": .string(newID(.entitlement)), "object": "entitlements.active_entitlement",
                "feature": .string(feature), "livemode": false,
                "lookup_key": known(.feature, feature)["lookup_key"] ?? .null,
                "_customer": .string(customer),
            ])
    }

    private func summary(of customer: String) -> JSONObject {
        let held = all(.entitlement, where: "_customer", is: customer).map { JSONValue.object($0.withoutHidden) }
        return [
            "object": "entitlements.active_entitlement_summary", "customer": .string(customer),
            "entitlements": Self.list(
                Array(held.prefix(10)), url: "/v1/customer/\(customer)/entitlements", hasMore: held.count > 10),
            "livemode": false,
        ]
    }
}
