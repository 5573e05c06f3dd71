import JSON
import Testing

@testable import Sandbox

/// Pausing and resuming subscriptions, and pausing the collection of their invoices.
@Suite struct Pauses {
    private static let day: Int64 = 86_400

    /// A guest whose customer pays Basic, ten days into its month.
    private func subscriber(paying token: String = "pm_card_visa") -> (guest: Guest, customer: String, id: String) {
        let guest = Guest()
        let customer = guest.customer(paying: token)
        let id = guest.subscription(of: customer, to: guest.price("basic")).id
        guest.now += 10 * Self.day
        return (guest, customer, id)
    }

    @Test(arguments: ["now", "none", "item_current_period_start"])
    func `a pause ends the period and gives back what was asked for`(_ from: String) {
        let (guest, customer, id) = subscriber()
        let mark = guest.eventCount
        let paused = guest.post("/v1/subscriptions/\(id)/pause", "bill_for[unused_time_from][type]=\(from)")
        #expect(paused["status"] == "paused")
        #expect(paused["status_details.paused.subscription.type"] == "pause_requested")
        #expect(paused["status_details.paused.transitioned_at"] == .integer(guest.now))
        #expect(paused["items.data.0.current_period_end"] == .integer(guest.now))
        let credit = guest.get("/v1/invoiceitems", "customer=\(customer)&pending=true")["data.0.amount"]
        #expect(credit == ["now": -334, "item_current_period_start": -500][from])
        #expect(
            guest.events(since: mark).suffix(2) == ["customer.subscription.paused", "customer.subscription.updated"])
        guest.advance(60 * Self.day)
        #expect(guest.get("/v1/invoices", "subscription=\(id)")["data"]?.arrayValue?.count == 1)
        #expect(guest.get("/v1/subscriptions/\(id)")["status"] == "paused")
        let preview = guest.call("POST", "/v1/invoices/create_preview", "subscription=\(id)")
        #expect(preview["error.code"] == "invoice_upcoming_none")
    }

    @Test func `a pause may be invoiced at once`() {
        let (guest, customer, id) = subscriber()
        let paused = guest.post("/v1/subscriptions/\(id)/pause", "invoicing_behavior=invoice&expand[]=latest_invoice")
        #expect(paused["latest_invoice.total"] == -334)
        #expect(paused["latest_invoice.status"] == "paid")
        #expect(guest.get("/v1/customers/\(customer)")["balance"] == -334)
    }

    @Test func `not everything can be paused`() {
        let (guest, customer, id) = subscriber()
        let classic = guest.subscription(of: customer, to: guest.price("premium"), "billing_mode[type]=classic").id
        let sent = guest.subscription(
            of: guest.customer(), to: guest.price("basic"), "collection_method=send_invoice&days_until_due=3"
        ).id
        let trial = guest.subscription(of: guest.customer(), to: guest.price("basic"), "trial_period_days=9").id
        let managed = guest.subscription(of: guest.customer(), to: guest.price("basic")).id
        _ = guest.post("/v1/subscription_schedules", "from_subscription=\(managed)")
        for refused in [classic, sent, trial, managed] {
            #expect(guest.call("POST", "/v1/subscriptions/\(refused)/pause").status == 400)
        }
        _ = guest.post("/v1/subscriptions/\(id)/pause")
        #expect(guest.call("POST", "/v1/subscriptions/\(id)/pause").status == 400)
        _ = guest.call("DELETE", "/v1/subscriptions/\(id)")
        #expect(guest.call("POST", "/v1/subscriptions/\(id)/pause").status == 404)
    }

    @Test func `previews of a pause and of a resumption are what follows`() {
        let (guest, _, id) = subscriber()
        let preview = "/v1/invoices/create_preview"
        let pause = guest.post(preview, "subscription=\(id)&subscription_details[pause][type]=subscription")
        #expect(pause["total"] == -334)
        #expect(guest.call("POST", preview, "subscription=\(id)&subscription_details[resume_at]=now").status == 400)
        _ = guest.post("/v1/subscriptions/\(id)/pause")
        let resumption = guest.post(preview, "subscription=\(id)&subscription_details[resume_at]=now")
        let unchanged = guest.post(
            preview,
            "subscription=\(id)&subscription_details[resume_at]=now"
                + "&subscription_details[billing_cycle_anchor][type]=unchanged")
        #expect(unchanged["total"] == 499, "a period, the rest of this one, less the credit of the pause")
        let resumed = guest.post("/v1/subscriptions/\(id)/resume", "expand[]=latest_invoice")
        #expect(resumed["latest_invoice.total"] == resumption["total"])
    }

    // MARK: Resuming

    @Test func `a resumed subscription begins a new period and is active once that is paid`() {
        let (guest, _, id) = subscriber()
        _ = guest.post("/v1/subscriptions/\(id)/pause")
        guest.now += 5 * Self.day
        let mark = guest.eventCount
        let resumed = guest.post("/v1/subscriptions/\(id)/resume", "expand[]=latest_invoice")
        #expect(resumed["status"] == "active")
        #expect(resumed["status_details"] == .null)
        #expect(resumed["pending_update"] == .null)
        #expect(resumed["billing_cycle_anchor"] == .integer(guest.now))
        #expect(resumed["items.data.0.current_period_start"] == .integer(guest.now))
        #expect(resumed["latest_invoice.total"] == 166, "500 less the credit of the pause")
        let events = guest.events(since: mark)
        #expect(events.contains("customer.subscription.resumed"))
        #expect(!events.contains("customer.subscription.pending_update_applied"))
        #expect(
            guest.call("POST", "/v1/subscriptions/\(id)/resume")["error.message"]
                == "You can only resume a subscription if it is `paused`.")
        guest.advance(30 * Self.day + 3600)
        #expect(guest.get("/v1/invoices", "subscription=\(id)")["data.0.amount_paid"] == 500)
    }

    @Test(arguments: ["create_prorations", "always_invoice", "none"])
    func `an unchanged anchor asks for the rest of the old cycle`(_ behavior: String) {
        let (guest, customer, id) = subscriber()
        _ = guest.post("/v1/subscriptions/\(id)/pause", "bill_for[unused_time_from][type]=none")
        guest.now += 5 * Self.day
        let resumed = guest.post(
            "/v1/subscriptions/\(id)/resume", "billing_cycle_anchor[type]=unchanged&proration_behavior=\(behavior)")
        #expect(resumed["status"] == "active")
        #expect(resumed["billing_cycle_anchor"] == .integer(1_793_491_200))
        #expect(resumed["items.data.0.current_period_end"] == .integer(1_793_491_200 + 30 * Self.day))
        let pending = guest.get("/v1/invoiceitems", "customer=\(customer)&pending=true")["data.0.amount"]
        #expect(pending == (behavior == "create_prorations" ? 250 : nil))
        let latest = guest.get("/v1/invoices", "subscription=\(id)")["data.0.amount_paid"]
        #expect(latest == (behavior == "always_invoice" ? 250 : 500))
    }

    @Test(arguments: ["resume_on_payment_attempt", "resume_on_payment_success"])
    func `a declined resumption is past due, or still paused where payment was the condition`(_ behavior: String) {
        let (guest, customer, id) = subscriber()
        _ = guest.post("/v1/subscriptions/\(id)/pause", "bill_for[unused_time_from][type]=none")
        let broken = guest.post("/v1/payment_methods/pm_card_chargeCustomerFail/attach", "customer=\(customer)").id
        _ = guest.post("/v1/customers/\(customer)", "invoice_settings[default_payment_method]=\(broken)")
        let resumed = guest.post("/v1/subscriptions/\(id)/resume", "payment_behavior=\(behavior)&expand[]=latest_invoice")
        #expect(resumed["latest_invoice.status"] == "open")
        if behavior == "resume_on_payment_attempt" {
            #expect(resumed["status"] == "past_due")
            #expect(resumed["latest_invoice.next_payment_attempt"] != .null)
        } else {
            #expect(resumed["status"] == "paused")
            #expect(resumed["pending_update.expires_at"] == .integer(guest.now + 23 * 3600))
            guest.advance(23 * 3600)
            let expired = guest.get("/v1/subscriptions/\(id)", "expand[]=latest_invoice")
            #expect(expired["status"] == "paused")
            #expect(expired["pending_update"] == .null)
            #expect(expired["latest_invoice.status"] == "void")
        }
    }

    @Test(arguments: ["pay", "void", "mark_uncollectible"])
    func `what becomes of the invoice becomes of the resumption`(_ fate: String) {
        let guest = Guest()
        let customer = guest.customer(paying: nil)
        let trial = guest.subscription(
            of: customer, to: guest.price("basic"),
            "trial_period_days=3&trial_settings[end_behavior][missing_payment_method]=pause"
        ).id
        guest.advance(3 * Self.day)
        let paused = guest.get("/v1/subscriptions/\(trial)")
        #expect(paused["status_details.paused.subscription.type"] == "trial_end_without_payment_method")
        let resumed = guest.post("/v1/subscriptions/\(trial)/resume")
        #expect(resumed["status"] == "paused")
        let invoice = resumed["latest_invoice"]?.stringValue ?? ""
        let method = guest.post("/v1/payment_methods/pm_card_visa/attach", "customer=\(customer)").id
        _ = guest.post("/v1/invoices/\(invoice)/\(fate)", fate == "pay" ? "payment_method=\(method)" : "")
        let after = guest.get("/v1/subscriptions/\(trial)")
        #expect(after["status"] == (fate == "void" ? "paused" : "active"))
        #expect(after["pending_update"] == .null)
        #expect(guest.events().contains("customer.subscription.resumed") == (fate != "void"))
        if fate != "void" { #expect(after["items.data.0.current_period_start"] == .integer(guest.now + 3 * Self.day)) }
    }

    @Test func `a method that comes while a resumption waits pays for it`() {
        let guest = Guest()
        let trial = guest.subscription(
            of: guest.customer(paying: nil), to: guest.price("basic"),
            "trial_period_days=3&trial_settings[end_behavior][missing_payment_method]=pause")
        guest.advance(3 * Self.day)
        let resumed = guest.post("/v1/subscriptions/\(trial.id)/resume", "expand[]=pending_setup_intent")
        let setup = resumed["pending_setup_intent.id"]?.stringValue ?? ""
        _ = guest.post("/v1/setup_intents/\(setup)/confirm", "payment_method=pm_card_visa")
        let after = guest.get("/v1/subscriptions/\(trial.id)", "expand[]=latest_invoice")
        #expect(after["status"] == "active")
        #expect(after["latest_invoice.amount_paid"] == 500)
        #expect(after["pending_setup_intent"] == .null)
    }

    @Test func `a classic subscription becomes flexible, once and for all`() {
        let guest = Guest()
        let customer = guest.customer()
        let id = guest.subscription(of: customer, to: guest.price("basic"), "billing_mode[type]=classic").id
        guest.now += 60
        let path = "/v1/subscriptions/\(id)/migrate"
        let form = "billing_mode[type]=flexible&billing_mode[flexible][proration_discounts]=itemized"
        #expect(
            guest.post(path, form)["billing_mode"] == [
                "flexible": ["proration_discounts": "itemized"], "type": "flexible", "updated_at": .integer(guest.now),
            ])
        #expect(guest.events().last == "customer.subscription.updated")
        #expect(guest.call("POST", path, form)["error.param"] == "billing_mode[type]")
        #expect(guest.call("POST", path, "billing_mode[type]=classic").status == 400)
    }

    // MARK: Collection

    @Test(arguments: ["keep_as_draft", "mark_uncollectible", "void"])
    func `a paused collection still makes invoices, and does not collect them`(_ behavior: String) {
        let (guest, _, id) = subscriber()
        let mark = guest.eventCount
        let paused = guest.post("/v1/subscriptions/\(id)", "pause_collection[behavior]=\(behavior)")
        #expect(paused["status"] == "active")
        #expect(paused["pause_collection"] == ["behavior": .string(behavior), "resumes_at": .null])
        #expect(guest.events(since: mark) == ["customer.subscription.updated"])
        guest.advance(20 * Self.day + 3600)
        let invoice = guest.get("/v1/invoices", "subscription=\(id)")["data.0"]
        #expect(
            invoice?["status"]?.stringValue == ["keep_as_draft": "draft", "mark_uncollectible": "uncollectible"][behavior]
                ?? "void")
        #expect(invoice?["amount_paid"] == 0)
        #expect(guest.get("/v1/subscriptions/\(id)")["status"] == "active")
        let ended = guest.post("/v1/subscriptions/\(id)", "pause_collection=")
        #expect(ended["pause_collection"] == .null)
        guest.advance(31 * Self.day)
        #expect(guest.get("/v1/invoices", "subscription=\(id)")["data.0.status"] == "paid")
    }

    @Test func `a paused collection ends by itself where it says when`() throws {
        let (guest, _, id) = subscriber()
        let time = guest.now + 3 * Self.day
        _ = guest.post(
            "/v1/subscriptions/\(id)", "pause_collection[behavior]=void&pause_collection[resumes_at]=\(time)")
        guest.advance(3 * Self.day)
        #expect(guest.get("/v1/subscriptions/\(id)")["pause_collection"] == .null)
        let event = try guest.event("customer.subscription.updated")
        #expect(event.at("data.previous_attributes.pause_collection.resumes_at") == .integer(time))
        let past = guest.call(
            "POST", "/v1/subscriptions/\(id)", "pause_collection[behavior]=void&pause_collection[resumes_at]=1")
        #expect(past["error.param"] == "pause_collection[resumes_at]")
    }
}
