import HTTP
import JSON
import Stripe
import TestSupport
import Testing

@testable import Service
@testable import Store

/// Reconcile, and the rebuild of the mirror: each on a store of its own, before the sandbox's engine in memory.
@Suite final class ReconcileTests {
    private let folder: Folder
    private let store: SQLStore
    private let stripe = MirroredStripe()
    private let client: StripeClient
    private let projector: Projector
    private let poller: EventPoller
    private let running: Task<Void, Never>

    init() throws {
        folder = try Folder(inMemory: true)
        store = try SQLStore(path: folder.path("dues.db"))
        let key = try #require(StripeKey("sk_test_of_a_reconciler"))
        var configuration = StripeConfiguration(secretKey: key, apiBase: FaultyStripe.base)
        configuration.maximumRetries = 0
        client = StripeClient(configuration, http: stripe, sleep: { _ in await Task.yield() })
        let clock = { @Sendable [stripe] in stripe.engine.now }
        projector = Projector(store: store, stripe: client, health: Health(), clock: clock, log: { _, _ in })
        poller = EventPoller(
            store: store, stripe: client, projector: projector, health: Health(), intervalSeconds: 0, clock: clock,
            log: { _, _ in })
        running = Task { [projector] in await projector.run() }
    }

    deinit { running.cancel() }

    /// The sandbox as a way to Stripe.
    private final class MirroredStripe: StripeTransport {
        let engine = FaultyStripe(seed: 1)

        func send(_ request: HTTPRequest, timeoutMilliseconds: Int64) async throws(HTTPClientError) -> HTTPResponse {
            try engine.attempt(request, Fault())
        }
    }

    private struct Subscriber {
        let customer: String
        let subscription: String
        let invoice: String
    }

    private func ask(_ method: String, _ path: String, _ form: String = "") -> JSONValue {
        stripe.engine.ask(method, path, form)
    }

    private func subscribe() throws -> Subscriber {
        let card = try #require(ask("POST", "/v1/payment_methods", "type=card&card%5Btoken%5D=tok_visa")["id"]?.stringValue)
        let customer = try #require(
            ask("POST", "/v1/customers", "payment_method=\(card)&invoice_settings%5Bdefault_payment_method%5D=\(card)")[
                "id"]?
                .stringValue)
        let price = try #require(ask("GET", "/v1/prices?lookup_keys%5B%5D=basic")["data"]?[0]?["id"]?.stringValue)
        let subscription = ask("POST", "/v1/subscriptions", "customer=\(customer)&items%5B0%5D%5Bprice%5D=\(price)")
        return Subscriber(
            customer: customer, subscription: try #require(subscription["id"]?.stringValue),
            invoice: try #require(subscription["latest_invoice"]?.stringValue))
    }

    /// Has every event that there is projected.
    private func catchUp() async throws {
        _ = try await poller.poll()
        for _ in 0..<1000 {
            let waiting = try await store.waitingEvents(after: 0, limit: 1)
            let missing = try await store.missingProducts(ofSubscription: nil)
            if waiting.isEmpty && missing.isEmpty { return }
            try await Task.sleep(for: .milliseconds(5))
        }
        Issue.record("the events are not projected")
    }

    private func walk(_ customer: String? = nil) async throws -> (checked: Int, drift: [Correction]) {
        let reconciler = Reconciler(
            customer: customer, stripe: client, store: store, projector: projector,
            clock: { [stripe] in stripe.engine.now },
            options: StripeCallOptions())
        var next: ReconcileWalk? = ReconcileWalk(ofCustomer: customer)
        var checked = 0
        var drift: [Correction] = []
        while let here = next {
            // As a caller who has only the cursor goes on.
            let again = try #require(ReconcileWalk(here.cursor, ofCustomer: customer))
            #expect(again == here)
            let part = try await reconciler.take(again)
            checked += part.checked
            drift += part.drift
            next = part.next
        }
        return (checked, drift.sorted { $0.change < $1.change })
    }

