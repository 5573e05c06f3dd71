import JSON

/// Refunds: money of a charge that goes back, whole or in parts (docs.stripe.com/refunds).
extension Account {
    static let refundRoutes: [Route] = [
        Route(
            "POST /v1/refunds",
            """
            amount:int charge currency customer instructions_email metadata?:map origin:(customer_balance) payment_intent \
            reason:(duplicate|fraudulent|requested_by_customer) refund_application_fee:bool reverse_transfer:bool
            """, Account.createRefund),
        Route("GET /v1/refunds", "@list charge payment_intent", Account.listRefunds),
        Route("GET /v1/refunds/{refund}", "", Account.retrieveRefund),
        Route("POST /v1/refunds/{refund}", "metadata?:map", Account.updateRefund),
        Route("POST /v1/refunds/{refund}/cancel", "", Account.cancelRefund),
    ]

    // MARK: Reading

    func retrieveRefund(_ call: Call) throws(APIFailure) -> JSONValue {
        .object(render(.refund, try named(.refund, call.id)))
    }

    /// A list of one charge's refunds says how many there are (recorded).
    func listRefunds(_ call: Call) throws(APIFailure) -> JSONValue {
        let group = ["charge", "payment_intent"].lazy
            .compactMap { name in call.params.string(name).map { (member: name, value: $0) } }.first
        let page = try list(.refund, call, group: group) { Self.agrees($0, call.params, ["payment_intent"]) }
        guard let charge = call.params.string("charge"), case .object(var shown) = page else { return page }
        shown["count"] = .integer(Int64(all(.refund, where: "charge", is: charge).count))
        return .object(shown)
    }

    // MARK: Making

    func createRefund(_ call: Call) throws(APIFailure) -> JSONValue {
        let params = call.params
        let charge = try chargeToRefund(params)
        let left = try leftToRefund(of: charge)
        let amount = params.integer("amount") ?? left
        guard amount > 0 else {
            throw .invalid("Invalid positive integer", param: "amount", code: "parameter_invalid_integer")
        }
        let currency = charge.string("currency") ?? "usd"
        guard amount <= left else {
            throw .invalid(
                "Refund amount (\(Wording.money(amount, currency))) is greater than unrefunded amount on charge "
                    + "(\(Wording.money(left, currency)))", param: "amount")
        }
        let id = addRefund(of: charge, amount: amount, reason: params.string("reason"), metadata: Self.newMetadata(params))
        return .object(rendered(.refund, id))
    }

    /// What of a charge can still be refunded: something, or it throws.
    func leftToRefund(of charge: JSONObject) throws(APIFailure) -> Int64 {
        guard !isDisputed(charge) else {
            throw .invalid(
                "Charge \(charge.id) has been charged back; cannot issue a refund.", code: "charge_disputed")
        }
        let left = (charge.integer("amount_captured") ?? 0) - (charge.integer("amount_refunded") ?? 0)
        guard left > 0 else {
            throw .invalid("Charge \(charge.id) has already been refunded.", code: "charge_already_refunded")
        }
        return left
    }

    private func chargeToRefund(_ params: JSONObject) throws(APIFailure) -> JSONObject {
        let charge: JSONObject
        switch (params.string("charge"), params.string("payment_intent")) {
        case (nil, nil):
            throw .invalid(
                "One of the following params should be provided for this request: payment_intent or charge.")
        case (let id?, nil): charge = try referred(.charge, id, param: "charge")
        case (nil, let id?):
            let intent = try referred(.paymentIntent, id, param: "payment_intent")
            let latest = intent.string("latest_charge").map { known(.charge, $0) }
            guard let latest, latest.string("status") == "succeeded", latest.flag("captured") else {
                throw .invalid(
                    "This PaymentIntent (\(id)) does not have a successful charge to refund.", param: "payment_intent")
            }
            charge = latest
        case (let id?, let intent?):
            charge = try referred(.charge, id, param: "charge")
            guard charge.string("payment_intent") == intent else {
                throw .invalid("The charge \(id) does not belong to the PaymentIntent \(intent).", param: "charge")
            }
        }
        guard charge.string("status") == "succeeded", charge.flag("captured") else {
            throw .invalid(
                "Charge \(charge.id) cannot be refunded: it has not been paid and captured.", param: "charge",
                code: "charge_not_refundable")
        }
        return charge
    }

