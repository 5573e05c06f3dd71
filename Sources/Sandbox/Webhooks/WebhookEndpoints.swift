import JSON

/// Webhook endpoints: addresses that want events. The signing secret is shown once, by the creation.
extension Account {
    static let webhookEndpointRoutes: [Route] = [
        Route(
            "POST /v1/webhook_endpoints",
            "url! enabled_events!:[text] api_version connect:bool description? metadata?:map",
            Account.createWebhookEndpoint),
        Route("GET /v1/webhook_endpoints", "@page", Account.listWebhookEndpoints),
        Route("GET /v1/webhook_endpoints/{webhook_endpoint}", "", Account.retrieveWebhookEndpoint),
        Route(
            "POST /v1/webhook_endpoints/{webhook_endpoint}",
            "url enabled_events:[text] disabled:bool description? metadata?:map", Account.updateWebhookEndpoint),
        Route("DELETE /v1/webhook_endpoints/{webhook_endpoint}", "", Account.deleteWebhookEndpoint),
    ]

    func createWebhookEndpoint(_ call: Call) throws(APIFailure) -> JSONValue {
        try Self.checkEndpoint(call.params)
        guard store.ids(.webhookEndpoint).count(where: { find(.webhookEndpoint, $0) != nil }) < 16 else {
            throw .invalid("You have reached the maximum of 16 test webhook endpoints.")
        }
        let id = newID(.webhookEndpoint)
        let secret = "whsec_\(random.text(32))"
        put(
            .webhookEndpoint,
            [
                "id": .string(id), "object": "webhook_endpoint", "api_version": call.params["api_version"] ?? .null,
                "application": nil, "created": .integer(now), "description": call.params["description"] ?? .null,
                "enabled_events": call.params["enabled_events"] ?? [], "livemode": false,
                "metadata": Self.newMetadata(call.params), "status": "enabled", "url": call.params["url"] ?? .null,
                "_secret": .string(secret),
            ])
        var shown = rendered(.webhookEndpoint, id)
        shown["secret"] = .string(secret)
        return .object(shown)
    }

    /// An address to which an event or a browser is sent; its place is what errors call it.
    static func checkURL(_ params: JSONObject, _ name: String = "url", place: String? = nil) throws(APIFailure) {
        guard let url = params.string(name) else { return }
        guard url.hasPrefix("http://") || url.hasPrefix("https://") else {
            throw .invalid(
                "Invalid URL: An explicit scheme (such as https) must be provided.", param: place ?? name,
                code: "url_invalid")
        }
    }

    private static func checkEndpoint(_ params: JSONObject) throws(APIFailure) {
        try checkURL(params)
        for (index, type) in params.array("enabled_events").compactMap(\.stringValue).enumerated() {
            let isType =
                type.contains(".")
                && type.utf8.allSatisfy { $0 == 46 || $0 == 95 || (97...122).contains($0) || (48...57).contains($0) }
            guard type == "*" || isType else {
                throw .invalid(
                    "Invalid enabled_events[\(index)]: must be * or the name of an event type.",
                    param: "enabled_events[\(index)]")
            }
        }
        if let version = params.string("api_version") {
            let parts = version.prefix { $0 != "." }.split(separator: "-")
            guard parts.map(\.count) == [4, 2, 2], parts.allSatisfy({ $0.allSatisfy(\.isNumber) }) else {
                throw .invalid("Invalid Stripe API version: \(version)", param: "api_version")
            }
        }
    }

    func listWebhookEndpoints(_ call: Call) throws(APIFailure) -> JSONValue { try list(.webhookEndpoint, call) }

    func retrieveWebhookEndpoint(_ call: Call) throws(APIFailure) -> JSONValue {
        .object(render(.webhookEndpoint, try named(.webhookEndpoint, call.id)))
    }

    func updateWebhookEndpoint(_ call: Call) throws(APIFailure) -> JSONValue {
        _ = try named(.webhookEndpoint, call.id)
        try Self.checkEndpoint(call.params)
        change(.webhookEndpoint, call.id) { endpoint in
            endpoint.copy(["url", "enabled_events", "description"], from: call.params)
            Self.mergeMetadata(call.params["metadata"], into: &endpoint)
            if let disabled = call.params["disabled"]?.boolValue {
                endpoint["status"] = disabled ? "disabled" : "enabled"
            }
        }
        return .object(rendered(.webhookEndpoint, call.id))
    }

    func deleteWebhookEndpoint(_ call: Call) throws(APIFailure) -> JSONValue {
        _ = try named(.webhookEndpoint, call.id)
        change(.webhookEndpoint, call.id) { $0["_deleted"] = true }
        return .object(rendered(.webhookEndpoint, call.id))
    }
}
