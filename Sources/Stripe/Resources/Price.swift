/// Prices (https://docs.stripe.com/api/prices).
package import JSON

package struct StripePrice: StripeObject {
    package let id: String
    package let isActive: Bool?
    package let currency: String?
    /// Minor units; nil for tiered prices and for fractions of a minor unit.
    package let unitAmount: Int64?
    /// The same with up to twelve decimals, as Stripe wrote it.
    package let unitAmountDecimal: String?
    package let product: StripeReference?
    package let lookupKey: String?
    package let nickname: String?
    /// `one_time` or `recurring`.
    package let type: String?
    /// `day`, `week`, `month`, `year`; nil for a one-time price.
    package let interval: String?
    package let intervalCount: Int64?
    /// `licensed` or `metered`.
    package let usageType: String?
    package let billingScheme: String?
    package let created: Int64?
    package let metadata: [String: String]
    package let raw: JSONValue

    package init?(_ raw: JSONValue) {
        guard let id = raw.text("id") else { return nil }
        self.id = id
        isActive = raw.flag("active")
        currency = raw.text("currency")
        unitAmount = raw.integer("unit_amount")
        unitAmountDecimal = raw.text("unit_amount_decimal")
        product = raw.reference("product")
        lookupKey = raw.text("lookup_key")
        nickname = raw.text("nickname")
        type = raw.text("type")
        interval = raw["recurring"]?.text("interval")
        intervalCount = raw["recurring"]?.integer("interval_count")
        usageType = raw["recurring"]?.text("usage_type")
        billingScheme = raw.text("billing_scheme")
        created = raw.integer("created")
        metadata = raw.metadata
        self.raw = raw
    }

    /// The product itself, where it was expanded.
    package var expandedProduct: StripeProduct? { product?.object.flatMap(StripeProduct.init) }
}

/// Which prices a list holds.
package struct PriceFilter: Sendable {
    /// At most ten.
    package var lookupKeys: [String]?
    package var active: Bool?
    package var product: String?
    /// `recurring` or `one_time`.
    package var type: String?
    package var currency: String?
    package var page = StripePage()
    /// Whether each price carries its whole product.
    package var expandsProduct = false

    package init() {}

    var form: FormParameters {
        var form = FormParameters()
        form.set("lookup_keys", lookupKeys)
        form.set("active", active)
        form.set("product", product)
        form.set("type", type)
        form.set("currency", currency)
        page.write(to: &form)
        if expandsProduct { form.set("expand", ["data.product"]) }
        return form
    }
}

extension StripeClient {
    package func listPrices(
        _ filter: PriceFilter, _ options: StripeCallOptions = StripeCallOptions()
    ) async throws(StripeError) -> StripeAnswer<StripeList<StripePrice>> {
        try await list(["prices"], filter.form, options)
    }

    package func retrievePrice(
        _ id: String, expand: [String] = [], _ options: StripeCallOptions = StripeCallOptions()
    ) async throws(StripeError) -> StripeAnswer<StripePrice> {
        try await answer(.get, ["prices", id], Self.expanding(expand), options)
    }
}
