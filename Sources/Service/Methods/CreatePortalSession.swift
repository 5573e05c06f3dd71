package import Contract
internal import Stripe

/// CreatePortalSession: the way to Stripe's own page for a customer.
extension BillingService {
    package func createPortalSession(
        _ params: CreatePortalSessionParams, _ call: CallContext
    ) async throws(RPCError) -> CreatePortalSessionResult {
        try Self.checkFlow(params)
        let session = try await change(call) { () async throws(RPCError) in
            try await ask(call) { () async throws(StripeError) in
                try await stripe.createPortalSession(
                    customer: params.customerId, returnURL: params.returnUrl, configuration: params.configurationId,
                    locale: params.locale, flow: Stripe.PortalFlow(params), options(call, step: "portal"))
            }
        }.object
        return CreatePortalSessionResult(
            sessionId: session.id, url: session.url, returnUrl: session.returnURL,
            created: Timestamp(unixSeconds: session.created ?? clock()))
    }

    /// Stripe's rule: a flow about a subscription names it, and the others have none.
    private static func checkFlow(_ params: CreatePortalSessionParams) throws(RPCError) {
        let needsSubscription = params.flow == .subscriptionUpdate || params.flow == .subscriptionCancel
        guard params.flow != nil, needsSubscription != (params.subscriptionId != nil) else { return }
        let message =
            needsSubscription ? "is required for this flow" : "is only for subscriptionUpdate and subscriptionCancel"
        throw RPCError(
            .schema, "CreatePortalSession: subscriptionId \(message)",
            violations: [
                Violation(
                    pointer: "/subscriptionId", rule: needsSubscription ? "required" : "flow", message: message)
            ])
    }
}

extension Stripe.PortalFlow {
    fileprivate init?(_ params: CreatePortalSessionParams) {
        guard let flow = params.flow else { return nil }
        let type =
            switch flow {
            case .paymentMethodUpdate: "payment_method_update"
            case .subscriptionUpdate: "subscription_update"
            case .subscriptionCancel: "subscription_cancel"
            }
        self.init(type: type, subscription: params.subscriptionId)
        returnURL = params.returnUrl
    }
}
