import JSON

/// Coupons and promotion codes: offers, of which discounts are made.
extension Account {
    static let couponRoutes: [Route] = [
        Route(
            "POST /v1/coupons",
            """
            amount_off:int applies_to:{products:[text]} currency currency_options:*{amount_off!:int} \
            duration:(forever|once|repeating) duration_in_months:int id max_redemptions:int metadata?:map name \
            percent_off:num redeem_by:int
            """, Account.createCoupon),
        Route("GET /v1/coupons", "@list", Account.listCoupons),
        Route("GET /v1/coupons/{coupon}", "", Account.retrieveCoupon),
        Route(
            "POST /v1/coupons/{coupon}", "currency_options:*{amount_off!:int} metadata?:map name",
            Account.updateCoupon),
        Route("DELETE /v1/coupons/{coupon}", "", Account.deleteCoupon),
        Route(
            "POST /v1/promotion_codes",
            """
            promotion!:{type!:(coupon) coupon} active:bool code customer customer_account expires_at:int \
            max_redemptions:int metadata?:map restrictions:{currency_options:*{minimum_amount:int} \
            first_time_transaction:bool \
            minimum_amount:int minimum_amount_currency}
            """, Account.createPromotionCode),
        Route("GET /v1/promotion_codes", "@list active:bool code coupon customer", Account.listPromotionCodes),
        Route("GET /v1/promotion_codes/{promotion_code}", "", Account.retrievePromotionCode),
        Route(
            "POST /v1/promotion_codes/{promotion_code}",
            "active:bool metadata?:map restrictions:{currency_options:*{minimum_amount:int}}", Account.updatePromotionCode),
    ]

    // MARK: Coupons

    func createCoupon(_ call: Call) throws(APIFailure) -> JSONValue {
        let params = call.params
        try checkCoupon(params)
        let id = params.string("id") ?? random.text(8)
        guard find(.coupon, id) == nil else {
            throw .invalid("Coupon already exists.", param: "id", code: "resource_already_exists")
        }
        var coupon: JSONObject = [
            "id": .string(id), "object": "coupon", "amount_off": nil, "created": .integer(now), "currency": nil,
            "duration": params["duration"] ?? "once", "duration_in_months": nil, "livemode": false,
            "max_redemptions": nil, "metadata": Self.newMetadata(params), "name": nil, "percent_off": nil,
            "redeem_by": nil, "times_redeemed": 0, "valid": true,
        ]
        coupon.copy(
            ["amount_off", "currency", "duration_in_months", "max_redemptions", "name", "percent_off", "redeem_by"],
            from: params)
        if let currency = coupon.string("currency") { coupon["currency"] = .string(currency.lowercased()) }
        coupon["_applies_to"] = params["applies_to"]
        Self.setAmounts(params.object("currency_options"), of: &coupon)
        put(.coupon, coupon)
        emit("coupon.created", .coupon, id)
        return .object(rendered(.coupon, id))
    }

    private func checkCoupon(_ params: JSONObject) throws(APIFailure) {
        let percent = params["percent_off"]?.doubleValue
        if params.has("amount_off"), percent != nil {
            throw .invalid("Received both percent_off and amount_off parameters. Please pass in only one.")
        }
        guard params.has("amount_off") || percent != nil else {
            throw .invalid("Must provide percent_off or amount_off.", code: "parameter_missing")
        }
        if params.has("amount_off"), !params.has("currency") {
            throw .invalid("You must pass currency when passing amount_off", param: "currency")
        }
        try Self.check(params, "amount_off", in: 1...ExactAmount.largest)
        if let percent, percent < 0.01 {
            throw .invalid(
                "This value must be greater than or equal to 0.01 (it currently is '\(percent)').", param: "percent_off")
        }
        if let percent, percent > 100 {
            throw .invalid(
                "This value must be less than or equal to 100 (it currently is '\(percent)').", param: "percent_off")
        }
        if params.string("duration") == "repeating", !params.has("duration_in_months") {
            throw .invalid(
                "The duration_in_months param must be set when creating a coupon with a repeating duration",
                param: "duration")
        }
        if let time = params.integer("redeem_by") { _ = try future(time, "redeem_by") }
        for product in params.object("applies_to").array("products").compactMap(\.stringValue) {
            _ = try referred(.product, product, param: "applies_to[products][0]")
        }
        try Self.check(params, "duration_in_months", in: 1...1200)
        try Self.check(params, "max_redemptions", in: 1...ExactAmount.largest)
        guard params.has("currency_options") else { return }
        if percent != nil {
            throw .invalid(
                "You may only specify one of these parameters: currency_options, percent_off.", param: "currency_options")
        }
        try Self.checkCurrencies(params.object("currency_options"))
    }

