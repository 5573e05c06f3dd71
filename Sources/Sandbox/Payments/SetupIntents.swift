import JSON

/// Setup intents: a method made ready for later payments. Behaviour as recorded in Stripe's test mode.
extension Account {
    private static let setupTable = """
        customer description? excluded_payment_method_types?:[text] allowed_payment_method_types?:[text] \
        flow_directions:[(inbound|outbound)] metadata?:map payment_method payment_method_data:{@method_data} \
        payment_method_options:any payment_method_types:[text] attach_to_self:bool customer_account \
        payment_method_configuration
        """

    static let setupIntentRoutes: [Route] = [
        Route(
            "POST /v1/setup_intents",
            setupTable + """
                 automatic_payment_methods:{enabled!:bool allow_redirects:(always|never)} confirm:bool confirmation_token \
                mandate_data?:any on_behalf_of return_url single_use:any usage:(off_session|on_session) \
                use_stripe_sdk:bool
                """, Account.createSetupIntent),
        Route(
            "GET /v1/setup_intents", "@list attach_to_self:bool customer customer_account payment_method",
            Account.listSetupIntents),
        Route("GET /v1/setup_intents/{intent}", "", browsers: true, Account.retrieveSetupIntent),
        Route("POST /v1/setup_intents/{intent}", setupTable, Account.updateSetupIntent),
        Route(
            "POST /v1/setup_intents/{intent}/confirm",
            """
            allowed_payment_method_types:[text] confirmation_token mandate_data?:any payment_method \
            payment_method_data:{@method_data} payment_method_options:any payment_method_types:[text] return_url
            """, browsers: true, Account.confirmSetupIntent),
        Route(
            "POST /v1/setup_intents/{intent}/cancel", "cancellation_reason:(abandoned|requested_by_customer|duplicate)",
            browsers: true, Account.cancelSetupIntent),
        Route("GET /v1/setup_attempts", "@list setup_intent!", Account.listSetupAttempts),
        Route(
            "POST /v1/setup_intents/{intent}/verify_microdeposits", "amounts:[int] descriptor_code", browsers: true,
            Account.verifyMicrodeposits),
    ]

    // MARK: Making

    /// Stores an intent without an event.
    func addSetupIntent(customer: String?, types: [JSONValue]?) -> String {
        let id = newID(.setupIntent)
        put(
            .setupIntent,
            [
                "id": .string(id), "object": "setup_intent", "allowed_payment_method_types": nil, "application": nil,
                "automatic_payment_methods": types == nil ? ["allow_redirects": "always", "enabled": true] : nil,
                "cancellation_reason": nil, "client_secret": .string("\(id)_secret_\(random.text(31))"),
                "created": .integer(now), "customer": .optional(customer), "customer_account": nil,
                "description": nil, "excluded_payment_method_types": nil, "flow_directions": nil,
                "last_setup_error": nil, "latest_attempt": nil, "livemode": false,
                "managed_payments": ["enabled": false], "mandate": nil, "metadata": [:], "next_action": nil,
                "on_behalf_of": nil, "payment_method": nil,
                "payment_method_configuration_details": types == nil
                    ? ["id": .string("pmc_1\(Account.fragment)"), "parent": nil] : nil,
                "payment_method_options": [
                    "card": ["mandate_options": nil, "network": nil, "request_three_d_secure": "automatic"]
                ],
                "payment_method_types": .array(types ?? ["card"]), "single_use_mandate": nil,
                "status": "requires_payment_method", "usage": "off_session",
            ])
        return id
    }

    func createSetupIntent(_ call: Call) throws(APIFailure) -> JSONValue {
        let params = call.params
        try refuseTypes(call)
        let id = addSetupIntent(customer: nil, types: params["payment_method_types"]?.arrayValue)
        try applySetup(call, to: id, quoting: false)
        emit("setup_intent.created", .setupIntent, id)
        if params.flag("confirm") { try confirmSetup(id, call) }
        return .object(rendered(.setupIntent, id))
    }

    /// `quoting`: whether errors carry the intent, as they do once it exists.
    private func applySetup(_ call: Call, to id: String, quoting: Bool) throws(APIFailure) {
        let params = call.params
        if let customer = params.string("customer") { _ = try referred(.customer, customer, param: "customer") }
        let before = known(.setupIntent, id)
        if let method = try givenMethod(params) {
            let customer = params.string("customer") ?? before.string("customer")
            if var failure = Self.ownerFailure(of: method, customer: customer) {
                if quoting { failure.details["setup_intent"] = .object(before.withoutHidden) }
                throw failure
            }
            change(.setupIntent, id) {
                $0["payment_method"] = .string(method.id)
                $0["status"] = "requires_confirmation"
            }
        }
        change(.setupIntent, id) { intent in
            intent.copy(["customer", "description", "flow_directions", "payment_method_types"], from: params)
            Self.mergeMetadata(params["metadata"], into: &intent)
        }
    }

