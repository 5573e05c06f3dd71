import JSON

/// Customer sessions: secrets by which a page may act for a customer for half an hour. They are handed out, not kept.
extension Account {
    private static let enabled = "{enabled!:bool}"
    private static let filters = "payment_method_allow_redisplay_filters:[(always|limited|unspecified)]"
    private static let methodFeatures = """
        \(filters) payment_method_redisplay:(disabled|enabled) payment_method_remove:(disabled|enabled) \
        payment_method_save:(disabled|enabled)
        """

    static let customerSessionRoutes: [Route] = [
        Route(
            "POST /v1/customer_sessions",
            """
            components!:{active_entitlements:\(enabled) buy_button:\(enabled) customer_portal:\(enabled) \
            customer_sheet:{enabled!:bool features:{\(filters) payment_method_remove:(disabled|enabled)}} \
            mobile_payment_element:{enabled!:bool features:{\(methodFeatures) \
            payment_method_save_allow_redisplay_override:(always|limited|unspecified)}} \
            payment_element:{enabled!:bool features:{\(methodFeatures) payment_method_redisplay_limit:int \
            payment_method_save_usage:(off_session|on_session)}} pricing_table:\(enabled)} \
            customer customer_account
            """, Account.createCustomerSession)
    ]

    /// The components that have features, with what holds where a feature is not named.
    private static let features: [String: JSONObject] = [
        "customer_sheet": ["payment_method_allow_redisplay_filters": nil, "payment_method_remove": nil],
        "mobile_payment_element": [
            "payment_method_allow_redisplay_filters": nil, "payment_method_redisplay": nil,
            "payment_method_remove": nil, "payment_method_save": nil,
            "payment_method_save_allow_redisplay_override": nil,
        ],
        "payment_element": [
            "payment_method_allow_redisplay_filters": ["always"], "payment_method_redisplay": "disabled",
            "payment_method_redisplay_limit": nil, "payment_method_remove": "disabled",
            "payment_method_save": "disabled", "payment_method_save_usage": nil,
        ],
    ]

    func createCustomerSession(_ call: Call) throws(APIFailure) -> JSONValue {
        guard let customer = call.params.string("customer") else { throw .missing("customer") }
        _ = try referred(.customer, customer, param: "customer")
        let given = call.params.object("components")
        guard given.contains(where: { $0.value["enabled"] == true }) else {
            throw .invalid("At least one component must be enabled.", param: "components")
        }
        var components: JSONObject = [:]
        for name in [
            "active_entitlements", "buy_button", "customer_portal", "customer_sheet", "mobile_payment_element",
            "payment_element", "pricing_table",
        ] {
            let isEnabled = given.object(name).flag("enabled")
            components[name] = ["enabled": .bool(isEnabled)]
            guard var features = Self.features[name] else { continue }
            features.copy(Array(features.keys), from: given.object(name).object("features"))
            components.set(name, "features", to: isEnabled ? .object(features) : .null)
        }
        return [
            "object": "customer_session", "client_secret": .string("cuss_secret_\(random.text(51))"),
            "components": .object(components), "created": .integer(now), "customer": .string(customer),
            "customer_account": nil, "expires_at": .integer(now + 1800), "livemode": false,
        ]
    }
}
