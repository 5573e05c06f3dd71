import Glibc
import JSON
import Service
import Store
import Synchronization
import TestSupport
import Testing

@testable import Simulation

/// Stories of the sandbox, whose events arrive in every order, twice, late, or only by Stripe's list: whatever the order, the
/// rows end as what the sandbox holds.
@Suite struct ProjectionStoryTests {
    /// What happens after the scene is set; its events are those that arrive.
    struct Story: CustomTestStringConvertible, Sendable {
        let testDescription: String
        let acts: [Act]

        /// A request to Stripe, in which `$sub`, `$cus` and `$new` stand for the scene's ids and that of what was made last.
        struct Act: Sendable {
            let request: String
            /// Time that passes before it.
            var seconds: Int64 = 0
        }
    }

    private static func atOnce(_ name: String, _ requests: String...) -> Story {
        Story(testDescription: name, acts: requests.map { Story.Act(request: $0) })
    }

    private static func slowly(_ name: String, _ requests: String...) -> Story {
        Story(testDescription: name, acts: requests.map { Story.Act(request: $0, seconds: 5) })
    }

    /// None has more than six events about objects that the mirror holds.
    static let shortStories = [
        atOnce(
            "ties: a customer of one second", "POST /v1/customers email=a@b.c", "POST /v1/customers/$new name=A",
            "DELETE /v1/customers/$new"),
        slowly(
            "a null that overwrites, and a tombstone: a customer", "POST /v1/customers email=a@b.c",
            "POST /v1/customers/$new email=", "DELETE /v1/customers/$new"),
        atOnce("a tombstone of one second: a draft", "POST /v1/invoices customer=$cus", "DELETE /v1/invoices/$new"),
        atOnce(
            "ties: a product of one second", "POST /v1/products name=P", "POST /v1/products/$new name=Q",
            "DELETE /v1/products/$new"),
        atOnce(
            "ties with an end: changes within its second", "POST /v1/subscriptions/$sub metadata[a]=1",
            "POST /v1/subscriptions/$sub cancel_at_period_end=true", "DELETE /v1/subscriptions/$sub"),
        slowly(
            "a late revival: changes around an end", "POST /v1/subscriptions/$sub cancel_at_period_end=true",
            "POST /v1/subscriptions/$sub cancel_at_period_end=false", "POST /v1/subscriptions/$sub metadata[a]=1",
            "DELETE /v1/subscriptions/$sub", "POST /v1/subscriptions/$sub metadata[a]=2"),
        atOnce(
            "a pause", "POST /v1/subscriptions/$sub pause_collection[behavior]=void",
            "POST /v1/subscriptions/$sub pause_collection="),
    ]

    static let longStories = [
        Story(
            testDescription: "renewals, a card that fails, and an end",
            acts: [
                .init(request: "POST /v1/subscriptions/$sub items[0][id]=$item&items[0][quantity]=3", seconds: 86_400),
                .init(request: "POST /v1/subscriptions/$sub metadata[a]=1", seconds: 32 * 86_400),
                .init(request: "POST /v1/payment_methods/pm_card_chargeCustomerFail/attach customer=$cus"),
                .init(request: "POST /v1/subscriptions/$sub default_payment_method=$new"),
                .init(request: "POST /v1/customers/$cus name=A", seconds: 33 * 86_400),
                .init(request: "DELETE /v1/subscriptions/$sub", seconds: 86_400),
            ])
    ]

    // MARK: Playing

    /// A story that was played, and its events as Stripe lists them.
    private struct Recording {
        let scheduler: Scheduler
        let stripe: FaultyStripe
        let events: [JournalEvent]

        init(_ story: Story) throws {
            scheduler = Scheduler(seed: 1)
            stripe = FaultyStripe(seed: 1, scheduler)
            let card = "payment_method=pm_card_visa&invoice_settings[default_payment_method]=pm_card_visa"
            let customer = stripe.ask("POST", "/v1/customers", card)["id"]?.stringValue ?? ""
            let price = stripe.ask("GET", "/v1/prices?lookup_keys[]=basic")["data"]?[0]?["id"]?.stringValue ?? ""
            let subscription = stripe.ask("POST", "/v1/subscriptions", "customer=\(customer)&items[0][price]=\(price)")
            let names = [
                "$cus": customer, "$sub": subscription["id"]?.stringValue ?? "",
                "$item": subscription["items"]?["data"]?[0]?["id"]?.stringValue ?? "",
            ]
            scheduler.pass(milliseconds: 10_000)
            let mark = stripe.now
            var made = ""
            for act in story.acts {
                scheduler.pass(milliseconds: act.seconds * 1000)
                var words = act.request.split(separator: " ").map(String.init)
                for (name, id) in names { words = words.map { $0.replacing(name, with: id) } }
                words = words.map { $0.replacing("$new", with: made) }
                let answer = stripe.ask(words[0], words[1], words.count > 2 ? words[2] : "")
                let id = try #require(answer["id"]?.stringValue, "\(act.request): \(answer.text)")
                if words[0] == "POST", words.count > 2 { made = id }
            }
            scheduler.pass(milliseconds: 1000)
            var events: [JournalEvent] = []
            var path = "/v1/events?limit=100&created[gte]=\(mark)"
            while true {
                let page = stripe.ask("GET", path)
                for event in page["data"]?.arrayValue ?? [] {
                    events.append(
                        JournalEvent(
                            id: event["id"]?.stringValue ?? "", type: event["type"]?.stringValue ?? "",
                            created: event["created"]?.integerValue ?? 0, received: stripe.now, customer: nil,
                            subscription: nil, payload: event.bytes))
                }
                guard page["has_more"] == true, let last = events.last else { break }
                path = "/v1/events?limit=100&created[gte]=\(mark)&starting_after=\(last.id)"
            }
            self.events = events.reversed()
        }

