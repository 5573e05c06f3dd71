import Contract
import HTTP
import JSON
import Store
import Stripe
import Synchronization
import TestSupport
import Testing

@testable import Service

/// What no webhook brought is fetched: each on a store of its own, before the sandbox's engine in memory.
@Suite struct EventPollerTests {
    private let folder: Folder
    private let store: SQLStore
    private let stripe = ListedStripe()
    private let projector: Projector
    private let poller: EventPoller
    private let health = Health()
    private let lines = Lines()

    /// What was logged.
    private final class Lines: Sendable {
        let all = Mutex<[String]>([])
    }

    /// The sandbox as a way to Stripe, which counts what is asked and can fall silent.
    private final class ListedStripe: StripeTransport {
        let engine = FaultyStripe(seed: 1)
        let asked = Mutex(0)
        let answersLeft = Mutex(Int.max)

        func send(_ request: HTTPRequest, timeoutMilliseconds: Int64) async throws(HTTPClientError) -> HTTPResponse {
            asked.withLock { $0 += 1 }
            let answers = answersLeft.withLock { left in
                left -= 1
                return left >= 0
            }
            guard answers else { throw HTTPClientError(kind: .connect, message: "silent", mayHaveBeenSent: false) }
            return try engine.attempt(request, Fault())
        }

        func pass(seconds: Int64) { engine.pass(milliseconds: seconds * 1000) }
    }

    init() throws {
        folder = try Folder(inMemory: true)
        store = try SQLStore(path: folder.path("dues.db"))
        let key = try #require(StripeKey("sk_test_of_a_poller"))
        var configuration = StripeConfiguration(secretKey: key, apiBase: FaultyStripe.base)
        configuration.maximumRetries = 0
        configuration.circuitBreaker = CircuitBreaker(threshold: .max)
        let client = StripeClient(configuration, http: stripe, sleep: { _ in await Task.yield() })
        let clock = { @Sendable [stripe] in stripe.engine.now }
        projector = Projector(store: store, stripe: client, health: Health(), clock: clock, log: { _, _ in })
        poller = EventPoller(
            store: store, stripe: client, projector: projector, health: health, intervalSeconds: 0, clock: clock
        ) { [lines] _, line in lines.all.withLock { $0.append(line) } }
    }

    private func createCustomers(_ count: Int) {
        for _ in 0..<count { _ = stripe.engine.ask("POST", "/v1/customers", "email=ada%40example.com") }
    }

    private func journaled() async throws -> [JournalEvent] { try await store.waitingEvents(after: 0, limit: 10_000) }

    @Test func `the first look of all only begins: what is there already is not events' to tell`() async throws {
        createCustomers(3)
        stripe.pass(seconds: 3600)
        #expect(try await poller.poll() == 0)
        #expect(try await journaled().isEmpty)
        createCustomers(2)
        #expect(try await poller.poll() == 2)
    }

    @Test func `events come whole, oldest first, and once`() async throws {
        _ = try await poller.poll()
        for _ in 0..<5 {
            createCustomers(1)
            stripe.pass(seconds: 7)
        }
        #expect(try await poller.poll() == 5)
        let events = try await journaled()
        #expect(events.map(\.created) == events.map(\.created).sorted())
        #expect(events.allSatisfy { $0.type == "customer.created" && $0.customer?.hasPrefix("cus_") == true })
        let first = try #require(events.first)
        #expect(try JSONValue(parsing: first.payload)["id"]?.stringValue == first.id)
        #expect(try await poller.poll() == 0)
        #expect(try await journaled().count == 5)
    }

    @Test func `what a webhook brought is not new, and what it did not bring in between is`() async throws {
        _ = try await poller.poll()
        createCustomers(5)
        let listed = try #require(stripe.engine.ask("GET", "/v1/events")["data"]?.arrayValue)
        for index in [0, 1, 3] {
            let event = try #require(StripeEvent(listed[index]))
            #expect(try await store.journal(JournalEvent(event, received: 1, payload: listed[index].bytes)))
        }
        #expect(try await poller.poll() == 2)
        #expect(Set(try await journaled().map(\.id)).count == 5)
    }

