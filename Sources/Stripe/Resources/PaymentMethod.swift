/// Payment methods (https://docs.stripe.com/api/payment_methods).
package import JSON

package struct StripePaymentMethod: StripeObject {
    package let id: String
    /// `card`, `sepa_debit`, `au_becs_debit`, `us_bank_account`, `link`, …
    package let type: String
    package let customer: StripeReference?
    /// Where `type` is `card`.
    package let card: Card?
    package let billingName: String?
    package let billingEmail: String?
    package let billingPhone: String?
    /// `line1`, `line2`, `city`, `state`, `postal_code`, `country`, as Stripe wrote them.
    package let billingAddress: JSONValue?
    package let created: Int64?
    package let metadata: [String: String]
    package let raw: JSONValue

    package struct Card: Sendable, Equatable {
        package let brand: String?
        package let last4: String?
        package let expMonth: Int64?
        package let expYear: Int64?
        /// `credit`, `debit`, `prepaid`, `unknown`.
        package let funding: String?
        package let country: String?
        /// `apple_pay`, `google_pay`, …
        package let walletType: String?
        /// Equal for equal numbers on one account.
        package let fingerprint: String?

        init(_ raw: JSONValue) {
            brand = raw.text("brand")
            last4 = raw.text("last4")
            expMonth = raw.integer("exp_month")
            expYear = raw.integer("exp_year")
            funding = raw.text("funding")
            country = raw.text("country")
            walletType = raw["wallet"]?.text("type")
            fingerprint = raw.text("fingerprint")
        }
    }

    package init?(_ raw: JSONValue) {
        guard let id = raw.text("id"), let type = raw.text("type") else { return nil }
        self.id = id
        self.type = type
        customer = raw.reference("customer")
        card = raw.at("card").map(Card.init)
        billingName = raw["billing_details"]?.text("name")
        billingEmail = raw["billing_details"]?.text("email")
        billingPhone = raw["billing_details"]?.text("phone")
        billingAddress = raw.at("billing_details", "address")
        created = raw.integer("created")
        metadata = raw.metadata
        self.raw = raw
    }

    /// What Stripe says about a method of this type: the member named like the type.
    package var details: JSONValue? { raw.at(type) }
}

extension StripeClient {
    package func retrievePaymentMethod(
        _ id: String, _ options: StripeCallOptions = StripeCallOptions()
    ) async throws(StripeError) -> StripeAnswer<StripePaymentMethod> {
        try await answer(.get, ["payment_methods", id], [:], options)
    }

    package func listPaymentMethods(
        customer: String, type: String? = nil, page: StripePage = StripePage(),
        _ options: StripeCallOptions = StripeCallOptions()
    ) async throws(StripeError) -> StripeAnswer<StripeList<StripePaymentMethod>> {
        var form = FormParameters()
        form.set("type", type)
        page.write(to: &form)
        return try await list(["customers", customer, "payment_methods"], form, options)
    }

    /// Attaching does not make it a default; a card that always declines is refused here already.
    package func attachPaymentMethod(
        _ id: String, customer: String, _ options: StripeCallOptions = StripeCallOptions()
    ) async throws(StripeError) -> StripeAnswer<StripePaymentMethod> {
        try await answer(.post, ["payment_methods", id, "attach"], ["customer": .text(customer)], options)
    }
}
