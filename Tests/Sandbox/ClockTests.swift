import JSON
import Testing

@testable import Sandbox

/// Test clocks: customers in a time of their own.
@Suite struct Clocks {
    private static let day: Int64 = 86_400
    /// 2027-01-31T12:00:00Z.
    private static let start: Int64 = 1_801_396_800

    private func clock(_ guest: Guest, at time: Int64 = start) -> String {
        guest.post("/v1/test_helpers/test_clocks", "frozen_time=\(time)&name=Renewals").id
    }

    private func customer(_ guest: Guest, on clock: String, paying token: String = "pm_card_visa") -> String {
        guest.post(
            "/v1/customers",
            "test_clock=\(clock)&payment_method=\(token)&invoice_settings[default_payment_method]=\(token)"
        ).id
    }

    private func advance(_ guest: Guest, _ clock: String, to time: Int64) {
        let answer = guest.post("/v1/test_helpers/test_clocks/\(clock)/advance", "frozen_time=\(time)")
        #expect(answer["status"] == "advancing")
        #expect(answer["status_details.advancing.target_frozen_time"] == .integer(time))
        let ready = guest.get("/v1/test_helpers/test_clocks/\(clock)")
        #expect(ready["status"] == "ready")
        #expect(ready["frozen_time"] == .integer(time))
        #expect(ready["status_details"] == [:])
    }

    @Test func `a customer on a clock is billed by it, the others are not`() throws {
        let guest = Guest()
        let bystander = guest.subscription(of: guest.customer(), to: guest.price("basic")).id
        let clock = clock(guest)
        let customer = customer(guest, on: clock)
        let subscription = guest.subscription(of: customer, to: guest.price("basic"), "expand[]=latest_invoice")
        #expect(subscription["created"] == .integer(Self.start))
        #expect(subscription["test_clock"] == .string(clock))
        #expect(subscription["latest_invoice.test_clock"] == .string(clock))
        #expect(subscription["latest_invoice.created"] == .integer(Self.start))
        #expect(try guest.event("customer.subscription.created")["created"] == .integer(guest.now))
        // January's last day, kept in February.
        #expect(subscription["items.data.0.current_period_end"] == .integer(Self.start + 28 * Self.day))
        let mark = guest.eventCount
        advance(guest, clock, to: Self.start + 28 * Self.day)
        let draft = guest.get("/v1/invoices", "subscription=\(subscription.id)")["data.0"]
        #expect(draft?["status"] == "draft")
        #expect(draft?["created"] == .integer(Self.start + 28 * Self.day))
        advance(guest, clock, to: Self.start + 28 * Self.day + 3600)
        #expect(guest.get("/v1/invoices", "subscription=\(subscription.id)")["data.0.status"] == "paid")
        let renewed = guest.get("/v1/subscriptions/\(subscription.id)", "expand[]=test_clock")
        #expect(renewed["items.data.0.current_period_end"] == .integer(Self.start + 59 * Self.day))
        #expect(renewed["test_clock.name"] == "Renewals")
        #expect(guest.get("/v1/invoices", "subscription=\(bystander)")["data"]?.arrayValue?.count == 1)
        let events = guest.events(since: mark)
        #expect(events.first == "test_helpers.test_clock.advancing")
        #expect(events.filter { $0 == "test_helpers.test_clock.ready" }.count == 2)
        #expect(try guest.event("invoice.paid")["created"] == .integer(guest.now))
        guest.advance(400 * Self.day)
        #expect(guest.get("/v1/subscriptions/\(subscription.id)")["status"] == "canceled", "the clock has deleted itself")
    }

    @Test func `the sandbox's clock does not move a test clock`() {
        let guest = Guest()
        let clock = clock(guest)
        let subscription = guest.subscription(of: customer(guest, on: clock), to: guest.price("basic")).id
        guest.advance(29 * Self.day)
        #expect(guest.get("/v1/test_helpers/test_clocks/\(clock)")["frozen_time"] == .integer(Self.start))
        #expect(guest.get("/v1/invoices", "subscription=\(subscription)")["data"]?.arrayValue?.count == 1)
        let late = guest.post("/v1/subscriptions/\(subscription)", "metadata[a]=b&proration_behavior=none")
        #expect(late["items.data.0.current_period_start"] == .integer(Self.start))
    }

