import JSON

/// Charges: one a payment attempt that reached the bank, and the balance transaction of one that went through.
extension Account {
    static let chargeRoutes: [Route] = [
        Route("GET /v1/charges", "@list customer payment_intent transfer_group", Account.listCharges),
        Route("GET /v1/charges/{charge}", "", Account.retrieveCharge),
        Route(
            "POST /v1/charges/{charge}",
            "customer description fraud_details:{user_report!?} metadata?:map receipt_email? shipping?:any transfer_group",
            Account.updateCharge),
    ]

    func retrieveCharge(_ call: Call) throws(APIFailure) -> JSONValue {
        .object(render(.charge, try named(.charge, call.id)))
    }

    func listCharges(_ call: Call) throws(APIFailure) -> JSONValue {
        let group = call.params.string("customer").map { (member: "customer", value: $0) }
        return try list(.charge, call, group: group) {
            Self.agrees($0, call.params, ["payment_intent", "transfer_group"])
        }
    }

    func updateCharge(_ call: Call) throws(APIFailure) -> JSONValue {
        let before = render(.charge, try named(.charge, call.id))
        change(.charge, call.id) { charge in
            charge.copy(["description", "receipt_email", "shipping", "transfer_group"], from: call.params)
            Self.mergeMetadata(call.params["metadata"], into: &charge)
            if let report = call.params.object("fraud_details")["user_report"] {
                charge.set("fraud_details", "user_report", to: report)
            }
        }
        emitUpdate("charge.updated", .charge, call.id, since: before)
        return .object(rendered(.charge, call.id))
    }

    /// How far a charge has come.
    enum ChargeState {
        case succeeded
        /// The bank has not spoken yet.
        case pending
        /// Authorized, and not captured.
        case held
        case failed(Decline)
    }

    func addCharge(for intent: JSONObject, _ method: JSONObject, _ state: ChargeState) -> String {
        let type = method.string("type") ?? "card"
        var id = newID(.charge, sideEffect: true)
        // A payment that is not one by card has another prefix.
        if type != "card" { id = "py" + id.dropFirst("ch".count) }
        let amount = intent.integer("amount") ?? 0
        var details = methodDetails(method, amount, grows: Self.mayGrow(intent))
        var status = "succeeded"
        var captured = true
        var decline: Decline?
        switch state {
        case .succeeded: break
        case .pending: status = "pending"
        case .held:
            captured = false
            details.set(type, "capture_before", to: .integer(now + Self.holdPatience))
        case .failed(let reason):
            (status, captured, decline) = ("failed", false, reason)
        }
        let isDone = status == "succeeded" && captured
        put(
            .charge,
            [
                "id": .string(id), "object": "charge", "amount": .integer(amount),
                "amount_captured": .integer(captured ? amount : 0), "amount_refunded": 0, "application": nil,
                "application_fee": nil, "application_fee_amount": nil,
                "balance_transaction": isDone ? .string(addBalanceTransaction(charge: id, amount, intent)) : .null,
                "billing_details": method["billing_details"] ?? .null,
                "calculated_statement_descriptor": type == "card" ? "DUES SANDBOX" : nil, "captured": .bool(captured),
                "created": .integer(now), "currency": intent["currency"] ?? .null,
                "customer": intent["customer"] ?? .null, "description": intent["description"] ?? .null,
                "disputed": false, "failure_balance_transaction": nil, "failure_code": .optional(decline?.code),
                "failure_message": .optional(decline?.message), "fraud_details": [:], "livemode": false,
                "metadata": intent["metadata"] ?? [:], "on_behalf_of": nil,
                "outcome": Self.outcome(decline, method), "paid": .bool(status == "succeeded"),
                "payment_intent": .string(intent.id), "payment_method": .string(method.id),
                "payment_method_details": .object(details), "radar_options": [:],
                "receipt_email": intent["receipt_email"] ?? .null, "receipt_number": nil,
                "receipt_url": decline == nil ? .string("https://pay.stripe.com/receipts/payment/\(id)") : .null,
                "refunded": false, "review": nil, "shipping": intent["shipping"] ?? .null, "source": nil,
                "source_transfer": nil, "statement_descriptor": nil, "statement_descriptor_suffix": nil,
                "status": .string(status), "transfer_data": nil, "transfer_group": intent["transfer_group"] ?? .null,
            ])
        return id
    }

