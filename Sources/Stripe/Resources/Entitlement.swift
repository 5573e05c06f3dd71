/// What a customer is entitled to (https://docs.stripe.com/api/entitlements/active-entitlement).
package import JSON

/// A feature that a customer may use now.
package struct StripeActiveEntitlement: StripeObject {
    package let id: String
    package let featureID: String?
    /// The name by which code asks for the feature.
    package let lookupKey: String?
    package let raw: JSONValue

    package init?(_ raw: JSONValue) {
        guard let id = raw.text("id") else { return nil }
        self.id = id
        let feature = raw.reference("feature")
        featureID = feature?.id
        lookupKey = raw.text("lookup_key") ?? feature?.object?.text("lookup_key")
        self.raw = raw
    }
}

extension StripeClient {
    package func listActiveEntitlements(
        customer: String, page: StripePage = StripePage(), expand: [String] = [],
        _ options: StripeCallOptions = StripeCallOptions()
    ) async throws(StripeError) -> StripeAnswer<StripeList<StripeActiveEntitlement>> {
        var form: FormParameters = ["customer": .text(customer)]
        page.write(to: &form)
        form.set("expand", expand)
        return try await list(["entitlements", "active_entitlements"], form, options)
    }
}
