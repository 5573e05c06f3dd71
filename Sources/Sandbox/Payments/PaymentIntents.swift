import JSON

/// Payment intents: made for invoices and by themselves, read, confirmed and canceled, by the account or by a browser.
extension Account {
    private static let intentTable = """
        amount_details?:any application_fee_amount?:int capture_method:(automatic|automatic_async|manual) customer \
        description? excluded_payment_method_types?:[text] allowed_payment_method_types:[text] metadata?:map \
        customer_account hooks:any payment_details?:any payment_method? payment_method_configuration \
        payment_method_data:{@method_data} payment_method_options:any payment_method_types:[text] receipt_email? \
        setup_future_usage?:(off_session|on_session) shipping?:any statement_descriptor \
        statement_descriptor_suffix transfer_data:any transfer_group
        """

    static let paymentIntentRoutes: [Route] = [
        Route(
            "POST /v1/payment_intents",
            intentTable + """
                 amount!:int currency! automatic_payment_methods:{enabled!:bool allow_redirects:(always|never)} \
                confirm:bool confirmation_method:(automatic|manual) confirmation_token error_on_requires_action:bool \
                mandate mandate_data?:any off_session:any on_behalf_of radar_options:any return_url use_stripe_sdk:bool
                """, Account.createPaymentIntent),
        Route("GET /v1/payment_intents", "@list customer customer_account", Account.listPaymentIntents),
        Route("GET /v1/payment_intents/{intent}", "", browsers: true, Account.retrievePaymentIntent),
        Route("POST /v1/payment_intents/{intent}", intentTable + " amount:int currency", Account.updatePaymentIntent),
        Route(
            "POST /v1/payment_intents/{intent}/confirm",
            """
            allowed_payment_method_types:[text] amount_details?:any amount_to_confirm:int \
            capture_method:(automatic|automatic_async|manual) confirmation_token error_on_requires_action:bool \
            excluded_payment_method_types?:[text] hooks:any mandate mandate_data?:any off_session:any \
            payment_details?:any payment_method payment_method_data:{@method_data} payment_method_options:any \
            payment_method_types:[text] receipt_email? return_url setup_future_usage?:(off_session|on_session) \
            shipping?:any
            """, browsers: true, Account.confirmPaymentIntent),
        Route(
            "POST /v1/payment_intents/{intent}/cancel",
            "cancellation_reason:(duplicate|fraudulent|requested_by_customer|abandoned)", browsers: true,
            Account.cancelPaymentIntent),
        Route(
            "POST /v1/payment_intents/{intent}/verify_microdeposits", "amounts:[int] descriptor_code", browsers: true,
            Account.verifyPaymentMicrodeposits),
    ]

    private static let cancelable = [
        "requires_payment_method", "requires_capture", "requires_reauthorization", "requires_confirmation",
        "requires_action", "expired", "processing",
    ]

    // MARK: Making

    /// Stores an intent without an event.
    func addIntent(amount: Int64, currency: String, customer: String?, automatic: Bool) -> String {
        let id = newID(.paymentIntent, sideEffect: !automatic)
        put(
            .paymentIntent,
            [
                "id": .string(id), "object": "payment_intent", "allowed_payment_method_types": nil,
                "amount": .integer(amount), "amount_capturable": 0, "amount_details": ["tip": [:]],
                "amount_received": 0, "application": nil, "application_fee_amount": nil,
                "automatic_payment_methods": automatic ? ["allow_redirects": "always", "enabled": true] : nil,
                "canceled_at": nil, "cancellation_reason": nil, "capture_method": "automatic_async",
                "client_secret": .string("\(id)_secret_\(random.text(25))"), "confirmation_method": "automatic",
                "created": .integer(now), "currency": .string(currency), "customer": .optional(customer),
                "customer_account": nil, "description": nil, "excluded_payment_method_types": nil,
                "last_payment_error": nil, "latest_charge": nil, "livemode": false,
                "managed_payments": ["enabled": false], "metadata": [:], "next_action": nil, "on_behalf_of": nil,
                "payment_method": nil, "payment_method_configuration_details": nil,
                "payment_method_options": [
                    "card": [
                        "installments": nil, "mandate_options": nil, "network": nil, "request_three_d_secure": "automatic",
                    ]
                ],
                "payment_method_types": ["card"], "processing": nil, "receipt_email": nil, "review": nil,
                "setup_future_usage": nil, "shipping": nil, "source": nil, "statement_descriptor": nil,
                "statement_descriptor_suffix": nil, "status": "requires_payment_method", "transfer_data": nil,
                "transfer_group": nil,
            ])
        return id
    }