    @Test func `a window with more events than a page is walked through whole`() async throws {
        _ = try await poller.poll()
        createCustomers(250)
        #expect(try await poller.poll() == 250)
    }

    @Test func `days are walked through by the hour, and a walk that breaks off goes on from there`() async throws {
        _ = try await poller.poll()
        for _ in 0..<48 {
            createCustomers(1)
            stripe.pass(seconds: 3600)
        }
        // The time, and some hours.
        stripe.answersLeft.withLock { $0 = 21 }
        await #expect(throws: StripeError.self) { try await poller.poll() }
        let kept = try await journaled().count
        #expect((15...21).contains(kept), "\(kept)")
        stripe.answersLeft.withLock { $0 = .max }
        stripe.asked.withLock { $0 = 0 }
        #expect(try await poller.poll() == 48 - kept)
        #expect(stripe.asked.withLock { $0 } <= 48 - 20 + 4)
    }

    @Test func `an event that Stripe lists late is found within the overlap`() async throws {
        _ = try await poller.poll()
        createCustomers(1)
        let late = try #require(stripe.engine.ask("GET", "/v1/events")["data"]?.arrayValue?.first)
        stripe.pass(seconds: EventPoller.overlapSeconds - 1)
        try await store.keep(mark: stripe.engine.now, of: EventPoller.walk)
        #expect(try await poller.poll() == 1)
        #expect(try await journaled().first?.id == late["id"]?.stringValue)
    }

    @Test func `a Stripe whose clock was put back is followed`() async throws {
        try await store.keep(mark: stripe.engine.now + 86_400, of: EventPoller.walk)
        createCustomers(1)
        #expect(try await poller.poll() == 1)
    }

    /// Runs `body` beside the projector until `isDone`.
    private func projecting(until isDone: () async throws -> Bool) async throws -> Bool {
        let running = Task { await projector.run() }
        defer { running.cancel() }
        return try await comesTrue(isDone)
    }

    private func comesTrue(_ isDone: () async throws -> Bool) async throws -> Bool {
        for _ in 0..<500 {
            if try await isDone() { return true }
            try await Task.sleep(for: .milliseconds(10))
        }
        return false
    }

    private func closedEvents() throws -> [JournalEvent] {
        let reader = try store.reader()
        return try reader.closedEvents(in: 0...Int64.max, ofCustomer: nil).compactMap {
            try reader.closedEvent(ofChange: $0.change)
        }
    }

    @Test func `a Stripe that is silent for long costs some lines, shows in the health, and is caught up with`()
        async throws
    {
        _ = try await poller.poll()
        stripe.answersLeft.withLock { $0 = 0 }
        stripe.asked.withLock { $0 = 0 }
        let running = Task { await poller.run() }
        defer { running.cancel() }
        while stripe.asked.withLock({ $0 }) < 10 { await Task.yield() }
        createCustomers(2)
        #expect(health.report.checks.webhooks.lastError?.contains("list of events") == true)
        #expect(health.report.checks.webhooks.status == .serving, "what webhooks bring is known all the same")
        stripe.answersLeft.withLock { $0 = .max }
        while try await journaled().count < 2 { await Task.yield() }
        #expect(try await comesTrue { lines.all.withLock { $0 }.contains { $0.contains("again") } })
        let said = lines.all.withLock { $0 }
        #expect(said.filter { $0.contains("looked at later") }.count < 30)
        #expect(said.prefix(3).allSatisfy { line in [1, 2, 4].contains { line.contains("(try \($0))") } })
    }

