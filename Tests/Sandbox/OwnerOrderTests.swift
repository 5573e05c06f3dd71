import HTTP
import JSON
import Testing

@testable import Sandbox

/// What the sandbox's owner orders: payments that fail, events that are delivered again.
@Suite struct OwnerOrders {
    /// A subscription whose first payment is made; the mark is behind its events.
    private func subscribed(_ guest: Guest, paying token: String = "pm_card_visa") -> (customer: String, id: String) {
        let customer = guest.customer(paying: token)
        let currency = token.hasPrefix("pm_sepa") ? "eur" : "usd"
        let price = guest.post(
            "/v1/prices",
            "currency=\(currency)&unit_amount=900&recurring[interval]=month&product_data[name]=Desk"
        ).id
        let id = guest.subscription(of: customer, to: price).id
        guest.advance(600)
        return (customer, id)
    }

    private func status(_ guest: Guest, _ subscription: String) -> JSONValue? {
        guest.get("/v1/subscriptions/\(subscription)")["status"]
    }

    // MARK: Declines

    @Test func `the next renewal fails on order, and its retry passes`() throws {
        let guest = Guest()
        let (customer, subscription) = subscribed(guest)
        let order = guest.post("/sandbox/customers/\(customer)/decline_next", "decline_code=insufficient_funds")
        #expect(order["object"] == "sandbox.decline_order")
        #expect(order["times"] == 1)
        #expect(guest.get("/v1/customers/\(customer)")["_declines"] == nil, "it is nobody else's business")
        let mark = guest.eventCount
        guest.advance(31 * 86_400)
        #expect(status(guest, subscription) == "past_due")
        let failed = try guest.event("payment_intent.payment_failed", since: mark)
        #expect(failed.at("data.object.last_payment_error.decline_code") == "insufficient_funds")
        #expect(guest.events(since: mark).contains("invoice.payment_failed"))
        guest.advance(4 * 86_400)
        #expect(status(guest, subscription) == "active")
    }

    @Test func `as many payments fail as were ordered, and none that a customer makes`() {
        let guest = Guest()
        let (customer, subscription) = subscribed(guest)
        _ = guest.post("/sandbox/settings", "retry_days[]=1&retry_days[]=1&after_retries=unpaid")
        _ = guest.post("/sandbox/customers/\(customer)/decline_next", "times=3")
        let method = guest.get("/v1/payment_methods", "customer=\(customer)")["data.0.id"]?.stringValue ?? ""
        let own = guest.post(
            "/v1/payment_intents",
            "amount=900&currency=usd&confirm=true&customer=\(customer)&payment_method=\(method)&return_url=http://a.example"
        )
        #expect(own["status"] == "succeeded", "paid on session")
        guest.advance(30 * 86_400 + 7200)
        #expect(status(guest, subscription) == "past_due")
        guest.advance(3 * 86_400)
        #expect(status(guest, subscription) == "unpaid")
    }

    @Test func `an order is taken back, and what is wrong refused`() {
        let guest = Guest()
        let (customer, subscription) = subscribed(guest)
        let path = "/sandbox/customers/\(customer)/decline_next"
        _ = guest.post(path, "times=5")
        _ = guest.post(path, "times=0")
        guest.advance(31 * 86_400)
        #expect(status(guest, subscription) == "active")
        #expect(guest.call("POST", path, "times=101").status == 400)
        #expect(guest.call("POST", path, "decline_code=because").status == 400)
        #expect(guest.call("POST", "/sandbox/customers/cus_x/decline_next").status == 404)
        #expect(guest.call("POST", path, key: "pk_test_1").status == 401)
    }

    @Test func `a bank asks for the customer on order`() {
        let guest = Guest()
        let (customer, subscription) = subscribed(guest)
        _ = guest.post("/sandbox/customers/\(customer)/decline_next", "decline_code=authentication_required")
        let mark = guest.eventCount
        guest.advance(31 * 86_400)
        #expect(guest.events(since: mark).contains("invoice.payment_action_required"))
        #expect(status(guest, subscription) == "past_due")
    }

    @Test func `a debit on order is processing first, and fails then`() throws {
        let guest = Guest()
        let (customer, subscription) = subscribed(guest, paying: "pm_sepaDebit_success_de")
        #expect(status(guest, subscription) == "active")
        _ = guest.post("/sandbox/customers/\(customer)/decline_next")
        let mark = guest.eventCount
        guest.advance(30 * 86_400 + 3060)
        #expect(guest.events(since: mark).contains("payment_intent.processing"))
        #expect(!guest.events(since: mark).contains("invoice.payment_failed"))
        guest.advance(600)
        #expect(guest.events(since: mark).contains("invoice.payment_failed"))
        #expect(status(guest, subscription) == "past_due")
    }

    // MARK: Deliveries

    @Test func `an event that was delivered is delivered again, and counted`() throws {
        let guest = Guest()
        let wanting = guest.post("/v1/webhook_endpoints", "url=http://a.example&enabled_events[]=customer.created").id
        _ = guest.post("/v1/webhook_endpoints", "url=http://b.example&enabled_events[]=invoice.paid")
        _ = guest.post("/v1/customers", "name=A")
        let event = try #require(guest.engine.account.store.ids(.event).last)
        let delivery = EventDelivery(event: event, endpoint: wanting)
        #expect(guest.engine.takeDeliveries() == [delivery])
        _ = guest.engine.acknowledge(delivery, at: guest.now)
        #expect(guest.get("/v1/events/\(event)")["pending_webhooks"] == 0)
        let again = guest.post("/sandbox/events/\(event)/deliver")
        #expect(again["endpoints"] == [.string(wanting)])
        #expect(guest.engine.takeDeliveries() == [delivery])
        #expect(guest.engine.awaits(delivery))
        #expect(guest.get("/v1/events/\(event)")["pending_webhooks"] == 1)
        _ = guest.post("/sandbox/events/\(event)/deliver", "endpoint=\(wanting)")
        #expect(guest.get("/v1/events/\(event)")["pending_webhooks"] == 1, "it waits once")
        _ = guest.engine.acknowledge(delivery, at: guest.now)
        #expect(guest.get("/v1/events/\(event)")["pending_webhooks"] == 0)
        #expect(!guest.engine.awaits(delivery))
    }

    @Test func `an event that nobody wants is not delivered`() throws {
        let guest = Guest()
        _ = guest.post("/v1/customers", "name=A")
        let event = try #require(guest.engine.account.store.ids(.event).last)
        let refused = guest.call("POST", "/sandbox/events/\(event)/deliver")
        #expect(refused["error.message"] == "No endpoint wants customer.created.")
        guest.engine.hasConfiguredEndpoint = true
        #expect(guest.post("/sandbox/events/\(event)/deliver")["endpoints"] == ["configured"])
        #expect(guest.call("POST", "/sandbox/events/\(event)/deliver", "endpoint=we_x").status == 400)
        #expect(guest.call("POST", "/sandbox/events/evt_x/deliver").status == 404)
    }
}
