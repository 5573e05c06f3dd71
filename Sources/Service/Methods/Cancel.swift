package import Contract
internal import Store
internal import Stripe

/// Cancel: at once, as in the guide, or with the period's end.
extension BillingService {
    package func cancel(_ params: CancelParams, _ call: CallContext) async throws(RPCError) -> CancelResult {
        try await inTurn(ofSubscription: params.subscriptionId, call) { () async throws(RPCError) in
            try await end(params, call)
        }
    }

    private func end(_ params: CancelParams, _ call: CallContext) async throws(RPCError) -> CancelResult {
        let details = CancellationDetails(comment: params.comment, feedback: params.feedback?.rawValue)
        let id = params.subscriptionId
        let answer: StripeAnswer<StripeSubscription>
        switch params.when {
        case .now:
            let cancellation = SubscriptionCancellation(
                prorate: params.prorate, invoiceNow: params.invoiceNow, details: details)
            answer = try await ending(id, call) { () async throws(StripeError) in
                try await stripe.cancelSubscription(id, cancellation, options(call, step: "cancel"))
            }
        case .periodEnd:
            try Self.refuseSettling(params)
            try await releaseChange(of: id, call)
            var update = SubscriptionUpdate()
            update.cancelAtPeriodEnd = true
            update.cancellationDetails = details
            answer = try await ending(id, call) { [update] () async throws(StripeError) in
                try await stripe.updateSubscription(id, update, options(call, step: "cancel"))
            }
        }
        let subscription = answer.object
        return CancelResult(
            subscriptionId: subscription.id, status: SubscriptionStatus(rawValue: subscription.status),
            cancelAtPeriodEnd: subscription.cancelAtPeriodEnd,
            endsAt: (subscription.endedAt ?? subscription.cancelAt).map(Timestamp.init),
            subscription: Subscription(subscription))
    }

    /// A change that waits for the same moment would never come, and Stripe takes no end from anybody but the schedule.
    private func releaseChange(of id: String, _ call: CallContext) async throws(RPCError) {
        guard let schedule = try await ownSchedule(of: try await subscription(id, call).object, call) else { return }
        try await release(schedule, call)
    }

    /// At the period's end nothing is left to credit or to bill.
    private static func refuseSettling(_ params: CancelParams) throws(RPCError) {
        let message = "is only for when: now"
        let violations = [("/invoiceNow", params.invoiceNow), ("/prorate", params.prorate)].filter(\.1).map {
            Violation(pointer: $0.0, rule: "when", message: message)
        }
        guard let first = violations.first else { return }
        throw RPCError(.schema, "Cancel: \(first.pointer) \(message)", violations: violations)
    }

    /// Stripe says of a canceled subscription that there is none, or speaks of its metadata: a caller is told that it has
    /// ended.
    private func ending(
        _ id: String, _ call: CallContext, _ question: () async throws(StripeError) -> StripeAnswer<StripeSubscription>
    ) async throws(RPCError) -> StripeAnswer<StripeSubscription> {
        do throws(RPCError) {
            return try await change(call, .subscriptions, id, question)
        } catch {
            guard error.reason == Reason.noSuchSubscription.name || error.reason == Reason.stripeRefused.name else {
                throw error
            }
            let mayBeOurs = error.mayHaveTakenEffect || call.run?.isRepeated == true
            let found = try await lookUp(id, call, after: error, mayBeOurs: mayBeOurs)
            guard found.object.hasEnded else { throw error }
            // Who finds the own work done has succeeded.
            if mayBeOurs { return found }
            throw RPCError(.subscriptionEnded, "the subscription \(id) has ended (\(found.object.status))")
        }
    }

    /// Throws the refusal where there is nothing to be found, and what stands in the way where that is not known yet.
    private func lookUp(
        _ id: String, _ call: CallContext, after refusal: RPCError, mayBeOurs: Bool
    ) async throws(RPCError) -> StripeAnswer<StripeSubscription> {
        do throws(RPCError) {
            return try await subscription(id, call)
        } catch {
            guard error.reason != Reason.noSuchSubscription.name else { throw refusal }
            var obstacle = error
            obstacle.mayHaveTakenEffect = mayBeOurs
            throw obstacle
        }
    }
}
