/// The account behind the key, the customer portal, and what a customer is entitled to.
package import JSON

/// https://docs.stripe.com/api/accounts
package struct StripeAccount: StripeObject {
    package let id: String
    package let country: String?
    package let defaultCurrency: String?
    package let raw: JSONValue

    package init?(_ raw: JSONValue) {
        guard let id = raw.text("id") else { return nil }
        self.id = id
        country = raw.text("country")
        defaultCurrency = raw.text("default_currency")
        self.raw = raw
    }
}

/// A visit to the customer portal (https://docs.stripe.com/api/customer_portal/sessions).
package struct StripePortalSession: StripeObject {
    package let id: String
    /// Whoever opens it acts for the customer: short-lived, for that customer alone.
    package let url: String
    package let returnURL: String?
    package let created: Int64?
    package let raw: JSONValue

    package init?(_ raw: JSONValue) {
        guard let id = raw.text("id"), let url = raw.text("url") else { return nil }
        self.id = id
        self.url = url
        returnURL = raw.text("return_url")
        created = raw.integer("created")
        self.raw = raw
    }
}

/// A feature that a customer may use now (https://docs.stripe.com/api/entitlements/active-entitlement).
package struct StripeActiveEntitlement: StripeObject {
    package let id: String
    package let featureID: String?
    package let lookupKey: String?
    package let raw: JSONValue

    package init?(_ raw: JSONValue) {
        guard let id = raw.text("id") else { return nil }
        self.id = id
        featureID = raw.reference("feature")?.id
        lookupKey = raw.text("lookup_key")
        self.raw = raw
    }
}

extension StripeClient {
    /// The account that the key belongs to: the cheapest question that tells whether Stripe answers and the key is good.
    package func retrieveAccount(
        _ options: StripeCallOptions = StripeCallOptions()
    ) async throws(StripeError) -> StripeAnswer<StripeAccount> {
        try await answer(.get, ["account"], [:], options)
    }

    package func createPortalSession(
        customer: String, returnURL: String? = nil, configuration: String? = nil,
        _ options: StripeCallOptions = StripeCallOptions()
    ) async throws(StripeError) -> StripeAnswer<StripePortalSession> {
        var form: FormParameters = ["customer": .text(customer)]
        form.set("return_url", returnURL)
        form.set("configuration", configuration)
        return try await answer(.post, ["billing_portal", "sessions"], form, options)
    }

    package func listActiveEntitlements(
        customer: String, page: StripePage = StripePage(), _ options: StripeCallOptions = StripeCallOptions()
    ) async throws(StripeError) -> StripeAnswer<StripeList<StripeActiveEntitlement>> {
        var form: FormParameters = ["customer": .text(customer)]
        page.write(to: &form)
        return try await list(["entitlements", "active_entitlements"], form, options)
    }
}