    private func known(_ customer: String) throws -> [SubscriptionRecord.Known] {
        try store.reader().subscriptions(ofCustomer: customer)
    }

    // MARK: Reconcile

    @Test func `what is right is left alone, however often it is looked at`() async throws {
        _ = try await poller.poll()
        for _ in 0..<3 { _ = try subscribe() }
        try await catchUp()
        _ = try await walk()
        let newest = try await store.newestChange()
        let (checked, drift) = try await walk()
        #expect(drift.isEmpty)
        #expect(checked >= 9 + 3, "customers, subscriptions, invoices and payment methods")
        #expect(try await store.newestChange() == newest)
    }

    @Test func `what no event told of is brought in, and watchers see it`() async throws {
        // No event of what is done before is ever listed, nor after.
        let someone = try subscribe()
        let drift = try await walk().drift
        #expect(Set(drift.map(\.verdict)) == [.missing])
        #expect(Set(drift.map(\.object)) == [someone.customer, someone.subscription, someone.invoice])
        #expect(try known(someone.customer).first?.record.status == "active")
        let reader = try store.reader()
        let seen = try reader.closedEvents(in: 1...1000, ofCustomer: someone.customer)
        #expect(seen.map(\.type) == ["dues.drift.corrected", "dues.drift.corrected", "dues.drift.corrected"])
        #expect(seen.map(\.change) == drift.map(\.change))
        let event = try #require(try reader.closedEvent(ofChange: seen[1].change))
        let object = try JSONValue(parsing: event.payload)["data"]?["object"]
        #expect(object?["objectType"] == "subscription")
        #expect(object?["found"] == "MISSING")
        #expect(object?["current"]?["id"]?.stringValue == someone.subscription)
    }

    @Test func `a change that was missed is drift, of one customer or in the whole`() async throws {
        let one = try subscribe()
        let other = try subscribe()
        _ = try await walk()
        _ = try await walk(one.customer)
        _ = ask("DELETE", "/v1/subscriptions/\(one.subscription)")
        _ = ask("DELETE", "/v1/subscriptions/\(other.subscription)")
        stripe.engine.pass(milliseconds: 5000)
        let (checked, drift) = try await walk(one.customer)
        #expect(drift.map(\.object) == [one.subscription])
        #expect(drift[0].verdict == .different)
        #expect(drift[0].members == ["ended_at", "status"])
        #expect(drift[0].customer == one.customer)
        #expect(checked == 4, "the customer, the subscription, the invoice, the card")
        #expect(try known(one.customer)[0].record.status == "canceled")
        #expect(try known(other.customer)[0].record.status == "active")
        #expect(try await walk().drift.map(\.object) == [other.subscription])
    }

    @Test func `an object that is gone leaves a tombstone, whether or not a list would tell`() async throws {
        let someone = try subscribe()
        _ = try await walk()
        stripe.engine.pass(milliseconds: 5000)
        _ = ask("DELETE", "/v1/customers/\(someone.customer)")
        let drift = try await walk().drift
        #expect(drift.contains { $0.object == someone.customer && $0.verdict == .gone })
        #expect(drift.contains { $0.object == someone.subscription && $0.verdict == .different })
        #expect(try await walk().drift.isEmpty)
    }

    @Test func `rows that somebody damaged are mended, items and all`() async throws {
        let someone = try subscribe()
        _ = try await walk()
        let before = try known(someone.customer)
        try damage("UPDATE subscriptions SET status = 'canceled'; DELETE FROM subscription_items")
        stripe.engine.pass(milliseconds: 5000)
        let drift = try await walk().drift
        #expect(drift.map(\.members) == [["items", "status"]])
        #expect(try known(someone.customer).map(\.record) == before.map(\.record))
    }

    /// What another program does to the file.
    private func damage(_ sql: String) throws {
        try SQLiteDatabase(path: folder.path("dues.db"), access: .readWrite).execute(sql)
    }

    // MARK: Rebuild

