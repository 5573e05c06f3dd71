/// Payment intents (https://docs.stripe.com/api/payment_intents) and setup intents
/// (https://docs.stripe.com/api/setup_intents).
package import JSON

package struct StripePaymentIntent: StripeObject {
    package let id: String
    /// `requires_payment_method`, `requires_confirmation`, `requires_action`, `processing`, `requires_capture`,
    /// `succeeded`, `canceled`.
    package let status: String
    package let amount: Int64?
    package let currency: String?
    /// Lets a browser finish the payment: for the paying customer alone.
    package let clientSecret: String?
    package let customer: StripeReference?
    package let paymentMethod: StripeReference?
    package let latestCharge: StripeReference?
    /// `type`, `code`, `decline_code`, `message` of the last failure.
    package let lastPaymentError: JSONValue?
    package let created: Int64?
    package let raw: JSONValue

    package init?(_ raw: JSONValue) {
        guard let id = raw.text("id"), let status = raw.text("status") else { return nil }
        self.id = id
        self.status = status
        amount = raw.integer("amount")
        currency = raw.text("currency")
        clientSecret = raw.text("client_secret")
        customer = raw.reference("customer")
        paymentMethod = raw.reference("payment_method")
        latestCharge = raw.reference("latest_charge")
        lastPaymentError = raw.at("last_payment_error")
        created = raw.integer("created")
        self.raw = raw
    }
}

package struct StripeSetupIntent: StripeObject {
    package let id: String
    /// `requires_payment_method`, `requires_confirmation`, `requires_action`, `processing`, `succeeded`, `canceled`.
    package let status: String
    /// As a payment intent's.
    package let clientSecret: String?
    package let customer: StripeReference?
    package let paymentMethod: StripeReference?
    package let lastSetupError: JSONValue?
    package let created: Int64?
    package let raw: JSONValue

    package init?(_ raw: JSONValue) {
        guard let id = raw.text("id"), let status = raw.text("status") else { return nil }
        self.id = id
        self.status = status
        clientSecret = raw.text("client_secret")
        customer = raw.reference("customer")
        paymentMethod = raw.reference("payment_method")
        lastSetupError = raw.at("last_setup_error")
        created = raw.integer("created")
        self.raw = raw
    }
}

extension StripeClient {
    package func retrievePaymentIntent(
        _ id: String, expand: [String] = [], _ options: StripeCallOptions = StripeCallOptions()
    ) async throws(StripeError) -> StripeAnswer<StripePaymentIntent> {
        try await answer(.get, ["payment_intents", id], Self.expanding(expand), options)
    }

    /// Gives up a payment that is not made yet. An invoice's payment is given up by voiding the invoice.
    ///
    /// - Parameter reason: `abandoned`, `duplicate`, `fraudulent`, `requested_by_customer`.
    package func cancelPaymentIntent(
        _ id: String, reason: String? = nil, _ options: StripeCallOptions = StripeCallOptions()
    ) async throws(StripeError) -> StripeAnswer<StripePaymentIntent> {
        var form = FormParameters()
        form.set("cancellation_reason", reason)
        return try await answer(.post, ["payment_intents", id, "cancel"], form, options)
    }

    package func retrieveSetupIntent(
        _ id: String, expand: [String] = [], _ options: StripeCallOptions = StripeCallOptions()
    ) async throws(StripeError) -> StripeAnswer<StripeSetupIntent> {
        try await answer(.get, ["setup_intents", id], Self.expanding(expand), options)
    }

    /// - Parameter reason: `abandoned`, `duplicate`, `requested_by_customer`.
    package func cancelSetupIntent(
        _ id: String, reason: String? = nil, _ options: StripeCallOptions = StripeCallOptions()
    ) async throws(StripeError) -> StripeAnswer<StripeSetupIntent> {
        var form = FormParameters()
        form.set("cancellation_reason", reason)
        return try await answer(.post, ["setup_intents", id, "cancel"], form, options)
    }
}