    static func checkCurrencies(_ options: JSONObject) throws(APIFailure) {
        guard let loud = options.keys.first(where: { $0 != $0.lowercased() }) else { return }
        throw .invalid(
            "Currencies must be lowercase when used as keys in a map. Use `\(loud.lowercased())` instead of `\(loud)`.",
            param: "currency_options")
    }

    /// Keeps the amounts of an amount-based coupon by currency, its own among them.
    private static func setAmounts(_ more: JSONObject, of coupon: inout JSONObject) {
        guard let amount = coupon.integer("amount_off"), let currency = coupon.string("currency") else { return }
        var options = coupon.object("_currency_options")
        for (key, value) in more { options[key] = value }
        options[currency] = ["amount_off": .integer(amount)]
        coupon["_currency_options"] = .object(options)
    }

    /// A coupon is valid while it may still be redeemed.
    func renderCoupon(_ coupon: JSONObject) -> JSONObject {
        var shown = coupon.withoutHidden
        let isOver = coupon.integer("redeem_by").map { $0 <= now } ?? false
        if isOver || Self.isUsedUp(coupon) { shown["valid"] = false }
        return shown
    }

    /// A promotion code is active while its coupon is valid and it may still be redeemed itself.
    func renderPromotionCode(_ promotion: JSONObject) -> JSONObject {
        var shown = promotion.withoutHidden
        shown["restrictions"] = .object(promotion.object("restrictions").withoutHidden)
        let coupon = find(.coupon, promotion.object("promotion").string("coupon") ?? "")
        let isOver = promotion.integer("expires_at").map { $0 <= now } ?? false
        let isValid = coupon.map { renderCoupon($0).flag("valid") } ?? false
        if isOver || !isValid || Self.isUsedUp(promotion) { shown["active"] = false }
        return shown
    }

    func retrieveCoupon(_ call: Call) throws(APIFailure) -> JSONValue {
        .object(render(.coupon, try named(.coupon, call.id)))
    }

    func listCoupons(_ call: Call) throws(APIFailure) -> JSONValue { try list(.coupon, call) }

    func updateCoupon(_ call: Call) throws(APIFailure) -> JSONValue {
        let before = render(.coupon, try named(.coupon, call.id))
        try Self.checkCurrencies(call.params.object("currency_options"))
        change(.coupon, call.id) { coupon in
            coupon.copy(["name"], from: call.params)
            Self.setAmounts(call.params.object("currency_options"), of: &coupon)
            Self.mergeMetadata(call.params["metadata"], into: &coupon)
        }
        emitUpdate("coupon.updated", .coupon, call.id, since: before)
        return .object(rendered(.coupon, call.id))
    }

    func deleteCoupon(_ call: Call) throws(APIFailure) -> JSONValue {
        _ = try named(.coupon, call.id)
        change(.coupon, call.id) { $0["valid"] = false }
        emit("coupon.deleted", .coupon, call.id)
        change(.coupon, call.id) { $0["_deleted"] = true }
        return .object(rendered(.coupon, call.id))
    }

    // MARK: Promotion codes

