/// Products (https://docs.stripe.com/api/products) and the features attached to them.
package import JSON

package struct StripeProduct: StripeObject {
    package let id: String
    /// A deleted product is a stub of its id and this.
    package let isDeleted: Bool
    package let isActive: Bool?
    package let name: String?
    package let productDescription: String?
    package let defaultPrice: StripeReference?
    /// Names for a pricing table, in order; not entitlements.
    package let marketingFeatures: [String]
    package let created: Int64?
    package let metadata: [String: String]
    package let raw: JSONValue

    package init?(_ raw: JSONValue) {
        guard let id = raw.text("id") else { return nil }
        self.id = id
        isDeleted = raw.flag("deleted") ?? false
        isActive = raw.flag("active")
        name = raw.text("name")
        productDescription = raw.text("description")
        defaultPrice = raw.reference("default_price")
        marketingFeatures = (raw["marketing_features"]?.arrayValue ?? []).compactMap { $0.text("name") }
        created = raw.integer("created")
        metadata = raw.metadata
        self.raw = raw
    }
}

/// A feature that a product grants (https://docs.stripe.com/api/product-feature).
package struct StripeProductFeature: StripeObject {
    package let id: String
    package let featureID: String?
    /// The name by which code asks for the feature.
    package let lookupKey: String?
    package let name: String?
    package let raw: JSONValue

    package init?(_ raw: JSONValue) {
        guard let id = raw.text("id") else { return nil }
        self.id = id
        featureID = raw.reference("entitlement_feature")?.id
        lookupKey = raw["entitlement_feature"]?.text("lookup_key")
        name = raw["entitlement_feature"]?.text("name")
        self.raw = raw
    }
}

extension StripeClient {
    package func retrieveProduct(
        _ id: String, _ options: StripeCallOptions = StripeCallOptions()
    ) async throws(StripeError) -> StripeAnswer<StripeProduct> {
        try await answer(.get, ["products", id], [:], options)
    }

    package func listProducts(
        page: StripePage = StripePage(), _ options: StripeCallOptions = StripeCallOptions()
    ) async throws(StripeError) -> StripeAnswer<StripeList<StripeProduct>> {
        var form = FormParameters()
        page.write(to: &form)
        return try await list(["products"], form, options)
    }

    package func listProductFeatures(
        product: String, page: StripePage = StripePage(), _ options: StripeCallOptions = StripeCallOptions()
    ) async throws(StripeError) -> StripeAnswer<StripeList<StripeProductFeature>> {
        var form = FormParameters()
        page.write(to: &form)
        return try await list(["products", product, "features"], form, options)
    }
}