    @Test func `an event in an older shape is settled by asking Stripe`() async throws {
        let customer = stripe.engine.ask("POST", "/v1/customers", "email=ada%40example.com&name=Ada")
        let id = try #require(customer["id"]?.stringValue)
        let old: JSONValue = [
            "id": "evt_old", "object": "event", "type": "customer.created", "created": .integer(stripe.engine.now),
            "api_version": "2024-06-20", "data": ["object": ["id": .string(id), "object": "customer", "name": "nobody"]],
        ]
        let event = try #require(StripeEvent(old))
        #expect(event.isOfOlderShape)
        _ = try await store.journal(JournalEvent(event, received: 1, payload: old.bytes))
        #expect(try await projecting { try closedEvents().map(\.id) == ["evt_old"] })
        #expect(try await store.version(of: .customers, id: id) > 0)
        // A newer event with the same content is no news, and one in the older shape asks again.
        let asked = stripe.asked.withLock { $0 }
        #expect(asked == 1)
    }

    @Test func `a thin event is settled by asking for what it names; what the mirror does not hold is only recorded`()
        async throws
    {
        let customer = stripe.engine.ask("POST", "/v1/customers", "email=ada%40example.com")
        let id = try #require(customer["id"]?.stringValue)
        let thin = { (event: String, collection: String, id: String) -> JSONValue in
            [
                "id": .string(event), "object": "v2.core.event", "type": "v1.customer.updated",
                "created": "2026-09-17T06:20:52.246Z", "livemode": false,
                "related_object": [
                    "id": .string(id), "type": "customer", "url": .string("/v1/\(collection)/\(id)"),
                ],
            ]
        }
        for payload in [
            thin("evt_1", "customers", id), thin("evt_2", "billing/meters", "mtr_1"),
            thin("evt_3", "customers", "cus_gone"),
        ] {
            let event = try #require(StripeEvent(payload))
            #expect(event.created == 1_789_626_052)
            _ = try await store.journal(JournalEvent(event, received: 1, payload: payload.bytes))
        }
        #expect(try await projecting { try closedEvents().count == 3 })
        #expect(try closedEvents().first { $0.id == "evt_1" }?.customer == id)
        #expect(try await store.version(of: .customers, id: id) > 0)
        let revival = try #require(MirrorObject(["id": "cus_gone", "object": "customer"]))
        let version = try await store.version(of: .customers, id: "cus_gone")
        let basis = ReplyBasis(version: version, from: stripe.engine.now, until: stripe.engine.now, now: 1)
        #expect(try await store.project(revival, from: basis) == .skipped(because: "the object is gone for good"))
    }

    @Test func `entitlements are Stripe's last word, whole though an event bears ten, in whatever order events come`()
        async throws
    {
        let ask = { (method: String, path: String, form: String) in stripe.engine.ask(method, path, form) }
        let product = try #require(ask("POST", "/v1/products", "name=P")["id"]?.stringValue)
        let price = ask(
            "POST", "/v1/prices", "product=\(product)&currency=usd&unit_amount=500&recurring%5Binterval%5D=month")
        for number in 1...12 {
            let feature = ask("POST", "/v1/entitlements/features", "name=F&lookup_key=f\(number)")
            let id = try #require(feature["id"]?.stringValue)
            _ = ask("POST", "/v1/products/\(product)/features", "entitlement_feature=\(id)")
        }
        _ = try await poller.poll()
        let card = "payment_method=pm_card_visa&invoice_settings%5Bdefault_payment_method%5D=pm_card_visa"
        let customer = try #require(ask("POST", "/v1/customers", card)["id"]?.stringValue)
        let id = try #require(price["id"]?.stringValue)
        let subscription = ask("POST", "/v1/subscriptions", "customer=\(customer)&items%5B0%5D%5Bprice%5D=\(id)")
        let living = try #require(subscription["id"]?.stringValue)
        _ = try await poller.poll()
        let reader = try store.reader()
        #expect(try reader.isEntitled(customer, to: "f1") == nil)
        let running = Task { await projector.run() }
        defer { running.cancel() }
        #expect(
            try await comesTrue({
                try (1...12).allSatisfy { try reader.isEntitled(customer, to: "f\($0)") == true }
            }))
        #expect(try reader.isEntitled(customer, to: "f13") == false)
        stripe.pass(seconds: 60)
        _ = ask("DELETE", "/v1/subscriptions/\(living)", "")
        _ = try await poller.poll()
        #expect(try await comesTrue({ try reader.isEntitled(customer, to: "f12") == false }))
    }
}