    func createPaymentIntent(_ call: Call) throws(APIFailure) -> JSONValue {
        let params = call.params
        let amount = params.integer("amount") ?? 0
        let currency = (params.string("currency") ?? "usd").lowercased()
        guard amount > 0 else {
            throw .invalid(
                "This value must be greater than or equal to 1.", param: "amount", code: "parameter_invalid_integer")
        }
        guard amount <= ExactAmount.largest else { throw .amountTooLarge }
        guard amount >= Self.minimumCharge(currency) else {
            throw .invalid(
                "Amount must be at least \(Wording.money(Self.minimumCharge(currency), currency)) \(currency)",
                param: "amount", code: "amount_too_small")
        }
        try refuseTypes(call)
        let id = addIntent(
            amount: amount, currency: currency, customer: params.string("customer"),
            automatic: !params.has("payment_method_types"))
        try applyIntent(call, to: id)
        emit("payment_intent.created", .paymentIntent, id)
        if params.flag("confirm") { try confirm(id, call) }
        return .object(rendered(.paymentIntent, id))
    }

    /// Writable until 2026-09-30.endive, refused since.
    func refuseTypes(_ call: Call) throws(APIFailure) {
        guard call.params.has("payment_method_types"), !call.isBeforeEndive else { return }
        throw .invalid(
            "The parameter `payment_method_types` is no longer supported in this API version. Use "
                + "`automatic_payment_methods` or `allowed_payment_method_types` instead.",
            param: "payment_method_types", code: "payment_method_types_no_longer_supported")
    }

    private func applyIntent(_ call: Call, to id: String) throws(APIFailure) {
        let params = call.params
        try Self.check(params, "amount", in: 1...ExactAmount.largest)
        if let customer = params.string("customer") { _ = try referred(.customer, customer, param: "customer") }
        change(.paymentIntent, id) { intent in
            intent.copy(
                [
                    "allowed_payment_method_types", "amount", "capture_method", "currency", "customer", "description",
                    "excluded_payment_method_types", "payment_details",
                    "payment_method_types", "receipt_email",
                    "setup_future_usage", "shipping", "statement_descriptor", "statement_descriptor_suffix",
                    "transfer_group",
                ], from: params)
            Self.mergeMetadata(params["metadata"], into: &intent)
            for (type, options) in params.object("payment_method_options") {
                for (name, value) in options.objectValue ?? [:] {
                    intent.set("payment_method_options", type, name, to: value)
                }
            }
        }
        guard let method = try givenMethod(params) else { return }
        try checkOwner(of: method, intent: known(.paymentIntent, id))
        change(.paymentIntent, id) {
            $0["payment_method"] = .string(method.id)
            $0["status"] = "requires_confirmation"
        }
    }

    func updatePaymentIntent(_ call: Call) throws(APIFailure) -> JSONValue {
        let intent = try named(.paymentIntent, call.id)
        guard Self.cancelable.contains(intent.string("status") ?? "") else {
            throw stateFailure(
                "This PaymentIntent could not be updated because it has a status of "
                    + "\(intent.string("status") ?? "").", intent, call)
        }
        try refuseTypes(call)
        try applyIntent(call, to: call.id)
        return .object(rendered(.paymentIntent, call.id))
    }

    // MARK: Reading

    func retrievePaymentIntent(_ call: Call) throws(APIFailure) -> JSONValue {
        try view(try authorized(.paymentIntent, call), call)
    }

    func listPaymentIntents(_ call: Call) throws(APIFailure) -> JSONValue {
        try list(
            .paymentIntent, call, group: call.params.string("customer").map { (member: "customer", value: $0) })
    }

    /// An intent that the path names; a publishable key also needs its client secret.
    func authorized(_ kind: ObjectKind, _ call: Call) throws(APIFailure) -> JSONObject {
        let intent = try named(kind, call.id)
        let given = call.params.string("client_secret")
        if given == nil, call.caller == .secret { return intent }
        guard let given else { throw .missing("client_secret") }
        guard given == intent.string("client_secret") else {
            let name = kind == .paymentIntent ? "PaymentIntent" : "SetupIntent"
            throw .invalid(
                "The client_secret provided does not match any associated \(name) on this account. Ensure the "
                    + "client_secret was copied correctly.", param: "client_secret",
                code: "\(kind.rawValue)_invalid_parameter")
        }
        return intent
    }