    func createPromotionCode(_ call: Call) throws(APIFailure) -> JSONValue {
        let params = call.params
        guard let coupon = params.object("promotion").string("coupon") else {
            throw .invalid("You must pass promotion.coupon when passing promotion", param: "promotion.coupon")
        }
        _ = try referred(.coupon, coupon, param: "promotion[coupon]")
        if let customer = params.string("customer") { _ = try referred(.customer, customer, param: "customer") }
        if let time = params.integer("expires_at") { _ = try future(time, "expires_at") }
        let code = params.string("code") ?? random.text(8, of: SandboxRandom.capitalsAndDigits)
        guard code.utf8.allSatisfy({ SandboxRandom.base62.contains($0) || $0 == 45 || $0 == 95 }) else {
            throw .invalid(
                "This value must match the regex pattern. (/\\A[a-zA-Z0-9\\-_]+\\z/ does not match for the value \(code)).",
                param: "code")
        }
        for id in store.ids(.promotionCode) {
            let other = known(.promotionCode, id)
            if renderPromotionCode(other).flag("active"), other.string("code")?.lowercased() == code.lowercased() {
                throw .invalid("An active promotion code with `code: \(code)` already exists.")
            }
        }
        let id = newID(.promotionCode)
        let limits = params.object("restrictions")
        if limits.has("minimum_amount") != limits.has("minimum_amount_currency") {
            throw .invalid(
                "You must pass both `minimum_amount` and `minimum_amount_currency` to set a minimum amount.",
                param: "restrictions")
        }
        try Self.checkCurrencies(limits.object("currency_options"))
        try Self.check(params, "max_redemptions", in: 1...ExactAmount.largest)
        put(
            .promotionCode,
            [
                "id": .string(id), "object": "promotion_code", "active": params["active"] ?? true,
                "code": .string(code), "created": .integer(now), "customer": params["customer"] ?? .null,
                "customer_account": nil, "expires_at": params["expires_at"] ?? .null, "livemode": false,
                "max_redemptions": params["max_redemptions"] ?? .null, "metadata": Self.newMetadata(params),
                "promotion": ["coupon": .string(coupon), "type": "coupon"],
                "restrictions": [
                    "first_time_transaction": limits["first_time_transaction"] ?? false,
                    "minimum_amount": limits["minimum_amount"] ?? .null,
                    "minimum_amount_currency": limits["minimum_amount_currency"] ?? .null,
                    "_currency_options": .object(limits.object("currency_options")),
                ],
                "times_redeemed": 0,
            ])
        emit("promotion_code.created", .promotionCode, id)
        return .object(rendered(.promotionCode, id))
    }

    func retrievePromotionCode(_ call: Call) throws(APIFailure) -> JSONValue {
        .object(render(.promotionCode, try named(.promotionCode, call.id)))
    }

    func listPromotionCodes(_ call: Call) throws(APIFailure) -> JSONValue {
        let params = call.params
        return try list(.promotionCode, call) { promotion in
            let promotion = renderPromotionCode(promotion)
            return Self.agrees(promotion, params, ["active", "customer"])
                && (params["code"] == nil
                    || promotion.string("code")?.lowercased() == params.string("code")?.lowercased())
                && Self.agrees(promotion.object("promotion"), params, ["coupon"])
        }
    }

    func updatePromotionCode(_ call: Call) throws(APIFailure) -> JSONValue {
        let before = render(.promotionCode, try named(.promotionCode, call.id))
        change(.promotionCode, call.id) { promotion in
            promotion.copy(["active"], from: call.params)
            for (currency, terms) in call.params.object("restrictions").object("currency_options") {
                promotion.set("restrictions", "_currency_options", currency, to: terms)
            }
            Self.mergeMetadata(call.params["metadata"], into: &promotion)
        }
        emitUpdate("promotion_code.updated", .promotionCode, call.id, since: before)
        return .object(rendered(.promotionCode, call.id))
    }
}
