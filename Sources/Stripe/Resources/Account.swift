/// The account behind the key (https://docs.stripe.com/api/accounts).
package import JSON

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

extension StripeClient {
    /// The account that the key belongs to: the cheapest question that tells whether Stripe answers and the key is good.
    package func retrieveAccount(
        _ options: StripeCallOptions = StripeCallOptions()
    ) async throws(StripeError) -> StripeAnswer<StripeAccount> {
        try await answer(.get, ["account"], [:], options)
    }
}
