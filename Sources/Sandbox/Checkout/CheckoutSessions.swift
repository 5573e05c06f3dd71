import JSON

/// Checkout sessions: what is to be bought, and the page where the customer pays for it
/// (docs.stripe.com/api/checkout/sessions).
extension Account {
    private static let subscriptionData = """
        subscription_data:{application_fee_percent:num billing_cycle_anchor:int \
        billing_cycle_anchor_config:{day_of_month!:int hour:int minute:int month:int second:int} \
        billing_mode:{type!:(classic|flexible) flexible:{proration_discounts:(included|itemized)}} \
        default_tax_rates:[text] description invoice_settings:{account_tax_ids?:[text] custom_fields?:[{name! value!}] \
        description footer issuer:any} metadata:map on_behalf_of pending_invoice_item_interval:any \
        proration_behavior:(create_prorations|none) transfer_data:any trial_end:int trial_period_days:int \
        trial_settings:{end_behavior!:{missing_payment_method!:(cancel|create_invoice|pause)}}}
        """
    private static let lineItems = """
        line_items:[{adjustable_quantity:any id metadata?:map price price_data:{currency! product \
        product_data:{name! description images:[text] metadata:map tax_code tax_details:any unit_label} \
        recurring:{@recurring} tax_behavior:(exclusive|inclusive|unspecified) unit_amount:int unit_amount_decimal:dec} \
        quantity:int tax_rates?:[text]}]
        """
    private static let appearance = """
        adaptive_pricing:any after_expiration:any allow_promotion_codes:bool allowed_payment_method_types:[text] \
        automatic_tax:any billing_address_collection:(auto|required) branding_settings:any consent_collection:any \
        custom_fields:any custom_text:any customer_update:any excluded_payment_method_types:[text] \
        integration_identifier invoice_creation:any locale managed_payments:any name_collection:any optional_items:any \
        origin_context:(mobile_app|web) payment_method_configuration payment_method_data:any payment_method_options:any \
        payment_method_types:[text] permissions:any phone_number_collection:any saved_payment_method_options:any \
        shipping_address_collection:any shipping_options:any submit_type:(auto|book|donate|pay|subscribe) \
        tax_id_collection:any wallet_options:any
        """

    static let checkoutRoutes: [Route] = [
        Route(
            "POST /v1/checkout/sessions",
            "\(appearance) \(lineItems) \(subscriptionData) " + """
                cancel_url client_reference_id currency customer customer_account customer_creation:(always|if_required) \
                customer_email discounts:[{coupon promotion_code}] expires_at:int metadata:map \
                mode!:(payment|setup|subscription) payment_intent_data:{application_fee_amount:int \
                capture_method:(automatic|automatic_async|manual) description metadata:map on_behalf_of receipt_email \
                setup_future_usage:(off_session|on_session) shipping:any statement_descriptor statement_descriptor_suffix \
                transfer_data:any transfer_group} payment_method_collection:(always|if_required) \
                redirect_on_completion:(always|if_required|never) return_url \
                setup_intent_data:{description metadata:map on_behalf_of} success_url \
                ui_mode:(hosted_page|embedded_page|elements|form|hosted|embedded|custom)
                """, Account.createCheckoutSession),
        Route(
            "GET /v1/checkout/sessions",
            """
            @list customer customer_account customer_details:{email!} payment_intent payment_link \
            status:(open|complete|expired) subscription
            """, Account.listCheckoutSessions),
        Route("GET /v1/checkout/sessions/{session}", "", Account.retrieveCheckoutSession),
        Route(
            "POST /v1/checkout/sessions/{session}",
            "\(lineItems) collected_information:any metadata?:map payment_intent_data:any shipping_options?:any",
            Account.updateCheckoutSession),
        Route("POST /v1/checkout/sessions/{session}/expire", "", Account.expireCheckoutSession),
        Route("GET /v1/checkout/sessions/{session}/line_items", "@page", Account.listCheckoutItems),
        Route(
            "POST /sandbox/checkout/{session}/pay",
            """
            authenticated:(succeed|fail) cvc email exp_month:int exp_year:int expiry name number page:bool payment_method
            """, browsers: true, Account.payCheckoutSession),
    ]

    // MARK: Reading

    func retrieveCheckoutSession(_ call: Call) throws(APIFailure) -> JSONValue {
        .object(render(.checkoutSession, try named(.checkoutSession, call.id)))
    }

    func listCheckoutSessions(_ call: Call) throws(APIFailure) -> JSONValue {
        let email = call.params.object("customer_details").string("email")
        return try list(.checkoutSession, call) {
            Self.agrees($0, call.params, ["customer", "payment_intent", "payment_link", "status", "subscription"])
                && (email == nil || $0.object("customer_details").string("email") == email)
        }
    }

    func listCheckoutItems(_ call: Call) throws(APIFailure) -> JSONValue {
        _ = try named(.checkoutSession, call.id)
        return try list(.checkoutItem, call, group: ("_session", call.id), oldestFirst: true)
    }

    func checkoutItems(of session: String) -> [JSONObject] { all(.checkoutItem, where: "_session", is: session) }