    @Test func `what falls due on the way happens at its own instant, in order`() {
        let guest = Guest()
        let clock = clock(guest)
        let customer = customer(guest, on: clock, paying: "pm_card_chargeCustomerFail")
        let trial = guest.subscription(of: customer, to: guest.price("basic"), "trial_period_days=10").id
        let mark = guest.eventCount
        advance(guest, clock, to: Self.start + 11 * Self.day)
        let after = guest.get("/v1/subscriptions/\(trial)", "expand[]=latest_invoice")
        #expect(after["status"] == "past_due")
        #expect(after["latest_invoice.created"] == .integer(Self.start + 10 * Self.day))
        #expect(after["latest_invoice.status_transitions.finalized_at"] == .integer(Self.start + 10 * Self.day + 3600))
        let events = guest.events(since: mark)
        let ends = events.firstIndex(of: "customer.subscription.trial_will_end") ?? 99
        #expect(ends < events.firstIndex(of: "invoice.payment_failed") ?? 0)
    }

    @Test func `lists leave out what lives by a clock, unless they are asked for it`() {
        let guest = Guest()
        let clock = clock(guest)
        let customer = customer(guest, on: clock)
        let subscription = guest.subscription(of: customer, to: guest.price("basic"))
        for path in ["customers", "subscriptions", "invoices"] {
            #expect(guest.get("/v1/\(path)")["data"] == [], "\(path)")
        }
        #expect(guest.get("/v1/customers", "test_clock=\(clock)")["data.0.id"] == .string(customer))
        #expect(guest.get("/v1/subscriptions", "test_clock=\(clock)")["data.0.id"] == .string(subscription.id))
        #expect(guest.get("/v1/subscriptions", "customer=\(customer)")["data.0.id"] == .string(subscription.id))
        #expect(guest.get("/v1/invoices", "customer=\(customer)")["data.0.id"] == subscription["latest_invoice"])
    }

    @Test func `a clock goes forward, and not too far`() {
        let guest = Guest()
        let clock = clock(guest)
        let path = "/v1/test_helpers/test_clocks/\(clock)/advance"
        for time in [Self.start, Self.start - 1, Self.start + 800 * Self.day] {
            #expect(guest.call("POST", path, "frozen_time=\(time)")["error.param"] == "frozen_time")
        }
        _ = guest.subscription(of: customer(guest, on: clock), to: guest.price("basic"))
        // Two months from the end of January: the end of March.
        #expect(guest.call("POST", path, "frozen_time=\(Self.start + 59 * Self.day + 1)").status == 400)
        advance(guest, clock, to: Self.start + 59 * Self.day)
        #expect(guest.call("POST", "/v1/test_helpers/test_clocks/clock_none/advance", "frozen_time=5").status == 404)
        #expect(guest.call("POST", "/v1/test_helpers/test_clocks", "frozen_time=0")["error.param"] == "frozen_time")
    }

    @Test func `a clock has room for three customers with three subscriptions each`() {
        let guest = Guest()
        let clock = clock(guest)
        let first = customer(guest, on: clock)
        for _ in 1...2 { _ = customer(guest, on: clock) }
        #expect(guest.call("POST", "/v1/customers", "test_clock=\(clock)")["error.param"] == "test_clock")
        for _ in 1...3 { _ = guest.subscription(of: first, to: guest.price("basic")) }
        let fourth = guest.call("POST", "/v1/subscriptions", "customer=\(first)&items[0][price]=\(guest.price("basic"))")
        #expect(fourth.status == 400)
        #expect(guest.call("POST", "/v1/customers", "test_clock=clock_none")["error.code"] == "resource_missing")
    }

