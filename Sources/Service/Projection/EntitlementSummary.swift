internal import JSON
internal import Stripe

/// What a customer is entitled to now, as events tell of it.
extension StripeClient {
    /// All of a customer's entitlements in the form in which events tell of them. Stripe has no call for it: the list is read to
    /// its end, and one that changes meanwhile is told of by another event.
    func retrieveEntitlementSummary(
        customer: String, _ options: StripeCallOptions
    ) async throws(StripeError) -> StripeReply {
        var page = StripePage(limit: 100)
        var held: [JSONValue] = []
        var first: ContinuousClock.Instant?
        while true {
            let started = ContinuousClock.now
            first = first ?? started
            let answer = try await listActiveEntitlements(customer: customer, page: page, options)
            held += answer.object.data.map(\.raw)
            page.startingAfter = answer.object.nextCursor
            guard page.startingAfter == nil else { continue }
            let before = Int64((started - (first ?? started)) / .milliseconds(1))
            return StripeReply(
                value: [
                    "object": "entitlements.active_entitlement_summary", "customer": .string(customer),
                    "entitlements": ["object": "list", "data": .array(held), "has_more": false],
                ], requestID: answer.reply.requestID, attempts: answer.reply.attempts, isReplayed: false,
                date: answer.reply.date, milliseconds: before + answer.reply.milliseconds)
        }
    }
}
