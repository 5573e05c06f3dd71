import JSON
import Testing

@testable import Sandbox

/// What the calendar does to subscriptions: anchors, trials, planned ends.
@Suite struct Time {
    static let day: Int64 = 86_400

    private func invoices(_ guest: Guest, _ subscription: String) -> [JSONValue] {
        guest.get("/v1/invoices", "subscription=\(subscription)&limit=100")["data"]?.arrayValue ?? []
    }

    @Test func `a cycle of the 31st ends on the last day of short months and comes back`() {
        let guest = Guest()
        // 2027-01-31T10:15:30Z
        guest.now = CivilDate(year: 2027, month: 1, day: 31, secondOfDay: 36_930).unix
        let subscription = guest.subscription(of: guest.customer(), to: guest.price("basic"))
        let expected: [(month: Int64, day: Int64)] = [(2, 28), (3, 31), (4, 30), (5, 31), (6, 30)]
        for (month, day) in expected {
            let end =
                guest.get("/v1/subscriptions/\(subscription.id)")["items.data.0.current_period_end"]?.integerValue ?? 0
            #expect(end == CivilDate(year: 2027, month: month, day: day, secondOfDay: 36_930).unix)
            let now = guest.get("/sandbox/clock")["now"]?.integerValue ?? 0
            guest.advance(end - now + 3600)
        }
        #expect(invoices(guest, subscription.id).count == 6)
        #expect(guest.get("/v1/subscriptions/\(subscription.id)")["billing_cycle_anchor"] == .integer(guest.now))
    }

