import JSON

/// The endpoints of subscriptions and their items.
extension Account {
    private static let itemsTable = """
        items:[{billing_thresholds?:any clear_usage:bool deleted:bool @discounts id metadata?:map plan price \
        price_data:{@price_data} quantity:int tax_rates?:[text]}]
        """
    private static let commonTable = """
        add_invoice_items:[{@one_time_item}] application_fee_percent?:num automatic_tax:{@automatic_tax} \
        billing_schedules?:any \
        billing_thresholds?:any cancel_at?:time|min_period_end|max_period_end|max_billed_until \
        cancel_at_period_end:bool collection_method:(charge_automatically|send_invoice) days_until_due:int \
        default_payment_method default_source default_tax_rates?:[text] description? @discounts \
        invoice_settings:{account_tax_ids?:[text] custom_fields?:[{name! value!}] description? footer? issuer:any} \
        metadata?:map off_session:bool on_behalf_of? @behavior payment_settings:{payment_method_options:any \
        payment_method_types?:[text] save_default_payment_method:(off|on_subscription)} \
        pending_invoice_item_interval?:any transfer_data?:any trial_end:time|now trial_from_plan:bool \
        trial_settings:{end_behavior!:{billing_cycle_anchor:(now|unchanged) \
        missing_payment_method:(create_invoice|pause|cancel)}}
        """
    private static let anchorChange = "billing_cycle_anchor:{type!:(now|unchanged)}/(now|unchanged)"

    static let subscriptionRoutes: [Route] = [
        Route(
            "POST /v1/subscriptions",
            itemsTable + " " + commonTable + """
                 backdate_start_date:int billing_cycle_anchor:int billing_cycle_anchor_config:{day_of_month!:int \
                hour:int minute:int month:int second:int} billing_mode:{type!:(classic|flexible) \
                flexible:{proration_discounts:(included|itemized)}} currency customer customer_account \
                proration_behavior:(create_prorations|none|always_invoice) trial_period_days:int
                """, Account.createSubscription),
        Route(
            "GET /v1/subscriptions",
            """
            @list automatic_tax:{enabled!:bool} collection_method:(charge_automatically|send_invoice) current_period_end:range \
            current_period_start:range customer customer_account plan price status:(active|past_due|unpaid|canceled|\
            incomplete|incomplete_expired|trialing|paused|all|ended) test_clock
            """, Account.listSubscriptions),
        Route("GET /v1/subscriptions/{subscription}", "", Account.retrieveSubscription),
        Route(
            "POST /v1/subscriptions/{subscription}",
            itemsTable + " " + commonTable + " " + anchorChange
                + " @cancellation @proration"
                + " pause_collection?:{behavior!:(keep_as_draft|mark_uncollectible|void) resumes_at:int}",
            Account.updateSubscription),
        Route(
            "DELETE /v1/subscriptions/{subscription}", "@cancellation invoice_now:bool prorate:bool",
            Account.cancelSubscription),
    ]

    static let subscriptionItemRoutes: [Route] = [
        Route("GET /v1/subscription_items", "@page subscription!", Account.listItems),
        Route("GET /v1/subscription_items/{item}", "", Account.retrieveItem),
        Route(
            "POST /v1/subscription_items",
            """
            subscription! billing_thresholds?:any @discounts metadata?:map @behavior plan price \
            price_data:{@price_data} @proration quantity:int tax_rates?:[text]
            """, Account.createItem),
        Route(
            "POST /v1/subscription_items/{item}",
            """
            billing_thresholds?:any @discounts metadata?:map off_session:bool @behavior plan price \
            price_data:{@price_data} @proration quantity:int tax_rates?:[text]
            """, Account.updateItem),
        Route("DELETE /v1/subscription_items/{item}", "clear_usage:bool @behavior @proration", Account.deleteItem),
    ]

    // MARK: Reading

    func retrieveSubscription(_ call: Call) throws(APIFailure) -> JSONValue {
        .object(render(.subscription, try named(.subscription, call.id)))
    }

