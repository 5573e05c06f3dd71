internal import Billing
package import Contract
internal import Store
internal import Stripe

/// UpdatePlan: a change of plan, by a quote (then Stripe charges what was shown, or nothing happens) or directly.
extension BillingService {
    package func updatePlan(_ params: UpdatePlanParams, _ call: CallContext) async throws(RPCError) -> UpdatePlanResult {
        guard let quote = params.quote else {
            return try await inTurn(ofSubscription: params.subscriptionId ?? "", call) { () async throws(RPCError) in
                try await update(params, by: nil, call)
            }
        }
        guard let terms = quotes.open(quote) else {
            throw RPCError(.quoteInvalid, "the quote was not made by this server, or is damaged")
        }
        return try await inTurn(ofSubscription: terms.subscriptionID, call) { () async throws(RPCError) in
            try await update(params, by: terms, call)
        }
    }

    private func update(
        _ params: UpdatePlanParams, by terms: QuoteTerms?, _ call: CallContext
    ) async throws(RPCError) -> UpdatePlanResult {
        let order: PlanOrder
        if let begun = begunOrder(call).flatMap(PlanOrder.init) {
            order = begun
        } else if let terms {
            order = PlanOrder(try await redeem(terms, call))
        } else {
            let wanted = WantedChange(
                subscriptionID: params.subscriptionId ?? "", priceID: params.priceId, lookupKey: params.lookupKey,
                quantity: params.quantity, items: params.items, prorationBehavior: params.prorationBehavior,
                when: params.when)
            order = PlanOrder(try await resolve(wanted, call))
        }
        if order.isAtPeriodEnd { return UpdatePlanResult(try await schedule(order, call), order) }
        if let schedule = order.schedule { try await release(schedule, call) }
        var update = SubscriptionUpdate()
        update.items = order.items.map(\.change)
        update.prorationBehavior = order.prorationBehavior
        update.prorationDate = order.prorationDate
        update.paymentBehavior = Stripe.PaymentBehavior(rawValue: params.paymentBehavior.rawValue)
        let updated = try await change(call, .subscriptions, order.subscriptionID, order: order.json) {
            [update] () async throws(StripeError) in
            try await stripe.updateSubscription(order.subscriptionID, update, options(call, step: "update"))
        }
        return UpdatePlanResult(updated.object, order)
    }

    /// The change that a quote promises, if Stripe would still charge exactly what it says.
    private func redeem(_ terms: QuoteTerms, _ call: CallContext) async throws(RPCError) -> PlanChange {
        guard let behavior = Stripe.ProrationBehavior(rawValue: terms.prorationBehavior),
            let prorationDate = terms.prorationDate
        else { throw RPCError(.quoteInvalid, "the quote was made by another version of this server") }
        let answer = try await changeableSubscription(terms.subscriptionID, call)
        var change = PlanChange(
            subscription: answer.object,
            items: terms.items.map {
                SubscriptionItemChange(
                    id: $0.itemID, price: $0.priceID, quantity: $0.quantity, deleted: $0.deleted ? true : nil)
            },
            prorationBehavior: behavior, isAtPeriodEnd: terms.isAtPeriodEnd, prorationDate: prorationDate,
            bindsProrationDate: true)
        try await notePrices(of: &change, call)
        change.schedule = try await ownSchedule(of: answer.object, call)
        guard terms.isValid(at: answer.reply.date ?? clock()) else {
            throw RPCError(.quoteExpired, "the quote was valid until \(Timestamp(unixSeconds: terms.validUntil))")
        }
        try await confirm(terms, of: change, call)
        return change
    }

    private func confirm(_ terms: QuoteTerms, of change: PlanChange, _ call: CallContext) async throws(RPCError) {
        let named = Set(terms.items.compactMap(\.itemID))
        guard named.isSubset(of: change.subscription.items.map(\.id)) else {
            throw RPCError(
                .quoteChanged, "the items of the subscription \(terms.subscriptionID) are not the quoted ones any more")
        }
        let differences = terms.differences(from: try await preview(change, call).amounts)
        guard differences.isEmpty else {
            let names = differences.map(\.rawValue).joined(separator: ", ")
            throw RPCError(.quoteChanged, "Stripe would now charge something else (\(names)): preview the change again")
        }
    }

    private func notePrices(of change: inout PlanChange, _ call: CallContext) async throws(RPCError) {
        for item in change.items {
            guard let id = item.price, let old = change.subscription.items.first(where: { $0.id == item.id })?.price,
                old.id != id
            else { continue }
            change.note(try await price(id: id, lookupKey: nil, call), insteadOf: old)
        }
    }
}

extension UpdatePlanResult {
    /// The invoice of the change is the subscription's latest one, if it was not that before.
    fileprivate init(_ updated: StripeSubscription, _ order: PlanOrder) {
        let latest = updated.latestInvoice?.object.flatMap(StripeInvoice.init)
        let invoice = latest?.id == order.invoiceBefore || latest?.billingReason != "subscription_update" ? nil : latest
        let confirmation = invoice?.status == "open" ? updated.confirmation : .none
        let subscription = Contract.Subscription(updated)
        self.init(
            subscription: subscription, status: subscription.status, pendingUpdate: subscription.pendingUpdate,
            effectiveAt: subscription.pendingUpdate == nil ? Timestamp(unixSeconds: order.effectiveAt) : nil,
            invoiceId: invoice?.id, amountCharged: invoice?.amountPaid ?? 0, currency: subscription.currency,
            clientSecret: confirmation.clientSecret, intent: Contract.Intent(confirmation))
    }
}
