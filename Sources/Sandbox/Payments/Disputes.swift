import JSON

/// Disputes: a customer's bank takes a payment back, and the account may answer (docs.stripe.com/disputes). The test cards
/// and accounts that dispute do so as soon as they are charged.
extension Account {
    private static let evidence = """
        evidence:{access_activity_log? billing_address? cancellation_policy? cancellation_policy_disclosure? \
        cancellation_rebuttal? customer_communication? customer_email_address? customer_name? customer_purchase_ip? \
        customer_signature? duplicate_charge_documentation? duplicate_charge_explanation? duplicate_charge_id? \
        enhanced_evidence?:any product_description? receipt? refund_policy? refund_policy_disclosure? \
        refund_refusal_explanation? service_date? service_documentation? shipping_address? shipping_carrier? \
        shipping_date? shipping_documentation? shipping_tracking_number? uncategorized_file? uncategorized_text?} \
        metadata?:map submit:bool
        """

    static let disputeRoutes: [Route] = [
        Route("GET /v1/disputes", "@list charge payment_intent", Account.listDisputes),
        Route("GET /v1/disputes/{dispute}", "", Account.retrieveDispute),
        Route("POST /v1/disputes/{dispute}", evidence, Account.updateDispute),
        Route("POST /v1/disputes/{dispute}/close", "", Account.closeDispute),
    ]

    /// Stripe's fee for a dispute in the United States, which stays taken even when it is won.
    private static let disputeFee: Int64 = 1500

    // MARK: Reading

    func retrieveDispute(_ call: Call) throws(APIFailure) -> JSONValue {
        .object(render(.dispute, try named(.dispute, call.id)))
    }

    /// A list of one charge's disputes says how many there are (recorded).
    func listDisputes(_ call: Call) throws(APIFailure) -> JSONValue {
        let charge = call.params.string("charge")
        let page = try list(.dispute, call, group: charge.map { (member: "charge", value: $0) }) {
            Self.agrees($0, call.params, ["payment_intent"])
        }
        guard let charge, case .object(var shown) = page else { return page }
        shown["count"] = .integer(Int64(all(.dispute, where: "charge", is: charge).count))
        return .object(shown)
    }

    /// The ledger lines stand in a dispute whole.
    func renderDispute(_ dispute: JSONObject) -> JSONObject {
        var shown = dispute.withoutHidden
        shown["balance_transactions"] = .array(
            dispute.array("_transactions").compactMap(\.stringValue).map {
                .object(rendered(.balanceTransaction, $0))
            })
        return shown
    }

    // MARK: Beginning

    /// Disputes a captured charge where its card or account is one that does. An inquiry only asks: no money moves.
    func disputeAtOnce(_ chargeID: String) {
        let charge = known(.charge, chargeID)
        let method = charge.string("payment_method").map { known(.paymentMethod, $0) } ?? [:]
        guard let terms = Self.disputeTerms(method) else { return }
        let id = newID(.dispute)
        let amount = charge.integer("amount_captured") ?? 0
        let type = method.string("type") ?? "card"
        let card: JSONValue = [
            "brand": method.object("card")["brand"] ?? .null, "case_type": terms.isInquiry ? "inquiry" : "chargeback",
            "network": method.object("card")["brand"] ?? .null, "network_reason_code": .optional(terms.networkCode),
        ]
        let endOfDay = (now / CivilDate.secondsPerDay + 10) * CivilDate.secondsPerDay - 1
        put(
            .dispute,
            [
                "id": .string(id), "object": "dispute", "amount": .integer(amount), "balance_transactions": [],
                "charge": .string(chargeID), "created": .integer(now), "currency": charge["currency"] ?? .null,
                "enhanced_eligibility_types": terms.networkCode == "10.4" ? ["visa_compelling_evidence_3"] : [],
                "evidence": firstEvidence(charge),
                "evidence_details": [
                    "due_by": type == "card" ? .integer(endOfDay) : .null, "enhanced_eligibility": [:],
                    "has_evidence": false, "past_due": false, "submission_count": 0,
                ],
                "is_charge_refundable": .bool(terms.isInquiry), "livemode": false, "metadata": [:],
                "payment_intent": charge["payment_intent"] ?? .null,
                "payment_method_details": .object(["type": .string(type), type: type == "card" ? card : [:]]),
                "reason": .string(terms.reason), "status": .string(terms.status),
            ])
        change(.charge, chargeID) { $0["disputed"] = true }
        if !terms.isInquiry { addDisputeTransaction(id, amount: -amount, fee: Self.disputeFee, category: "dispute") }
        emit("charge.dispute.created", .dispute, id)
        if !terms.isInquiry { emit("charge.dispute.funds_withdrawn", .dispute, id) }
        if terms.status == "lost" { emit("charge.dispute.closed", .dispute, id) }
    }

    private struct DisputeTerms {
        let reason: String
        var status = "needs_response"
        var networkCode: String?
        var isInquiry: Bool { status.hasPrefix("warning_") }
    }

    /// A bank debit that is disputed is lost: nobody hears evidence.
    private static func disputeTerms(_ method: JSONObject) -> DisputeTerms? {
        switch method.string("_number") {
        case "4000000000000259": DisputeTerms(reason: "fraudulent", networkCode: "10.4")
        case "4000000000002685": DisputeTerms(reason: "product_not_received", networkCode: "13.1")
        case "4000000000001976":
            DisputeTerms(reason: "fraudulent", status: "warning_needs_response", networkCode: "10.4")
        case let number? where TestBank.isDisputed(method.string("type") ?? "", number):
            DisputeTerms(reason: "debit_not_authorized", status: "lost")
        default: nil
        }
    }

