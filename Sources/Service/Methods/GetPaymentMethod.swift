package import Contract
internal import Stripe

/// GetPaymentMethod: what would be charged, and why it is that one.
extension BillingService {
    package func getPaymentMethod(
        _ params: GetPaymentMethodParams, _ call: CallContext
    ) async throws(RPCError) -> GetPaymentMethodResult {
        if let id = params.paymentMethodId {
            return GetPaymentMethodResult(try await paymentMethod(id, call), usedFor: nil)
        }
        if let id = params.subscriptionId { return try await paymentMethod(ofSubscription: id, call) }
        return try await paymentMethod(ofCustomer: params.customerId ?? "", call)
    }

    /// Stripe's order: the subscription's own default, then the customer's (https://docs.stripe.com/billing/subscriptions/payment-methods-setting).
    private func paymentMethod(
        ofSubscription id: String, _ call: CallContext
    ) async throws(RPCError) -> GetPaymentMethodResult {
        let subscription = try await subscription(id, call).object
        if let method = subscription.defaultPaymentMethod?.id {
            return GetPaymentMethodResult(try await paymentMethod(method, call), usedFor: .subscription)
        }
        return try await paymentMethod(ofCustomer: subscription.customer.id, call)
    }

    /// The customer's default or, where there is none but only one method is attached, that one: it is no default of
    /// Stripe's, but the only one that a person would be shown.
    private func paymentMethod(
        ofCustomer id: String, _ call: CallContext
    ) async throws(RPCError) -> GetPaymentMethodResult {
        let customer = try await ask(call) { () async throws(StripeError) in
            try await stripe.retrieveCustomer(id, options(call, step: "customer"))
        }.object
        guard !customer.isDeleted else { throw RPCError(.noSuchCustomer, "the customer \(id) was deleted") }
        if let method = customer.defaultPaymentMethod?.id {
            return GetPaymentMethodResult(try await paymentMethod(method, call), usedFor: .customerDefault)
        }
        let attached = try await ask(call) { () async throws(StripeError) in
            try await stripe.listPaymentMethods(
                customer: id, page: StripePage(limit: 2), options(call, step: "methods"))
        }.object.data
        guard attached.count == 1 else {
            let found = attached.isEmpty ? "has no payment method" : "has several payment methods and none is its default"
            throw RPCError(.noPaymentMethod, "the customer \(id) \(found)")
        }
        return GetPaymentMethodResult(attached[0], usedFor: .onlyOneAttached)
    }

    private func paymentMethod(_ id: String, _ call: CallContext) async throws(RPCError) -> StripePaymentMethod {
        try await ask(call) { () async throws(StripeError) in
            try await stripe.retrievePaymentMethod(id, options(call, step: "method"))
        }.object
    }
}