    @Test func `an existing customer joins with all that is theirs`() {
        let guest = Guest()
        let customer = guest.customer()
        let subscription = guest.subscription(of: customer, to: guest.price("basic")).id
        let clock = guest.post("/v1/test_helpers/test_clocks", "frozen_time=\(guest.now)&customer=\(customer)").id
        #expect(guest.get("/v1/customers/\(customer)")["test_clock"] == .string(clock))
        advance(guest, clock, to: guest.now + 31 * Self.day)
        #expect(guest.get("/v1/invoices", "subscription=\(subscription)")["data"]?.arrayValue?.count == 2)
        let again = guest.call(
            "POST", "/v1/test_helpers/test_clocks", "frozen_time=\(guest.now)&customer=\(customer)")
        #expect(again["error.param"] == "customer")
    }

    @Test func `deleting a clock deletes its customers and ends their subscriptions`() {
        let guest = Guest()
        let clock = clock(guest)
        let customer = customer(guest, on: clock)
        let subscription = guest.subscription(of: customer, to: guest.price("basic")).id
        #expect(guest.get("/v1/test_helpers/test_clocks")["data.0.id"] == .string(clock))
        let mark = guest.eventCount
        let deleted = guest.call("DELETE", "/v1/test_helpers/test_clocks/\(clock)")
        #expect(deleted.body == ["deleted": true, "id": .string(clock), "object": "test_helpers.test_clock"])
        #expect(guest.get("/v1/customers/\(customer)")["deleted"] == true)
        #expect(
            guest.events(since: mark).filter { !$0.hasPrefix("payment_method") } == [
                "customer.subscription.deleted", "customer.deleted", "test_helpers.test_clock.deleted",
            ])
        #expect(guest.get("/v1/subscriptions/\(subscription)")["status"] == "canceled")
        #expect(guest.get("/v1/test_helpers/test_clocks")["data"] == [])
        #expect(guest.get("/v1/test_helpers/test_clocks/\(clock)").status == 404)
    }

    @Test func `a clock deletes itself in time`() {
        let guest = Guest()
        let clock = clock(guest)
        #expect(guest.get("/v1/test_helpers/test_clocks/\(clock)")["deletes_after"] == .integer(guest.now + 30 * Self.day))
        guest.advance(30 * Self.day)
        #expect(guest.get("/v1/test_helpers/test_clocks/\(clock)").status == 404)
    }

    @Test func `a journal replays clocks as they were`() throws {
        let guest = Guest()
        let clock = clock(guest)
        let customer = customer(guest, on: clock)
        let subscription = guest.subscription(of: customer, to: guest.price("basic")).id
        advance(guest, clock, to: Self.start + 30 * Self.day)
        guest.now += 5
        _ = guest.post("/v1/subscriptions/\(subscription)", "metadata[a]=b")
        let copy = SandboxEngine(seed: 7, openedAt: 1_793_491_200)
        for entry in guest.entries { _ = copy.perform(entry) }
        for kind in ObjectKind.allCases {
            let ids = guest.engine.account.store.ids(kind)
            #expect(Array(copy.account.store.ids(kind)) == Array(ids))
            for id in ids { #expect(copy.account.store.object(kind, id) == guest.engine.account.store.object(kind, id)) }
        }
    }

    @Test(arguments: [UInt64(1), 2, 3, 4, 5])
    func `the queue gives back what is due in order`(_ seed: UInt64) {
        var random = SandboxRandom(seed: seed)
        var queue = DueQueue()
        var times: [Int64] = []
        for index in 0..<200 {
            let time = Int64(random.next() % 50)
            times.append(time)
            queue.insert(.init(time: time, kind: index % 2 == 0 ? .subscription : .invoice, ordinal: index))
        }
        var last: DueQueue.Entry?
        var found: [Int64] = []
        while let first = queue.first {
            if let last { #expect(last.isBefore(first), "seed \(seed)") }
            found.append(first.time)
            last = first
            queue.removeFirst()
        }
        #expect(found == times.sorted(), "seed \(seed)")
    }
}
