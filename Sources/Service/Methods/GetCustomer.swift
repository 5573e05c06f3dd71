package import Contract
internal import Store
internal import Stripe

/// GetCustomer: a customer as Stripe has it now; the mirror learns it too.
extension BillingService {
    package func getCustomer(_ params: GetCustomerParams, _ call: CallContext) async throws(RPCError) -> GetCustomerResult {
        let id = params.customerId
        let customer = try await askAndMirror(call, .customers, id) { () async throws(StripeError) in
            try await stripe.retrieveCustomer(id, options(call, step: "read"))
        }.object
        guard !customer.isDeleted else { throw RPCError(.noSuchCustomer, "the customer \(id) was deleted") }
        return GetCustomerResult(customer: Customer(customer))
    }
}
