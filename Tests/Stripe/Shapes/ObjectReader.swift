/// A type that reads one of Stripe's objects, as the tests of shapes see it.
internal import JSON
internal import Stripe
internal import Testing

struct ObjectReader: Sendable, CustomTestStringConvertible {
    let name: String
    /// What Stripe calls the object.
    let object: String
    /// The fields without which it is no such object.
    let needs: Set<String>
    /// The fields that hold nothing; nil where the object cannot be read.
    let emptyFields: @Sendable (JSONValue) -> Set<String>?

    var testDescription: String { name }

    /// - Parameter never: the fields that no answer fills.
    init<Object: StripeObject>(_ type: Object.Type, _ object: String, needs: Set<String> = ["id"], never: Set<String> = [])
    {
        name = "\(type)"
        self.object = object
        self.needs = needs
        emptyFields = { Object($0).map { Fields.empty(of: $0).subtracting(never) } }
    }

    static let all = [
        ObjectReader(StripeAccount.self, "account"),
        ObjectReader(StripeActiveEntitlement.self, "entitlements.active_entitlement"),
        ObjectReader(StripeCustomer.self, "customer"),
        ObjectReader(StripeEvent.self, "event", needs: ["id", "type", "created", "data"]),
        ObjectReader(StripeInvoice.self, "invoice", needs: ["currency", "total", "amount_due"]),
        ObjectReader(StripeInvoiceLine.self, "line_item", needs: ["amount"]),
        ObjectReader(StripePaymentIntent.self, "payment_intent", needs: ["id", "status"]),
        ObjectReader(StripePaymentMethod.self, "payment_method", needs: ["id", "type"]),
        ObjectReader(StripePortalSession.self, "billing_portal.session", needs: ["id", "url"]),
        ObjectReader(StripePrice.self, "price"),
        ObjectReader(StripeProduct.self, "product"),
        ObjectReader(StripeProductFeature.self, "product_feature"),
        ObjectReader(StripePromotionCode.self, "promotion_code"),
        // A phase is sent with a duration, and answered with its end.
        ObjectReader(
            StripeSchedule.self, "subscription_schedule", needs: ["id", "status"], never: ["phases.duration"]),
        ObjectReader(StripeSetupIntent.self, "setup_intent", needs: ["id", "status"]),
        ObjectReader(StripeSubscription.self, "subscription", needs: ["id", "status", "customer"]),
        ObjectReader(StripeSubscriptionItem.self, "subscription_item"),
    ]
}
