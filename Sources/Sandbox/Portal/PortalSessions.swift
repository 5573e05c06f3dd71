import JSON

/// Sessions of the customer portal, and what a customer does on its page.
extension Account {
    static let portalSessionRoutes: [Route] = [
        Route(
            "POST /v1/billing_portal/sessions",
            """
            after_expiration:{customer_login:{expires_at:int} type!:(customer_login)} configuration customer \
            customer_account flow_data:{after_completion:{hosted_confirmation:{custom_message} redirect:{return_url!} \
            type!:(hosted_confirmation|portal_homepage|redirect)} \
            subscription_cancel:{retention:{coupon_offer!:{coupon!} type!:(coupon_offer)} subscription!} \
            subscription_pause:{subscription!} subscription_update:{subscription!} \
            subscription_update_confirm:{discounts:[{coupon promotion_code}] items!:[{id! price quantity:int}] \
            subscription!} type!:(customer_update|payment_method_update|subscription_cancel|subscription_pause|\
            subscription_update|subscription_update_confirm)} locale:(auto|bg|cs|da|de|el|en|en-AU|en-CA|en-GB|en-IE|\
            en-IN|en-NZ|en-SG|es|es-419|et|fi|fil|fr|fr-CA|hr|hu|id|it|ja|ko|lt|lv|ms|mt|nb|nl|pl|pt|pt-BR|ro|ru|sk|sl|\
            sv|th|tr|vi|zh|zh-HK|zh-TW) on_behalf_of return_url
            """, Account.createPortalSession),
        Route(
            "POST /sandbox/portal/{secret}",
            "action!:(cancel|resume|update|method) feedback comment payment_method price quantity:int subscription",
            browsers: true, Account.actInPortal),
    ]

    func createPortalSession(_ call: Call) throws(APIFailure) -> JSONValue {
        let params = call.params
        guard let customer = params.string("customer") else { throw .missing("customer") }
        _ = try referred(.customer, customer, param: "customer")
        try Self.checkURL(params, "return_url")
        let configuration: String
        if let given = params.string("configuration") {
            let found = try referred(.portalConfiguration, given, param: "configuration")
            guard found.flag("active") else {
                throw .invalid("The configuration \(given) is not active.", param: "configuration")
            }
            configuration = given
        } else {
            configuration = defaultPortalConfiguration()
        }
        let back = params.string("return_url") ?? known(.portalConfiguration, configuration).string("default_return_url")
        let id = newID(.portalSession)
        let secret = "test_\(random.text(40))"
        put(
            .portalSession,
            [
                "id": .string(id), "object": "billing_portal.session",
                "after_expiration": Self.afterExpiration(params["after_expiration"]),
                "configuration": .string(configuration), "created": .integer(now), "customer": .string(customer),
                "customer_account": nil, "flow": try flow(params["flow_data"]?.objectValue, customer: customer),
                "livemode": false, "locale": params["locale"] ?? .null, "on_behalf_of": params["on_behalf_of"] ?? .null,
                "return_url": .optional(back), "url": .string("\(origin)/p/session/\(secret)"),
                "_secret": .string(secret),
            ])
        emit("billing_portal.session.created", .portalSession, id)
        return .object(rendered(.portalSession, id))
    }

    private static func afterExpiration(_ given: JSONValue?) -> JSONValue {
        guard let given else { return .null }
        return [
            "customer_login": given["customer_login"].map { ["expires_at": $0["expires_at"] ?? .null] } ?? .null,
            "type": given["type"] ?? "customer_login",
        ]
    }

    /// The one thing that a session is for, where it is for one.
    private func flow(_ given: JSONObject?, customer: String) throws(APIFailure) -> JSONValue {
        guard let given, let type = given.string("type") else { return .null }
        let after = given.object("after_completion")
        try Self.checkURL(
            after.object("redirect"), "return_url", place: "flow_data[after_completion][redirect][return_url]")
        var flow: JSONObject = [
            "after_completion": [
                "hosted_confirmation": after["hosted_confirmation"].map {
                    ["custom_message": $0["custom_message"] ?? .null]
                } ?? .null,
                "redirect": after["redirect"] ?? .null, "type": after["type"] ?? "portal_homepage",
            ],
            "customer_update": type == "customer_update" ? [:] : .null, "subscription_cancel": nil,
            "subscription_pause": nil, "subscription_update": nil, "subscription_update_confirm": nil,
            "type": .string(type),
        ]
        guard type.hasPrefix("subscription_") else { return .object(flow) }
        guard var details = given[type]?.objectValue else { throw .missing("flow_data[\(type)]") }
        let place = "flow_data[\(type)][subscription]"
        let subscription = try referred(.subscription, details.string("subscription") ?? "", param: place)
        guard subscription.string("customer") == customer, !Self.isOver(subscription) else {
            throw .invalid("The subscription must be a live one of the session's customer.", param: place)
        }
        switch type {
        case "subscription_cancel": details["retention"] = details["retention"] ?? .null
        case "subscription_update_confirm":
            details["discounts"] = details["discounts"] ?? .null
            details["items"] = .array(
                details.array("items").map {
                    ["id": $0["id"] ?? .null, "price": $0["price"] ?? .null, "quantity": $0["quantity"] ?? .null]
                })
        default: break
        }
        flow[type] = .object(details)
        return .object(flow)
    }

    // MARK: The page

