package import Contract
internal import Stripe

/// ListInvoices: a page of what Stripe has.
extension BillingService {
    package func listInvoices(_ params: ListInvoicesParams, _ call: CallContext) async throws(RPCError)
        -> ListInvoicesResult
    {
        var filter = InvoiceFilter()
        filter.customer = params.customerId
        filter.subscription = params.subscriptionId
        filter.status = params.status?.rawValue
        filter.page = StripePage(limit: params.limit, startingAfter: params.cursor)
        let page = try await ask(call) { [filter] () async throws(StripeError) in
            try await stripe.listInvoices(filter, options(call, step: "invoices"))
        }.object
        return ListInvoicesResult(invoices: page.data.compactMap(Invoice.init), nextCursor: page.nextCursor)
    }
}
