import Crypto
import JSON

/// Payment methods: cards from Stripe's test numbers and tokens; other types exist without behaviour.
extension Account {
    static let paymentMethodRoutes: [Route] = [
        Route(
            "POST /v1/payment_methods", "@method_data customer payment_method", browsers: true,
            Account.createPaymentMethod),
        Route(
            "GET /v1/payment_methods",
            "@page allow_redisplay:(always|limited|unspecified) customer customer_account type",
            Account.listPaymentMethods),
        Route("GET /v1/payment_methods/{payment_method}", "", Account.retrievePaymentMethod),
        Route(
            "POST /v1/payment_methods/{payment_method}",
            """
            allow_redisplay:(always|limited|unspecified) @details card:{exp_month:int exp_year:int networks:{preferred?}} \
            metadata?:map us_bank_account:any
            """, Account.updatePaymentMethod),
        Route("POST /v1/payment_methods/{payment_method}/attach", "customer customer_account", Account.attachMethod),
        Route("POST /v1/payment_methods/{payment_method}/detach", "", Account.detachMethod),
    ]

    // MARK: Making

    func createPaymentMethod(_ call: Call) throws(APIFailure) -> JSONValue {
        .object(render(.paymentMethod, try makeMethod(call.params, prefix: "")))
    }

    /// Makes a method from the parameters of `POST /v1/payment_methods`, or from `payment_method_data` (whose names
    /// then stand under `prefix` in errors). There is no event: Stripe has no `payment_method.created`.
    func makeMethod(_ params: JSONObject, prefix: String) throws(APIFailure) -> JSONObject {
        let type = params.string("type") ?? "card"
        var made: JSONObject
        if type == "card" {
            let place = prefix.isEmpty ? "card" : "\(prefix)[card]"
            guard let card = params["card"]?.objectValue else { throw .missing(place) }
            made = try cardMethod(card, place: place)
        } else if TestBank.isDebit(type) {
            let place = prefix.isEmpty ? type : "\(prefix)[\(type)]"
            guard let data = params[type]?.objectValue else { throw .missing(place) }
            made = try bankMethod(type, data, place: place)
        } else {
            made = method(type: type, data: params[type]?.objectValue ?? [:])
        }
        made.copy(["allow_redisplay"], from: params)
        Self.mergeBilling(params["billing_details"], into: &made)
        made["metadata"] = Self.newMetadata(params)
        put(.paymentMethod, made)
        return made
    }

    private func cardMethod(_ card: JSONObject, place: String) throws(APIFailure) -> JSONObject {
        if let token = card.string("token") {
            guard let known = TestCard.token(token) else {
                throw .invalid("No such token: '\(token)'", param: "\(place)[token]", code: "resource_missing")
            }
            return method(card: known, month: nil, year: nil, hasCVC: false)
        }
        guard let given = card.string("number") else { throw .missing("\(place)[number]") }
        let number = String(given.filter { $0 != " " && $0 != "-" })
        guard Self.passesLuhn(number) else {
            throw .card("incorrect_number", "Your card number is incorrect.", param: "number")
        }
        let month = card.integer("exp_month") ?? 0
        var year = card.integer("exp_year") ?? 0
        if (0..<100).contains(year) { year += 2000 }
        let today = CivilDate(unix: now)
        guard (1...12).contains(month) else {
            throw .card("invalid_expiry_month", "Your card's expiration month is invalid.", param: "exp_month")
        }
        guard (today.year...today.year + 50).contains(year), year > today.year || month >= today.month else {
            throw .card("invalid_expiry_year", "Your card's expiration year is invalid.", param: "exp_year")
        }
        if let cvc = card.string("cvc"), !(3...4).contains(cvc.count) || !cvc.allSatisfy(\.isNumber) {
            throw .card("invalid_cvc", "Your card's security code is invalid.", param: "cvc")
        }
        guard let known = TestCard.numbered(number) else {
            var failure = APIFailure.card(
                "card_declined",
                "Your card was declined. Your request was in test mode, but used a non test card. For a list of valid "
                    + "test cards, visit: https://stripe.com/docs/testing.", param: nil)
            failure.details["decline_code"] = "test_mode_live_card"
            throw failure
        }
        return method(card: known, month: month, year: year, hasCVC: card.has("cvc"))
    }

    private static func passesLuhn(_ number: String) -> Bool {
        guard (12...19).contains(number.utf8.count), number.utf8.allSatisfy({ (48...57).contains($0) }) else {
            return false
        }
        var sum = 0
        for (index, digit) in number.utf8.reversed().enumerated() {
            let value = Int(digit - 48) * (index % 2 == 1 ? 2 : 1)
            sum += value > 9 ? value - 9 : value
        }
        return sum % 10 == 0
    }

