import JSON

/// The sandbox's own endpoints, which Stripe does not have: its clock, the bank's side of 3D Secure, and bad days.
extension Account {
    static let sandboxRoutes: [Route] = [
        Route("POST /sandbox/clock/advance", "seconds:int to:int", Account.advanceClock),
        Route("GET /sandbox/clock", "", Account.readClock),
        Route("POST /sandbox/faults", Fault.table, Account.orderFault),
        Route("GET /sandbox/faults", "", Account.listFaults),
        Route("DELETE /sandbox/faults", "", Account.deleteFaults),
        Route(
            "POST /sandbox/authenticate/{intent}", "outcome:(succeed|fail)", browsers: true, Account.authenticate),
    ]

    func readClock(_ call: Call) throws(APIFailure) -> JSONValue {
        ["object": "sandbox.clock", "now": .integer(now), "offset": .integer(clockOffset)]
    }

    /// Moves the account's clock forward by `seconds`, or to the Unix time `to`, and runs what falls due on the way.
    func advanceClock(_ call: Call) throws(APIFailure) -> JSONValue {
        guard let target = call.params.integer("to") ?? call.params.integer("seconds").map({ now &+ $0 }) else {
            throw .missing("seconds")
        }
        guard target >= now else { throw .invalid("The clock cannot go back.", param: "to") }
        guard target - now <= 6 * 366 * CivilDate.secondsPerDay else {
            throw .invalid("The clock can be advanced by at most six years at a time.", param: "seconds")
        }
        clockOffset += target - now
        advance(to: target)
        return try readClock(call)
    }

    /// The customer has passed or failed 3D Secure for an intent that waits for it.
    func authenticate(_ call: Call) throws(APIFailure) -> JSONValue {
        let kind: ObjectKind = call.id.hasPrefix("seti_") ? .setupIntent : .paymentIntent
        let intent = try named(kind, call.id, param: "intent")
        guard intent.string("status") == "requires_action", let method = intent.string("payment_method") else {
            throw .invalid("This intent does not wait for authentication.", code: "\(kind.rawValue)_unexpected_state")
        }
        let passed = call.params.string("outcome") != "fail"
        if kind == .setupIntent {
            try authenticateSetup(intent, method, passed)
        } else {
            authenticatePayment(intent, method, passed)
        }
        return .object(visible(rendered(kind, call.id), to: call.caller))
    }

    private func authenticatePayment(_ intent: JSONObject, _ method: String, _ passed: Bool) {
        let attempt = PaymentAttempt(isAuthenticated: true)
        let result: PaymentResult
        if passed {
            result = pay(intent.id, with: known(.paymentMethod, method), attempt)
        } else {
            result = .declined(failAuthentication(.paymentIntent, intent.id, method))
        }
        if let invoice = intent.string("_invoice") { settle(invoice, result, automatic: false) }
    }

    private func authenticateSetup(_ intent: JSONObject, _ method: String, _ passed: Bool) throws(APIFailure) {
        if passed {
            try setUp(intent.id, known(.paymentMethod, method), PaymentAttempt(isAuthenticated: true))
        } else {
            _ = failAuthentication(.setupIntent, intent.id, method)
        }
    }

    private func failAuthentication(_ kind: ObjectKind, _ id: String, _ method: String) -> APIFailure {
        let isPayment = kind == .paymentIntent
        let failure = APIFailure.card(
            isPayment ? "payment_intent_authentication_failure" : "setup_intent_authentication_failure",
            "We are unable to authenticate your payment method. Please choose a different payment method and try again.",
            param: nil)
        change(kind, id) { intent in
            intent["status"] = "requires_payment_method"
            intent["payment_method"] = .null
            intent["next_action"] = .null
            intent[isPayment ? "last_payment_error" : "last_setup_error"] = [
                "code": .optional(failure.code), "message": .string(failure.message),
                "payment_method": .object(rendered(.paymentMethod, method)), "type": "card_error",
            ]
        }
        emit(isPayment ? "payment_intent.payment_failed" : "setup_intent.setup_failed", kind, id)
        return failure
    }
}