    func renderCheckoutItem(_ item: JSONObject) -> JSONObject {
        var shown = item.withoutHidden
        shown["price"] = .object(known(.price, item.string("_price") ?? "").withoutHidden)
        return shown
    }

    // MARK: Making

    func createCheckoutSession(_ call: Call) throws(APIFailure) -> JSONValue {
        let params = call.params
        let mode = params.string("mode") ?? "payment"
        try refuseTypes(call)
        try checkSession(params, mode: mode)
        if let customer = params.string("customer") { _ = try referred(.customer, customer, param: "customer") }
        let expiry = try sessionExpiry(params)
        let id = "cs_test_\(random.text(58))"
        let prices = try addCheckoutItems(params.array("line_items"), to: id, mode: mode)
        var session = newSession(id, params, mode: mode)
        session["expires_at"] = .integer(expiry)
        session["currency"] = prices.first?["currency"] ?? params["currency"] ?? .null
        put(.checkoutSession, session)
        try reckonSession(id)
        return .object(rendered(.checkoutSession, id))
    }

    private func checkSession(_ params: JSONObject, mode: String) throws(APIFailure) {
        if params.has("customer"), params.has("customer_email") {
            throw .invalid("You may only specify one of these parameters: customer, customer_email.")
        }
        let ui = params.string("ui_mode") ?? "hosted_page"
        if ["hosted", "hosted_page"].contains(ui) {
            guard params.has("success_url") else { throw .missing("success_url") }
        } else if !params.has("return_url"), params.string("redirect_on_completion") != "never" {
            throw .missing("return_url")
        }
        for name in ["success_url", "cancel_url", "return_url"] {
            if let url = params.string(name) { _ = try Self.pageURL(url, name) }
        }
        if mode != "setup", params.array("line_items").isEmpty { throw .missing("line_items") }
        if mode != "subscription", params.has("subscription_data") {
            throw .invalid("You can not pass `subscription_data` in `\(mode)` mode.", param: "subscription_data")
        }
    }

    /// Half an hour to a day after the creation, and a day where nothing is said.
    private func sessionExpiry(_ params: JSONObject) throws(APIFailure) -> Int64 {
        guard let time = params.integer("expires_at") else { return now + CivilDate.secondsPerDay }
        guard time >= now + 1800 else {
            throw .invalid(
                "The `expires_at` timestamp must be at least 30 minutes from Checkout Session creation.",
                param: "expires_at")
        }
        guard time <= now + CivilDate.secondsPerDay else {
            throw .invalid(
                "The `expires_at` timestamp must be less than 24 hours from Checkout Session creation.",
                param: "expires_at")
        }
        return time
    }

    private func addCheckoutItems(
        _ entries: [JSONValue], to session: String, mode: String
    ) throws(APIFailure) -> [JSONObject] {
        var prices: [JSONObject] = []
        for (index, entry) in entries.enumerated() {
            let entry = entry.objectValue ?? [:]
            let price = try checkoutPrice(entry, place: "line_items[\(index)]")
            let quantity = entry.integer("quantity")
            if quantity == nil, !Self.isMetered(price) { throw .missing("line_items[\(index)][quantity]") }
            if let first = prices.first { try Self.checkCurrency(of: price, agreesWith: first) }
            _ = try taxRates(entry, "tax_rates", place: "line_items[\(index)][tax_rates]")
            prices.append(price)
            let id = newID(.checkoutItem)
            put(
                .checkoutItem,
                [
                    "id": .string(id), "object": "item", "adjustable_quantity": entry["adjustable_quantity"] ?? .null,
                    "amount_discount": 0, "amount_subtotal": 0, "amount_tax": 0, "amount_total": 0,
                    "currency": price["currency"] ?? .null, "description": .string(productName(of: price)),
                    "metadata": Self.newMetadata(entry), "quantity": .optional(quantity),
                    "_price": .string(price.id), "_session": .string(session),
                    "_tax_rates": entry["tax_rates"] ?? [],
                ])
        }
        let recurring = prices.contains { $0.string("type") == "recurring" }
        if mode == "subscription", !recurring {
            throw .invalid("You must provide at least one recurring price in `subscription` mode when using prices.")
        }
        if mode == "payment", recurring {
            throw .invalid(
                "You specified `payment` mode but passed a recurring price. Either switch to `subscription` mode or use "
                    + "only one-time prices.")
        }
        return prices
    }

    private func checkoutPrice(_ entry: JSONObject, place: String) throws(APIFailure) -> JSONObject {
        if let id = entry.string("price") {
            let price = try referred(.price, id, param: "\(place)[price]")
            guard price["active"] != false else {
                throw .invalid(
                    "The price specified is inactive. This field only accepts active prices.", param: "\(place)[price]")
            }
            return price
        }
        guard var data = entry["price_data"]?.objectValue else { throw .missing("\(place)[price]") }
        if let product = data["product_data"]?.objectValue {
            let made = try addProduct(product)
            emit("product.created", .product, made)
            data["product"] = .string(made)
        }
        return known(.price, try addPrice(data))
    }