    /// The session whose page has this address; nil when there is none.
    func portalSession(secret: String) -> JSONObject? {
        store.ids(.portalSession, where: "_secret", is: secret).first.flatMap { find(.portalSession, $0) }
    }

    /// A button of the page: the customer cancels, resumes, changes a subscription, or names a method to pay with.
    func actInPortal(_ call: Call) throws(APIFailure) -> JSONValue {
        guard let session = portalSession(secret: call.id) else {
            throw APIFailure(404, "No such portal session.", code: "resource_missing", param: "secret")
        }
        return try inTime(of: clock(of: session)) { () throws(APIFailure) in try act(in: session, call) }
    }

    private func act(in session: JSONObject, _ call: Call) throws(APIFailure) -> JSONValue {
        let customer = session.string("customer") ?? ""
        let features = known(.portalConfiguration, session.string("configuration") ?? "").object("features")
        switch call.params.string("action") {
        case "method":
            try Self.checkFeature("payment_method_update", of: features)
            guard let token = call.params.string("payment_method") else { throw .missing("payment_method") }
            try payInPortal(with: token, customer: customer)
        case "update":
            let subscription = try portalSubscription(call, customer: customer)
            try updateInPortal(subscription, session, features, call)
        case let action:
            try Self.checkFeature("subscription_cancel", of: features)
            let subscription = try portalSubscription(call, customer: customer)
            try endInPortal(subscription, features.object("subscription_cancel"), call, resumes: action == "resume")
        }
        return ["object": "sandbox.portal_action", "session": .string(session.id)]
    }

    private static func checkFeature(_ name: String, of features: JSONObject) throws(APIFailure) {
        guard features.object(name).flag("enabled") else {
            throw .invalid("The portal's configuration does not allow `\(name)`.")
        }
    }

    private func portalSubscription(_ call: Call, customer: String) throws(APIFailure) -> JSONObject {
        guard let id = call.params.string("subscription") else { throw .missing("subscription") }
        let subscription = try referred(.subscription, id, param: "subscription")
        guard subscription.string("customer") == customer, !Self.isOver(subscription) else {
            throw .absent(.subscription, id, param: "subscription")
        }
        return subscription
    }

    /// Under flexible billing the portal sets `cancel_at`, under classic billing `cancel_at_period_end`
    /// (docs.stripe.com/billing/subscriptions/billing-mode).
    private func endInPortal(
        _ subscription: JSONObject, _ feature: JSONObject, _ call: Call, resumes: Bool
    ) throws(APIFailure) {
        var params: JSONObject = [:]
        if resumes {
            params["cancel_at"] = .null
        } else {
            var details: JSONObject = [:]
            details.copy(["comment", "feedback"], from: call.params)
            if !details.isEmpty { params["cancellation_details"] = .object(details) }
            if feature.string("mode") == "immediately" {
                params["prorate"] = .bool(feature.string("proration_behavior") != "none")
                params["invoice_now"] = .bool(feature.string("proration_behavior") == "always_invoice")
                try cancelNow(subscription.id, params)
                return
            }
            params[Self.isFlexible(subscription) ? "cancel_at" : "cancel_at_period_end"] =
                Self.isFlexible(subscription) ? "max_period_end" : true
        }
        _ = try updateSubscription(ask([subscription.id], params))
    }

    /// The new method becomes the default of the customer, and of each subscription that has one of its own.
    private func payInPortal(with token: String, customer: String) throws(APIFailure) {
        let attached = try attachMethod(ask([token], ["customer": .string(customer)]))
        let method = attached["id"] ?? .null
        _ = try updateCustomer(ask([customer], ["invoice_settings": ["default_payment_method": method]]))
        for subscription in all(.subscription, where: "customer", is: customer)
        where !Self.isOver(subscription) && subscription.string("default_payment_method") != nil {
            _ = try updateSubscription(ask([subscription.id], ["default_payment_method": method]))
        }
    }

    /// Another price, or what the session's flow asks the customer to confirm.
    private func updateInPortal(
        _ subscription: JSONObject, _ session: JSONObject, _ features: JSONObject, _ call: Call
    ) throws(APIFailure) {
        try Self.checkFeature("subscription_update", of: features)
        let feature = features.object("subscription_update")
        var params: JSONObject = ["proration_behavior": feature["proration_behavior"] ?? "none"]
        let confirmed = session.object("flow").object("subscription_update_confirm")
        if !confirmed.isEmpty {
            params["items"] = .array(
                confirmed.array("items").map { item in
                    .object(
                        JSONObject((item.objectValue ?? [:]).lazy.filter { !$0.value.isNull }.map { ($0.key, $0.value) }))
                })
        } else {
            guard let price = call.params["price"] else { throw .missing("price") }
            guard feature.array("products").contains(where: { ($0["prices"]?.arrayValue ?? []).contains(price) }) else {
                throw .invalid("The portal's configuration does not offer this price.", param: "price")
            }
            let item = items(of: subscription.id).first
            var change: JSONObject = ["id": item?["id"] ?? .null, "price": price]
            if !Self.isMetered(known(.price, price.stringValue ?? "")) {
                change["quantity"] = call.params["quantity"] ?? item?["quantity"] ?? 1
            }
            params["items"] = [.object(change)]
        }
        _ = try updateSubscription(ask([subscription.id], params))
    }

    /// A call that the sandbox makes itself, on a page's behalf.
    private func ask(_ path: [String], _ params: JSONObject) -> Call {
        Call(path: path, params: params, url: "", caller: .secret, apiVersion: Self.apiVersion)
    }
}