    private func method(card: TestCard, month: Int64?, year: Int64?, hasCVC: Bool) -> JSONObject {
        let today = CivilDate(unix: now)
        let network = card.brand
        var made = method(
            type: "card",
            data: [
                "brand": .string(card.brand),
                "checks": [
                    "address_line1_check": nil, "address_postal_code_check": nil, "cvc_check": "unchecked",
                ],
                "country": .string(card.country),
                "display_brand": .string(card.brand == "amex" ? "american_express" : network),
                "exp_month": .integer(month ?? today.month), "exp_year": .integer(year ?? today.year + 1),
                "fingerprint": .string(Self.fingerprint("card \(card.number)")), "funding": .string(card.funding),
                "generated_from": nil, "last4": .string(String(card.number.suffix(4))),
                "networks": ["available": [.string(network)], "preferred": nil], "regulated_status": "unregulated",
                "three_d_secure_usage": ["supported": .bool(card.brand != "amex")], "wallet": nil,
            ])
        made["_number"] = .string(card.number)
        return made
    }

    /// Equal for equal numbers, as Stripe's are.
    static func fingerprint(_ number: String) -> String {
        let digest = Digest.sha256("dues sandbox \(number)".utf8)
        return String(decoding: digest.prefix(16).map { SandboxRandom.base62[Int($0) % 62] }, as: UTF8.self)
    }

    func method(type: String, data: JSONObject) -> JSONObject {
        [
            "id": .string(newID(.paymentMethod)), "object": "payment_method", "allow_redisplay": "unspecified",
            "billing_details": [
                "address": [
                    "city": nil, "country": nil, "line1": nil, "line2": nil, "postal_code": nil, "state": nil,
                ],
                "email": nil, "name": nil, "phone": nil, "tax_id": nil,
            ],
            type: .object(data), "created": .integer(now), "customer": nil, "customer_account": nil,
            "livemode": false, "metadata": [:], "shared_payment_granted_token": nil, "type": .string(type),
        ]
    }

    private static func mergeBilling(_ change: JSONValue?, into method: inout JSONObject) {
        guard let change = change?.objectValue else { return }
        var details = method.object("billing_details")
        details.copy(["email", "name", "phone", "tax_id"], from: change)
        if let address = change["address"]?.objectValue {
            var merged = details.object("address")
            merged.copy(["city", "country", "line1", "line2", "postal_code", "state"], from: address)
            details["address"] = .object(merged)
        }
        method["billing_details"] = .object(details)
    }

    /// The method that a parameter names: a stored one, or a new copy of a test token such as `pm_card_visa`.
    func method(_ id: String, param: String) throws(APIFailure) -> JSONObject {
        if let found = find(.paymentMethod, id) { return found }
        let made: JSONObject
        if id.hasPrefix("pm_card_"), let card = TestCard.token(id) {
            made = method(card: card, month: nil, year: nil, hasCVC: true)
        } else if let bank = TestBank.token(id) {
            made = bankMethod(bank)
        } else {
            throw .absent(.paymentMethod, id, param: param)
        }
        put(.paymentMethod, made)
        return made
    }

    static func testCard(of method: JSONObject) -> TestCard? { method.string("_number").flatMap(TestCard.numbered) }

    // MARK: Attaching

    /// Attaches with the check that Stripe runs: always-declining cards fail here. Says nothing: events are the
    /// caller's, which knows their order.
    func attach(_ method: JSONObject, to customer: String) throws(APIFailure) -> JSONObject {
        if method.string("customer") == customer { return method }
        guard method["customer"]?.isNull ?? true else {
            throw .invalid("The payment method you provided has already been attached to a customer.")
        }
        guard !method.flag("_used") else {
            throw .invalid(
                "This PaymentMethod was previously used without being attached to a Customer or was detached from a "
                    + "Customer, and may not be used again.")
        }
        if case .declines(let decline)? = Self.testCard(of: method)?.behavior {
            var failure = APIFailure.declined(decline)
            failure.param = ""
            throw failure
        }
        return link(method, to: customer)
    }

    /// Makes a method the customer's, without a check: a payment with it has just gone through.
    @discardableResult
    func link(_ method: JSONObject, to customer: String) -> JSONObject {
        var attached = method
        attached["customer"] = .string(customer)
        Self.passChecks(&attached)
        put(.paymentMethod, attached)
        return attached
    }

