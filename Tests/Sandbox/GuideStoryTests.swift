import JSON
import Testing

@testable import Sandbox

/// The whole story of Stripe's subscription guide, as a client of the guide tells it.
@Suite struct GuideStory {
    private func begin(_ guest: Guest) throws -> (subscription: Guest.Answer, intent: String, secret: String) {
        let prices = guest.get("/v1/prices", "lookup_keys[]=basic&lookup_keys[]=premium&expand[]=data.product")
        #expect(prices["data.0.unit_amount"] == 1500)
        #expect(prices["data.1.product.name"] == "Basic")
        let customer = guest.post("/v1/customers", "email=jenny%40example.com").id
        let subscription = guest.post(
            "/v1/subscriptions",
            """
            customer=\(customer)&items[0][price]=\(guest.price("basic"))&payment_behavior=default_incomplete\
            &billing_mode[type]=flexible&payment_settings[save_default_payment_method]=on_subscription\
            &expand[]=latest_invoice.confirmation_secret&expand[]=pending_setup_intent
            """)
        #expect(subscription["status"] == "incomplete")
        #expect(subscription["latest_invoice.status"] == "open")
        #expect(subscription["latest_invoice.amount_due"] == 500)
        let secret = try #require(subscription["latest_invoice.confirmation_secret.client_secret"]?.stringValue)
        let intent = String(secret.prefix { $0 != "_" }) + "_" + secret.split(separator: "_")[1]
        return (subscription, intent, secret)
    }

    @Test func `subscribing, paying in the browser, upgrading and canceling`() throws {
        let guest = Guest()
        let (subscription, intent, secret) = try begin(guest)
        #expect(
            guest.events() == [
                "customer.created", "customer.subscription.created", "invoice.created", "invoice.finalized",
                "payment_intent.created",
            ])

        let mark = guest.eventCount
        guest.now += 60
        let confirmed = guest.call(
            "POST", "/v1/payment_intents/\(intent)/confirm",
            "client_secret=\(secret)&payment_method=pm_card_visa&use_stripe_sdk=true", key: "pk_test_1")
        #expect(confirmed.status == 200)
        #expect(confirmed["status"] == "succeeded")
        #expect(confirmed["customer"] == nil, "a browser does not see the customer")
        #expect(
            guest.events(since: mark) == [
                "charge.succeeded", "payment_method.attached", "payment_intent.succeeded", "invoice.updated",
                "invoice.paid", "invoice.payment_succeeded", "invoice_payment.paid", "customer.subscription.updated",
            ])
        let update = try guest.event("customer.subscription.updated")
        #expect(update.at("data.previous_attributes.status") == "incomplete")
        #expect(update.at("data.previous_attributes.default_payment_method") == .null)

        let active = guest.get(
            "/v1/subscriptions/\(subscription.id)", "expand[]=latest_invoice&expand[]=default_payment_method")
        #expect(active["status"] == "active")
        #expect(active["latest_invoice.status"] == "paid")
        #expect(active["default_payment_method.card.last4"] == "4242")
        let item = try #require(active["items.data.0.id"]?.stringValue)
        #expect(active["items.data.0.current_period_end"] == .integer(guest.now - 60 + 30 * 86_400))

        guest.now += 10 * 86_400
        let date = guest.now - 5
        let change = "items[0][id]=\(item)&items[0][price]=\(guest.price("premium"))&items[0][quantity]=1"
        let details = change.split(separator: "&").map { "subscription_details[items]" + $0.dropFirst("items".count) }
        let preview = guest.post(
            "/v1/invoices/create_preview",
            "subscription=\(subscription.id)&\(details.joined(separator: "&"))"
                + "&subscription_details[proration_behavior]=always_invoice"
                + "&subscription_details[proration_date]=\(date)")
        #expect(preview["lines.data.0.parent.subscription_item_details.proration"] == true)
        let due = try #require(preview["amount_due"]?.integerValue)
        let upgrade = guest.post(
            "/v1/subscriptions/\(subscription.id)",
            "\(change)&proration_behavior=always_invoice&proration_date=\(date)&expand[]=latest_invoice")
        #expect(upgrade["items.data.0.price.lookup_key"] == "premium")
        #expect(upgrade["latest_invoice.amount_paid"] == .integer(due))
        #expect(due > 0)
        #expect(upgrade["latest_invoice.lines.data.0.amount"] == preview["lines.data.0.amount"])
        #expect(upgrade["latest_invoice.lines.data.1.amount"] == preview["lines.data.1.amount"])

        let method = try #require(active["default_payment_method.id"]?.stringValue)
        #expect(guest.get("/v1/payment_methods/\(method)")["card.brand"] == "visa")

        let canceled = guest.call("DELETE", "/v1/subscriptions/\(subscription.id)")
        #expect(canceled["status"] == "canceled")
        #expect(guest.events().last == "customer.subscription.deleted")
    }

    @Test func `a declined card leaves the subscription incomplete`() throws {
        let guest = Guest()
        let (subscription, intent, secret) = try begin(guest)
        let mark = guest.eventCount
        let declined = guest.call(
            "POST", "/v1/payment_intents/\(intent)/confirm",
            "client_secret=\(secret)&payment_method=pm_card_chargeDeclinedInsufficientFunds&key=pk_test_1",
            key: "pk_test_1")
        #expect(declined.status == 402)
        #expect(declined["error.type"] == "card_error")
        #expect(declined["error.decline_code"] == "insufficient_funds")
        #expect(declined["error.payment_intent.id"] == .string(intent))
        #expect(declined["error.payment_intent.status"] == "requires_payment_method")
        #expect(declined["error.payment_method.card.last4"] == "9995")
        #expect(
            guest.events(since: mark) == ["charge.failed", "payment_intent.payment_failed", "invoice.payment_failed"])
        #expect(guest.get("/v1/subscriptions/\(subscription.id)")["status"] == "incomplete")

        let paid = guest.call(
            "POST", "/v1/payment_intents/\(intent)/confirm", "client_secret=\(secret)&payment_method=pm_card_visa",
            key: "pk_test_1")
        #expect(paid["status"] == "succeeded")
        #expect(guest.get("/v1/subscriptions/\(subscription.id)")["status"] == "active")
    }

    @Test func `a browser needs the client secret, and may do nothing else`() throws {
        let guest = Guest()
        let (_, intent, _) = try begin(guest)
        let wrong = guest.call(
            "POST", "/v1/payment_intents/\(intent)/confirm", "client_secret=pi_x_secret_y&payment_method=pm_card_visa",
            key: "pk_test_1")
        #expect(wrong.status == 400)
        #expect(guest.call("GET", "/v1/payment_intents/\(intent)", key: "pk_test_1").status == 400)
        let refused = guest.call("GET", "/v1/customers", key: "pk_test_1")
        #expect(refused.status == 401)
        #expect(refused["error.code"] == "secret_key_required")
    }
}
