import JSON

/// Mandates: the customer's word that an account may be debited.
extension Account {
    static let mandateRoutes: [Route] = [
        Route("GET /v1/mandates/{mandate}", "", Account.retrieveMandate)
    ]

    func retrieveMandate(_ call: Call) throws(APIFailure) -> JSONValue {
        .object(render(.mandate, try named(.mandate, call.id)))
    }

    /// The mandate of a bank account, made at its first use; nil for a method that needs none.
    func mandate(for method: JSONObject) -> String? {
        let type = method.string("type") ?? ""
        guard TestBank.isDebit(type) else { return nil }
        if let given = known(.paymentMethod, method.id).string("_mandate") { return given }
        let id = newID(.mandate)
        let reference = random.text(16, of: SandboxRandom.capitalsAndDigits)
        let page = JSONValue.string("https://hooks.stripe.com/adapter/\(type)/file/\(id)")
        let details: JSONValue =
            switch type {
            case "sepa_debit": ["reference": .string(reference), "url": page]
            case "au_becs_debit": ["url": page]
            case "bacs_debit":
                [
                    "display_name": nil, "network_status": "accepted", "reference": .string(reference),
                    "revocation_reason": nil, "service_user_number": nil, "url": page,
                ]
            default: [:]
            }
        put(
            .mandate,
            [
                "id": .string(id), "object": "mandate",
                "customer_acceptance": [
                    "accepted_at": .integer(now), "online": ["ip_address": "127.0.0.1", "user_agent": nil],
                    "type": "online",
                ],
                "livemode": false, "multi_use": [:], "on_behalf_of": nil, "payment_method": .string(method.id),
                "payment_method_details": .object(["type": .string(type), type: details]), "status": "active",
                "type": "multi_use",
            ])
        change(.paymentMethod, method.id) { $0["_mandate"] = .string(id) }
        return id
    }
}
