import JSON
import Testing

@testable import Sandbox

/// Payments that were made by themselves and pay an invoice afterwards, and sessions for a customer's page.
@Suite struct AttachedPayments {
    private func begin(_ guest: Guest) -> (customer: String, subscription: String, invoice: String) {
        let customer = guest.customer()
        let subscription = guest.subscription(
            of: customer, to: guest.price("premium"), "payment_behavior=default_incomplete&expand[]=latest_invoice")
        return (customer, subscription.id, subscription["latest_invoice.id"]?.stringValue ?? "")
    }

    private func pay(_ guest: Guest, _ customer: String, _ amount: Int64, _ currency: String = "usd") -> String {
        let method = guest.get("/v1/customers/\(customer)")["invoice_settings.default_payment_method"]?.stringValue ?? ""
        return guest.post(
            "/v1/payment_intents",
            "amount=\(amount)&currency=\(currency)&customer=\(customer)&payment_method=\(method)&confirm=true&off_session=true"
        ).id
    }

    @Test func `a payment of the whole pays the invoice, and its own intent is dropped`() {
        let guest = Guest()
        let (customer, subscription, invoice) = begin(guest)
        let own =
            guest.get("/v1/invoice_payments", "invoice=\(invoice)")["data.0.payment.payment_intent"]?.stringValue ?? ""
        let intent = pay(guest, customer, 2000)
        let mark = guest.eventCount
        let paid = guest.post("/v1/invoices/\(invoice)/attach_payment", "payment_intent=\(intent)&expand[]=payments")
        #expect(paid["status"] == "paid" && paid["amount_paid"] == 1500 && paid["amount_remaining"] == 0)
        #expect(paid["payments.data.0.status"] == "canceled" && paid["payments.data.1.status"] == "paid")
        #expect(paid["payments.data.1.amount_paid"] == 1500, "no more than was due")
        #expect(guest.get("/v1/payment_intents/\(own)")["status"] == "canceled")
        #expect(guest.get("/v1/subscriptions/\(subscription)")["status"] == "active")
        #expect(guest.events(since: mark).contains("invoice_payment.paid"))
        let again = guest.call("POST", "/v1/invoices/\(invoice)/attach_payment", "payment_intent=\(intent)")
        #expect(again.status == 400)
    }

    @Test func `a payment of a part leaves the rest to the invoice's own intent`() {
        let guest = Guest()
        let (customer, subscription, invoice) = begin(guest)
        let part = guest.post(
            "/v1/invoices/\(invoice)/attach_payment", "payment_intent=\(pay(guest, customer, 600))")
        #expect(part["status"] == "open" && part["amount_paid"] == 600 && part["amount_remaining"] == 900)
        #expect(guest.get("/v1/subscriptions/\(subscription)")["status"] == "incomplete")
        let paid = guest.post("/v1/invoices/\(invoice)/pay", "expand[]=payments")
        #expect(paid["status"] == "paid" && paid["amount_paid"] == 1500)
        #expect(paid["payments.data.0.amount_paid"] == 900 && paid["payments.data.1.amount_paid"] == 600)
        #expect(guest.get("/v1/charges", "customer=\(customer)")["data.0.amount"] == 900)
    }

    @Test func `a payment that is somebody else's, of another currency or not made yet is refused`() {
        let guest = Guest()
        let (customer, _, invoice) = begin(guest)
        let waiting = guest.post("/v1/payment_intents", "amount=1500&currency=usd").id
        for intent in [pay(guest, guest.customer(), 1500), pay(guest, customer, 1500, "eur"), waiting, "pi_none"] {
            let refused = guest.call("POST", "/v1/invoices/\(invoice)/attach_payment", "payment_intent=\(intent)")
            #expect(refused.status == 400 && refused.error["param"] == "payment_intent", "\(refused.body.text)")
        }
    }

    @Test func `a customer session says what its components may, for half an hour`() {
        let guest = Guest()
        let customer = guest.customer()
        let session = guest.post(
            "/v1/customer_sessions",
            """
            customer=\(customer)&components[payment_element][enabled]=true\
            &components[payment_element][features][payment_method_save]=enabled
            """)
        #expect(session["expires_at"] == .integer(guest.now + 1800))
        #expect(session["components.payment_element.features.payment_method_save"] == "enabled")
        #expect(session["components.payment_element.features.payment_method_remove"] == "disabled")
        #expect(session["components.customer_sheet"] == ["enabled": false, "features": nil])
        let idle = guest.call(
            "POST", "/v1/customer_sessions", "customer=\(customer)&components[buy_button][enabled]=false")
        #expect(idle.error["param"] == "components")
        #expect(guest.call("POST", "/v1/customer_sessions", "components[buy_button][enabled]=true").status == 400)
    }
}