    /// What a bank's look at the card leaves in its checks.
    static func passChecks(_ method: inout JSONObject) {
        guard method.string("type") == "card" else { return }
        let number = method.string("_number") ?? ""
        method.set("card", "checks", "cvc_check", to: number == "4000000000000101" ? "fail" : "pass")
        for (check, failing) in [
            ("address_line1_check", ["4000000000000010", "4000000000000028"]),
            ("address_postal_code_check", ["4000000000000010", "4000000000000036"]),
        ] where failing.contains(number) {
            method.set("card", "checks", check, to: "fail")
        }
    }

    func attachMethod(_ call: Call) throws(APIFailure) -> JSONValue {
        guard let customer = call.params.string("customer") else {
            throw .invalid("Must provide customer or customer_account.", code: "parameter_missing")
        }
        let method = try method(call.id, param: "payment_method")
        _ = try referred(.customer, customer, param: "customer")
        let attached = try attach(method, to: customer)
        if method.string("customer") != customer { emit("payment_method.attached", .paymentMethod, attached.id) }
        return .object(render(.paymentMethod, attached))
    }

    func detachMethod(_ call: Call) throws(APIFailure) -> JSONValue {
        let method = try named(.paymentMethod, call.id)
        guard let customer = method.string("customer") else {
            throw .invalid(
                "The payment method you provided is not attached to a customer so detachment is impossible.")
        }
        let before = render(.paymentMethod, method)
        change(.paymentMethod, call.id) {
            $0["customer"] = .null
            $0["_used"] = true
        }
        emitUpdate("payment_method.detached", .paymentMethod, call.id, since: before)
        forget(call.id, of: customer)
        return .object(rendered(.paymentMethod, call.id))
    }

    /// A detached method is nobody's default any more.
    private func forget(_ method: String, of customer: String) {
        let before = rendered(.customer, customer)
        change(.customer, customer) {
            if $0.object("invoice_settings").string("default_payment_method") == method {
                $0.set("invoice_settings", "default_payment_method", to: .null)
            }
        }
        emitUpdate("customer.updated", .customer, customer, since: before)
        for subscription in all(.subscription, where: "customer", is: customer)
        where subscription.string("default_payment_method") == method {
            let before = render(.subscription, subscription)
            change(.subscription, subscription.id) { $0["default_payment_method"] = .null }
            emitUpdate("customer.subscription.updated", .subscription, subscription.id, since: before)
        }
    }

    // MARK: Reading and updating

    func retrievePaymentMethod(_ call: Call) throws(APIFailure) -> JSONValue {
        .object(render(.paymentMethod, try named(.paymentMethod, call.id)))
    }

    func updatePaymentMethod(_ call: Call) throws(APIFailure) -> JSONValue {
        let before = render(.paymentMethod, try named(.paymentMethod, call.id))
        change(.paymentMethod, call.id) { method in
            method.copy(["allow_redisplay"], from: call.params)
            Self.mergeBilling(call.params["billing_details"], into: &method)
            Self.mergeMetadata(call.params["metadata"], into: &method)
            for key in ["exp_month", "exp_year"] {
                if let value = call.params.object("card")[key] { method.set("card", key, to: value) }
            }
        }
        emitUpdate("payment_method.updated", .paymentMethod, call.id, since: before)
        return .object(rendered(.paymentMethod, call.id))
    }

    /// Without a customer the list is empty, although methods exist (recorded).
    func listPaymentMethods(_ call: Call) throws(APIFailure) -> JSONValue {
        guard let customer = call.params.string("customer") else { return Self.list([], url: call.url) }
        _ = try referred(.customer, customer, param: "customer")
        return try list(.paymentMethod, call, group: ("customer", customer)) {
            Self.agrees($0, call.params, ["type", "allow_redisplay"])
        }
    }
}

extension APIFailure {
    static func card(_ code: String, _ message: String, param: String?) -> APIFailure {
        var failure = APIFailure(402, message, code: code, param: param)
        failure.type = "card_error"
        return failure
    }

    static func declined(_ decline: Decline) -> APIFailure {
        var failure = card(decline.code, decline.message, param: decline.param)
        for (key, value) in decline.members where !["code", "message", "param", "type"].contains(key) {
            failure.details[key] = value
        }
        return failure
    }
}

extension Decline {
    /// The members that this decline adds to an error or to an intent's last error.
    var members: JSONObject {
        var members: JSONObject = ["code": .string(code), "decline_code": .string(declineCode)]
        if let advice { members["advice_code"] = .string(advice) }
        members["doc_url"] = .string(APIFailure.page(of: code))
        members["message"] = .string(message)
        if let networkAdviceCode { members["network_advice_code"] = .string(networkAdviceCode) }
        if let networkDeclineCode { members["network_decline_code"] = .string(networkDeclineCode) }
        if let param { members["param"] = .string(param) }
        members["type"] = "card_error"
        return members
    }
}
