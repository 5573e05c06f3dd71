package import Contract
internal import Store
internal import Stripe

/// Resume: what would end a subscription or holds it up is taken back.
extension BillingService {
    package func resume(_ params: ResumeParams, _ call: CallContext) async throws(RPCError) -> ResumeResult {
        try await inTurn(ofSubscription: params.subscriptionId, call) { () async throws(RPCError) in
            try await goOn(params, call)
        }
    }

    private func goOn(_ params: ResumeParams, _ call: CallContext) async throws(RPCError) -> ResumeResult {
        let id = params.subscriptionId
        let order: ResumeOrder
        var found: StripeSubscription?
        if let begun = begunOrder(call).flatMap(ResumeOrder.init) {
            order = begun
        } else {
            let subscription = try await subscription(id, call).object
            guard !subscription.hasEnded else {
                throw RPCError(.subscriptionEnded, "the subscription \(id) has ended (\(subscription.status))")
            }
            order = ResumeOrder(subscription)
            found = subscription
        }
        if let update = order.update {
            found = try await change(call, .subscriptions, id, order: order.json) { () async throws(StripeError) in
                try await stripe.updateSubscription(id, update, options(call, step: "update"))
            }.object
        }
        if order.resumed.contains(.pause) {
            let behavior = Stripe.ProrationBehavior(params.prorationBehavior)
            found = try await change(call, .subscriptions, id, order: order.json) { () async throws(StripeError) in
                try await stripe.resumeSubscription(id, prorationBehavior: behavior, options(call, step: "resume"))
            }.object
        }
        // Nothing was to be taken back, or a repeated call knows only what it was about to do.
        let subscription = if let found { found } else { try await subscription(id, call).object }
        let confirmation = order.resumed.contains(.pause) ? subscription.confirmation : .none
        return ResumeResult(
            subscriptionId: id, status: SubscriptionStatus(rawValue: subscription.status), resumed: order.resumed,
            clientSecret: confirmation.clientSecret, intent: Intent(confirmation), subscription: Subscription(subscription))
    }
}

extension ResumeOrder {
    /// What one update takes back; nil where there is nothing of the kind.
    fileprivate var update: SubscriptionUpdate? {
        var update = SubscriptionUpdate()
        if resumed.contains(.cancellation) {
            // Stripe takes a date and the period's end back by one parameter each, and does not take both.
            if cancelsAtDate { update.clearsCancelAt = true } else { update.cancelAtPeriodEnd = false }
        }
        update.clearsPauseCollection = resumed.contains(.pausedCollection)
        return resumed.contains { $0 != .pause } ? update : nil
    }
}
