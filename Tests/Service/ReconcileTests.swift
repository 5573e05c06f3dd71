import HTTP
import JSON
import Stripe
import TestSupport
import Testing

@testable import Service
@testable import Simulation
@testable import Store

/// Reconcile, and the rebuild of the mirror: each on a store of its own, before the sandbox's engine in memory.
@Suite struct ReconcileTests {
    // MARK: Reconcile

    @Test(arguments: Engine.all) func `what is right is left alone, however often it is looked at`(
        _ engine: Engine
    ) async throws {
        let scene = try Scene(engine)
        _ = try await scene.poller.poll()
        for _ in 0..<3 { _ = try scene.subscribe() }
        try await scene.catchUp()
        _ = try await scene.walk()
        let newest = try await scene.store.newestChange()
        let (checked, drift) = try await scene.walk()
        #expect(drift.isEmpty)
        #expect(checked >= 9 + 3, "customers, subscriptions, invoices and payment methods")
        #expect(try await scene.store.newestChange() == newest)
    }

    @Test(arguments: Engine.all) func `what no event told of is brought in, and watchers see it`(
        _ engine: Engine
    ) async throws {
        let scene = try Scene(engine)
        // No event of what is done before is ever listed, nor after.
        let someone = try scene.subscribe()
        let drift = try await scene.walk().drift
        #expect(Set(drift.map(\.verdict)) == [.missing])
        #expect(Set(drift.map(\.object)) == [someone.customer, someone.subscription, someone.invoice])
        #expect(try scene.known(someone.customer).first?.record.status == "active")
        let reader = try scene.store.reader()
        let seen = try reader.closedEvents(in: 1...1000, ofCustomer: someone.customer)
        #expect(seen.map(\.type) == ["dues.drift.corrected", "dues.drift.corrected", "dues.drift.corrected"])
        #expect(seen.map(\.change) == drift.map(\.change))
        let event = try #require(try reader.closedEvent(ofChange: seen[1].change))
        let object = try JSONValue(parsing: event.payload)["data"]?["object"]
        #expect(object?["objectType"] == "subscription")
        #expect(object?["found"] == "MISSING")
        #expect(object?["current"]?["id"]?.stringValue == someone.subscription)
    }

    @Test(arguments: Engine.all) func `a change that was missed is drift, of one customer or in the whole`(
        _ engine: Engine
    ) async throws {
        let scene = try Scene(engine)
        let one = try scene.subscribe()
        let other = try scene.subscribe()
        _ = try await scene.walk()
        _ = try await scene.walk(one.customer)
        _ = scene.ask("DELETE", "/v1/subscriptions/\(one.subscription)")
        _ = scene.ask("DELETE", "/v1/subscriptions/\(other.subscription)")
        scene.stripe.engine.pass(milliseconds: 5000)
        let (checked, drift) = try await scene.walk(one.customer)
        #expect(drift.map(\.object) == [one.subscription])
        #expect(drift[0].verdict == .different)
        #expect(drift[0].members == ["ended_at", "status"])
        #expect(drift[0].customer == one.customer)
        #expect(checked == 4, "the customer, the subscription, the invoice, the card")
        #expect(try scene.known(one.customer)[0].record.status == "canceled")
        #expect(try scene.known(other.customer)[0].record.status == "active")
        #expect(try await scene.walk().drift.map(\.object) == [other.subscription])
    }

    @Test(arguments: Engine.all) func `an object that is gone leaves a tombstone, whether or not a list would tell`(
        _ engine: Engine
    ) async throws {
        let scene = try Scene(engine)
        let someone = try scene.subscribe()
        _ = try await scene.walk()
        scene.stripe.engine.pass(milliseconds: 5000)
        _ = scene.ask("DELETE", "/v1/customers/\(someone.customer)")
        let drift = try await scene.walk().drift
        #expect(drift.contains { $0.object == someone.customer && $0.verdict == .gone })
        #expect(drift.contains { $0.object == someone.subscription && $0.verdict == .different })
        #expect(try await scene.walk().drift.isEmpty)
    }