    /// Without a status: everything that is not canceled.
    func listSubscriptions(_ call: Call) throws(APIFailure) -> JSONValue {
        let params = call.params
        let price = params.string("price") ?? params.string("plan")
        if let customer = params.string("customer") { _ = try referred(.customer, customer, param: "customer") }
        let group = params.string("customer").map { (member: "customer", value: $0) }
        let members = ["collection_method", "customer_account", "test_clock"]
        return try list(.subscription, call, group: group, by: members + ["status", "automatic_tax"]) { subscription in
            Self.hasStatus(subscription, params.string("status"))
                && Self.agrees(subscription, params, members)
                && Self.agrees(subscription.object("automatic_tax"), params.object("automatic_tax"), ["enabled"])
                && (price == nil || items(of: subscription.id).contains { $0.string("_price") == price })
                && isInPeriod(subscription, params)
        }
    }

    private static func hasStatus(_ subscription: JSONObject, _ wanted: String?) -> Bool {
        let status = subscription.string("status")
        return switch wanted {
        case nil: status != "canceled"
        case "all": true
        case "ended": isOver(subscription)
        default: status == wanted
        }
    }

    private func isInPeriod(_ subscription: JSONObject, _ params: JSONObject) -> Bool {
        for key in ["current_period_start", "current_period_end"] {
            guard let range = params[key] else { continue }
            let times = items(of: subscription.id).compactMap { $0.integer(key) }
            guard times.contains(where: { Self.isWithin($0, range) }) else { return false }
        }
        return true
    }

    // MARK: Items

    func listItems(_ call: Call) throws(APIFailure) -> JSONValue {
        let id = call.params.string("subscription") ?? ""
        _ = try referred(.subscription, id, param: "subscription", status: 404)
        let url = "/v1/subscription_items?subscription=\(id)"
        let call = Call(path: call.path, params: call.params, url: url, caller: call.caller, apiVersion: call.apiVersion)
        return try list(.subscriptionItem, call, group: ("subscription", id), oldestFirst: true)
    }

    func retrieveItem(_ call: Call) throws(APIFailure) -> JSONValue {
        .object(render(.subscriptionItem, try named(.subscriptionItem, call.id)))
    }

    func createItem(_ call: Call) throws(APIFailure) -> JSONValue {
        let id = call.params.string("subscription") ?? ""
        let known = Set(items(of: id).map(\.id))
        try changeItem(of: try referred(.subscription, id, param: "subscription", status: 404), [:], call)
        guard let made = items(of: id).first(where: { !known.contains($0.id) }) else {
            throw .notEmulated("payment_behavior")
        }
        return .object(render(.subscriptionItem, made))
    }

    func updateItem(_ call: Call) throws(APIFailure) -> JSONValue {
        let item = try named(.subscriptionItem, call.id)
        try changeItem(of: known(.subscription, item.string("subscription") ?? ""), ["id": .string(call.id)], call)
        return .object(rendered(.subscriptionItem, call.id))
    }

    func deleteItem(_ call: Call) throws(APIFailure) -> JSONValue {
        let item = try named(.subscriptionItem, call.id)
        try changeItem(
            of: known(.subscription, item.string("subscription") ?? ""), ["id": .string(call.id), "deleted": true], call)
        return .object(rendered(.subscriptionItem, call.id))
    }

    /// An item's endpoint is an update of its subscription with that one entry.
    private func changeItem(
        of subscription: JSONObject, _ entry: JSONObject, _ call: Call
    ) throws(APIFailure) {
        guard !Self.isOver(subscription) else {
            throw .absent(.subscription, subscription.id, param: "subscription", status: 404)
        }
        try checkManaged(subscription, call.params)
        var entry = entry
        entry.copy(["discounts", "metadata", "plan", "price", "price_data", "quantity", "tax_rates"], from: call.params)
        var params: JSONObject = ["items": [.object(entry)]]
        params.copy(["payment_behavior", "proration_behavior", "proration_date", "off_session"], from: call.params)
        try update(subscription.id, params)
        followItems(of: subscription.id)
    }
}
