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
    /// A payment that needs the customer is to fail rather than wait.
    var failsOnAction = false
    /// What the bank is to say, because somebody ordered it so.
    var ordered: Decline?
}

/// What came of an attempt.
enum PaymentResult {
    case succeeded
    /// The bank will say so later.
    case processing
    case declined(APIFailure)
    /// The customer has to authenticate first.
    case requiresAction
    /// There is no payment method to charge.
    case noMethod
}

/// The card network and the banks behind it: the tables of test cards and accounts decide, charges and intents record it.
extension Account {
    private enum Verdict {
        case approve
        case debit
        case decline(Decline)
        case authenticate
        case verify
    }

    private static func verdict(_ method: JSONObject, _ attempt: PaymentAttempt) -> Verdict {
        if TestBank.isDebit(method.string("type") ?? "") {
            return needsVerification(method) && !attempt.offSession ? .verify : .debit
        }
        if let decline = attempt.ordered { return .decline(decline) }
        guard let card = TestCard.numbered(method.string("_number") ?? "") else { return .approve }
        switch card.behavior {
        case .succeeds: return .approve
        case .declines(let decline), .declinesCharge(let decline): return .decline(decline)
        case .authenticates(let when, let then):
            if !attempt.isAuthenticated {
                let passes = when == .onSessionOnly || (when == .untilSetUp && method.flag("_set_up"))
                if !attempt.offSession { return attempt.failsOnAction ? .decline(.authenticationRequired) : .authenticate }
                if !passes { return .decline(.authenticationRequired) }
            }
            return then.map(Verdict.decline) ?? .approve
        }
    }

    /// Charges an intent with a method: the events of the charge, the method and the intent, in this order.
    func pay(_ intentID: String, with method: JSONObject, _ attempt: PaymentAttempt) -> PaymentResult {
        switch Self.verdict(method, attempt) {
        case .approve:
            approve(intentID, method)
            return .succeeded
        case .debit:
            startDebit(intentID, method, attempt)
            return .processing
        case .decline(let decline): return .declined(refuse(intentID, method, decline))
        case .authenticate:
            wait(intentID, method, for: nextAction(.paymentIntent, intentID, attempt))
            return .requiresAction
        case .verify:
            wait(intentID, method, for: verifyAction(intentID))
            return .requiresAction
        }
    }

    private func wait(_ intentID: String, _ method: JSONObject, for action: JSONValue) {
        change(.paymentIntent, intentID) { intent in
            intent["status"] = "requires_action"
            intent["payment_method"] = .string(method.id)
            intent["last_payment_error"] = .null
            intent["next_action"] = action
        }
        emit("payment_intent.requires_action", .paymentIntent, intentID)
    }

    /// What a client has to do for 3D Secure: send the browser to a page of this sandbox, which sends it back to the
    /// `return_url`, or without one leave it to Stripe.js.
    func nextAction(_ kind: ObjectKind, _ id: String, _ attempt: PaymentAttempt) -> JSONValue {
        let page = "\(origin)/sandbox/authenticate/\(id)"
        if !attempt.usesSDK, let back = attempt.returnURL {
            return ["type": "redirect_to_url", "redirect_to_url": ["return_url": .string(back), "url": .string(page)]]
        }
        return [
            "type": "use_stripe_sdk",
            "use_stripe_sdk": ["type": "three_d_secure_redirect", "stripe_js": .string(page)],
        ]
    }

    // MARK: Approved

    private func approve(_ intentID: String, _ given: JSONObject) {
        let intent = known(.paymentIntent, intentID)
        let method = keep(given, for: intent)
        let isHold = intent.string("capture_method") == "manual"
        let charge = addCharge(for: intent, method, isHold ? .held : .succeeded)
        emit("charge.succeeded", .charge, charge)
        sayAttached(method, since: given)
        if isHold { hold(intentID, method, charge: charge) } else { succeed(intentID, method, charge: charge) }
    }

    /// Keeps a method that a payment goes through with: its checks have passed, it is set up where the intent asked for
    /// that, and becomes the customer's.
    func keep(_ given: JSONObject, for intent: JSONObject) -> JSONObject {
        var method = given
        Self.passChecks(&method)
        let saves = intent["setup_future_usage"].map { !$0.isNull } ?? false
        if saves { method["_set_up"] = true }
        if method["customer"]?.isNull ?? true {
            if saves, let customer = intent.string("customer") { return link(method, to: customer) }
            method["_used"] = true
        }
        put(.paymentMethod, method)
        return method
    }

    func sayAttached(_ method: JSONObject, since given: JSONObject) {
        if method.string("customer") != given.string("customer") {
            emit("payment_method.attached", .paymentMethod, method.id)
        }
    }

    func succeed(_ intentID: String, _ method: JSONObject, charge: String) {
        change(.paymentIntent, intentID) { intent in
            intent["status"] = "succeeded"
            intent["payment_method"] = .string(method.id)
            intent["amount_received"] = intent["amount"] ?? 0
            intent["latest_charge"] = .string(charge)
            intent["last_payment_error"] = .null
            intent["next_action"] = .null
        }
        emit("payment_intent.succeeded", .paymentIntent, intentID)
        disputeAtOnce(charge)
        creditAttached(known(.paymentIntent, intentID))
    }

    // MARK: Refused

    /// A refusal. A bank that asks for the customer who is not there was never charged, so that there is no charge.
    private func refuse(_ intentID: String, _ given: JSONObject, _ decline: Decline) -> APIFailure {
        var method = given
        Self.passChecks(&method)
        put(.paymentMethod, method)
        guard decline != .authenticationRequired else { return fail(intentID, method, decline, charge: nil) }
        let charge = addCharge(for: known(.paymentIntent, intentID), method, .failed(decline))
        emit("charge.failed", .charge, charge)
        return fail(intentID, method, decline, charge: charge)
    }

    /// An intent whose attempt failed, and the error that says so.
    func fail(_ intentID: String, _ method: JSONObject, _ decline: Decline, charge: String?) -> APIFailure {
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

    /// The customer did not do what an intent waited for: it needs another method.
    func abandonIntent(_ kind: ObjectKind, _ id: String, _ method: String, code: String, message: String) -> APIFailure {
        let isPayment = kind == .paymentIntent
        let failure = APIFailure.card(code, message, param: nil)
        change(kind, id) { intent in
            intent["status"] = "requires_payment_method"
            intent["payment_method"] = .null
            intent["next_action"] = .null
            intent[isPayment ? "last_payment_error" : "last_setup_error"] = [
                "code": .string(code), "doc_url": .string(APIFailure.page(of: code)), "message": .string(message),
                "payment_method": .object(rendered(.paymentMethod, method)), "type": "card_error",
            ]
        }
        emit(isPayment ? "payment_intent.payment_failed" : "setup_intent.setup_failed", kind, id)
        return failure
    }
}