    private func newSession(_ id: String, _ params: JSONObject, mode: String) -> JSONObject {
        let names = ["hosted": "hosted_page", "embedded": "embedded_page", "custom": "elements"]
        let given = params.string("ui_mode") ?? "hosted_page"
        let ui = names[given] ?? given
        let customer = params.string("customer").map { known(.customer, $0) }
        let email = customer?["email"] ?? params["customer_email"]
        var session: JSONObject = [
            "id": .string(id), "object": "checkout.session", "adaptive_pricing": ["enabled": false],
            "after_expiration": nil, "allow_promotion_codes": nil, "amount_subtotal": nil, "amount_total": nil,
            "automatic_tax": ["enabled": false, "liability": nil, "provider": nil, "status": nil],
            "billing_address_collection": nil, "cancel_url": nil, "client_reference_id": nil,
            "client_secret": ui == "hosted_page" ? nil : .string("\(id)_secret_\(random.text(40))"),
            "collected_information": nil, "consent": nil, "consent_collection": nil, "created": .integer(now),
            "currency": nil, "currency_conversion": nil, "custom_fields": [],
            "custom_text": [
                "after_submit": nil, "shipping_address": nil, "submit": nil, "terms_of_service_acceptance": nil,
            ],
            "customer": .optional(customer?.id), "customer_account": nil,
            "customer_creation": customer == nil ? .string(mode == "subscription" ? "always" : "if_required") : .null,
            "customer_details": email.map { Self.sessionDetails(email: $0, name: .null) } ?? .null,
            "customer_email": nil, "discounts": [], "integration_identifier": nil, "invoice": nil,
            "invoice_creation": nil, "livemode": false, "locale": nil, "managed_payments": ["enabled": false],
            "metadata": Self.newMetadata(params), "mode": .string(mode), "origin_context": nil, "payment_intent": nil,
            "payment_link": nil, "payment_method_collection": mode == "payment" ? "if_required" : "always",
            "payment_method_configuration_details": ["id": .string("pmc_1\(Self.fragment)"), "parent": nil],
            "payment_method_options": ["card": ["request_three_d_secure": "automatic"]],
            "payment_method_types": ["card"], "payment_status": mode == "setup" ? "no_payment_required" : "unpaid",
            "permissions": nil, "phone_number_collection": ["enabled": false], "recovered_from": nil,
            "saved_payment_method_options": [
                "allow_redisplay_filters": ["always"], "payment_method_remove": "disabled", "payment_method_save": nil,
            ],
            "setup_intent": nil, "shipping_address_collection": nil, "shipping_cost": nil, "shipping_options": [],
            "status": "open", "submit_type": nil, "subscription": nil, "success_url": nil, "total_details": nil,
            "ui_mode": .string(ui), "url": ui == "hosted_page" ? .string("\(origin)/sandbox/checkout/\(id)") : .null,
            "wallet_options": nil,
        ]
        session.copy(
            [
                "allow_promotion_codes", "billing_address_collection", "cancel_url", "client_reference_id",
                "customer_creation", "customer_email", "integration_identifier", "locale", "origin_context",
                "payment_method_collection", "payment_method_types", "submit_type", "success_url",
            ], from: params)
        if ui != "hosted_page" { session.copy(["redirect_on_completion", "return_url"], from: params) }
        var terms = params.object("subscription_data")
        terms.copy(["discounts"], from: params)
        session["_terms"] = .object(terms)
        session["_intent_data"] = params["payment_intent_data"] ?? params["setup_intent_data"] ?? [:]
        session["discounts"] = .array(
            params.array("discounts").map {
                ["coupon": $0["coupon"] ?? .null, "promotion_code": $0["promotion_code"] ?? .null]
            })
        return session
    }

    static func sessionDetails(email: JSONValue, name: JSONValue) -> JSONValue {
        [
            "address": nil, "business_name": nil, "email": email, "individual_name": nil, "name": name, "phone": nil,
            "tax_exempt": "none", "tax_ids": nil,
        ]
    }

    // MARK: Changing

    func updateCheckoutSession(_ call: Call) throws(APIFailure) -> JSONValue {
        _ = try named(.checkoutSession, call.id)
        try refuseUnemulated(
            call.params, ["collected_information", "line_items", "payment_intent_data", "shipping_options"])
        change(.checkoutSession, call.id) { Self.mergeMetadata(call.params["metadata"], into: &$0) }
        return .object(rendered(.checkoutSession, call.id))
    }

    func expireCheckoutSession(_ call: Call) throws(APIFailure) -> JSONValue {
        let status = try named(.checkoutSession, call.id).string("status") ?? ""
        guard status == "open" else {
            throw .invalid(
                "Only Checkout Sessions with a status in [\"open\"] can be expired. This Checkout Session has a status of "
                    + "`\(status)`.")
        }
        expireSession(call.id)
        return .object(rendered(.checkoutSession, call.id))
    }

    /// Nobody paid in time, or nobody may any more.
    func expireSession(_ id: String) {
        change(.checkoutSession, id) {
            $0["status"] = "expired"
            $0["url"] = .null
        }
        emit("checkout.session.expired", .checkoutSession, id)
    }
}
