import JSON

/// Configurations of the customer portal: what its page lets a customer do.
extension Account {
    private static let configurationTable = """
        default_return_url? login_page:{enabled!:bool} metadata?:map name?
        """
    private static let pauseFeature = """
        subscription_pause:{duration:{interval_options?:[{@duration}] type!:(indefinite|interval_options)} enabled:bool}
        """

    /// The features' table. `flag` is how an update or a creation spells their switch, `mark` a list that only the
    /// creation requires.
    private static func featuresTable(flag: String, mark: String) -> String {
        """
        customer_update:{allowed_updates?:[(address|email|name|phone|shipping|tax_id)] \(flag)} \
        invoice_history:{enabled!:bool} payment_method_update:{enabled!:bool payment_method_configuration?} \
        subscription_cancel:{cancellation_reason:{enabled!:bool feedback_options?:[text] options\(mark)?:[\
        (customer_service|low_quality|missing_features|other|switched_service|too_complex|too_expensive|unused)]} \
        \(flag) mode:(at_period_end|immediately) proration_behavior:(always_invoice|create_prorations|none)} \
        \(pauseFeature) subscription_update:{billing_cycle_anchor:(now|unchanged) \
        default_allowed_updates?:[(price|promotion_code|quantity)] \(flag) \
        products?:[{adjustable_quantity:{enabled!:bool maximum:int minimum:int} prices!:[text] product!}] \
        proration_behavior:(always_invoice|create_prorations|none) \
        schedule_at_period_end:{conditions?:[{type!:(decreasing_item_amount|shortening_interval)}]} \
        trial_update_behavior:(continue_trial|end_trial)}
        """
    }

    static let portalConfigurationRoutes: [Route] = [
        Route(
            "POST /v1/billing_portal/configurations",
            configurationTable + " features!:{\(featuresTable(flag: "enabled!:bool", mark: "!"))} "
                + "business_profile:{headline? privacy_policy_url terms_of_service_url}",
            Account.createPortalConfiguration),
        Route(
            "GET /v1/billing_portal/configurations", "@page active:bool is_default:bool",
            Account.listPortalConfigurations),
        Route(
            "GET /v1/billing_portal/configurations/{configuration}", "", Account.retrievePortalConfiguration),
        Route(
            "POST /v1/billing_portal/configurations/{configuration}",
            configurationTable + " active:bool features:{\(featuresTable(flag: "enabled:bool", mark: ""))} "
                + "business_profile:{headline? privacy_policy_url? terms_of_service_url?}",
            Account.updatePortalConfiguration),
    ]

    func createPortalConfiguration(_ call: Call) throws(APIFailure) -> JSONValue {
        try Self.checkURL(call.params, "default_return_url")
        let id = addPortalConfiguration(call.params, isDefault: false)
        emit("billing_portal.configuration.created", .portalConfiguration, id)
        return .object(rendered(.portalConfiguration, id))
    }

    func retrievePortalConfiguration(_ call: Call) throws(APIFailure) -> JSONValue {
        .object(render(.portalConfiguration, try named(.portalConfiguration, call.id)))
    }

    func listPortalConfigurations(_ call: Call) throws(APIFailure) -> JSONValue {
        try list(.portalConfiguration, call) { Self.agrees($0, call.params, ["active", "is_default"]) }
    }

    func updatePortalConfiguration(_ call: Call) throws(APIFailure) -> JSONValue {
        let configuration = try named(.portalConfiguration, call.id)
        try Self.checkURL(call.params, "default_return_url")
        if configuration.flag("is_default"), call.params["active"] == false {
            throw .invalid("You cannot deactivate the default configuration.", param: "active")
        }
        change(.portalConfiguration, call.id) {
            configure(&$0, call.params)
            Self.mergeMetadata(call.params["metadata"], into: &$0)
        }
        emitUpdate(
            "billing_portal.configuration.updated", .portalConfiguration, call.id,
            since: render(.portalConfiguration, configuration))
        return .object(rendered(.portalConfiguration, call.id))
    }

    /// The configuration of a session that names none. At Stripe it is saved in the Dashboard; here it is made when it is
    /// first needed.
    func defaultPortalConfiguration() -> String {
        let made = store.ids(.portalConfiguration).first { known(.portalConfiguration, $0).flag("is_default") }
        return made
            ?? addPortalConfiguration(
                [
                    "features": [
                        "customer_update": ["allowed_updates": ["email", "address", "name"], "enabled": true],
                        "invoice_history": ["enabled": true], "payment_method_update": ["enabled": true],
                        "subscription_cancel": ["enabled": true],
                    ]
                ], isDefault: true)
    }

    private func addPortalConfiguration(_ params: JSONObject, isDefault: Bool) -> String {
        let id = newID(.portalConfiguration)
        var configuration: JSONObject = [
            "id": .string(id), "object": "billing_portal.configuration", "active": true, "application": nil,
            "business_profile": ["headline": nil, "privacy_policy_url": nil, "terms_of_service_url": nil],
            "created": .integer(now), "default_return_url": nil, "features": Self.noFeatures,
            "is_default": .bool(isDefault), "livemode": false, "login_page": ["enabled": false, "url": nil],
            "metadata": Self.newMetadata(params), "name": nil, "updated": .integer(now),
        ]
        configure(&configuration, params)
        put(.portalConfiguration, configuration)
        return id
    }

    /// Writes what a request says into a configuration; a feature keeps those of its settings that are not named.
    private func configure(_ configuration: inout JSONObject, _ params: JSONObject) {
        configuration.copy(["active", "default_return_url", "name"], from: params)
        configuration["updated"] = .integer(now)
        for (key, value) in params.object("business_profile") { configuration.set("business_profile", key, to: value) }
        if let login = params["login_page"]?["enabled"]?.boolValue {
            let url = "\(origin)/p/login/test_\(configuration.id)"
            configuration["login_page"] = ["enabled": .bool(login), "url": login ? .string(url) : .null]
        }
        for (feature, settings) in params.object("features") {
            for (key, value) in settings.objectValue ?? [:] {
                let isList = ["allowed_updates", "default_allowed_updates", "products"].contains(key)
                guard case .object(let inner) = value else {
                    configuration.set("features", feature, key, to: isList && value.isNull ? [] : value)
                    continue
                }
                for (name, value) in inner {
                    let isList = ["conditions", "interval_options", "options"].contains(name)
                    configuration.set("features", feature, key, name, to: isList && value.isNull ? [] : value)
                }
            }
        }
    }

    private static let noFeatures: JSONValue = [
        "customer_update": ["allowed_updates": [], "enabled": false], "invoice_history": ["enabled": false],
        "payment_method_update": ["enabled": false, "payment_method_configuration": nil],
        "subscription_cancel": [
            "cancellation_reason": ["enabled": false, "feedback_options": nil, "options": []], "enabled": false,
            "mode": "at_period_end", "proration_behavior": "none",
        ],
        "subscription_pause": ["duration": ["interval_options": [], "type": "indefinite"], "enabled": false],
        "subscription_update": [
            "billing_cycle_anchor": nil, "default_allowed_updates": [], "enabled": false, "products": [],
            "proration_behavior": "none", "schedule_at_period_end": ["conditions": []],
            "trial_update_behavior": "end_trial",
        ],
    ]
}
