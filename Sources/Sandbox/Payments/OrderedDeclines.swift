import JSON

/// Refusals on order: the next payments that are taken from a customer by themselves (a renewal, a retry) fail, whatever the
/// payment method.
extension Account {
    static let orderedDeclineRoutes: [Route] = [
        Route(
            "POST /sandbox/customers/{id}/decline_next",
            "decline_code:(\(Decline.ordered.map { $0.declineCode }.joined(separator: "|"))) times:int @order",
            Account.orderDeclines)
    ]

    /// Orders `times` refusals (1) in place of those that were ordered before; 0 takes them back.
    func orderDeclines(_ call: Call) throws(APIFailure) -> JSONValue {
        let customer = try named(.customer, call.id, param: "id")
        try Self.check(call.params, "times", in: 0...100)
        let times = call.params.integer("times") ?? 1
        let code = call.params.string("decline_code") ?? Decline.generic.declineCode
        change(.customer, customer.id) {
            $0["_declines"] = times == 0 ? nil : ["code": .string(code), "times": .integer(times)]
        }
        return call.answer([
            "object": "sandbox.decline_order", "customer": .string(customer.id), "decline_code": .string(code),
            "times": .integer(times),
        ])
    }

    /// What was ordered for a customer's next payment, one time less from then on.
    func takeDecline(of customer: String) -> Decline? {
        let order = known(.customer, customer).object("_declines")
        guard let times = order.integer("times"), let code = order.string("code") else { return nil }
        change(.customer, customer) {
            $0["_declines"] = times == 1 ? nil : ["code": .string(code), "times": .integer(times - 1)]
        }
        return Decline.ordered.first { $0.declineCode == code }
    }
}

extension Decline {
    /// What can be ordered: the usual one first.
    static let ordered: [Decline] = [
        .generic, .insufficientFunds, .lostCard, .stolenCard, .velocity, .expiredCard, .processingError, .fraudulent,
        .authenticationRequired,
    ]
}
