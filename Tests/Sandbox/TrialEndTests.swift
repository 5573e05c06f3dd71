import JSON
import Testing

@testable import Sandbox

/// Trials that end with nobody there to pay, and the filters of the list of subscriptions.
@Suite struct TrialEnds {
    private static let day: Int64 = 86_400

    @Test(arguments: ["create_invoice", "pause", "cancel"])
    func `a trial without a method ends as its settings say`(_ behavior: String) {
        let guest = Guest()
        let id = guest.subscription(
            of: guest.customer(paying: nil), to: guest.price("basic"),
            "trial_period_days=7&trial_settings[end_behavior][missing_payment_method]=\(behavior)"
        ).id
        let mark = guest.eventCount
        guest.advance(7 * Self.day)
        let after = guest.get("/v1/subscriptions/\(id)")
        let events = guest.events(since: mark).drop { $0 == "customer.subscription.trial_will_end" }
        let invoices = guest.get("/v1/invoices", "subscription=\(id)")["data"]?.arrayValue?.count
        switch behavior {
        case "pause":
            #expect(after["status"] == "paused")
            #expect(events == ["customer.subscription.paused", "customer.subscription.updated"])
            #expect(invoices == 1)
        case "cancel":
            #expect(after["status"] == "canceled")
            #expect(after["cancellation_details.reason"] == "cancellation_requested")
            #expect(events == ["customer.subscription.deleted"])
            #expect(invoices == 1)
        default:
            #expect(after["status"] == "active")
            #expect(events == ["customer.subscription.updated", "invoice.created"])
            #expect(invoices == 2)
            guest.advance(3600)
            #expect(guest.get("/v1/subscriptions/\(id)")["status"] == "past_due")
            #expect(guest.events().contains("invoice.payment_failed"))
        }
    }

    @Test func `subscriptions are listed by each filter`() {
        let guest = Guest()
        let customer = guest.customer()
        let first = guest.subscription(of: customer, to: guest.price("basic")).id
        guest.now += 10
        let second = guest.subscription(
            of: customer, to: guest.price("premium"), "collection_method=send_invoice&days_until_due=7"
        ).id
        let trial = guest.subscription(of: guest.customer(), to: guest.price("basic"), "trial_period_days=9").id
        let gone = guest.subscription(of: customer, to: guest.price("basic")).id
        _ = guest.call("DELETE", "/v1/subscriptions/\(gone)")
        let end = guest.now + 30 * Self.day
        let cases: [(String, [String])] = [
            ("", [trial, second, first]), ("status=all", [gone, trial, second, first]), ("status=ended", [gone]),
            ("status=trialing", [trial]), ("status=canceled", [gone]), ("status=past_due", []),
            ("customer=\(customer)", [second, first]), ("price=\(guest.price("basic"))", [trial, first]),
            ("plan=\(guest.price("premium"))", [second]), ("collection_method=send_invoice", [second]),
            ("created[gt]=\(guest.now - 10)", [trial, second]), ("created=\(guest.now - 10)", [first]),
            ("current_period_end[lt]=\(end)", [trial, first]), ("current_period_end=\(end)", [second]),
            ("current_period_start[gte]=\(guest.now)", [trial, second]), ("automatic_tax[enabled]=true", []),
            ("automatic_tax[enabled]=false&limit=1", [trial]), ("starting_after=\(second)", [first]),
        ]
        for (filter, ids) in cases {
            let listed = guest.get("/v1/subscriptions", filter)["data"]?.arrayValue?.compactMap { $0["id"]?.stringValue }
            #expect(listed == ids, "\(filter)")
        }
    }
}