    /// The bank has paid a pending charge.
    func completeCharge(_ id: String) {
        let charge = known(.charge, id)
        let transaction = addBalanceTransaction(charge: id, charge.integer("amount") ?? 0, charge)
        change(.charge, id) {
            $0["status"] = "succeeded"
            $0["paid"] = true
            $0["balance_transaction"] = .string(transaction)
        }
        emit("charge.succeeded", .charge, id)
    }

    /// The bank has refused a pending charge.
    func failCharge(_ id: String, _ decline: Decline) {
        change(.charge, id) {
            $0["status"] = "failed"
            $0["paid"] = false
            $0["failure_code"] = .string(decline.code)
            $0["failure_message"] = .string(decline.message)
        }
        emit("charge.failed", .charge, id)
    }

    private static func outcome(_ decline: Decline?, _ method: JSONObject) -> JSONValue {
        let isCard = method.string("type") == "card"
        guard let decline else {
            let isElevated = testCard(of: method)?.names.contains("riskLevelElevated") ?? false
            var outcome: JSONObject = [
                "advice_code": nil, "network_advice_code": nil, "network_decline_code": nil,
                "network_status": "approved_by_network", "reason": nil,
                "risk_level": !isCard ? "not_assessed" : isElevated ? "elevated" : "normal",
                "seller_message": "Payment complete.", "type": "authorized",
            ]
            if isCard { outcome["risk_score"] = isElevated ? 66 : 20 }
            return .object(outcome)
        }
        let blocked = decline == .fraudulent
        return [
            "advice_code": .optional(decline.advice), "network_advice_code": .optional(decline.networkAdviceCode),
            "network_decline_code": .optional(decline.networkDeclineCode),
            "network_status": blocked ? "not_sent_to_network" : "declined_by_network",
            "reason": .string(decline.declineCode), "risk_level": blocked ? "highest" : "normal",
            "risk_score": blocked ? 90 : 20,
            "seller_message": blocked
                ? "Stripe blocked this payment as too risky."
                : "The bank did not return any further details with this decline.",
            "type": blocked ? "blocked" : "issuer_declined",
        ]
    }

    private func methodDetails(_ method: JSONObject, _ amount: Int64, grows: Bool) -> JSONObject {
        let type = method.string("type") ?? "card"
        guard type == "card" else { return ["type": .string(type), type: .object(bankDetails(method, type))] }
        let card = method.object("card")
        var details: JSONObject = ["amount_authorized": .integer(amount), "authorization_code": nil]
        details.copy(
            [
                "brand", "checks", "country", "exp_month", "exp_year", "fingerprint", "funding", "last4",
                "regulated_status", "wallet",
            ], from: card)
        details["extended_authorization"] = ["status": "disabled"]
        details["incremental_authorization"] = ["status": grows ? "available" : "unavailable"]
        details["installments"] = .null
        details["mandate"] = .null
        details["multicapture"] = ["status": "unavailable"]
        details["network"] = card["brand"] ?? .null
        details["network_token"] = ["used": false]
        details["network_transaction_id"] = .null
        details["overcapture"] = ["maximum_amount_capturable": .integer(amount), "status": "unavailable"]
        details["three_d_secure"] = .null
        return ["card": .object(details), "type": "card"]
    }

    /// What a charge tells of an account: less than the method does, and the mandate that allowed it.
    private func bankDetails(_ method: JSONObject, _ type: String) -> JSONObject {
        var details = method.object(type)
        for key in ["financial_connections_account", "generated_from", "networks", "status_details"] { details[key] = nil }
        guard TestBank.isDebit(type) else { return details }
        details["mandate"] = .optional(mandate(for: method))
        if type == "us_bank_account" { details["payment_reference"] = .null }
        return details
    }
}