    /// Gives `amount` of a charge back; the caller knows that so much is left.
    func addRefund(of charge: JSONObject, amount: Int64, reason: String?, metadata: JSONValue) -> String {
        let type = charge.object("payment_method_details").string("type") ?? "card"
        let isCard = type == "card"
        var id = newID(.refund, sideEffect: true)
        if !isCard { id = "pyr" + id.dropFirst("re".count) }
        let waits = !isCard || number(of: charge) == "4000000000007726"
        let details: JSONValue =
            isCard
            ? ["reference_status": "pending", "reference_type": "acquirer_reference_number", "type": "refund"] : [:]
        var refund: JSONObject = [
            "id": .string(id), "object": "refund", "amount": .integer(amount),
            "balance_transaction": .string(addRefundTransaction(id, amount, charge)), "charge": .string(charge.id),
            "created": .integer(now), "currency": charge["currency"] ?? .null, "customer": charge["customer"] ?? .null,
            "customer_account": nil, "destination_details": .object([type: details, "type": .string(type)]),
            "metadata": metadata, "payment_intent": charge["payment_intent"] ?? .null,
            "payment_method": charge["payment_method"] ?? .null, "reason": .optional(reason), "receipt_number": nil,
            "source_transfer_reversal": nil, "status": waits ? "pending" : "succeeded", "transfer_reversal": nil,
        ]
        if waits { refund["pending_reason"] = "processing" }
        // The bank's reference for a card comes a little later, what is slow when a debit would be.
        let isSlow = waits || number(of: charge) == "4000000000005126"
        refund["_settles_at"] = .integer(now + (isSlow ? settings.debitSeconds : 1))
        put(.refund, refund)
        emit("refund.created", .refund, id)
        moveRefunded(charge.id, by: amount, "charge.refunded")
        return id
    }

    private func number(of charge: JSONObject) -> String? {
        charge.string("payment_method").flatMap { known(.paymentMethod, $0).string("_number") }
    }

    private func moveRefunded(_ id: String, by amount: Int64, _ event: String) {
        let before = rendered(.charge, id)
        change(.charge, id) { charge in
            let refunded = (charge.integer("amount_refunded") ?? 0) + amount
            charge["amount_refunded"] = .integer(refunded)
            charge["refunded"] = .bool(refunded >= charge.integer("amount_captured") ?? 0)
        }
        emitUpdate(event, .charge, id, since: before)
    }

    private func addRefundTransaction(_ refund: String, _ amount: Int64, _ charge: JSONObject) -> String {
        addTransaction(
            source: refund, amount: -amount, fee: 0, currency: charge["currency"] ?? .null,
            description: .string("REFUND FOR CHARGE\(charge.string("description").map { " (\($0))" } ?? "")"),
            type: charge.id.hasPrefix("ch_") ? "refund" : "payment_refund", category: "refund")
    }

    // MARK: Settling

    /// The bank has heard of a refund: it has a reference, is through, or after all is not.
    func settleRefund(_ id: String) {
        let refund = known(.refund, id)
        let before = render(.refund, refund)
        let charge = known(.charge, refund.string("charge") ?? "")
        guard number(of: charge) != "4000000000005126" else { return failRefund(refund, charge) }
        let isCard = refund.object("destination_details").string("type") == "card"
        let reference = isCard ? random.text(12, of: SandboxRandom.digits) : nil
        change(.refund, id) { refund in
            refund["status"] = "succeeded"
            refund["pending_reason"] = nil
            refund["_settles_at"] = nil
            guard let reference else { return }
            refund.set("destination_details", "card", "reference", to: .string(reference))
            refund.set("destination_details", "card", "reference_status", to: "available")
        }
        emitUpdate("refund.updated", .refund, id, since: before)
        emitUpdate("charge.refund.updated", .refund, id, since: before)
    }

    private func failRefund(_ refund: JSONObject, _ charge: JSONObject) {
        let before = render(.refund, refund)
        let transaction = addTransaction(
            source: refund.id, amount: refund.integer("amount") ?? 0, fee: 0, currency: refund["currency"] ?? .null,
            description: "REFUND FAILURE", type: "refund_failure", category: "refund_failure")
        change(.refund, refund.id) {
            $0["status"] = "failed"
            $0["failure_reason"] = "expired_or_canceled_card"
            $0["failure_balance_transaction"] = .string(transaction)
            $0["_settles_at"] = nil
        }
        moveRefunded(charge.id, by: -(refund.integer("amount") ?? 0), "charge.updated")
        emit("refund.failed", .refund, refund.id)
        emitUpdate("refund.updated", .refund, refund.id, since: before)
        emitUpdate("charge.refund.updated", .refund, refund.id, since: before)
    }

    // MARK: Changing

    func updateRefund(_ call: Call) throws(APIFailure) -> JSONValue {
        let before = render(.refund, try named(.refund, call.id))
        change(.refund, call.id) { Self.mergeMetadata(call.params["metadata"], into: &$0) }
        emitUpdate("refund.updated", .refund, call.id, since: before)
        emitUpdate("charge.refund.updated", .refund, call.id, since: before)
        return .object(rendered(.refund, call.id))
    }

    /// Only a refund that waits for the customer can be canceled, and those of cards and debits do not.
    func cancelRefund(_ call: Call) throws(APIFailure) -> JSONValue {
        let status = try named(.refund, call.id).string("status") ?? ""
        throw .invalid(
            "You cannot cancel this refund because it has a status of \(status). Only a refund with the status "
                + "requires_action may be canceled.")
    }
}
