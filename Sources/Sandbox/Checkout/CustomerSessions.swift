import JSON

/// Customer sessions: what a page of Stripe's may show of a customer, for half an hour. They are not kept: nothing reads
/// them but Stripe's own scripts.
extension Account {
    static let customerSessionRoutes: [Route] = [
        Route(
            "POST /v1/customer_sessions",
            """
            customer customer_account components!:{active_entitlements:{enabled!:bool} buy_button:{enabled!:bool} \
            customer_portal:{enabled!:bool} customer_sheet:{enabled!:bool \
            features:{payment_method_allow_redisplay_filters:[(always|limited|unspecified)] \
            payment_method_remove:(disabled|enabled)}} mobile_payment_element:{enabled!:bool \
            features:{payment_method_allow_redisplay_filters:[(always|limited|unspecified)] \
            payment_method_redisplay:(disabled|enabled) payment_method_remove:(disabled|enabled) \
            payment_method_save:(disabled|enabled) \
            payment_method_save_allow_redisplay_override:(always|limited|unspecified)}} payment_element:{enabled!:bool \
            features:{payment_method_allow_redisplay_filters:[(always|limited|unspecified)] \
            payment_method_redisplay:(disabled|enabled) payment_method_redisplay_limit:int \
            payment_method_remove:(disabled|enabled) payment_method_save:(disabled|enabled) \
            payment_method_save_usage:(off_session|on_session)}} pricing_table:{enabled!:bool}}
            """, Account.createCustomerSession)
    ]

    /// The components, and what those that have features allow unless it is said otherwise.
    private static let components: [(name: String, features: JSONObject?)] = [
        ("active_entitlements", nil), ("buy_button", nil), ("customer_portal", nil),
        (
            "customer_sheet",
            ["payment_method_allow_redisplay_filters": ["always"], "payment_method_remove": "disabled"]
        ),
        (
            "mobile_payment_element",
            [
                "payment_method_allow_redisplay_filters": ["always"], "payment_method_redisplay": "disabled",
                "payment_method_remove": "disabled", "payment_method_save": "disabled",
                "payment_method_save_allow_redisplay_override": nil,
            ]
        ),
        (
            "payment_element",
            [
                "payment_method_allow_redisplay_filters": ["always"], "payment_method_redisplay": "disabled",
                "payment_method_redisplay_limit": 3, "payment_method_remove": "disabled",
                "payment_method_save": "disabled", "payment_method_save_usage": nil,
            ]
        ),
        ("pricing_table", nil),
    ]

    func createCustomerSession(_ call: Call) throws(APIFailure) -> JSONValue {
        guard let customer = call.params.string("customer") else { throw .missing("customer") }
        _ = try referred(.customer, customer, param: "customer")
        var shown: JSONObject = [:]
        for component in Self.components {
            let given = call.params.object("components").object(component.name)
            var view: JSONObject = ["enabled": .bool(given.flag("enabled"))]
            if var features = component.features {
                features.copy(Array(features.keys), from: given.object("features"))
                view["features"] = given.flag("enabled") ? .object(features) : .null
            }
            shown[component.name] = .object(view)
        }
        return [
            "object": "customer_session", "client_secret": .string("cuss_secret_\(random.text(47))"),
            "components": .object(shown), "created": .integer(now), "customer": .string(customer),
            "customer_account": nil, "expires_at": .integer(now + 1800), "livemode": false,
        ]
    }
}
