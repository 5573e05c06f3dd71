package import Contract
internal import Store
internal import Stripe

/// CreateSubscription: an incomplete subscription, and the secret with which the customer's browser pays for it.
extension BillingService {
    package func createSubscription(
        _ params: CreateSubscriptionParams, _ call: CallContext
    ) async throws(RPCError) -> CreateSubscriptionResult {
        try Self.checkCollection(params)
        return try await inTurn(of: params.customerId, call) { () async throws(RPCError) in
            try await subscribe(params, call)
        }
    }

    private func subscribe(
        _ params: CreateSubscriptionParams, _ call: CallContext
    ) async throws(RPCError) -> CreateSubscriptionResult {
        let order: SubscriptionOrder
        if let begun = begunOrder(call).flatMap(SubscriptionOrder.init) {
            order = begun
        } else {
            order = try await self.order(params, call)
        }
        var creation = SubscriptionCreation(customer: params.customerId, items: order.items)
        creation.trialPeriodDays = params.trialDays == 0 ? nil : params.trialDays
        creation.currency = params.currency
        creation.promotionCode = order.promotionCode
        creation.defaultPaymentMethod = params.defaultPaymentMethodId
        creation.collectionMethod = params.collectionMethod.rawValue
        creation.daysUntilDue = params.daysUntilDue
        creation.metadata = params.metadata
        let created = try await change(call, .subscriptions, nil, order: order.json) {
            [creation] () async throws(StripeError) in
            try await stripe.createSubscription(creation, options(call, step: "subscription"))
        }
        let subscription = created.object
        return CreateSubscriptionResult(
            subscriptionId: subscription.id, status: SubscriptionStatus(rawValue: subscription.status),
            clientSecret: subscription.confirmation.clientSecret, intent: Intent(subscription.confirmation),
            latestInvoiceId: subscription.latestInvoice?.id, subscription: Subscription(subscription))
    }

    /// What is to be subscribed to, if the customer may.
    private func order(_ params: CreateSubscriptionParams, _ call: CallContext) async throws(RPCError) -> SubscriptionOrder
    {
        let wanted = try await wantedItems(of: params, call)
        if !params.allowDuplicate { try await refuseDuplicate(of: wanted.map(\.price), customer: params.customerId, call) }
        return SubscriptionOrder(
            items: wanted.map { SubscriptionItemChange(price: $0.price.id, quantity: $0.quantity) },
            promotionCode: try await promotionCode(params.promotionCode, call))
    }

    /// Stripe's rule: an invoice that is sent needs a term, and one that is charged has none.
    private static func checkCollection(_ params: CreateSubscriptionParams) throws(RPCError) {
        let isSent = params.collectionMethod == .sendInvoice
        guard isSent != (params.daysUntilDue != nil) else { return }
        let message =
            isSent ? "is required with collectionMethod send_invoice" : "is only for collectionMethod send_invoice"
        throw RPCError(
            .schema, "CreateSubscription: daysUntilDue \(message)",
            violations: [
                Violation(pointer: "/daysUntilDue", rule: isSent ? "required" : "collectionMethod", message: message)
            ])
    }

    private func wantedItems(
        of params: CreateSubscriptionParams, _ call: CallContext
    ) async throws(RPCError) -> [(price: StripePrice, quantity: Int64?)] {
        guard let items = params.items else {
            let price = try await price(id: params.priceId, lookupKey: params.lookupKey, call)
            return [(price, params.quantity)]
        }
        var wanted: [(price: StripePrice, quantity: Int64?)] = []
        for item in items {
            wanted.append((try await price(id: item.priceId, lookupKey: item.lookupKey, call), item.quantity))
        }
        return wanted
    }

    /// A customer with two live subscriptions to one product pays twice for it. One that waits for its first payment counts
    /// as live: both could still be paid.
    private func refuseDuplicate(
        of prices: [StripePrice], customer: String, _ call: CallContext
    ) async throws(RPCError) {
        var filter = SubscriptionFilter()
        filter.customer = customer
        filter.page.limit = 100
        let wanted = Set(prices.compactMap { $0.product?.id })
        repeat {
            let page = try await ask(call) { [filter] () async throws(StripeError) in
                try await stripe.listSubscriptions(filter, options(call, step: "duplicates"))
            }.object
            let duplicate = page.data.first { subscription in
                !subscription.hasEnded && subscription.items.contains { $0.productID.map(wanted.contains) ?? false }
            }
            if let duplicate {
                throw RPCError(
                    .duplicateSubscription,
                    "customer \(customer) already has the subscription \(duplicate.id) (\(duplicate.status)) to this product",
                    subjectId: duplicate.id)
            }
            filter.page.startingAfter = page.nextCursor
        } while filter.page.startingAfter != nil
    }

    /// What the customer typed, as the id that Stripe takes; an id stays what it is.
    private func promotionCode(_ code: String?, _ call: CallContext) async throws(RPCError) -> String? {
        guard let code, !code.hasPrefix("promo_") else { return code }
        let found = try await ask(call) { () async throws(StripeError) in
            try await stripe.listPromotionCodes(code: code, options(call, step: "promotion"))
        }
        guard let promotion = found.object.data.first else {
            throw RPCError(.noSuchPromotionCode, "there is no active promotion code \"\(code)\"")
        }
        return promotion.id
    }
}