        /// Has the events arrive in one order on an empty store, and answers what is wrong then.
        func problems(
            _ arrivals: [JournalEvent], in folder: Folder, isCanary: Bool = false
        ) throws -> [String] {
            let path = try EmptyDatabase.copy(to: folder.path("story.db"))
            defer { EmptyDatabase.remove(path) }
            let scheduler = Scheduler(seed: 1)
            scheduler.pass(milliseconds: self.scheduler.milliseconds)
            var world = World(scheduler, stripe, database: path)
            if isCanary { world.wrap = { HastyStore($0) } }
            let process = try PlayedProcess(world)
            let database = world
            let store = try SQLStore(path: path) { $0(nil) }
            let problems = Mutex<[String]>([])
            try scheduler.play {
                await withTaskGroup(of: Void.self) { group in
                    group.addTask { await process.projector.run() }
                    do {
                        for event in arrivals where try await store.journal(event) {
                            process.projector.wake()
                            while try Ledger(database).waiting > 0 { await scheduler.pause(milliseconds: 1) }
                        }
                        let found = try Ledger(database).problems(against: stripe, isWhole: false)
                        problems.withLock { $0 = found }
                    } catch {
                        problems.withLock { $0 = ["\(error)"] }
                    }
                    group.cancelAll()
                }
            }
            return problems.withLock { $0 }
        }
    }

    private static func permutations<Element>(_ elements: [Element]) -> [[Element]] {
        guard let first = elements.first else { return [[]] }
        return permutations(Array(elements.dropFirst())).flatMap { rest in
            (0...rest.count).map { Array(rest[..<$0]) + [first] + rest[$0...] }
        }
    }

    private static func isMirrored(_ event: JournalEvent) -> Bool {
        ["customer.", "invoice.", "product.", "price.", "payment_method."].contains { event.type.hasPrefix($0) }
            && !event.type.hasPrefix("customer.discount")
    }

    @Test(arguments: shortStories)
    func `every order of a few events ends in the same rows`(story: Story) async throws {
        try await offPool {
            let recording = try Recording(story)
            let folder = try Folder(inMemory: true)
            let events = recording.events.filter(Self.isMirrored)
            #expect(2...6 ~= events.count, "\(events.map(\.type))")
            for order in Self.permutations(events) {
                let problems = try recording.problems(order, in: folder)
                #expect(problems.isEmpty, "\(order.map(\.type)): \(problems)")
            }
        }
    }

    @Test func `a store that takes what comes last for the newest ends otherwise`() async throws {
        try await offPool {
            let recording = try Recording(Self.shortStories[5])
            let events = recording.events.filter(Self.isMirrored)
            let problems = try recording.problems(events.reversed(), in: try Folder(inMemory: true), isCanary: true)
            #expect(!problems.isEmpty)
        }
    }

    /// How many arrivals of each long story are played: `DUES_SHUFFLES` says so, and batches of them share a recording.
    static let shuffles: [ClosedRange<UInt64>] = {
        let count = getenv("DUES_SHUFFLES").flatMap { UInt64(String(cString: $0)) } ?? 40
        return stride(from: 1, through: max(1, count), by: 100).map { $0...min($0 + 99, max(1, count)) }
    }()

    @Test(arguments: longStories, shuffles)
    func `however the events of a long story come, and be some found in Stripe's list alone, the rows are the same`(
        story: Story, seeds: ClosedRange<UInt64>
    ) async throws {
        try await offPool {
            let recording = try Recording(story)
            #expect(recording.events.count > 20)
            let folder = try Folder(inMemory: true)
            for seed in seeds {
                let problems = try recording.problems(Self.arrivals(of: recording.events, seed), in: folder)
                #expect(problems.isEmpty, "seed \(seed): \(problems)")
            }
        }
    }

    /// In any order, some twice, some much later; what no webhook brings comes in the end, in the list's order.
    private static func arrivals(of events: [JournalEvent], _ seed: UInt64) -> [JournalEvent] {
        var random = Seeded(seed)
        var lost: Set<String> = []
        var arrivals: [JournalEvent] = []
        for event in events.shuffled(using: &random) {
            if random.next() % 10 == 0 { lost.insert(event.id) } else { arrivals.append(event) }
            if random.next() % 5 == 0, let again = arrivals.randomElement(using: &random) { arrivals.append(again) }
        }
        return arrivals + events.filter { lost.contains($0.id) }
    }
}
