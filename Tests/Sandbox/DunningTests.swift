import JSON
import Testing

@testable import Sandbox

/// What follows payments that fail and due dates that pass, event by event.
@Suite struct Dunning {
    static let month: Int64 = 30 * 86_400
    private static let attempt = [
        "charge.failed", "payment_intent.payment_failed", "invoice.updated", "invoice.payment_failed",
    ]

    /// A subscription whose next charge will be declined.
    private func declining(_ guest: Guest, _ token: String = "pm_card_chargeCustomerFail") -> (
        customer: String, path: String
    ) {
        let customer = guest.customer()
        let subscription = guest.subscription(of: customer, to: guest.price("basic"))
        let bad = guest.post("/v1/payment_methods/\(token)/attach", "customer=\(customer)").id
        _ = guest.post("/v1/customers/\(customer)", "invoice_settings[default_payment_method]=\(bad)")
        return (customer, "/v1/subscriptions/\(subscription.id)")
    }

    @Test func `a failed renewal and its retries say what they do, in order`() throws {
        let guest = Guest()
        let (customer, path) = declining(guest)
        guest.advance(Self.month)
        var mark = guest.eventCount
        guest.advance(3600)
        #expect(
            guest.events(since: mark) == ["invoice.finalized", "payment_intent.created"] + Self.attempt + [
                "customer.updated", "customer.subscription.updated",
            ])
        #expect(try guest.event("customer.updated", since: mark).at("data.previous_attributes.delinquent") == false)
        #expect(
            try guest.event("customer.subscription.updated", since: mark).at("data.previous_attributes.status") == "active")
        mark = guest.eventCount
        guest.advance(3 * 86_400)
        #expect(guest.events(since: mark) == Self.attempt)
        let counted = try guest.event("invoice.updated", since: mark)
        #expect(counted.at("data.previous_attributes.attempt_count") == 1)
        let (before, after) = (
            counted.at("data.previous_attributes.next_payment_attempt")?.integerValue,
            counted.at("data.object.next_payment_attempt")?.integerValue
        )
        #expect(after == before.map { $0 + 5 * 86_400 })
        let good = guest.post("/v1/payment_methods/pm_card_visa/attach", "customer=\(customer)").id
        _ = guest.post("/v1/customers/\(customer)", "invoice_settings[default_payment_method]=\(good)")
        #expect(guest.get(path)["status"] == "past_due", "a new card alone pays nothing")
        mark = guest.eventCount
        guest.advance(5 * 86_400)
        #expect(
            guest.events(since: mark) == [
                "charge.succeeded", "payment_intent.succeeded", "invoice.updated", "invoice.paid",
                "invoice.payment_succeeded", "invoice_payment.paid", "customer.updated", "customer.subscription.updated",
            ])
        #expect(guest.get(path)["status"] == "active")
    }

    @Test(arguments: ["cancel", "unpaid", "past_due", "pause"])
    func `the last retry ends as the settings say`(_ end: String) throws {
        let guest = Guest()
        _ = guest.post("/sandbox/settings", "retry_days[]=2&retry_days[]=4&after_retries=\(end)")
        let (customer, path) = declining(guest)
        guest.advance(Self.month + 3600 + 2 * 86_400)
        let mark = guest.eventCount
        guest.advance(4 * 86_400)
        let invoice = guest.get("/v1/invoices", "customer=\(customer)")
        #expect(invoice["data.0.attempt_count"] == 3 && invoice["data.0.status"] == "open")
        #expect(invoice["data.0.next_payment_attempt"] == .null)
        let after = guest.get(path)
        let last = guest.events(since: mark).dropFirst(Self.attempt.count)
        switch end {
        case "cancel":
            #expect(last == ["customer.subscription.deleted", "invoice.updated"])
            #expect(after["status"] == "canceled" && after["cancellation_details.reason"] == "payment_failed")
        case "unpaid":
            #expect(last == ["customer.subscription.updated"])
            #expect(after["status"] == "unpaid")
            guest.advance(Self.month)
            let next = guest.get("/v1/invoices", "customer=\(customer)")
            #expect(next["data.0.status"] == "draft" && next["data.0.auto_advance"] == false)
        case "past_due":
            #expect(last == [])
            #expect(after["status"] == "past_due")
        default:
            #expect(last == ["customer.subscription.paused", "customer.subscription.updated"])
            #expect(after["status"] == "paused")
            #expect(after["status_details.paused.subscription.type"] == "final_payment_failure")
            guest.advance(2 * Self.month)
            #expect(
                guest.get("/v1/invoices", "customer=\(customer)")["data.0.id"] == invoice["data.0.id"], "time stands still")
        }
    }

    @Test func `without retries the first failure is the last, and wrong settings are refused`() {
        let guest = Guest()
        let settings = guest.post("/sandbox/settings", "retry_days=")
        #expect(settings["retry_days"] == [] && settings["after_retries"] == "cancel")
        let (_, path) = declining(guest)
        guest.advance(Self.month + 3600)
        #expect(guest.get(path)["status"] == "canceled")
        for (form, param) in [
            ("retry_days[]=0", "retry_days"), ("after_retries=stop", "after_retries"), ("overdue_days=0", "overdue_days"),
            ("upcoming_days=46", "upcoming_days"), ("days=1", "days"),
        ] {
            #expect(guest.call("POST", "/sandbox/settings", form).error["param"] == .string(param), "\(form)")
        }
        #expect(guest.get("/sandbox/settings").body == settings.body)
    }

    @Test func `a renewal that needs the customer waits for them, without a charge`() throws {
        let guest = Guest()
        let (customer, path) = declining(guest, "pm_card_authenticationRequired")
        guest.advance(Self.month)
        let mark = guest.eventCount
        guest.advance(3600)
        #expect(
            guest.events(since: mark) == [
                "invoice.finalized", "payment_intent.created", "payment_intent.payment_failed", "invoice.updated",
                "invoice.payment_action_required", "invoice.payment_failed", "customer.updated",
                "customer.subscription.updated",
            ])
        let secret =
            guest.get(path, "expand[]=latest_invoice.confirmation_secret")[
                "latest_invoice.confirmation_secret.client_secret"]?.stringValue ?? ""
        let intent = secret.components(before: "_secret")
        let failed = guest.get("/v1/payment_intents/\(intent)")
        #expect(failed["last_payment_error.code"] == "authentication_required" && failed["latest_charge"] == .null)
        let method = failed["last_payment_error.payment_method.id"]?.stringValue ?? ""
        let waiting = guest.call(
            "POST", "/v1/payment_intents/\(intent)/confirm",
            "client_secret=\(secret)&payment_method=\(method)&return_url=https://example.com/back", key: "pk_test_1")
        #expect(waiting["status"] == "requires_action", "\(waiting.body.text)")
        _ = guest.post("/sandbox/authenticate/\(intent)", "outcome=succeed")
        #expect(guest.get(path)["status"] == "active")
        #expect(guest.get("/v1/customers/\(customer)")["delinquent"] == false)
    }

    @Test func `a debit in between takes the place of the retries`() {
        let guest = Guest()
        let (customer, path) = declining(guest)
        guest.advance(Self.month + 3600)
        let invoice = guest.get(path)["latest_invoice"]?.stringValue ?? ""
        let debit = guest.post("/v1/payment_methods/pm_sepaDebit_success_at/attach", "customer=\(customer)").id
        let waiting = guest.post("/v1/invoices/\(invoice)/pay", "payment_method=\(debit)")
        #expect(waiting["status"] == "open" && waiting["next_payment_attempt"] == .null)
        #expect(guest.get(path)["status"] == "past_due", "nothing is paid yet")
        guest.advance(180)
        #expect(guest.get(path)["status"] == "active")
    }

    @Test func `a customer without a method is not tried again`() {
        let guest = Guest()
        let customer = guest.customer()
        let subscription = guest.subscription(of: customer, to: guest.price("basic"))
        let method = guest.get("/v1/customers/\(customer)")["invoice_settings.default_payment_method"]?.stringValue ?? ""
        _ = guest.post("/v1/payment_methods/\(method)/detach")
        guest.advance(Self.month)
        let mark = guest.eventCount
        guest.advance(3600)
        #expect(
            guest.events(since: mark) == [
                "invoice.finalized", "payment_intent.created", "invoice.payment_failed", "customer.updated",
                "customer.subscription.updated",
            ])
        let invoice = guest.get("/v1/invoices", "subscription=\(subscription.id)")
        #expect(invoice["data.0.attempted"] == true && invoice["data.0.next_payment_attempt"] == .null)
        guest.advance(20 * 86_400)
        #expect(guest.get("/v1/subscriptions/\(subscription.id)")["status"] == "past_due")
    }

    @Test func `a sent invoice is overdue after its due date, and given up when the settings say so`() throws {
        let guest = Guest()
        _ = guest.post("/sandbox/settings", "overdue_days=10&after_retries=unpaid")
        let customer = guest.customer(paying: nil)
        let subscription = guest.subscription(
            of: customer, to: guest.price("basic"), "collection_method=send_invoice&days_until_due=5")
        #expect(subscription["status"] == "active")
        var mark = guest.eventCount
        guest.advance(3600)
        #expect(guest.events(since: mark) == ["invoice.finalized", "payment_intent.created", "invoice.sent"])
        mark = guest.eventCount
        guest.advance(5 * 86_400 - 3601)
        #expect(guest.eventCount == mark)
        guest.advance(1)
        #expect(guest.events(since: mark) == ["invoice.overdue", "customer.updated", "customer.subscription.updated"])
        #expect(guest.get("/v1/subscriptions/\(subscription.id)")["status"] == "past_due")
        #expect(guest.get("/v1/customers/\(customer)")["delinquent"] == true)
        guest.advance(10 * 86_400)
        #expect(guest.get("/v1/subscriptions/\(subscription.id)")["status"] == "unpaid")
        let invoice = subscription["latest_invoice"]?.stringValue ?? ""
        _ = guest.post("/v1/invoices/\(invoice)/mark_uncollectible")
        #expect(guest.get("/v1/customers/\(customer)")["delinquent"] == false)
        #expect(guest.get("/v1/subscriptions/\(subscription.id)")["status"] == "active")
    }
}

extension String {
    func components(before mark: String) -> String {
        var text = Substring(self)
        while !text.isEmpty, !self[text.endIndex...].hasPrefix(mark) { text.removeLast() }
        return String(text)
    }
}
