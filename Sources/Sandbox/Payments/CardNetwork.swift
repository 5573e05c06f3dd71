import JSON

/// How a payment is asked for.
struct PaymentAttempt {
    /// The customer is not there to authenticate: renewals, retries.
    var offSession = false
    var returnURL: String?
    /// Stripe.js would open the authentication itself.
    var usesSDK = false
    /// The customer has just authenticated.
    var isAuthenticated = false
}

/// What came of an attempt.
enum PaymentResult {
    case succeeded
    case declined(APIFailure)
    /// The customer has to authenticate first.
    case requiresAction
    /// There is no payment method to charge.
    case noMethod
}

/// The card network and the banks behind it: the table of test cards decides, charges and intents record it.
extension Account {
    private enum Verdict {
        case approve
        case decline(Decline)
        case authenticate
    }

    private static func verdict(_ method: JSONObject, _ attempt: PaymentAttempt) -> Verdict {
        guard let card = TestCard.numbered(method.string("_number") ?? "") else { return .approve }
        switch card.behavior {
        case .succeeds: return .approve
        case .declines(let decline), .declinesCharge(let decline): return .decline(decline)
        case .authenticates(let when, let then):
            if !attempt.isAuthenticated {
                if !attempt.offSession { return .authenticate }
                let passes = when == .onSessionOnly || (when == .untilSetUp && method.flag("_set_up"))
                if !passes { return .decline(.authenticationRequired) }
            }
            return then.map(Verdict.decline) ?? .approve
        }
    }

    /// Charges an intent with a method: the events of the charge, the method and the intent, in this order.
    func pay(_ intentID: String, with method: JSONObject, _ attempt: PaymentAttempt) -> PaymentResult {
        switch Self.verdict(method, attempt) {
        case .approve:
            approve(intentID, method, authenticated: attempt.isAuthenticated)
            return .succeeded
        case .decline(let decline): return .declined(refuse(intentID, method, decline))
        case .authenticate:
            change(.paymentIntent, intentID) { intent in
                intent["status"] = "requires_action"
                intent["payment_method"] = .string(method.id)
                intent["last_payment_error"] = .null
                intent["next_action"] = nextAction(.paymentIntent, intentID, attempt)
            }
            emit("payment_intent.requires_action", .paymentIntent, intentID)
            return .requiresAction
        }
    }

    /// What a client has to do for 3D Secure: leave it to Stripe.js, or send the browser to a page of this sandbox.
    func nextAction(_ kind: ObjectKind, _ id: String, _ attempt: PaymentAttempt) -> JSONValue {
        let page = "\(origin)/sandbox/authenticate/\(id)"
        if attempt.usesSDK {
            return [
                "type": "use_stripe_sdk",
                "use_stripe_sdk": ["type": "three_d_secure_redirect", "stripe_js": .string(page)],
            ]
        }
        return [
            "type": "redirect_to_url",
            "redirect_to_url": ["return_url": .optional(attempt.returnURL), "url": .string(page)],
        ]
    }

    private func approve(_ intentID: String, _ method: JSONObject, authenticated: Bool) {
        let intent = known(.paymentIntent, intentID)
        var method = method
        Self.passCVC(&method)
        let saves = intent["setup_future_usage"].map { !$0.isNull } ?? false
        if saves { method["_set_up"] = true }
        let customer = intent.string("customer")
        let attaches = saves && customer != nil && (method["customer"]?.isNull ?? true)
        if !attaches, method["customer"]?.isNull ?? true { method["_used"] = true }
        put(.paymentMethod, method)
        let charge = addCharge(for: intent, method, decline: nil)
        emit("charge.succeeded", .charge, charge)
        if attaches, let customer {
            link(method, to: customer)
            emit("payment_method.attached", .paymentMethod, method.id)
        }
        change(.paymentIntent, intentID) { intent in
            intent["status"] = "succeeded"
            intent["payment_method"] = .string(method.id)
            intent["amount_received"] = intent["amount"] ?? 0
            intent["latest_charge"] = .string(charge)
            intent["last_payment_error"] = .null
            intent["next_action"] = .null
        }
        emit("payment_intent.succeeded", .paymentIntent, intentID)
    }

    /// A refusal. A bank that asks for the customer who is not there was never charged, so that there is no charge.
    private func refuse(_ intentID: String, _ given: JSONObject, _ decline: Decline) -> APIFailure {
        var method = given
        Self.passCVC(&method)
        put(.paymentMethod, method)
        let reached = decline != .authenticationRequired
        let charge = reached ? addCharge(for: known(.paymentIntent, intentID), method, decline: decline) : nil
        if let charge { emit("charge.failed", .charge, charge) }
        let shown = JSONValue.object(render(.paymentMethod, method))
        var error = decline.members
        if let charge { error["charge"] = .string(charge) }
        error["payment_method"] = shown
        error["payment_method_type"] = method["type"] ?? "card"
        change(.paymentIntent, intentID) { intent in
            intent["status"] = "requires_payment_method"
            intent["payment_method"] = .null
            if let charge { intent["latest_charge"] = .string(charge) }
            intent["last_payment_error"] = .object(error)
            intent["next_action"] = .null
        }
        emit("payment_intent.payment_failed", .paymentIntent, intentID)
        var failure = APIFailure.declined(decline)
        failure.details["charge"] = error["charge"]
        failure.details["payment_method"] = shown
        failure.details["payment_intent"] = .object(rendered(.paymentIntent, intentID))
        return failure
    }
}