    /// What a browser sees of an intent: nothing of the customer or the account's own notes.
    private static let publicMembers: Set<String> = [
        "id", "object", "amount", "amount_details", "automatic_payment_methods", "canceled_at", "cancellation_reason",
        "capture_method", "client_secret", "confirmation_method", "created", "currency", "description",
        "last_payment_error", "last_setup_error", "livemode", "next_action", "payment_method",
        "payment_method_configuration_details", "payment_method_types", "processing", "receipt_email",
        "setup_future_usage", "shipping", "source", "status", "usage",
    ]

    func view(_ intent: JSONObject, _ call: Call) throws(APIFailure) -> JSONValue {
        .object(visible(intent.withoutHidden, to: call.caller))
    }

    func visible(_ intent: JSONObject, to caller: Caller) -> JSONObject {
        guard caller == .publishable else { return intent }
        return JSONObject(intent.lazy.filter { Self.publicMembers.contains($0.key) }.map { ($0.key, $0.value) })
    }

    // MARK: Confirming

    func confirmPaymentIntent(_ call: Call) throws(APIFailure) -> JSONValue {
        _ = try authorized(.paymentIntent, call)
        try confirm(call.id, call)
        return try view(known(.paymentIntent, call.id), call)
    }

    private func confirm(_ id: String, _ call: Call) throws(APIFailure) {
        let intent = known(.paymentIntent, id)
        let status = intent.string("status") ?? ""
        switch status {
        case "succeeded":
            throw stateFailure(
                "You cannot confirm this PaymentIntent because it has already succeeded after being previously "
                    + "confirmed.", intent, call)
        case "canceled", "processing":
            throw stateFailure(
                "You cannot confirm this PaymentIntent because it has a status of \(status). Only a PaymentIntent "
                    + "with one of the following statuses may be confirmed: requires_confirmation, requires_action.",
                intent, call)
        default: break
        }
        guard let method = try resolveMethod(of: intent, call.params) else {
            throw missingMethod(intent, call)
        }
        try checkOwner(of: method, intent: intent)
        change(.paymentIntent, id) {
            $0.copy(["capture_method", "setup_future_usage", "receipt_email", "shipping"], from: call.params)
        }
        let attempt = PaymentAttempt(
            offSession: call.params["off_session"].map { $0.stringValue != "false" } ?? false,
            returnURL: try Self.returnURL(call.params), usesSDK: call.params.flag("use_stripe_sdk"),
            failsOnAction: call.params.flag("error_on_requires_action"))
        let result = pay(id, with: method, attempt)
        if let invoice = intent.string("_invoice") { settle(invoice, result, automatic: false) }
        if case .declined(var failure) = result {
            failure.keepsChanges = true
            failure.details["payment_intent"] = .object(visible(rendered(.paymentIntent, id), to: call.caller))
            throw failure
        }
    }

    /// The method that a call names or describes.
    func givenMethod(_ params: JSONObject) throws(APIFailure) -> JSONObject? {
        if let token = params.string("confirmation_token") {
            // Only Stripe.js makes them, for the account that serves it.
            throw .invalid(
                "No such confirmation_token: '\(token)'", param: "confirmation_token", code: "resource_missing")
        }
        if let given = params.string("payment_method") { return try method(given, param: "payment_method") }
        guard let data = params["payment_method_data"]?.objectValue else { return nil }
        return try makeMethod(data, prefix: "payment_method_data")
    }

    /// The call's own method, else the intent's, else (for an invoice's intent) the default one.
    private func resolveMethod(of intent: JSONObject, _ params: JSONObject) throws(APIFailure) -> JSONObject? {
        if let given = try givenMethod(params) { return given }
        if let own = intent.string("payment_method") { return find(.paymentMethod, own) }
        return intent.string("_invoice").flatMap { defaultMethod(ofInvoice: known(.invoice, $0)) }
    }