    @Test func `a renewal says what it does, in order, at its own instants`() throws {
        let guest = Guest()
        let subscription = guest.subscription(of: guest.customer(), to: guest.price("basic"))
        let end = subscription["items.data.0.current_period_end"]?.integerValue ?? 0
        let mark = guest.eventCount
        guest.advance(40 * Self.day)
        #expect(
            guest.events(since: mark) == [
                "invoice.created", "customer.subscription.updated", "invoice.finalized", "payment_intent.created",
                "charge.succeeded", "payment_intent.succeeded", "invoice.updated", "invoice.paid",
                "invoice.payment_succeeded", "invoice_payment.paid",
            ])
        let update = try guest.event("customer.subscription.updated", since: mark)
        #expect(update.at("data.previous_attributes.items.data.0.current_period_end") == .integer(end))
        #expect(update.at("data.previous_attributes.latest_invoice") == subscription["latest_invoice"])
        let invoice = invoices(guest, subscription.id)[0]
        #expect(invoice.at("created") == .integer(end))
        #expect(invoice.at("status_transitions.finalized_at") == .integer(end + 3600))
        #expect(invoice.at("status_transitions.paid_at") == .integer(end + 3600))
    }

    @Test func `renewals are announced where the settings ask for it`() throws {
        let guest = Guest()
        let subscription = guest.subscription(of: guest.customer(), to: guest.price("basic"))
        _ = guest.post("/sandbox/settings", "upcoming_days=7")
        let mark = guest.eventCount
        guest.advance(23 * Self.day - 1)
        #expect(guest.eventCount == mark)
        guest.advance(1)
        #expect(guest.events(since: mark) == ["invoice.upcoming"])
        let announced = try guest.event("invoice.upcoming")
        #expect(announced.at("data.object.id") == nil && announced.at("data.object.amount_due") == 500)
        #expect(announced.at("data.object.period_end") == subscription["items.data.0.current_period_end"])
        #expect(invoices(guest, subscription.id).count == 1, "nothing else came of it")
        guest.advance(31 * Self.day)
        #expect(guest.events(since: mark).count(where: { $0 == "invoice.upcoming" }) == 2)
    }

    // MARK: Trials

    @Test func `a trial is announced three days before its end, then billed`() throws {
        let guest = Guest()
        let subscription = guest.subscription(of: guest.customer(), to: guest.price("basic"), "trial_period_days=14")
        #expect(subscription["status"] == "trialing" && subscription["pending_setup_intent"] == .null)
        var mark = guest.eventCount
        guest.advance(11 * Self.day - 1)
        #expect(guest.eventCount == mark)
        guest.advance(1)
        #expect(guest.events(since: mark) == ["customer.subscription.trial_will_end"])
        mark = guest.eventCount
        guest.advance(3 * Self.day)
        #expect(guest.events(since: mark) == ["customer.subscription.updated", "invoice.created"])
        #expect(
            try guest.event("customer.subscription.updated", since: mark).at("data.previous_attributes.status")
                == "trialing")
        guest.advance(3600)
        let invoice = invoices(guest, subscription.id)[0]
        #expect(invoice.at("billing_reason") == "subscription_cycle" && invoice.at("amount_paid") == 500)
        #expect(invoice.at("period_start") == subscription["trial_start"])
        #expect(invoice.at("period_end") == subscription["trial_end"])
    }

    @Test(arguments: ["create_invoice", "pause", "cancel"])
    func `a trial without a method ends as it was told to`(_ end: String) {
        let guest = Guest()
        let subscription = guest.subscription(
            of: guest.customer(paying: nil), to: guest.price("basic"),
            "trial_period_days=2&trial_settings[end_behavior][missing_payment_method]=\(end)")
        #expect(guest.events().suffix(2) == ["setup_intent.created", "customer.subscription.trial_will_end"])
        let mark = guest.eventCount
        guest.advance(2 * Self.day + 3600)
        let after = guest.get("/v1/subscriptions/\(subscription.id)")
        switch end {
        case "create_invoice":
            #expect(after["status"] == "past_due")
            #expect(
                guest.events(since: mark) == [
                    "customer.subscription.updated", "invoice.created", "invoice.finalized", "payment_intent.created",
                    "invoice.payment_failed", "customer.updated", "customer.subscription.updated",
                ])
        case "pause":
            #expect(after["status"] == "paused")
            #expect(guest.events(since: mark) == ["customer.subscription.paused", "customer.subscription.updated"])
        default:
            #expect(after["status"] == "canceled")
            #expect(after["cancellation_details.reason"] == "cancellation_requested")
            #expect(guest.events(since: mark).first == "customer.subscription.deleted")
        }
    }

    // MARK: Planned ends

    @Test func `an end inside the period shortens it and gives back the rest`() {
        let guest = Guest()
        let customer = guest.customer()
        let subscription = guest.subscription(of: customer, to: guest.price("premium"))
        let path = "/v1/subscriptions/\(subscription.id)"
        let cancelAt = guest.now + 15 * Self.day
        let set = guest.post(path, "cancel_at=\(cancelAt)")
        #expect(set["items.data.0.current_period_end"] == .integer(cancelAt) && set["cancel_at"] == .integer(cancelAt))
        let pending = guest.get("/v1/invoiceitems", "customer=\(customer)&pending=true")
        #expect(pending["data.0.amount"] == -750)
        #expect(pending["data.0.period.start"] == .integer(cancelAt))
        let mark = guest.eventCount
        guest.advance(15 * Self.day)
        #expect(guest.events(since: mark).prefix(2) == ["customer.subscription.deleted", "invoice.created"])
        #expect(guest.get(path)["status"] == "canceled" && guest.get(path)["ended_at"] == .integer(cancelAt))
        guest.advance(3600)
        #expect(guest.get("/v1/customers/\(customer)")["balance"] == -750)
    }

    @Test func `an end that is taken back restores the period and what was paid for it`() {
        let guest = Guest()
        let customer = guest.customer()
        let subscription = guest.subscription(of: customer, to: guest.price("premium"))
        let path = "/v1/subscriptions/\(subscription.id)"
        _ = guest.post(path, "cancel_at=\(guest.now + 10 * Self.day)")
        let back = guest.post(path, "cancel_at=")
        #expect(back["items.data.0.current_period_end"] == subscription["items.data.0.current_period_end"])
        let pending = guest.get("/v1/invoiceitems", "customer=\(customer)&pending=true")["data"]?.arrayValue ?? []
        #expect(pending.map { $0["amount"] } == [1000, -1000])
        let quiet = guest.post(path, "cancel_at=\(guest.now + 10 * Self.day)&proration_behavior=none")
        #expect(quiet["items.data.0.current_period_end"] == .integer(guest.now + 10 * Self.day))
        #expect(guest.get("/v1/invoiceitems", "customer=\(customer)&pending=true")["data"]?.arrayValue?.count == 2)
    }

    @Test func `an end in a later period cuts that period and its price`() {
        let guest = Guest()
        let subscription = guest.subscription(of: guest.customer(), to: guest.price("premium"))
        let end = subscription["items.data.0.current_period_end"]?.integerValue ?? 0
        let path = "/v1/subscriptions/\(subscription.id)"
        #expect(guest.post(path, "cancel_at=\(end + 10 * Self.day)")["items.data.0.current_period_end"] == .integer(end))
        guest.advance(31 * Self.day)
        #expect(guest.get(path)["items.data.0.current_period_end"] == .integer(end + 10 * Self.day))
        // December has 31 days.
        #expect(invoices(guest, subscription.id)[0].at("amount_paid") == .integer(1500 * 10 / 31))
        guest.advance(10 * Self.day)
        #expect(guest.get(path)["status"] == "canceled")
        #expect(invoices(guest, subscription.id).count == 2)
    }

    @Test func `a trial that is to end with the period is never billed`() {
        let guest = Guest()
        let subscription = guest.subscription(
            of: guest.customer(), to: guest.price("basic"), "trial_period_days=5&cancel_at_period_end=true")
        #expect(subscription["cancel_at"] == subscription["trial_end"])
        guest.advance(6 * Self.day)
        #expect(guest.get("/v1/subscriptions/\(subscription.id)")["status"] == "canceled")
        #expect(invoices(guest, subscription.id).map { $0["total"] } == [0])
    }
}
