import JSON

/// Manual capture (docs.stripe.com/payments/place-a-hold-on-a-payment-method): a hold on a card, which is captured in full
/// or in part, released, or lapses after seven days.
extension Account {
    static let captureRoutes: [Route] = [
        Route(
            "POST /v1/payment_intents/{intent}/capture",
            """
            amount_details?:any amount_to_capture:int application_fee_amount:int final_capture:bool hooks:any \
            metadata?:map payment_details?:any statement_descriptor statement_descriptor_suffix transfer_data:any
            """, Account.capturePaymentIntent),
        Route(
            "POST /v1/payment_intents/{intent}/increment_authorization",
            """
            amount!:int amount_details:any application_fee_amount:int description hooks:any metadata:map \
            payment_details:any statement_descriptor transfer_data:any
            """, Account.incrementAuthorization),
        Route(
            "POST /v1/payment_intents/{intent}/apply_customer_balance", "amount:int currency",
            Account.applyCustomerBalance),
    ]

    /// How long a bank keeps a hold for somebody who is there.
    static let holdPatience = 7 * CivilDate.secondsPerDay

    /// A payment that is held waits for its capture.
    func hold(_ intentID: String, _ method: JSONObject, charge: String) {
        change(.paymentIntent, intentID) { intent in
            intent["status"] = "requires_capture"
            intent["payment_method"] = .string(method.id)
            intent["amount_capturable"] = intent["amount"] ?? 0
            intent["latest_charge"] = .string(charge)
            intent["last_payment_error"] = .null
            intent["next_action"] = .null
            intent["_capture_before"] = .integer(now + Self.holdPatience)
        }
        emit("payment_intent.amount_capturable_updated", .paymentIntent, intentID)
    }

    func capturePaymentIntent(_ call: Call) throws(APIFailure) -> JSONValue {
        let intent = try named(.paymentIntent, call.id)
        let status = intent.string("status") ?? ""
        guard status == "requires_capture" else {
            throw stateFailure(
                "This PaymentIntent could not be captured because it has a status of \(status). Only a PaymentIntent with "
                    + "one of the following statuses may be captured: requires_capture.", intent, call)
        }
        let held = intent.integer("amount_capturable") ?? 0
        let amount = call.params.integer("amount_to_capture") ?? held
        guard amount >= 0 else { throw .invalid("Invalid non-negative integer", param: "amount_to_capture") }
        guard amount > 0 else {
            throw .invalid(
                "This value must be greater than or equal to 1.", param: "amount", code: "parameter_invalid_integer")
        }
        guard amount <= held else {
            throw .invalid(
                "The payment could not be captured because the requested capture amount is greater than the authorized "
                    + "amount.", param: "amount_to_capture", code: "amount_too_large")
        }
        let charge = intent.string("latest_charge") ?? ""
        let transaction = addBalanceTransaction(charge: charge, amount, intent)
        change(.charge, charge) {
            $0["captured"] = true
            $0["amount_captured"] = .integer(amount)
            $0["balance_transaction"] = .string(transaction)
        }
        emit("charge.captured", .charge, charge)
        change(.paymentIntent, call.id) { intent in
            intent["status"] = "succeeded"
            intent["amount_capturable"] = 0
            intent["amount_received"] = .integer(amount)
            intent.copy(["statement_descriptor", "statement_descriptor_suffix"], from: call.params)
            Self.mergeMetadata(call.params["metadata"], into: &intent)
        }
        emit("payment_intent.succeeded", .paymentIntent, call.id)
        disputeAtOnce(charge)
        return .object(rendered(.paymentIntent, call.id))
    }

    /// What is held goes back: the charge shows it as refunded, without a refund.
    func release(_ intent: JSONObject, _ event: String) {
        guard intent.string("status") == "requires_capture", let charge = intent.string("latest_charge") else { return }
        change(.charge, charge) {
            $0["amount_refunded"] = $0["amount"] ?? 0
            $0["refunded"] = true
        }
        change(.paymentIntent, intent.id) { $0["amount_capturable"] = 0 }
        emit(event, .charge, charge)
    }

    /// Nobody captured a hold in time.
    func expireHold(_ id: String) {
        release(known(.paymentIntent, id), "charge.expired")
        cancelIntent(id, reason: "automatic")
    }

    // MARK: More

    /// Whether a hold may grow: somebody asked for that when it was made.
    static func mayGrow(_ intent: JSONObject) -> Bool {
        intent.string("capture_method") == "manual"
            && intent.object("payment_method_options").object("card").string("request_incremental_authorization")
                == "if_available"
    }

    func incrementAuthorization(_ call: Call) throws(APIFailure) -> JSONValue {
        let intent = try named(.paymentIntent, call.id)
        guard intent.string("status") == "requires_capture", Self.mayGrow(intent) else {
            throw stateFailure(
                "This PaymentIntent's authorization cannot be incremented: its charge does not support incremental "
                    + "authorization.", intent, call)
        }
        let amount = call.params.integer("amount") ?? 0
        guard amount > intent.integer("amount") ?? 0, amount <= ExactAmount.largest else {
            throw .invalid(
                "The amount must be greater than the amount that is authorized already.", param: "amount",
                code: "parameter_invalid_integer")
        }
        change(.charge, intent.string("latest_charge") ?? "") { charge in
            charge["amount"] = .integer(amount)
            charge.set("payment_method_details", "card", "amount_authorized", to: .integer(amount))
        }
        change(.paymentIntent, call.id) { intent in
            intent["amount"] = .integer(amount)
            intent["amount_capturable"] = .integer(amount)
            intent.copy(["description", "statement_descriptor"], from: call.params)
            Self.mergeMetadata(call.params["metadata"], into: &intent)
        }
        emit("payment_intent.amount_capturable_updated", .paymentIntent, call.id)
        return .object(rendered(.paymentIntent, call.id))
    }

    /// Only bank transfers fill a cash balance, and nobody sends them here: there is nothing to apply.
    func applyCustomerBalance(_ call: Call) throws(APIFailure) -> JSONValue {
        let intent = try named(.paymentIntent, call.id)
        throw stateFailure(
            "This PaymentIntent cannot be paid from the customer's cash balance because its payment method is not "
                + "customer_balance.", intent, call)
    }
}
