import HTTP
import JSON
import Store
import Stripe
import Synchronization
import TestSupport
import Testing

@testable import Service
@testable import Simulation

/// What no webhook brought is fetched: each on a store of its own, before the sandbox's engine in memory.
@Suite struct EventPollerTests {
    private let folder: Folder
    private let store: SQLStore
    private let stripe = ListedStripe()
    private let poller: EventPoller

    /// The sandbox as a way to Stripe, which counts what is asked and can fall silent.
    private final class ListedStripe: StripeTransport {
        private let scheduler: Scheduler
        let engine: FaultyStripe
        let asked = Mutex(0)
        let answersLeft = Mutex(Int.max)

        init() {
            scheduler = Scheduler(seed: 1)
            engine = FaultyStripe(seed: 1, scheduler)
        }

        func send(_ request: HTTPRequest, timeoutMilliseconds: Int64) async throws(HTTPClientError) -> HTTPResponse {
            asked.withLock { $0 += 1 }
            let answers = answersLeft.withLock { left in
                left -= 1
                return left >= 0
            }
            guard answers else { throw HTTPClientError(kind: .connect, message: "silent", mayHaveBeenSent: false) }
            return try await engine.attempt(request, Fault(), by: nil, timeoutMilliseconds: timeoutMilliseconds)
        }

        func pass(seconds: Int64) { scheduler.pass(milliseconds: seconds * 1000) }
    }

    init() throws {
        folder = try Folder(inMemory: true)
        store = try SQLStore(path: folder.path("dues.db"))
        let key = try #require(StripeKey("sk_test_of_a_poller"))
        var configuration = StripeConfiguration(secretKey: key, apiBase: FaultyStripe.base)
        configuration.maximumRetries = 0
        configuration.circuitBreaker = CircuitBreaker(threshold: .max)
        let client = StripeClient(configuration, http: stripe, clock: SteadyClock(sleep: { _ in await Task.yield() }))
        let clock = { @Sendable [stripe] in stripe.engine.now }
        let projector = Projector(store: store, stripe: client, health: Health(), clock: clock, log: { _, _ in })
        poller = EventPoller(
            store: store, stripe: client, projector: projector, intervalSeconds: 300, clock: clock, log: { _, _ in })
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
}
