import JSON
import Testing

@testable import Sandbox

/// Payments that were made by themselves and stand for an invoice.
@Suite struct AttachedPayments {
    private func open(_ guest: Guest) -> (customer: String, subscription: String, invoice: String) {
        let customer = guest.customer()
        let subscription = guest.subscription(
            of: customer, to: guest.price("basic"), "payment_behavior=default_incomplete")
        return (customer, subscription.id, subscription["latest_invoice"]?.stringValue ?? "")
    }

    private func intent(_ guest: Guest, _ customer: String, _ amount: Int, _ more: String = "") -> String {
        guest.post("/v1/payment_intents", "amount=\(amount)&currency=usd&customer=\(customer)\(more)").id
    }

    @Test func `parts add up to a paid invoice`() {
        let guest = Guest()
        let (customer, subscription, invoice) = open(guest)
        let first = intent(guest, customer, 200, "&confirm=true&payment_method=pm_card_visa")
        let mark = guest.eventCount
        let half = guest.post("/v1/invoices/\(invoice)/attach_payment", "payment_intent=\(first)")
        #expect(half["status"] == "open" && half["amount_paid"] == 200 && half["amount_remaining"] == 300)
        #expect(guest.events(since: mark) == ["invoice.updated", "invoice_payment.paid"])
        let second = intent(guest, customer, 300)
        _ = guest.post("/v1/invoices/\(invoice)/attach_payment", "payment_intent=\(second)")
        #expect(guest.get("/v1/invoices/\(invoice)")["status"] == "open", "it is not paid yet")
        _ = guest.post("/v1/payment_intents/\(second)/confirm", "payment_method=pm_card_visa")
        let paid = guest.get("/v1/invoices/\(invoice)", "expand[]=payments")
        #expect(paid["status"] == "paid" && paid["amount_paid"] == 500 && paid["amount_remaining"] == 0)
        let payments = paid["payments.data"]?.arrayValue ?? []
        #expect(payments.map { $0["status"] } == ["canceled", "paid", "paid"])
        #expect(payments.map { $0["amount_paid"] } == [.null, 200, 300])
        #expect(payments.map { $0["is_default"] } == [true, false, false])
        #expect(guest.get("/v1/subscriptions/\(subscription)")["status"] == "active")
    }

    @Test func `what is left is what the invoice's own payment asks for`() {
        let guest = Guest()
        let (customer, _, invoice) = open(guest)
        let part = intent(guest, customer, 400, "&confirm=true&payment_method=pm_card_visa")
        _ = guest.post("/v1/invoices/\(invoice)/attach_payment", "payment_intent=\(part)")
        let paid = guest.post("/v1/invoices/\(invoice)/pay", "payment_method=pm_card_visa&expand[]=payments")
        #expect(paid["status"] == "paid" && paid["amount_paid"] == 500)
        let own = paid["payments.data.0.payment.payment_intent"]?.stringValue ?? ""
        #expect(guest.get("/v1/payment_intents/\(own)")["amount_received"] == 100)
    }

    @Test func `a payment that does not fit is refused`() {
        let guest = Guest()
        let (customer, _, invoice) = open(guest)
        let path = "/v1/invoices/\(invoice)/attach_payment"
        #expect(guest.call("POST", path).error["param"] == "payment_intent")
        #expect(guest.call("POST", path, "payment_record=pr_1").error["code"] == "resource_missing")
        let stranger = intent(guest, guest.customer(), 100)
        #expect(guest.call("POST", path, "payment_intent=\(stranger)").error["param"] == "payment_intent")
        let mine = intent(guest, customer, 500, "&confirm=true&payment_method=pm_card_visa")
        _ = guest.post(path, "payment_intent=\(mine)")
        #expect(guest.call("POST", path, "payment_intent=\(mine)").status == 400, "it is paid")
    }
}