    @Test(arguments: Engine.all) func `rows that somebody damaged are mended, items and all`(
        _ engine: Engine
    ) async throws {
        let scene = try Scene(engine)
        let someone = try scene.subscribe()
        _ = try await scene.walk()
        let before = try scene.known(someone.customer)
        try scene.damage("UPDATE subscriptions SET status = 'canceled'; DELETE FROM subscription_items")
        scene.stripe.engine.pass(milliseconds: 5000)
        let drift = try await scene.walk().drift
        #expect(drift.map(\.members) == [["items", "status"]])
        #expect(try scene.known(someone.customer).map(\.record) == before.map(\.record))
    }

    // MARK: Rebuild

    @Test(arguments: Engine.all) func `a rebuild from the journal gives the same rows`(
        _ engine: Engine
    ) async throws {
        let scene = try Scene(engine)
        _ = try await scene.poller.poll()
        let one = try scene.subscribe()
        let other = try scene.subscribe()
        try await scene.catchUp()
        _ = scene.ask("DELETE", "/v1/subscriptions/\(one.subscription)")
        _ = scene.ask("DELETE", "/v1/customers/\(other.customer)")
        scene.stripe.engine.pass(milliseconds: 40 * 86_400_000)
        _ = try scene.subscribe()
        try await scene.catchUp()
        _ = try await scene.walk()
        let before = try scene.known(one.customer) + scene.known(other.customer)
        let rebuilt = try await Rebuild(scene.store).run(at: scene.stripe.engine.now) { _, _ in }
        #expect(rebuilt.differing == [])
        #expect(rebuilt.unreadable == 0)
        #expect(rebuilt.changes > 10)
        #expect(try scene.known(one.customer) + scene.known(other.customer) == before)
    }

    @Test(arguments: Engine.all) func `a rebuild mends what was damaged, and says what`(
        _ engine: Engine
    ) async throws {
        let scene = try Scene(engine)
        _ = try await scene.poller.poll()
        let someone = try scene.subscribe()
        try await scene.catchUp()
        let before = try scene.known(someone.customer)
        let reader = try scene.store.reader()
        _ = try reader.changes()
        try scene.damage(
            "DELETE FROM subscription_items; UPDATE subscriptions SET status = 'canceled'; DELETE FROM customers")
        let rebuilt = try await Rebuild(scene.store).run(at: scene.stripe.engine.now) { _, _ in }
        #expect(rebuilt.differing == ["customers \(someone.customer)", "subscriptions \(someone.subscription)"])
        #expect(try scene.known(someone.customer) == before)
        #expect(try reader.changes() == .some(customers: [someone.customer], products: false), "nobody goes on remembering")
        #expect(try await Rebuild(scene.store).run(at: scene.stripe.engine.now) { _, _ in }.differing.isEmpty)
    }

    @Test(arguments: Engine.all) func `a row that rests on what is not kept any more stays as it is`(
        _ engine: Engine
    ) async throws {
        let scene = try Scene(engine)
        _ = try await scene.poller.poll()
        let old = try scene.subscribe()
        try await scene.catchUp()
        scene.stripe.engine.pass(milliseconds: 500 * 86_400_000)
        let swept = scene.stripe.engine.now - 400 * 86_400
        let new = try scene.subscribe()
        try await scene.catchUp()
        while try await scene.store.sweep(changesBefore: swept, intentsBefore: 0, limit: 100).changes > 0 {}
        let before = try scene.known(old.customer) + scene.known(new.customer)
        #expect(before.count == 2)
        #expect(try await Rebuild(scene.store).run(at: scene.stripe.engine.now) { _, _ in }.differing == [])
        #expect(try scene.known(old.customer) + scene.known(new.customer) == before)
    }

