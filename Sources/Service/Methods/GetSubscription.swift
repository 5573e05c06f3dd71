package import Contract
internal import Store
internal import Stripe

/// GetSubscription: a subscription as Stripe has it now; the mirror learns it too.
extension BillingService {
    package func getSubscription(
        _ params: GetSubscriptionParams, _ call: CallContext
    ) async throws(RPCError) -> GetSubscriptionResult {
        GetSubscriptionResult(subscription: Subscription(try await subscription(params.subscriptionId, call).object))
    }

    /// Asks Stripe for one subscription.
    func subscription(_ id: String, _ call: CallContext) async throws(RPCError) -> StripeAnswer<StripeSubscription> {
        try await askAndMirror(call, .subscriptions, id) { () async throws(StripeError) in
            try await stripe.retrieveSubscription(id, options(call, step: "read"))
        }
    }
}
