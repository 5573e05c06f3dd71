import JSON

/// The account's own money: each movement, and what they come to.
extension Account {
    static let balanceRoutes: [Route] = [
        Route("GET /v1/balance", "", Account.retrieveBalance),
        Route("GET /v1/balance_transactions", "@list currency payout source type", Account.listTransactions),
        Route("GET /v1/balance_transactions/{id}", "", Account.retrieveTransaction),
    ]

    /// How long a payment is on its way to the balance, as in the United States.
    private static let payoutDelay = 2 * CivilDate.secondsPerDay

    @discardableResult
    func addTransaction(
        source: String, amount: Int64, fee: Int64, currency: JSONValue, description: JSONValue, type: String,
        category: String
    ) -> String {
        let id = newID(.balanceTransaction, sideEffect: true)
        let details: JSONValue = [
            "amount": .integer(fee), "application": nil, "currency": currency,
            "description": "Stripe processing fees", "type": "stripe_fee",
        ]
        put(
            .balanceTransaction,
            [
                "id": .string(id), "object": "balance_transaction", "amount": .integer(amount),
                "available_on": .integer(now + Self.payoutDelay), "balance_type": "payments", "created": .integer(now),
                "currency": currency, "description": description, "exchange_rate": nil, "fee": .integer(fee),
                "fee_details": fee == 0 ? [] : [details], "net": .integer(amount - fee),
                "reporting_category": .string(category), "source": .string(source), "status": "pending",
                "type": .string(type),
            ])
        return id
    }

    /// The fee is that of Stripe's public US price list: 2.9 % and 30 cents.
    func addBalanceTransaction(charge: String, _ amount: Int64, _ intent: JSONObject) -> String {
        let fee = ExactAmount(amount).share(29, of: 1_000).flatMap(\.rounded).map { $0 + 30 } ?? 0
        let isCard = charge.hasPrefix("ch_")
        return addTransaction(
            source: charge, amount: amount, fee: fee, currency: intent["currency"] ?? .null,
            description: intent["description"] ?? .null, type: isCard ? "charge" : "payment", category: "charge")
    }

    /// A movement is pending until its day has come.
    func renderTransaction(_ transaction: JSONObject) -> JSONObject {
        var shown = transaction.withoutHidden
        shown["status"] = isAvailable(transaction) ? "available" : "pending"
        return shown
    }

    private func isAvailable(_ transaction: JSONObject) -> Bool { (transaction.integer("available_on") ?? 0) <= now }

    func retrieveTransaction(_ call: Call) throws(APIFailure) -> JSONValue {
        .object(render(.balanceTransaction, try named(.balanceTransaction, call.id)))
    }

    func listTransactions(_ call: Call) throws(APIFailure) -> JSONValue {
        try list(.balanceTransaction, call) { Self.agrees($0, call.params, ["currency", "payout", "source", "type"]) }
    }

    func retrieveBalance(_ call: Call) throws(APIFailure) -> JSONValue {
        var available: [String: Int64] = ["usd": 0]
        var pending: [String: Int64] = ["usd": 0]
        for id in store.ids(.balanceTransaction) {
            let transaction = known(.balanceTransaction, id)
            let currency = transaction.string("currency") ?? "usd"
            let net = transaction.integer("net") ?? 0
            available[currency, default: 0] += isAvailable(transaction) ? net : 0
            pending[currency, default: 0] += isAvailable(transaction) ? 0 : net
        }
        return [
            "object": "balance", "available": Self.sums(available), "livemode": false, "pending": Self.sums(pending),
            "refund_and_dispute_prefunding": ["available": Self.sums(["usd": 0]), "pending": Self.sums(["usd": 0])],
        ]
    }

    private static func sums(_ amounts: [String: Int64]) -> JSONValue {
        .array(
            amounts.sorted { $0.key < $1.key }.map { currency, amount in
                [
                    "amount": .integer(amount), "currency": .string(currency),
                    "source_types": ["card": .integer(amount)],
                ]
            })
    }
}
