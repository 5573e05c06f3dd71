package import Contract
internal import Store
internal import Stripe

/// CreateCustomer: the first thing that a sign-up does.
extension BillingService {
    package func createCustomer(
        _ params: CreateCustomerParams, _ call: CallContext
    ) async throws(RPCError) -> CreateCustomerResult {
        let created = try await change(call, .customers, nil) { () async throws(StripeError) in
            try await stripe.createCustomer(CustomerParameters(params), options(call, step: "customer"))
        }
        return CreateCustomerResult(customerId: created.object.id, customer: Customer(created.object))
    }
}

extension CustomerParameters {
    fileprivate init(_ params: CreateCustomerParams) {
        self.init()
        email = params.email
        name = params.name
        phone = params.phone
        description = params.description
        address = params.address.map(StripeAddress.init)
        shipping = params.shipping.map { shipping in
            StripeShipping(name: shipping.name, address: StripeAddress(shipping.address), phone: shipping.phone)
        }
        metadata = params.metadata
        // A method that comes with its customer is the one to be charged: nobody would attach one for anything else.
        paymentMethod = params.paymentMethodId
        defaultPaymentMethod = params.paymentMethodId
        testClock = params.testClockId
    }
}

extension StripeAddress {
    fileprivate init(_ address: AddressInput) {
        self.init()
        line1 = address.line1
        line2 = address.line2
        city = address.city
        state = address.state
        postalCode = address.postalCode
        country = address.country
    }
}