    private static func ownerFailure(of method: JSONObject, customer: String?) -> APIFailure? {
        guard let owner = method.string("customer"), owner != customer else { return nil }
        guard let customer else {
            return .invalid(
                "The payment method supplied (\(method.id)) belongs to the Customer \(owner). Please include the "
                    + "Customer in the `customer` parameter on the SetupIntent.", param: "payment_method")
        }
        return .invalid(
            "The PaymentMethod \(method.id) does not belong to the Customer you supplied \(customer). Please use this "
                + "PaymentMethod with the Customer that it belongs to instead.", param: "payment_method")
    }

    func updateSetupIntent(_ call: Call) throws(APIFailure) -> JSONValue {
        let intent = try named(.setupIntent, call.id)
        let status = intent.string("status") ?? ""
        let edits = call.params.keys.contains { !["description", "metadata", "expand"].contains($0) }
        if edits, status == "succeeded" || status == "canceled" {
            let why = status == "succeeded" ? "it has already succeeded" : "it has been canceled"
            throw setupFailure("You cannot update this SetupIntent because \(why).", intent)
        }
        try refuseTypes(call)
        try applySetup(call, to: call.id, quoting: true)
        return .object(rendered(.setupIntent, call.id))
    }

    private func setupFailure(_ message: String, _ intent: JSONObject) -> APIFailure {
        var failure = APIFailure.invalid(message, code: "setup_intent_unexpected_state")
        failure.details["setup_intent"] = .object(intent.withoutHidden)
        return failure
    }

    // MARK: Reading

    func retrieveSetupIntent(_ call: Call) throws(APIFailure) -> JSONValue {
        try view(try authorized(.setupIntent, call), call)
    }

    func listSetupIntents(_ call: Call) throws(APIFailure) -> JSONValue {
        let group = call.params.string("customer").map { (member: "customer", value: $0) }
        return try list(.setupIntent, call, group: group) { Self.agrees($0, call.params, ["payment_method"]) }
    }

    func listSetupAttempts(_ call: Call) throws(APIFailure) -> JSONValue {
        let intent = call.params.string("setup_intent") ?? ""
        _ = try referred(.setupIntent, intent, param: "setup_intent")
        return try list(.setupAttempt, call, group: ("setup_intent", intent))
    }

    // MARK: Confirming

    func confirmSetupIntent(_ call: Call) throws(APIFailure) -> JSONValue {
        _ = try authorized(.setupIntent, call)
        try confirmSetup(call.id, call)
        return try view(known(.setupIntent, call.id), call)
    }

    private func confirmSetup(_ id: String, _ call: Call) throws(APIFailure) {
        let intent = known(.setupIntent, id)
        switch intent.string("status") {
        case "succeeded":
            throw setupFailure("You cannot confirm this SetupIntent because it has already succeeded.", intent)
        case "canceled":
            throw setupFailure("You cannot confirm this SetupIntent because it has been canceled.", intent)
        default: break
        }
        let own = intent.string("payment_method").flatMap { find(.paymentMethod, $0) }
        guard let method = try givenMethod(call.params) ?? own else {
            throw setupFailure(
                "You cannot confirm this SetupIntent because it's missing a payment method. You can either update the "
                    + "SetupIntent with a payment method and then confirm it again, or confirm it again directly with "
                    + "a payment method or ConfirmationToken.", intent)
        }
        if var failure = Self.ownerFailure(of: method, customer: intent.string("customer")) {
            failure.details["setup_intent"] = .object(intent.withoutHidden)
            throw failure
        }
        let attempt = PaymentAttempt(
            returnURL: try Self.returnURL(call.params), usesSDK: call.params.flag("use_stripe_sdk"))
        try setUp(id, method, attempt)
    }

    /// Has the bank accept the method for later, and makes it the customer's.
    func setUp(_ id: String, _ given: JSONObject, _ attempt: PaymentAttempt) throws(APIFailure) {
        var method = given
        Self.passChecks(&method)
        if !attempt.isAuthenticated, Self.needsVerification(method) {
            return wait(id, method, for: verifyAction(id))
        }
        switch Self.testCard(of: method)?.behavior {
        case .declines(let decline)?: throw refuseSetup(id, method, decline)
        case .authenticates(let when, _)? where !attempt.isAuthenticated && when != .onSessionOnly:
            return wait(id, method, for: nextAction(.setupIntent, id, attempt))
        default: break
        }
        let customer = known(.setupIntent, id).string("customer")
        let attaches = customer != nil && (method["customer"]?.isNull ?? true)
        method["_set_up"] = true
        put(.paymentMethod, method)
        if attaches, let customer {
            link(method, to: customer)
            emit("payment_method.attached", .paymentMethod, method.id)
        }
        let attemptID = addAttempt(id, method, status: "succeeded")
        let mandate = mandate(for: method)
        change(.setupIntent, id) { intent in
            intent["status"] = "succeeded"
            intent["mandate"] = .optional(mandate)
            Self.admit(method.string("type") ?? "card", in: &intent)
            intent["payment_method"] = .string(method.id)
            intent["latest_attempt"] = .string(attemptID)
            intent["last_setup_error"] = .null
            intent["next_action"] = .null
        }
        emit("setup_intent.succeeded", .setupIntent, id)
        finishPendingSetup(id, method.id)
    }

