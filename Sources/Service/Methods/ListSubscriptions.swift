package import Contract
internal import Stripe

/// ListSubscriptions: a page of what Stripe has.
extension BillingService {
    package func listSubscriptions(
        _ params: ListSubscriptionsParams, _ call: CallContext
    ) async throws(RPCError) -> ListSubscriptionsResult {
        var filter = SubscriptionFilter()
        filter.customer = params.customerId
        filter.price = params.priceId
        filter.status = params.status?.rawValue
        filter.page = StripePage(limit: params.limit, startingAfter: params.cursor)
        let page = try await ask(call) { [filter] () async throws(StripeError) in
            try await stripe.listSubscriptions(filter, options(call, step: "subscriptions"))
        }.object
        return ListSubscriptionsResult(subscriptions: page.data.map(Subscription.init), nextCursor: page.nextCursor)
    }
}
