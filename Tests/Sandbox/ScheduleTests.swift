import JSON
import Testing

@testable import Sandbox

/// Subscription schedules: phases that the clock executes.
@Suite struct Schedules {
    private static let day: Int64 = 86_400
    private static let month: Int64 = 30 * 86_400

    /// A guest with a subscription to Premium that a schedule manages: Premium until the period ends, then Basic.
    private func downgrade(_ more: String = "") -> (guest: Guest, subscription: String, schedule: String) {
        let guest = Guest()
        let premium = guest.price("premium")
        let subscription = guest.subscription(of: guest.customer(), to: premium)
        let schedule = guest.post("/v1/subscription_schedules", "from_subscription=\(subscription.id)")
        _ = guest.post(
            "/v1/subscription_schedules/\(schedule.id)",
            "phases[0][items][0][price]=\(premium)&phases[0][start_date]=\(guest.now)"
                + "&phases[0][end_date]=\(guest.now + Self.month)&phases[1][items][0][price]=\(guest.price("basic"))"
                + "&phases[1][duration][interval]=month\(more)")
        return (guest, subscription.id, schedule.id)
    }

    @Test func `a schedule from a subscription has its configuration as its phase`() throws {
        let guest = Guest()
        let subscription = guest.subscription(of: guest.customer(), to: guest.price("basic"), "metadata[tier]=one")
        let mark = guest.eventCount
        let schedule = guest.post("/v1/subscription_schedules", "from_subscription=\(subscription.id)")
        #expect(schedule.id.hasPrefix("sub_sched_"))
        #expect(schedule["status"] == "active")
        #expect(schedule["end_behavior"] == "release")
        #expect(schedule["subscription"] == .string(subscription.id))
        #expect(
            schedule["current_phase"] == ["end_date": .integer(guest.now + Self.month), "start_date": .integer(guest.now)])
        #expect(schedule["phases.0.items.0.price"] == .string(guest.price("basic")))
        #expect(schedule["phases.0.metadata.tier"] == "one")
        #expect(schedule["phases.1"] == nil)
        #expect(guest.get("/v1/subscriptions/\(subscription.id)")["schedule"] == .string(schedule.id))
        #expect(guest.events(since: mark) == ["subscription_schedule.created", "customer.subscription.updated"])
        let again = guest.call("POST", "/v1/subscription_schedules", "from_subscription=\(subscription.id)")
        #expect(
            again["error.message"]
                == .string(
                    "You cannot migrate a subscription that is already attached to a schedule: `\(schedule.id)`."))
        let both = guest.call(
            "POST", "/v1/subscription_schedules", "from_subscription=\(subscription.id)&end_behavior=cancel")
        #expect(both["error.param"] == "end_behavior")
        let expanded = guest.get("/v1/subscription_schedules/\(schedule.id)", "expand[]=subscription&expand[]=customer")
        #expect(expanded["subscription.object"] == "subscription")
        #expect(expanded["customer.object"] == "customer")
    }

    @Test func `at the period's end the renewal is the next phase's, and nothing is prorated`() throws {
        let (guest, subscription, schedule) = downgrade()
        let preview = guest.post("/v1/invoices/create_preview", "subscription=\(subscription)")
        #expect(preview["total"] == 500)
        let mark = guest.eventCount
        guest.advance(Self.month)
        #expect(
            guest.events(since: mark) == [
                "subscription_schedule.updated", "invoice.created", "customer.subscription.updated",
            ])
        let after = guest.get("/v1/subscriptions/\(subscription)", "expand[]=latest_invoice")
        #expect(after["items.data.0.price.lookup_key"] == "basic")
        #expect(after["items.data.1"] == nil)
        #expect(after["latest_invoice.total"] == preview["total"])
        #expect(after["latest_invoice.billing_reason"] == "subscription_cycle")
        #expect(after["latest_invoice.lines.total_count"] == 1)
        guest.advance(3600)
        #expect(guest.get("/v1/invoices/\(after["latest_invoice.id"]?.stringValue ?? "")")["amount_paid"] == 500)
        let active = guest.get("/v1/subscription_schedules/\(schedule)")
        #expect(active["current_phase.start_date"] == .integer(1_793_491_200 + Self.month))
        // December has 31 days.
        guest.advance(31 * Self.day - 3600)
        let released = guest.get("/v1/subscription_schedules/\(schedule)")
        #expect(released["status"] == "released")
        #expect(released["released_subscription"] == .string(subscription))
        #expect(released["subscription"] == .null)
        #expect(released["current_phase"] == .null)
        let free = guest.get("/v1/subscriptions/\(subscription)")
        #expect(free["schedule"] == .null)
        #expect(free["status"] == "active")
        #expect(guest.events(since: mark).contains("subscription_schedule.expiring"))
        #expect(guest.events(since: mark).contains("subscription_schedule.released"))
    }

    @Test(arguments: ["create_prorations", "always_invoice", "none"])
    func `inside a period the phase's proration behavior holds`(_ behavior: String) throws {
        let guest = Guest()
        let subscription = guest.subscription(of: guest.customer(), to: guest.price("basic"))
        let schedule = guest.post("/v1/subscription_schedules", "from_subscription=\(subscription.id)")
        let half = guest.now + Self.month / 2
        _ = guest.post(
            "/v1/subscription_schedules/\(schedule.id)",
            "phases[0][items][0][price]=\(guest.price("basic"))&phases[0][start_date]=\(guest.now)"
                + "&phases[0][end_date]=\(half)&phases[1][items][0][price]=\(guest.price("basic"))"
                + "&phases[1][items][0][quantity]=3&phases[1][duration][interval]=year"
                + "&phases[1][proration_behavior]=\(behavior)")
        let preview = guest.post("/v1/invoices/create_preview", "schedule=\(schedule.id)")
        let mark = guest.eventCount
        guest.advance(Self.month / 2)
        let after = guest.get("/v1/subscriptions/\(subscription.id)", "expand[]=latest_invoice")
        #expect(after["items.data.0.quantity"] == 3)
        #expect(after["items.data.0.id"] == subscription["items.data.0.id"], "the item stays the same")
        let pending = guest.get("/v1/invoiceitems", "pending=true")["data"]?.arrayValue?.count
        switch behavior {
        case "create_prorations":
            #expect(pending == 2)
            #expect(preview["total"] == 2000, "1000 for the rest of the period and 3 x 500 less 500 for half of it")
        case "always_invoice":
            #expect(after["latest_invoice.total"] == 500)
            #expect(preview["total"] == 500)
            #expect(after["latest_invoice.status"] == "draft")
            #expect(guest.events(since: mark).last == "invoice.created")
            guest.advance(3600)
            #expect(guest.get("/v1/invoices/\(after["latest_invoice.id"]?.stringValue ?? "")")["status"] == "paid")
        default:
            #expect(pending == 0)
            #expect(preview["total"] == 1500)
        }
    }

    @Test func `a schedule for later opens its subscription at its time`() throws {
        let guest = Guest()
        let customer = guest.customer()
        let start = guest.now + 10 * Self.day
        let mark = guest.eventCount
        let schedule = guest.post(
            "/v1/subscription_schedules",
            "customer=\(customer)&start_date=\(start)&end_behavior=cancel&metadata[a]=b"
                + "&phases[0][items][0][price]=\(guest.price("basic"))&phases[0][items][0][quantity]=2"
                + "&phases[0][duration][interval]=month&phases[0][duration][interval_count]=2")
        #expect(schedule["status"] == "not_started")
        #expect(schedule["subscription"] == .null)
        #expect(schedule["phases.0.start_date"] == .integer(start))
        // 11 November and two months: 11 January.
        #expect(schedule["phases.0.end_date"] == .integer(start + 61 * Self.day))
        #expect(guest.get("/v1/subscription_schedules", "scheduled=true")["data.0.id"] == .string(schedule.id))
        let preview = guest.post("/v1/invoices/create_preview", "schedule=\(schedule.id)")
        guest.advance(10 * Self.day)
        let begun = guest.get("/v1/subscription_schedules/\(schedule.id)", "expand[]=subscription.latest_invoice")
        #expect(begun["status"] == "active")
        #expect(begun["subscription.status"] == "active")
        #expect(begun["subscription.start_date"] == .integer(start))
        #expect(begun["subscription.cancel_at"] == begun["phases.0.end_date"])
        #expect(begun["subscription.latest_invoice.status"] == "draft")
        #expect(begun["subscription.latest_invoice.total"] == preview["total"])
        #expect(
            guest.events(since: mark) == [
                "subscription_schedule.created", "subscription_schedule.updated", "customer.subscription.created",
                "invoice.created",
            ])
        guest.advance(3600)
        let id = begun["subscription.id"]?.stringValue ?? ""
        #expect(guest.get("/v1/invoices", "subscription=\(id)")["data.0.amount_paid"] == 1000)
        guest.advance(61 * Self.day)
        #expect(guest.get("/v1/subscriptions/\(id)")["status"] == "canceled")
        #expect(guest.get("/v1/subscription_schedules/\(schedule.id)")["status"] == "completed")
        #expect(guest.get("/v1/subscription_schedules", "completed_at[gte]=1")["data.0.id"] == .string(schedule.id))
        #expect(guest.get("/v1/subscription_schedules", "canceled_at[gte]=1")["data"] == [])
        #expect(guest.get("/v1/invoices", "subscription=\(id)")["data"]?.arrayValue?.count == 2)
    }

    @Test func `a schedule that begins now answers an active subscription with a draft`() {
        let guest = Guest()
        let schedule = guest.post(
            "/v1/subscription_schedules",
            "customer=\(guest.customer())&start_date=now&phases[0][items][0][price]=\(guest.price("basic"))"
                + "&phases[0][iterations]=3&phases[0][trial]=true&expand[]=subscription")
        #expect(schedule["status"] == "active")
        #expect(schedule["subscription.status"] == "trialing")
        #expect(schedule["subscription.trial_end"] == schedule["phases.0.end_date"])
        #expect(schedule["current_phase.end_date"] == .integer(guest.now + 92 * Self.day))
    }

    // MARK: Ending

    @Test func `release leaves the subscription alone, cancel ends it`() {
        let (guest, subscription, schedule) = downgrade()
        let mark = guest.eventCount
        let released = guest.post("/v1/subscription_schedules/\(schedule)/release")
        #expect(released["status"] == "released")
        #expect(released["released_at"] == .integer(guest.now))
        #expect(guest.events(since: mark) == ["customer.subscription.updated", "subscription_schedule.released"])
        let again = guest.call("POST", "/v1/subscription_schedules/\(schedule)/release")
        #expect(
            again["error.message"]
                == .string(
                    "You cannot release a subscription schedule that is currently in the `released` status. It must be in "
                        + "one of the following statuses: `not_started`, `active`."))
        guest.advance(Self.month)
        #expect(guest.get("/v1/subscriptions/\(subscription)")["items.data.0.price.lookup_key"] == "premium")

        let (other, ended, canceled) = downgrade()
        _ = other.post("/v1/subscription_schedules/\(canceled)/cancel", "prorate=false")
        #expect(other.get("/v1/subscriptions/\(ended)")["status"] == "canceled")
        #expect(other.get("/v1/subscription_schedules/\(canceled)")["canceled_at"] == .integer(other.now))
        #expect(other.events().contains("subscription_schedule.canceled"))
    }

    @Test func `the end of a subscription is the end of its schedule`() {
        let (guest, subscription, schedule) = downgrade()
        _ = guest.call("DELETE", "/v1/subscriptions/\(subscription)")
        #expect(guest.get("/v1/subscription_schedules/\(schedule)")["status"] == "canceled")
        #expect(guest.events().last == "subscription_schedule.canceled")
    }

    @Test func `a phase of a paused subscription changes what it resumes to`() {
        let guest = Guest()
        let trial = guest.subscription(
            of: guest.customer(paying: nil), to: guest.price("basic"),
            "trial_period_days=3&trial_settings[end_behavior][missing_payment_method]=pause")
        let schedule = guest.post("/v1/subscription_schedules", "from_subscription=\(trial.id)")
        _ = guest.post(
            "/v1/subscription_schedules/\(schedule.id)",
            "phases[0][items][0][price]=\(guest.price("basic"))&phases[0][start_date]=\(guest.now)"
                + "&phases[0][iterations]=1&phases[0][trial_end]=\(guest.now + 3 * Self.day)"
                + "&phases[1][items][0][price]=\(guest.price("premium"))")
        guest.advance(40 * Self.day)
        let paused = guest.get("/v1/subscriptions/\(trial.id)")
        #expect(paused["status"] == "paused")
        #expect(paused["items.data.0.price.lookup_key"] == "premium")
        #expect(paused["latest_invoice"] == trial["latest_invoice"])
    }

    @Test func `a subscription that is never paid for takes its schedule along`() {
        let guest = Guest()
        let subscription = guest.subscription(
            of: guest.customer(paying: nil), to: guest.price("basic"), "payment_behavior=default_incomplete")
        let schedule = guest.post("/v1/subscription_schedules", "from_subscription=\(subscription.id)").id
        guest.advance(Self.day)
        #expect(guest.get("/v1/subscriptions/\(subscription.id)")["status"] == "incomplete_expired")
        #expect(guest.get("/v1/subscription_schedules/\(schedule)")["status"] == "canceled")
        #expect(guest.events().last == "subscription_schedule.aborted")
    }

    @Test func `a deleted customer's schedule never begins`() {
        let guest = Guest()
        let customer = guest.customer()
        let schedule = guest.post(
            "/v1/subscription_schedules",
            "customer=\(customer)&start_date=\(guest.now + 60)&phases[0][items][0][price]=\(guest.price("basic"))")
        _ = guest.call("DELETE", "/v1/customers/\(customer)")
        #expect(guest.get("/v1/subscription_schedules/\(schedule.id)")["status"] == "canceled")
        guest.advance(60)
        #expect(guest.get("/v1/subscriptions", "status=all")["data"] == [])
    }

    @Test func `end_behavior cancel sets the subscription's end, and preserve_cancel_date keeps it`() {
        for keeps in [true, false] {
            let (guest, subscription, schedule) = downgrade("&end_behavior=cancel")
            let end = guest.get("/v1/subscription_schedules/\(schedule)")["phases.1.end_date"]
            #expect(guest.get("/v1/subscriptions/\(subscription)")["cancel_at"] == end)
            _ = guest.post("/v1/subscription_schedules/\(schedule)/release", "preserve_cancel_date=\(keeps)")
            #expect(guest.get("/v1/subscriptions/\(subscription)")["cancel_at"] == (keeps ? end : .null))
        }
    }

    // MARK: Rules

    @Test func `what a schedule forbids its subscription`() {
        let (guest, subscription, schedule) = downgrade()
        for form in ["cancel_at_period_end=true", "cancel_at=\(guest.now + 100)"] {
            #expect(
                guest.call("POST", "/v1/subscriptions/\(subscription)", form)["error.message"]
                    == .string(
                        "The subscription is managed by the subscription schedule `\(schedule)`, and updating any "
                            + "cancelation behavior directly is not allowed. Please update the schedule instead."))
        }
        let item = guest.get("/v1/subscriptions/\(subscription)")["items.data.0.id"]?.stringValue ?? ""
        let pending = guest.call(
            "POST", "/v1/subscriptions/\(subscription)",
            "items[0][id]=\(item)&items[0][quantity]=2&payment_behavior=pending_if_incomplete")
        #expect(pending["error.param"] == "payment_behavior")
        guest.now += Self.day
        _ = guest.post("/v1/subscription_items/\(item)", "quantity=4")
        let split = guest.get("/v1/subscription_schedules/\(schedule)")
        #expect(split["phases.0.items.0.quantity"] == 1)
        #expect(split["phases.1.items.0.quantity"] == 4)
        #expect(split["phases.1.start_date"] == .integer(guest.now))
        #expect(split["current_phase.start_date"] == .integer(guest.now))
        #expect(split["phases.2.items.0.quantity"] == 1)
    }

    @Test func `phases are checked`() {
        let (guest, _, schedule) = downgrade()
        let path = "/v1/subscription_schedules/\(schedule)"
        let item = "phases[0][items][0][price]=\(guest.price("basic"))"
        let cases = [
            (
                item,
                "The subscription schedule update is missing at least one phase with a `start_date` to anchor end dates to."
            ),
            ("\(item)&phases[0][start_date]=\(guest.now + 5)", "You can not modify the start date of the current phase."),
            (
                "\(item)&phases[0][start_date]=\(guest.now)&phases[0][end_date]=\(guest.now)",
                "The `end_date` of a phase must be after its `start_date`."
            ),
            (
                "\(item)&phases[0][start_date]=\(guest.now)&phases[0][end_date]=now&phases[0][iterations]=2",
                "You may only specify one of these parameters: end_date, iterations."
            ),
        ]
        for (form, message) in cases {
            #expect(guest.call("POST", path, form)["error.message"] == .string(message), "\(form)")
        }
        let anchored = "\(item)&phases[0][start_date]=\(guest.now)"
        for ignored in [
            "billing_thresholds[amount_gte]=1", "items[0][billing_thresholds][usage_gte]=1", "transfer_data[destination]=a",
        ] {
            let place = ignored.prefix { $0 != "[" && $0 != "=" }
            let answer = guest.call("POST", path, "\(anchored)&phases[0][\(place)]\(ignored.dropFirst(place.count))")
            #expect(answer["error.code"] == "sandbox_not_emulated", "\(ignored)")
        }
        let unknown = guest.call(
            "POST", "/v1/subscription_schedules",
            "customer=\(guest.customer())&start_date=now&\(item)&phases[0][start_date]=\(guest.now)")
        #expect(unknown["error.message"] == "Received unknown parameter: phases[0][start_date]")
        #expect(guest.call("GET", "/v1/subscription_schedules/sub_sched_none").status == 404)
    }

    @Test func `a new phase that begins now ends the one before it, with its own prorations`() {
        let (guest, subscription, schedule) = downgrade()
        let start = guest.now
        guest.now += 15 * Self.day
        let updated = guest.post(
            "/v1/subscription_schedules/\(schedule)",
            "phases[0][items][0][price]=\(guest.price("premium"))&phases[0][start_date]=\(start)&phases[0][end_date]=now"
                + "&phases[1][items][0][price]=\(guest.price("premium"))&phases[1][items][0][quantity]=2"
                + "&phases[1][proration_behavior]=always_invoice")
        #expect(updated["current_phase.start_date"] == .integer(guest.now))
        let after = guest.get("/v1/subscriptions/\(subscription)", "expand[]=latest_invoice")
        #expect(after["items.data.0.quantity"] == 2)
        #expect(after["latest_invoice.total"] == 750)
        #expect(after["latest_invoice.status"] == "paid")
    }

    @Test func `an item whose period goes on is prorated although another's ends`() {
        let guest = Guest()
        let product = guest.get("/v1/prices", "lookup_keys[]=premium")["data.0.product"]?.stringValue ?? ""
        let yearly = guest.post(
            "/v1/prices", "product=\(product)&currency=usd&unit_amount=4000&recurring[interval]=year"
        ).id
        let subscription = guest.subscription(
            of: guest.customer(), to: guest.price("basic"), "items[1][price]=\(yearly)")
        let schedule = guest.post("/v1/subscription_schedules", "from_subscription=\(subscription.id)")
        #expect(schedule["phases.0.end_date"] == .integer(guest.now + Self.month))
        _ = guest.post(
            "/v1/subscription_schedules/\(schedule.id)",
            "phases[0][items][0][price]=\(guest.price("basic"))&phases[0][items][1][price]=\(yearly)"
                + "&phases[0][start_date]=\(guest.now)&phases[0][end_date]=\(guest.now + Self.month)"
                + "&phases[1][items][0][price]=\(guest.price("basic"))")
        guest.advance(Self.month)
        let after = guest.get("/v1/subscriptions/\(subscription.id)", "expand[]=latest_invoice")
        #expect(after["items.data.1"] == nil)
        // 500 for the month, and 4000 for 335 of 365 days given back.
        #expect(after["latest_invoice.total"] == -3172)
    }

    @Test func `a phase with another interval renews for it from its start`() {
        let guest = Guest()
        let product = guest.get("/v1/prices", "lookup_keys[]=basic")["data.0.product"]?.stringValue ?? ""
        let yearly = guest.post(
            "/v1/prices", "product=\(product)&currency=usd&unit_amount=5000&recurring[interval]=year"
        ).id
        let subscription = guest.subscription(of: guest.customer(), to: guest.price("basic"))
        let schedule = guest.post("/v1/subscription_schedules", "from_subscription=\(subscription.id)")
        let end = guest.now + Self.month
        _ = guest.post(
            "/v1/subscription_schedules/\(schedule.id)",
            "phases[0][items][0][price]=\(guest.price("basic"))&phases[0][start_date]=\(guest.now)"
                + "&phases[0][end_date]=\(end)&phases[1][items][0][price]=\(yearly)")
        guest.advance(Self.month + 3600)
        let after = guest.get("/v1/subscriptions/\(subscription.id)", "expand[]=latest_invoice")
        #expect(after["items.data.0.current_period_start"] == .integer(end))
        #expect(after["items.data.0.current_period_end"] == .integer(end + 365 * Self.day))
        #expect(after["latest_invoice.amount_paid"] == 5000)
        #expect(
            guest.get("/v1/subscription_schedules/\(schedule.id)")["phases.1.end_date"] == .integer(end + 365 * Self.day))
    }
}