    private func wait(_ id: String, _ method: JSONObject, for action: JSONValue) {
        let attempt = addAttempt(id, method, status: "requires_action")
        change(.setupIntent, id) { intent in
            intent["status"] = "requires_action"
            intent["payment_method"] = .string(method.id)
            intent["next_action"] = action
            intent["latest_attempt"] = .string(attempt)
        }
        emit("setup_intent.requires_action", .setupIntent, id)
    }

    private func refuseSetup(_ id: String, _ method: JSONObject, _ decline: Decline) -> APIFailure {
        put(.paymentMethod, method)
        var error = decline.members
        error["payment_method"] = .object(render(.paymentMethod, method))
        let attemptID = addAttempt(id, method, status: "failed")
        change(.setupIntent, id) { intent in
            intent["status"] = "requires_payment_method"
            intent["payment_method"] = .null
            intent["latest_attempt"] = .string(attemptID)
            intent["last_setup_error"] = .object(error)
            intent["next_action"] = .null
        }
        emit("setup_intent.setup_failed", .setupIntent, id)
        var failure = APIFailure.declined(decline)
        failure.keepsChanges = true
        failure.details["payment_method"] = error["payment_method"]
        failure.details["setup_intent"] = .object(rendered(.setupIntent, id))
        return failure
    }

    private func addAttempt(_ intent: String, _ method: JSONObject, status: String) -> String {
        let id = newID(.setupAttempt)
        put(
            .setupAttempt,
            [
                "id": .string(id), "object": "setup_attempt", "application": nil, "created": .integer(now),
                "customer": known(.setupIntent, intent)["customer"] ?? .null, "customer_account": nil,
                "flow_directions": nil, "livemode": false, "on_behalf_of": nil,
                "payment_method": .string(method.id),
                "payment_method_details": ["type": method["type"] ?? "card"], "setup_error": nil,
                "setup_intent": .string(intent), "status": .string(status), "usage": "off_session",
            ])
        return id
    }

    /// A subscription's pending setup is done: its method becomes the subscription's default.
    private func finishPendingSetup(_ id: String, _ method: String) {
        guard let subscription = known(.setupIntent, id).string("_subscription"),
            let live = find(.subscription, subscription), !Self.isOver(live)
        else { return }
        let before = render(.subscription, live)
        change(.subscription, subscription) {
            $0["default_payment_method"] = .string(method)
            $0["pending_setup_intent"] = .null
        }
        emitUpdate("customer.subscription.updated", .subscription, subscription, since: before)
        payResumption(of: subscription, PaymentAttempt(offSession: true))
    }

    // MARK: Ending

    func cancelSetupIntent(_ call: Call) throws(APIFailure) -> JSONValue {
        let intent = try authorized(.setupIntent, call)
        let status = intent.string("status") ?? ""
        if status == "canceled" {
            throw setupFailure("You cannot cancel this SetupIntent because it is already canceled.", intent)
        }
        guard status != "succeeded" else {
            throw setupFailure(
                "You cannot cancel this SetupIntent because it has a status of \(status). Only a SetupIntent with one "
                    + "of the following statuses may be canceled: `requires_payment_method`, `requires_confirmation`, "
                    + "or `requires_action`.", intent)
        }
        change(.setupIntent, call.id) {
            $0["status"] = "canceled"
            $0["cancellation_reason"] = call.params["cancellation_reason"] ?? .null
            $0["next_action"] = .null
        }
        emit("setup_intent.canceled", .setupIntent, call.id)
        return try view(known(.setupIntent, call.id), call)
    }

    func verifyMicrodeposits(_ call: Call) throws(APIFailure) -> JSONValue {
        let intent = try authorized(.setupIntent, call)
        guard intent.object("next_action").string("type") == "verify_with_microdeposits" else {
            var failure = APIFailure.invalid(
                "This SetupIntent cannot be actioned on because it has a status of \(intent.string("status") ?? ""). Only "
                    + "a SetupIntent with one of the following statuses may be actioned on: [\"requires_action\"].",
                code: "intent_invalid_state")
            failure.details["setup_intent"] = .object(intent.withoutHidden)
            throw failure
        }
        let method = try verify(.setupIntent, intent, call.params)
        try setUp(call.id, method, PaymentAttempt(isAuthenticated: true))
        return try view(known(.setupIntent, call.id), call)
    }
}
