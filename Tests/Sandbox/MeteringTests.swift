import JSON
import Testing

@testable import Sandbox

/// Meters, usage and what it costs at the end of the period.
@Suite struct Metering {
    private static let month: Int64 = 30 * 86_400

    private func meter(_ guest: Guest, _ formula: String = "sum") -> Guest.Answer {
        guest.post(
            "/v1/billing/meters", "display_name=Calls&event_name=calls&default_aggregation[formula]=\(formula)")
    }

    private func price(_ guest: Guest, _ meter: String, _ terms: String = "unit_amount=2") -> String {
        let product = guest.post("/v1/products", "name=Calls").id
        return guest.post(
            "/v1/prices",
            """
            product=\(product)&currency=usd&recurring[interval]=month&recurring[usage_type]=metered\
            &recurring[meter]=\(meter)&\(terms)
            """
        ).id
    }

    private func use(_ guest: Guest, _ value: String, by customer: String, _ more: String = "") -> Guest.Answer {
        guest.call(
            "POST", "/v1/billing/meter_events",
            "event_name=calls&payload[stripe_customer_id]=\(customer)&payload[value]=\(value)\(more)")
    }

    @Test func `a meter is made, renamed, switched off and on`() {
        let guest = Guest()
        let mark = guest.eventCount
        let meter = meter(guest)
        #expect(meter["customer_mapping.event_payload_key"] == "stripe_customer_id")
        #expect(meter["value_settings.event_payload_key"] == "value")
        #expect(meter["status"] == "active")
        let twin = guest.call(
            "POST", "/v1/billing/meters", "display_name=x&event_name=calls&default_aggregation[formula]=sum")
        #expect(twin.status == 400)
        let path = "/v1/billing/meters/\(meter.id)"
        #expect(guest.post(path, "display_name=API calls")["display_name"] == "API calls")
        #expect(guest.post("\(path)/deactivate")["status_transitions.deactivated_at"] == .integer(guest.now))
        #expect(use(guest, "1", by: guest.customer()).status == 400)
        #expect(guest.post("\(path)/reactivate")["status"] == "active")
        #expect(guest.get("/v1/billing/meters", "status=active")["data.0.id"] == .string(meter.id))
        #expect(
            guest.events(since: mark).filter { $0.hasPrefix("billing") } == [
                "billing.meter.created", "billing.meter.updated", "billing.meter.deactivated", "billing.meter.reactivated",
            ])
    }

    @Test func `an event counts once, not too early and not too late`() {
        let guest = Guest()
        let meter = meter(guest)
        let customer = guest.customer()
        let first = use(guest, "5", by: customer, "&identifier=abc")
        #expect(first["object"] == "billing.meter_event")
        #expect(first["payload.value"] == "5")
        #expect(use(guest, "5", by: customer, "&identifier=abc").status == 400)
        #expect(use(guest, "5", by: "cus_nope")["error.code"] == "resource_missing")
        #expect(use(guest, "many", by: customer).status == 400)
        #expect(use(guest, "1", by: customer, "&timestamp=\(guest.now + 301)").status == 400)
        #expect(use(guest, "1", by: customer, "&timestamp=\(guest.now - 36 * 86_400)").status == 400)
        #expect(use(guest, "2.5", by: customer, "&timestamp=\(guest.now - 86_400)").status == 200)
        let range = "customer=\(customer)&start_time=\(guest.now - 2 * 86_400)&end_time=\(guest.now + 86_400)"
        let path = "/v1/billing/meters/\(meter.id)/event_summaries"
        #expect(guest.get(path, range)["data.0.aggregated_value"]?.doubleValue == 7.5)
        let days = guest.get(path, range + "&value_grouping_window=day")
        #expect(days["data"]?.arrayValue?.compactMap { $0["aggregated_value"]?.doubleValue } == [5, 2.5])
        #expect(guest.get(path, "customer=\(customer)&start_time=1&end_time=60").status == 400)
        let adjustment = "event_name=calls&type=cancel&cancel[identifier]="
        #expect(guest.post("/v1/billing/meter_event_adjustments", adjustment + "abc")["status"] == "complete")
        #expect(guest.call("POST", "/v1/billing/meter_event_adjustments", adjustment + "abc").status == 400)
        #expect(guest.get(path, range)["data.0.aggregated_value"]?.doubleValue == 2.5)
    }

    @Test(arguments: [("sum", "9"), ("count", "3"), ("last", "4")])
    func `a meter adds, counts, or takes the last`(_ formula: String, _ expected: String) {
        let guest = Guest()
        let meter = guest.engine.account.known(.meter, meter(guest, formula).id)
        let customer = guest.customer()
        for (value, ago) in [("3", 50), ("4", 10), ("2", 30)] {
            #expect(use(guest, value, by: customer, "&timestamp=\(guest.now - Int64(ago))").status == 200)
        }
        let usage = guest.engine.account.usage(meter, customer: customer, from: guest.now - 60, until: guest.now)
        #expect(usage.decimal == expected)
    }

    @Test func `usage is asked for when its period is over`() {
        let guest = Guest()
        let meter = meter(guest).id
        let price = price(guest, meter)
        let customer = guest.customer()
        let mark = guest.eventCount
        let subscription = guest.subscription(of: customer, to: price)
        #expect(subscription["status"] == "active")
        #expect(subscription["latest_invoice"] == .null, "flexible billing has nothing to ask for yet")
        #expect(subscription["items.data.0.quantity"] == nil)
        #expect(!guest.events(since: mark).contains("invoice.created"))
        guest.now += 86_400
        _ = use(guest, "700", by: customer)
        let preview = guest.post("/v1/invoices/create_preview", "subscription=\(subscription.id)")
        #expect(preview["total"] == 1400)
        guest.advance(Self.month - 86_400 + 3600)
        let invoice = guest.get("/v1/invoices", "subscription=\(subscription.id)&expand[]=data.lines")
        #expect(invoice["data.0.amount_paid"] == 1400)
        #expect(invoice["data.0.lines.data.0.description"] == "700 × Calls (at $0.02 / month)")
        #expect(invoice["data.0.lines.data.0.period.start"] == subscription["start_date"])
        #expect(invoice["data.0.lines.data.0.period.end"] == .integer(1_793_491_200 + Self.month))
        guest.advance(31 * 86_400)
        let again = guest.get("/v1/invoices", "subscription=\(subscription.id)")
        #expect(again["data"]?.arrayValue?.count == 1, "what costs nothing makes no invoice")
    }

    @Test func `a base fee comes before, its usage after`() {
        let guest = Guest()
        let price = price(guest, meter(guest).id, "unit_amount_decimal=0.5")
        let customer = guest.customer()
        let subscription = guest.subscription(
            of: customer, to: guest.price("basic"), "items[1][price]=\(price)&expand[]=latest_invoice")
        #expect(subscription["latest_invoice.amount_paid"] == 500)
        _ = use(guest, "333", by: customer)
        guest.advance(Self.month + 3600)
        let invoice = guest.get("/v1/invoices", "subscription=\(subscription.id)")
        #expect(invoice["data.0.amount_paid"] == 667)
        #expect(invoice["data.0.lines.data"]?.arrayValue?.map { $0["amount"] } == [500, 167])
        #expect(invoice["data.0.lines.data.1.pricing.unit_amount_decimal"] == "0.5")
    }

    @Test func `usage that comes late counts while the invoice is a draft`() {
        let guest = Guest()
        let price = price(guest, meter(guest).id)
        let customer = guest.customer()
        let subscription = guest.subscription(of: customer, to: price)
        _ = use(guest, "100", by: customer)
        guest.advance(Self.month + 60)
        #expect(guest.get("/v1/invoices", "subscription=\(subscription.id)")["data.0.total"] == 200)
        #expect(use(guest, "50", by: customer, "&timestamp=\(1_793_491_200 + Self.month - 60)").status == 200)
        #expect(use(guest, "7", by: customer).status == 200)
        guest.advance(3600)
        let invoice = guest.get("/v1/invoices", "subscription=\(subscription.id)")
        #expect(invoice["data.0.amount_paid"] == 300)
        #expect(invoice["data.0.lines.data"]?.arrayValue?.map { $0["quantity"] } == [150])
        guest.advance(31 * 86_400)
        #expect(guest.get("/v1/invoices", "subscription=\(subscription.id)")["data.0.total"] == 14)
    }

    @Test func `the end of a subscription bills what was used`() {
        let guest = Guest()
        let price = price(guest, meter(guest).id)
        let customer = guest.customer()
        let subscription = guest.subscription(of: customer, to: price, "cancel_at_period_end=true")
        _ = use(guest, "50", by: customer)
        guest.advance(Self.month + 3600)
        #expect(guest.get("/v1/subscriptions/\(subscription.id)")["status"] == "canceled")
        #expect(guest.get("/v1/invoices", "subscription=\(subscription.id)")["data.0.amount_paid"] == 100)
        let now = guest.subscription(of: customer, to: price)
        _ = use(guest, "100", by: customer)
        guest.now += Self.month + 7200
        let ended = guest.call("DELETE", "/v1/subscriptions/\(now.id)", "invoice_now=true&expand[]=latest_invoice")
        #expect(ended["latest_invoice.total"] == 200)
    }

    @Test func `an item that goes is billed for what it was used for, once`() {
        let guest = Guest()
        let price = price(guest, meter(guest).id)
        let customer = guest.customer()
        let subscription = guest.subscription(of: customer, to: guest.price("basic"), "items[1][price]=\(price)")
        _ = use(guest, "300", by: customer)
        guest.now += 86_400
        let item = subscription["items.data.1.id"]?.stringValue ?? ""
        _ = guest.call("DELETE", "/v1/subscription_items/\(item)")
        let pending = guest.get("/v1/invoiceitems", "customer=\(customer)&pending=true")
        #expect(pending["data"]?.arrayValue?.map { $0["amount"] } == [600])
        guest.advance(Self.month)
        #expect(guest.get("/v1/invoices", "subscription=\(subscription.id)")["data.0.amount_paid"] == 1100)
    }

    @Test func `what is metered has no quantity, and its meter is a living one`() {
        let guest = Guest()
        let meter = meter(guest).id
        let price = price(guest, meter)
        let refused = guest.call(
            "POST", "/v1/subscriptions", "customer=\(guest.customer())&items[0][price]=\(price)&items[0][quantity]=2")
        #expect(refused["error.param"] == "quantity")
        let product = guest.post("/v1/products", "name=Calls").id
        let form = "product=\(product)&currency=usd&unit_amount=1&recurring[interval]=month"
        #expect(guest.call("POST", "/v1/prices", form + "&recurring[meter]=\(meter)").status == 400)
        let metered = form + "&recurring[usage_type]=metered&recurring[meter]="
        #expect(guest.call("POST", "/v1/prices", metered + "mtr_nope")["error.code"] == "resource_missing")
        _ = guest.post("/v1/billing/meters/\(meter)/deactivate")
        #expect(guest.call("POST", "/v1/prices", metered + meter).status == 400)
    }
}