    @Test func `a rebuild from the journal gives the same rows`() async throws {
        _ = try await poller.poll()
        let one = try subscribe()
        let other = try subscribe()
        try await catchUp()
        _ = ask("DELETE", "/v1/subscriptions/\(one.subscription)")
        _ = ask("DELETE", "/v1/customers/\(other.customer)")
        stripe.engine.pass(milliseconds: 40 * 86_400_000)
        _ = try subscribe()
        try await catchUp()
        _ = try await walk()
        let before = try known(one.customer) + known(other.customer)
        let rebuilt = try await Rebuild(store).run(at: stripe.engine.now) { _, _ in }
        #expect(rebuilt.differing == [])
        #expect(rebuilt.unreadable == 0)
        #expect(rebuilt.changes > 10)
        #expect(try known(one.customer) + known(other.customer) == before)
    }

    @Test func `a rebuild mends what was damaged, and says what`() async throws {
        _ = try await poller.poll()
        let someone = try subscribe()
        try await catchUp()
        let before = try known(someone.customer)
        let reader = try store.reader()
        _ = try reader.changes()
        try damage("DELETE FROM subscription_items; UPDATE subscriptions SET status = 'canceled'; DELETE FROM customers")
        let rebuilt = try await Rebuild(store).run(at: stripe.engine.now) { _, _ in }
        #expect(rebuilt.differing == ["customers \(someone.customer)", "subscriptions \(someone.subscription)"])
        #expect(try known(someone.customer) == before)
        #expect(try reader.changes() == .some(customers: [someone.customer], products: false), "nobody goes on remembering")
        #expect(try await Rebuild(store).run(at: stripe.engine.now) { _, _ in }.differing.isEmpty)
    }

    @Test func `a row that rests on what is not kept any more stays as it is`() async throws {
        _ = try await poller.poll()
        let old = try subscribe()
        try await catchUp()
        stripe.engine.pass(milliseconds: 500 * 86_400_000)
        let swept = stripe.engine.now - 400 * 86_400
        let new = try subscribe()
        try await catchUp()
        while try await store.sweep(changesBefore: swept, intentsBefore: 0, limit: 100).changes > 0 {}
        let before = try known(old.customer) + known(new.customer)
        #expect(before.count == 2)
        #expect(try await Rebuild(store).run(at: stripe.engine.now) { _, _ in }.differing == [])
        #expect(try known(old.customer) + known(new.customer) == before)
    }

    @Test func `a customer is shown as of then`() async throws {
        _ = try await poller.poll()
        let start = stripe.engine.now
        stripe.engine.pass(milliseconds: 60_000)
        let someone = try subscribe()
        try await catchUp()
        stripe.engine.pass(milliseconds: 3_600_000)
        let meanwhile = stripe.engine.now
        stripe.engine.pass(milliseconds: 3_600_000)
        _ = ask("DELETE", "/v1/subscriptions/\(someone.subscription)")
        try await catchUp()
        stripe.engine.pass(milliseconds: 60_000)
        func access(_ moment: Int64, _ name: String) async throws -> JSONValue {
            try await Rebuild(store).customer(
                someone.customer, asOf: moment, graceSeconds: nil, scratch: SQLStore(path: folder.path(name)))
        }
        let before = try await access(start, "before.db")
        #expect(before["customer"] == .null)
        #expect(before["access"] == [])
        let during = try await access(meanwhile, "during.db")
        #expect(during["customer"]?["id"]?.stringValue == someone.customer)
        #expect(during["subscriptions"]?[0]?["status"] == "active")
        #expect(during["access"]?[0]?["allowed"] == true)
        #expect(during["access"]?[0]?["asOfEventId"]?.stringValue?.hasPrefix("evt_") == true)
        let after = try await access(stripe.engine.now, "after.db")
        #expect(after["access"]?[0]?["allowed"] == false)
        #expect(after["access"]?[0]?["reason"] == "CANCELED")
    }
}
