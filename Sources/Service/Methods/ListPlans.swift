package import Contract
internal import Stripe

/// ListPlans: what customers can choose from, a recurring price each.
extension BillingService {
    package func listPlans(_ params: ListPlansParams, _ call: CallContext) async throws(RPCError) -> ListPlansResult {
        var filter = PriceFilter()
        filter.active = params.active
        filter.type = "recurring"
        filter.expandsProduct = true
        filter.page = StripePage(limit: params.limit, startingAfter: params.cursor)
        let page = try await ask(call) { [filter] () async throws(StripeError) in
            try await stripe.listPrices(filter, options(call, step: "plans"))
        }.object
        return ListPlansResult(plans: page.data.compactMap(Plan.init), nextCursor: page.nextCursor)
    }

    /// The price that a caller names by its id or by its lookup key; one that can still be subscribed to.
    func price(id: String?, lookupKey: String?, _ call: CallContext) async throws(RPCError) -> StripePrice {
        let price: StripePrice
        if let id {
            price = try await ask(call) { () async throws(StripeError) in
                try await stripe.retrievePrice(id, options(call, step: "price"))
            }.object
        } else {
            price = try await self.price(lookupKey: lookupKey ?? "", call)
        }
        guard price.isActive != false else { throw RPCError(.priceInactive, "the price \(price.id) is not sold any more") }
        return price
    }

    private func price(lookupKey: String, _ call: CallContext) async throws(RPCError) -> StripePrice {
        var filter = PriceFilter()
        filter.lookupKeys = [lookupKey]
        filter.active = true
        let found = try await ask(call) { [filter] () async throws(StripeError) in
            try await stripe.listPrices(filter, options(call, step: "price"))
        }
        guard let price = found.object.data.first else {
            throw RPCError(.noSuchPrice, "there is no active price with the lookup key \"\(lookupKey)\"")
        }
        return price
    }
}
