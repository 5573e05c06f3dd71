/// The customer portal (https://docs.stripe.com/api/customer_portal/sessions): Stripe's pages on which customers help
/// themselves.
package import JSON

/// A visit to the portal.
package struct StripePortalSession: StripeObject {
    package let id: String
    /// Whoever opens it acts for the customer: a secret, short-lived, for that customer alone.
    package let url: String
    package let customer: StripeReference?
    package let configuration: StripeReference?
    package let returnURL: String?
    package let locale: String?
    package let created: Int64?
    package let raw: JSONValue

    package init?(_ raw: JSONValue) {
        guard let id = raw.text("id"), let url = raw.text("url") else { return nil }
        self.id = id
        self.url = url
        customer = raw.reference("customer")
        configuration = raw.reference("configuration")
        returnURL = raw.text("return_url")
        locale = raw.text("locale")
        created = raw.integer("created")
        self.raw = raw
    }
}

/// The one thing that a visit is for. Without it the customer starts on the portal's first page.
package struct PortalFlow: Sendable, Equatable {
    /// `customer_update`, `payment_method_update`, `subscription_cancel`, `subscription_pause`, `subscription_update`,
    /// `subscription_update_confirm`.
    package var type: String
    /// For the types that begin with it.
    package var subscription: String?
    /// What `subscription_update_confirm` asks the customer to agree to.
    package var items: [Item]?
    /// Where the customer goes once it is done, at once; a page of Stripe's says so where it is nil.
    package var returnURL: String?

    /// An item of the subscription with what it is to become.
    package struct Item: Sendable, Equatable {
        package var id: String
        package var price: String?
        package var quantity: Int64?

        package init(id: String, price: String? = nil, quantity: Int64? = nil) {
            self.id = id
            self.price = price
            self.quantity = quantity
        }

        var form: FormParameters {
            var form: FormParameters = ["id": .text(id)]
            form.set("price", price)
            form.set("quantity", quantity)
            return form
        }
    }

    package init(type: String, subscription: String? = nil) {
        self.type = type
        self.subscription = subscription
    }

    var form: FormParameters {
        var details = FormParameters()
        details.set("subscription", subscription)
        details.set("items", items?.map(\.form))
        var form: FormParameters = ["type": .text(type)]
        form.set(type, details)
        if let returnURL {
            form.set(
                "after_completion", ["type": "redirect", "redirect": ["return_url": .text(returnURL)]] as FormValue)
        }
        return form
    }
}

extension StripeClient {
    /// - Parameters:
    ///   - returnURL: where the portal's way back leads.
    ///   - configuration: what the portal offers; the account's default where it is nil.
    ///   - locale: `de`, `en-GB`, …, or `auto`, which is what the browser asks for.
    package func createPortalSession(
        customer: String, returnURL: String? = nil, configuration: String? = nil, locale: String? = nil,
        flow: PortalFlow? = nil, _ options: StripeCallOptions = StripeCallOptions()
    ) async throws(StripeError) -> StripeAnswer<StripePortalSession> {
        var form: FormParameters = ["customer": .text(customer)]
        form.set("return_url", returnURL)
        form.set("configuration", configuration)
        form.set("locale", locale)
        form.set("flow_data", flow?.form)
        return try await answer(.post, ["billing_portal", "sessions"], form, options)
    }
}