    private func checkOwner(of method: JSONObject, intent: JSONObject) throws(APIFailure) {
        guard let owner = method.string("customer"), owner != intent.string("customer") else { return }
        guard let customer = intent.string("customer") else {
            throw .invalid(
                "The `payment_method` parameter supplied \(method.id) belongs to the Customer \(owner). Please include "
                    + "the Customer in the `customer` parameter on the PaymentIntent.", param: "source",
                code: "parameter_missing")
        }
        throw .invalid(
            "The PaymentMethod \(method.id) does not belong to the Customer you supplied \(customer). Please use this "
                + "PaymentMethod with the Customer that it belongs to instead.", param: "payment_method")
    }

    func stateFailure(_ message: String, _ intent: JSONObject, _ call: Call) -> APIFailure {
        var failure = APIFailure.invalid(message, code: "payment_intent_unexpected_state")
        failure.details["payment_intent"] = .object(visible(intent.withoutHidden, to: call.caller))
        return failure
    }

    private func missingMethod(_ intent: JSONObject, _ call: Call) -> APIFailure {
        var message =
            "You cannot confirm this PaymentIntent because it's missing a payment method. You can either update the "
            + "PaymentIntent with a payment method and then confirm it again, or confirm it again directly with a "
            + "payment method or ConfirmationToken."
        if let customer = intent.string("customer") {
            message =
                "You cannot confirm this PaymentIntent because it's missing a payment method. To confirm the "
                + "PaymentIntent with \(customer), specify a payment method attached to this customer along with the "
                + "customer ID."
        }
        return stateFailure(message, intent, call)
    }

    /// Where the browser goes after the bank's page.
    static func returnURL(_ params: JSONObject) throws(APIFailure) -> String? {
        try params.string("return_url").map { (url) throws(APIFailure) in try pageURL(url, "return_url") }
    }

    /// An address that a browser is sent to: anything with a scheme but what a page would run.
    static func pageURL(_ url: String, _ param: String) throws(APIFailure) -> String {
        let scheme = url.prefix { $0 != ":" }.lowercased()
        guard url.contains("://"), !["javascript", "data", "vbscript"].contains(scheme),
            !url.utf8.contains(where: { $0 < 33 })
        else {
            throw .invalid(
                "Invalid URL: An explicit scheme (such as https) must be provided.", param: param, code: "url_invalid")
        }
        return url
    }

    func verifyPaymentMicrodeposits(_ call: Call) throws(APIFailure) -> JSONValue {
        let intent = try authorized(.paymentIntent, call)
        guard intent.object("next_action").string("type") == "verify_with_microdeposits" else {
            throw stateFailure(
                "This PaymentIntent cannot be actioned on because it has a status of \(intent.string("status") ?? ""). "
                    + "Only a PaymentIntent with one of the following statuses may be actioned on: [\"requires_action\"].",
                intent, call)
        }
        let method = try verify(.paymentIntent, intent, call.params)
        let result = pay(call.id, with: method, PaymentAttempt(isAuthenticated: true))
        if let invoice = intent.string("_invoice") { settle(invoice, result, automatic: false) }
        return try view(known(.paymentIntent, call.id), call)
    }

    // MARK: Canceling

    func cancelPaymentIntent(_ call: Call) throws(APIFailure) -> JSONValue {
        let intent = try authorized(.paymentIntent, call)
        let status = intent.string("status") ?? ""
        guard Self.cancelable.contains(status) else {
            throw stateFailure(
                "You cannot cancel this PaymentIntent because it has a status of \(status). Only a PaymentIntent with "
                    + "one of the following statuses may be canceled: \(Self.cancelable.joined(separator: ", ")).",
                intent, call)
        }
        if let invoice = intent.string("_invoice"), known(.invoice, invoice).string("status") == "open" {
            throw stateFailure(
                "You cannot cancel this PaymentIntent because it belongs to the open invoice \(invoice). Void the "
                    + "invoice instead.", intent, call)
        }
        release(intent, "charge.refunded")
        cancelIntent(call.id, reason: call.params.string("cancellation_reason"))
        return try view(known(.paymentIntent, call.id), call)
    }

    func cancelIntent(_ id: String, reason: String?) {
        guard Self.cancelable.contains(known(.paymentIntent, id).string("status") ?? "") else { return }
        change(.paymentIntent, id) {
            $0["status"] = "canceled"
            $0["canceled_at"] = .integer(now)
            $0["cancellation_reason"] = .optional(reason)
            $0["next_action"] = .null
        }
        emit("payment_intent.canceled", .paymentIntent, id)
    }
}