    /// What Stripe knows by itself; the customer's description where there is no name (recorded).
    private func firstEvidence(_ charge: JSONObject) -> JSONValue {
        let customer = charge.string("customer").map { known(.customer, $0) } ?? [:]
        let billing = charge.object("billing_details")
        var evidence: JSONObject = ["enhanced_evidence": [:]]
        for name in [
            "access_activity_log", "billing_address", "cancellation_policy", "cancellation_policy_disclosure",
            "cancellation_rebuttal", "customer_communication", "customer_email_address", "customer_name",
            "customer_purchase_ip", "customer_signature", "duplicate_charge_documentation",
            "duplicate_charge_explanation", "duplicate_charge_id", "product_description", "receipt", "refund_policy",
            "refund_policy_disclosure", "refund_refusal_explanation", "service_date", "service_documentation",
            "shipping_address", "shipping_carrier", "shipping_date", "shipping_documentation",
            "shipping_tracking_number", "uncategorized_file", "uncategorized_text",
        ] { evidence[name] = .null }
        evidence["customer_email_address"] = .optional(billing.string("email") ?? customer.string("email"))
        evidence["customer_name"] = .optional(
            billing.string("name") ?? customer.string("name") ?? customer.string("description"))
        evidence["product_description"] = charge["description"] ?? .null
        return .object(evidence)
    }

    private func addDisputeTransaction(_ dispute: String, amount: Int64, fee: Int64, category: String) {
        let charge = known(.dispute, dispute).string("charge") ?? ""
        let id = addTransaction(
            source: dispute, amount: amount, fee: fee, currency: known(.dispute, dispute)["currency"] ?? .null,
            description: .string("Chargeback \(amount < 0 ? "withdrawal" : "reversal") for \(charge)"),
            type: "adjustment", category: category)
        change(.dispute, dispute) { $0["_transactions"] = .array($0.array("_transactions") + [.string(id)]) }
    }

    // MARK: Answering

    private func openDispute(_ id: String) throws(APIFailure) -> JSONObject {
        let dispute = try named(.dispute, id)
        guard !["won", "lost", "warning_closed"].contains(dispute.string("status") ?? "") else {
            throw .invalid("This dispute is already closed")
        }
        return dispute
    }

    func updateDispute(_ call: Call) throws(APIFailure) -> JSONValue {
        let params = call.params
        let isEvidence = params.has("evidence")
        let dispute = isEvidence ? try openDispute(call.id) : try named(.dispute, call.id)
        let before = render(.dispute, dispute)
        let submits = isEvidence && params["submit"]?.boolValue ?? true
        change(.dispute, call.id) { dispute in
            Self.mergeMetadata(params["metadata"], into: &dispute)
            guard isEvidence else { return }
            for (name, value) in params.object("evidence") { dispute.set("evidence", name, to: value) }
            dispute.set("evidence_details", "has_evidence", to: true)
            guard submits else { return }
            let count = dispute.object("evidence_details").integer("submission_count") ?? 0
            dispute.set("evidence_details", "submission_count", to: .integer(count + 1))
            let isInquiry = dispute.string("status")?.hasPrefix("warning_") ?? false
            dispute["status"] = isInquiry ? "warning_under_review" : "under_review"
            // The words by which a test is decided (docs.stripe.com/testing#evidence); the bank takes some seconds.
            let words = ["winning_evidence": "won", "losing_evidence": "lost"]
            if let verdict = words[dispute.object("evidence").string("uncategorized_text") ?? ""] {
                dispute["_verdict"] = .string(isInquiry ? "warning_closed" : verdict)
                dispute["_decides_at"] = .integer(now + 5)
            }
        }
        emitUpdate("charge.dispute.updated", .dispute, call.id, since: before)
        return .object(rendered(.dispute, call.id))
    }

    /// The account gives up.
    func closeDispute(_ call: Call) throws(APIFailure) -> JSONValue {
        _ = try openDispute(call.id)
        decideDispute(call.id, "lost")
        return .object(rendered(.dispute, call.id))
    }

    /// The bank has decided.
    func decideDispute(_ id: String, _ verdict: String? = nil) {
        let dispute = known(.dispute, id)
        let verdict = verdict ?? dispute.string("_verdict") ?? "lost"
        let isWon = verdict == "won"
        change(.dispute, id) {
            $0["status"] = .string(verdict)
            $0["is_charge_refundable"] = .bool(isWon || verdict == "warning_closed")
            $0["_decides_at"] = nil
        }
        if isWon {
            addDisputeTransaction(id, amount: dispute.integer("amount") ?? 0, fee: 0, category: "dispute_reversal")
        }
        emit("charge.dispute.closed", .dispute, id)
        if isWon { emit("charge.dispute.funds_reinstated", .dispute, id) }
    }

    /// Whether a dispute stands in the way of a refund.
    func isDisputed(_ charge: JSONObject) -> Bool {
        charge.flag("disputed")
            && all(.dispute, where: "charge", is: charge.id).contains { !$0.flag("is_charge_refundable") }
    }
}
