import JSON

/// A customer's balance: credit (negative) or debt that the next invoice takes up, and the transactions that tell how it
/// came about. There is one in the customer's own currency and one for each other currency of invoices
/// (docs.stripe.com/billing/customer/balance).
extension Account {
    static let customerBalanceRoutes: [Route] = [
        Route("GET /v1/customers/{customer}/balance_transactions", "@list invoice", Account.listBalanceTransactions),
        Route(
            "POST /v1/customers/{customer}/balance_transactions", "amount!:int currency! description metadata?:map",
            Account.createBalanceTransaction),
        Route(
            "GET /v1/customers/{customer}/balance_transactions/{transaction}", "",
            Account.retrieveCustomerBalanceTransaction),
        Route(
            "POST /v1/customers/{customer}/balance_transactions/{transaction}", "description metadata?:map",
            Account.updateCustomerBalanceTransaction),
    ]

    func balance(of customer: String, in currency: String) -> Int64 {
        let customer = known(.customer, customer)
        let own = customer.string("currency") ?? currency
        return (own == currency ? customer.integer("balance") : customer.object("_balances").integer(currency)) ?? 0
    }

    /// Changes a balance and writes the transaction that says why. Returns its id.
    @discardableResult
    func moveBalance(of customer: String, by amount: Int64, type: String, currency: String, invoice: String?) -> String {
        let ending = balance(of: customer, in: currency) + amount
        change(.customer, customer) {
            if $0["currency"]?.isNull ?? true { $0["currency"] = .string(currency) }
            if $0.string("currency") == currency {
                $0["balance"] = .integer(ending)
            } else {
                $0.set("_balances", currency, to: .integer(ending))
            }
        }
        let id = newID(.customerBalanceTransaction)
        put(
            .customerBalanceTransaction,
            [
                "id": .string(id), "object": "customer_balance_transaction", "amount": .integer(amount),
                "checkout_session": nil, "created": .integer(now), "credit_note": nil, "currency": .string(currency),
                "customer": .string(customer), "customer_account": nil, "description": nil,
                "ending_balance": .integer(ending), "invoice": .optional(invoice), "livemode": false, "metadata": [:],
                "type": .string(type),
            ])
        return id
    }

    /// The balances by currency, as `invoice_credit_balance` shows them.
    func creditBalances(of customer: String) -> JSONValue {
        let customer = known(.customer, customer)
        var balances: JSONObject = [:]
        if let own = customer.string("currency") { balances[own] = customer["balance"] ?? 0 }
        for (currency, balance) in customer.object("_balances") { balances[currency] = balance }
        return .object(balances)
    }

    // MARK: Endpoints

    func listBalanceTransactions(_ call: Call) throws(APIFailure) -> JSONValue {
        _ = try named(.customer, call.id)
        return try list(.customerBalanceTransaction, call, group: ("customer", call.id)) {
            Self.agrees($0, call.params, ["invoice"])
        }
    }

    func createBalanceTransaction(_ call: Call) throws(APIFailure) -> JSONValue {
        let before = render(.customer, try named(.customer, call.id))
        try Self.check(call.params, "amount", in: Self.amountBounds)
        let id = moveBalance(
            of: call.id, by: call.params.integer("amount") ?? 0, type: "adjustment",
            currency: (call.params.string("currency") ?? "usd").lowercased(), invoice: nil)
        change(.customerBalanceTransaction, id) {
            $0.copy(["description"], from: call.params)
            $0["metadata"] = Self.newMetadata(call.params)
        }
        emitUpdate("customer.updated", .customer, call.id, since: before)
        return .object(rendered(.customerBalanceTransaction, id))
    }

    private func balanceTransaction(_ call: Call) throws(APIFailure) -> JSONObject {
        _ = try named(.customer, call.id)
        let id = call.path[1]
        guard let found = find(.customerBalanceTransaction, id), found.string("customer") == call.id else {
            throw .absent(.customerBalanceTransaction, id, param: "transaction", status: 404)
        }
        return found
    }

    func retrieveCustomerBalanceTransaction(_ call: Call) throws(APIFailure) -> JSONValue {
        .object(render(.customerBalanceTransaction, try balanceTransaction(call)))
    }

    func updateCustomerBalanceTransaction(_ call: Call) throws(APIFailure) -> JSONValue {
        let id = try balanceTransaction(call).id
        change(.customerBalanceTransaction, id) {
            $0.copy(["description"], from: call.params)
            Self.mergeMetadata(call.params["metadata"], into: &$0)
        }
        return .object(rendered(.customerBalanceTransaction, id))
    }
}
