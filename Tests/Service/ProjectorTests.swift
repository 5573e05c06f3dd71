import Contract
import Store
import Synchronization
import TestSupport
import Testing

@testable import Service
@testable import Simulation

/// The projector by a clock of the test's own, before the sandbox's engine in memory.
@Suite struct ProjectorTests {
    @Test func `a product that Stripe does not know is asked for once, and nothing waits for it`() async throws {
        try await offPool {
            let folder = try Folder(inMemory: true)
            let path = try EmptyDatabase.copy(to: folder.path("dues.db"))
            let scheduler = Scheduler(seed: 1)
            let stripe = FaultyStripe(seed: 1, scheduler)
            let process = try PlayedProcess(World(scheduler, stripe, database: path))
            let store = try SQLStore(path: path) { $0(nil) }
            let subscription = MirrorObject(
                id: "sub_1", raw: "{}",
                record: .subscription(
                    SubscriptionRecord(
                        customer: "cus_1", status: "active", created: 1,
                        items: [
                            .init(id: "si", price: "p", product: "prod_gone", quantity: 1, periodStart: 1, periodEnd: 2)
                        ])
                ))
            try scheduler.play {
                _ = try? await store.project(subscription, from: ReplyBasis(version: 0, from: 1, until: 1, now: 1))
                await withTaskGroup(of: Void.self) { group in
                    group.addTask { await process.projector.run() }
                    await scheduler.pause(milliseconds: 60_000)
                    group.cancelAll()
                }
            }
            #expect(process.health.report.checks.webhooks.status == .serving)
            #expect(stripe.trace.split(separator: "\n").count { $0.contains("/v1/products/prod_gone: 404") } == 1)
        }
    }

    // MARK: Events of one customer, on a disk that does as it is told

    /// A projector, and events of one customer in its journal.
    private struct Desk {
        let folder: Folder
        let scheduler = Scheduler(seed: 1)
        let store: SQLStore
        let process: PlayedProcess

        /// - Parameter disk: how many milliseconds a commit takes, and why it fails, if it does.
        init(disk: @escaping @Sendable () -> (Int64, StoreError?)) throws {
            folder = try Folder(inMemory: true)
            let path = try EmptyDatabase.copy(to: folder.path("dues.db"))
            var world = World(scheduler, FaultyStripe(seed: 1, scheduler), database: path)
            world.disk = disk
            process = try PlayedProcess(world)
            store = try SQLStore(path: path) { $0(nil) }
        }

        func journal(_ numbers: ClosedRange<Int64>) async throws {
            let now = FaultyStripe.opening
            for number in numbers {
                let payload = """
                    {"id":"evt_\(number)","type":"customer.updated","created":\(number),\
                    "data":{"object":{"id":"cus_1","object":"customer","name":"\(number)"}}}
                    """
                _ = try await store.journal(
                    JournalEvent(
                        id: "evt_\(number)", type: "customer.updated", created: number, received: now,
                        customer: "cus_1", subscription: nil, payload: Array(payload.utf8)))
            }
        }

        /// What is shown by now, in its order.
        func shown() throws -> [String] {
            let reader = try store.reader()
            return try reader.closedEvents(in: 1...Int64.max, ofCustomer: nil).map {
                try reader.closedEvent(ofChange: $0.change)?.id ?? "none"
            }
        }
    }

    private static func ids(_ numbers: ClosedRange<Int64>) -> [String] { numbers.map { "evt_\($0)" } }

    @Test(arguments: [StoreError.Kind.unavailable, .misuse])
    func `events keep their order though a change of several fails`(_ kind: StoreError.Kind) async throws {
        try await offPool {
            // Commits until the one that fails; before they are counted there are none.
            let left = Mutex(Int.max)
            let desk = try Desk {
                let isLast = left.withLock { left in
                    left -= 1
                    return left == 0
                }
                return (1, isLast ? StoreError(kind, "the disk is full") : nil)
            }
            try desk.scheduler.play {
                try? await desk.journal(1...3)
                await withTaskGroup(of: Void.self) { group in
                    // The journal is read, and then all of it projected.
                    left.withLock { $0 = 2 }
                    group.addTask { await desk.process.projector.run() }
                    await desk.scheduler.pause(milliseconds: 10_000)
                    group.cancelAll()
                }
            }
            #expect(try desk.shown() == Self.ids(1...3))
            #expect(left.withLock { $0 < 0 })
            #expect(desk.process.health.report.checks.webhooks.status == .serving)
        }
    }

    @Test func `events that came together are one change's work, and leave most of the time to those that come`()
        async throws
    {
        try await offPool {
            let commits = Mutex(0)
            let desk = try Desk {
                commits.withLock { $0 += 1 }
                return (2, nil)
            }
            let shown = Mutex(0)
            try desk.scheduler.play {
                try? await desk.journal(1...3200)
                await withTaskGroup(of: Void.self) { group in
                    group.addTask { await desk.process.projector.run() }
                    // For a second one more comes every five milliseconds, and then none.
                    for _ in 0..<200 {
                        await desk.scheduler.pause(milliseconds: 5)
                        desk.process.projector.wake()
                    }
                    shown.withLock { $0 = (try? desk.shown().count) ?? 0 }
                    await desk.scheduler.pause(milliseconds: 400)
                    group.cancelAll()
                }
            }
            #expect(try desk.shown() == Self.ids(1...3200))
            #expect((800...2400).contains(shown.withLock(\.self)), "in the second of the burst")
            #expect(commits.withLock(\.self) < 400)
        }
    }
}
