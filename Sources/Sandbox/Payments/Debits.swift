import JSON

/// Bank debits: a payment that is `processing` until the bank has spoken (docs.stripe.com/payments/bank-debits), and the
/// small deposits by which an American account is shown to be the customer's.
extension Account {
    // MARK: Starting

    /// Begins a debit: the charge is pending, the intent waits for the bank.
    func startDebit(_ intentID: String, _ given: JSONObject, _ attempt: PaymentAttempt) {
        let intent = known(.paymentIntent, intentID)
        let method = keep(given, for: intent)
        let charge = addCharge(for: intent, method, .pending)
        emit("charge.pending", .charge, charge)
        sayAttached(method, since: given)
        let settles: Int64? =
            if case .staysProcessing = TestBank.outcome(method.string("type") ?? "", method.string("_number") ?? "") {
                nil
            } else {
                now + settings.debitSeconds
            }
        change(.paymentIntent, intentID) { intent in
            intent["status"] = "processing"
            intent["payment_method"] = .string(method.id)
            intent["latest_charge"] = .string(charge)
            intent["last_payment_error"] = .null
            intent["next_action"] = .null
            intent["_settles_at"] = .optional(settles)
            intent["_automatic"] = .bool(attempt.offSession)
            intent["_bounces"] = .bool(attempt.ordered != nil)
            Self.admit(method.string("type") ?? "", in: &intent)
        }
        emit("payment_intent.processing", .paymentIntent, intentID)
    }

    /// An intent lists the types of the methods that it was paid with.
    static func admit(_ type: String, in intent: inout JSONObject) {
        var types = intent.array("payment_method_types")
        guard !types.contains(.string(type)) else { return }
        types.append(.string(type))
        intent["payment_method_types"] = .array(types)
    }

    // MARK: Settling

    /// The bank has spoken.
    func settleDebit(_ intentID: String) {
        let intent = known(.paymentIntent, intentID)
        let method = known(.paymentMethod, intent.string("payment_method") ?? "")
        let charge = intent.string("latest_charge") ?? ""
        let invoice = intent.string("_invoice")
        var outcome = TestBank.outcome(method.string("type") ?? "", method.string("_number") ?? "")
        if intent.flag("_bounces") { outcome = .fails(.debitNotProcessed) }
        if case .fails(let decline) = outcome {
            failCharge(charge, decline)
            _ = fail(intentID, method, decline, charge: charge)
            if let invoice { debitFailed(invoice, automatic: intent.flag("_automatic")) }
            concludeCheckout(intent, succeeded: false)
        } else {
            completeCharge(charge)
            succeed(intentID, method, charge: charge)
            if let invoice { settle(invoice, .succeeded, automatic: false) }
            concludeCheckout(intent, succeeded: true)
        }
    }

    private func debitFailed(_ id: String, automatic: Bool) {
        guard let invoice = find(.invoice, id), invoice.string("status") == "open" else { return }
        emit("invoice.payment_failed", .invoice, id)
        if automatic { becomeDelinquent(invoice.string("customer") ?? "") }
        paymentFailed(id)
    }

    /// A debit of an invoice has begun: the attempt counts, and a subscription that waited for its first payment lives.
    func debitStarted(_ id: String, automatic: Bool) {
        let before = rendered(.invoice, id)
        change(.invoice, id) { invoice in
            let count = invoice.integer("attempt_count") ?? 0
            invoice["attempted"] = true
            invoice["next_payment_attempt"] = .null
            if automatic || count == 0 { invoice["attempt_count"] = .integer(count + 1) }
        }
        emitUpdate("invoice.updated", .invoice, id, since: before)
        guard let subscription = known(.invoice, id).string("_subscription").flatMap({ find(.subscription, $0) }),
            subscription.string("status") == "incomplete"
        else { return }
        let shown = render(.subscription, subscription)
        change(.subscription, subscription.id) { $0["status"] = "active" }
        emitUpdate("customer.subscription.updated", .subscription, subscription.id, since: shown)
    }

    // MARK: Microdeposits

    static func needsVerification(_ method: JSONObject) -> Bool {
        method.string("type") == "us_bank_account" && !method.flag("_verified")
    }

    /// What a customer has to do for an account that nobody has verified.
    func verifyAction(_ id: String) -> JSONValue {
        [
            "type": "verify_with_microdeposits",
            "verify_with_microdeposits": [
                "arrival_date": .integer(now + 2 * CivilDate.secondsPerDay),
                "hosted_verification_url": .string("https://payments.stripe.com/microdeposit/\(id)"),
                "microdeposit_type": "descriptor_code",
            ],
        ]
    }

    /// What the customer says has arrived: of docs.stripe.com/testing, and wrong otherwise.
    private enum Verification {
        case verified, attemptsExceeded, timedOut, mismatch
    }

    private static func verification(_ params: JSONObject) -> Verification {
        let amounts = params.array("amounts").compactMap(\.integerValue).sorted()
        switch (amounts, params.string("descriptor_code")?.uppercased()) {
        case ([32, 45], nil), ([], "SM11AA"): return .verified
        case ([10, 11], nil), ([], "SM33CC"): return .attemptsExceeded
        case ([40, 41], nil), ([], "SM44DD"): return .timedOut
        default: return .mismatch
        }
    }

    /// Checks what the customer read on the account's statement, and marks the method of the intent as verified.
    func verify(_ kind: ObjectKind, _ intent: JSONObject, _ params: JSONObject) throws(APIFailure) -> JSONObject {
        let method = known(.paymentMethod, intent.string("payment_method") ?? "")
        let prefix = "payment_method_microdeposit_verification"
        let failure: (code: String, message: String)
        switch Self.verification(params) {
        case .verified:
            change(.paymentMethod, method.id) { $0["_verified"] = true }
            return known(.paymentMethod, method.id)
        case .mismatch where params.has("amounts"):
            throw .invalid(
                "The amounts provided do not match the amounts that were sent to the bank account.", param: "amounts",
                code: "\(prefix)_amounts_mismatch")
        case .mismatch:
            throw .invalid(
                "The descriptor code provided does not match the one that was sent to the bank account.",
                param: "descriptor_code", code: "\(prefix)_descriptor_code_mismatch")
        case .attemptsExceeded:
            failure = ("\(prefix)_attempts_exceeded", "You have exceeded the number of allowed verification attempts.")
        case .timedOut: failure = ("\(prefix)_timeout", "The bank account was not verified within ten days.")
        }
        var refusal = abandonIntent(kind, intent.id, method.id, code: failure.code, message: failure.message)
        refusal.status = 400
        refusal.type = "invalid_request_error"
        refusal.keepsChanges = true
        throw refusal
    }
}
