/// Customers (https://docs.stripe.com/api/customers).
package import JSON

package struct StripeCustomer: StripeObject {
    package let id: String
    /// A deleted customer is a stub of its id and this.
    package let isDeleted: Bool
    package let email: String?
    package let name: String?
    package let phone: String?
    package let customerDescription: String?
    package let currency: String?
    /// Minor units; negative is credit, positive is debt, both applied to the next invoice.
    package let balance: Int64?
    package let defaultPaymentMethod: StripeReference?
    /// The older kind of default, used where there is no default payment method.
    package let defaultSource: StripeReference?
    package let discounts: [StripeReference]
    package let created: Int64?
    package let isLive: Bool?
    package let testClock: StripeReference?
    package let metadata: [String: String]
    package let raw: JSONValue

    package init?(_ raw: JSONValue) {
        guard let id = raw.text("id") else { return nil }
        self.id = id
        isDeleted = raw.flag("deleted") ?? false
        email = raw.text("email")
        name = raw.text("name")
        phone = raw.text("phone")
        customerDescription = raw.text("description")
        currency = raw.text("currency")
        balance = raw.integer("balance")
        defaultPaymentMethod = raw["invoice_settings"]?.reference("default_payment_method")
        defaultSource = raw.reference("default_source")
        discounts = raw.discounts
        created = raw.integer("created")
        isLive = raw.flag("livemode")
        testClock = raw.reference("test_clock")
        metadata = raw.metadata
        self.raw = raw
    }
}

/// A postal address.
package struct StripeAddress: Sendable, Equatable {
    package var line1: String?
    package var line2: String?
    package var city: String?
    package var state: String?
    package var postalCode: String?
    /// Two letters, ISO 3166-1.
    package var country: String?

    package init() {}

    var form: FormParameters {
        var form = FormParameters()
        form.set("line1", line1)
        form.set("line2", line2)
        form.set("city", city)
        form.set("state", state)
        form.set("postal_code", postalCode)
        form.set("country", country)
        return form
    }
}

package struct StripeShipping: Sendable, Equatable {
    package var name: String
    package var address: StripeAddress
    package var phone: String?

    package init(name: String, address: StripeAddress, phone: String? = nil) {
        self.name = name
        self.address = address
        self.phone = phone
    }

    var form: FormParameters {
        var form: FormParameters = ["name": .text(name), "address": .map(address.form)]
        form.set("phone", phone)
        return form
    }
}

/// What a customer is created with.
package struct CustomerParameters: Sendable {
    package var email: String?
    package var name: String?
    package var phone: String?
    package var description: String?
    package var address: StripeAddress?
    package var shipping: StripeShipping?
    package var metadata: [String: String]?
    /// Attached to the new customer.
    package var paymentMethod: String?
    /// Charged by default; attached already, or the same as `paymentMethod`.
    package var defaultPaymentMethod: String?
    package var testClock: String?

    package init() {}

    var form: FormParameters {
        var form = FormParameters()
        form.set("email", email)
        form.set("name", name)
        form.set("phone", phone)
        form.set("description", description)
        form.set("address", address?.form)
        form.set("shipping", shipping?.form)
        form.set("metadata", metadata)
        form.set("payment_method", paymentMethod)
        if let defaultPaymentMethod {
            form.set("invoice_settings", ["default_payment_method": .text(defaultPaymentMethod)] as FormValue)
        }
        form.set("test_clock", testClock)
        return form
    }
}

extension StripeClient {
    package func createCustomer(
        _ parameters: CustomerParameters, _ options: StripeCallOptions = StripeCallOptions()
    ) async throws(StripeError) -> StripeAnswer<StripeCustomer> {
        try await answer(.post, ["customers"], parameters.form, options)
    }

    /// A deleted customer is found too, as a stub.
    package func retrieveCustomer(
        _ id: String, expand: [String] = [], _ options: StripeCallOptions = StripeCallOptions()
    ) async throws(StripeError) -> StripeAnswer<StripeCustomer> {
        try await answer(.get, ["customers", id], Self.expanding(expand), options)
    }
    package func listCustomers(
        page: StripePage = StripePage(), _ options: StripeCallOptions = StripeCallOptions()
    ) async throws(StripeError) -> StripeAnswer<StripeList<StripeCustomer>> {
        var form = FormParameters()
        page.write(to: &form)
        return try await list(["customers"], form, options)
    }
}