    @Test(arguments: Engine.all) func `a customer is shown as of then`(
        _ engine: Engine
    ) async throws {
        let scene = try Scene(engine)
        _ = try await scene.poller.poll()
        let start = scene.stripe.engine.now
        scene.stripe.engine.pass(milliseconds: 60_000)
        let someone = try scene.subscribe()
        try await scene.catchUp()
        scene.stripe.engine.pass(milliseconds: 3_600_000)
        let meanwhile = scene.stripe.engine.now
        scene.stripe.engine.pass(milliseconds: 3_600_000)
        _ = scene.ask("DELETE", "/v1/subscriptions/\(someone.subscription)")
        try await scene.catchUp()
        scene.stripe.engine.pass(milliseconds: 60_000)
        func access(_ moment: Int64, _ name: String) async throws -> JSONValue {
            try await Rebuild(scene.store).customer(
                someone.customer, asOf: moment, graceSeconds: nil, scratch: SQLStore(path: scene.folder.path(name)))
        }
        let before = try await access(start, "before.db")
        #expect(before["customer"] == .null)
        #expect(before["access"] == [])
        let during = try await access(meanwhile, "during.db")
        #expect(during["customer"]?["id"]?.stringValue == someone.customer)
        #expect(during["subscriptions"]?[0]?["status"] == "active")
        #expect(during["access"]?[0]?["allowed"] == true)
        #expect(during["access"]?[0]?["asOfEventId"]?.stringValue?.hasPrefix("evt_") == true)
        let after = try await access(scene.stripe.engine.now, "after.db")
        #expect(after["access"]?[0]?["allowed"] == false)
        #expect(after["access"]?[0]?["reason"] == "CANCELED")
    }
}

/// A store, an account at Stripe, and what stands between them.
private final class Scene {
    let folder: Folder
    private let database: NewDatabase
    let store: SQLStore
    let stripe = MirroredStripe()
    private let engine: Engine
    private let client: StripeClient
    private let projector: Projector
    let poller: EventPoller
    private let running: Task<Void, Never>

    init(_ engine: Engine) throws {
        self.engine = engine
        folder = try Folder(inMemory: true)
        database = try NewDatabase(engine, in: folder)
        store = try SQLStore(StoreAddress(database.name))
        let key = try #require(StripeKey("sk_test_of_a_reconciler"))
        var configuration = StripeConfiguration(secretKey: key, apiBase: FaultyStripe.base)
        configuration.maximumRetries = 0
        client = StripeClient(configuration, http: stripe, clock: SteadyClock(sleep: { _ in await Task.yield() }))
        let clock = { @Sendable [stripe] in stripe.engine.now }
        projector = Projector(store: store, stripe: client, health: Health(), clock: clock, log: { _, _ in })
        poller = EventPoller(
            store: store, stripe: client, projector: projector, health: Health(), intervalSeconds: 0, clock: clock,
            log: { _, _ in })
        running = Task { [projector] in await projector.run() }
    }

    deinit { running.cancel() }

    /// The sandbox as a way to Stripe.
    final class MirroredStripe: StripeTransport {
        let engine = FaultyStripe(seed: 1)

        func send(_ request: HTTPRequest, timeoutMilliseconds: Int64) async throws(HTTPClientError) -> HTTPResponse {
            try await engine.attempt(request, timeoutMilliseconds: timeoutMilliseconds)
        }
    }

    struct Subscriber {
        let customer: String
        let subscription: String
        let invoice: String
    }

    func ask(_ method: String, _ path: String, _ form: String = "") -> JSONValue {
        stripe.engine.ask(method, path, form)
    }

    func subscribe() throws -> Subscriber {
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
    func catchUp() async throws {
        _ = try await poller.poll()
        for _ in 0..<1000 {
            let waiting = try await store.waitingEvents(after: 0, limit: 1)
            let missing = try await store.missingProducts(ofSubscriptions: nil)
            if waiting.isEmpty && missing.isEmpty { return }
            try await Task.sleep(for: .milliseconds(5))
        }
        Issue.record("the events are not projected")
    }

    func walk(_ customer: String? = nil) async throws -> (checked: Int, drift: [Correction]) {
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

    func known(_ customer: String) throws -> [SubscriptionRecord.Known] {
        try store.reader().subscriptions(ofCustomer: customer)
    }

    /// What another program does to the database.
    func damage(_ sql: String) throws {
        switch engine {
        case .sqlite: try SQLiteDatabase(path: database.path, access: .readWrite).execute(sql)
        case .postgreSQL: _ = try PostgreSQLServer.shared.get().query(sql, at: database.path)
        }
    }
}
