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

    @Test func `events keep their order though the store fails for one of them`() async throws {
        try await offPool {
            let folder = try Folder(inMemory: true)
            let path = try EmptyDatabase.copy(to: folder.path("dues.db"))
            let scheduler = Scheduler(seed: 1)
            var world = World(scheduler, FaultyStripe(seed: 1, scheduler), database: path)
            // Commits until the one that fails; before they are counted there are none.
            let left = Mutex(Int.max)
            world.disk = {
                let isLast = left.withLock { left in
                    left -= 1
                    return left == 0
                }
                return (1, isLast ? StoreError(.unavailable, "the disk is full") : nil)
            }
            let process = try PlayedProcess(world)
            let store = try SQLStore(path: path) { $0(nil) }
            try scheduler.play {
                for number in Int64(1)...3 {
                    let payload = """
                        {"id":"evt_\(number)","type":"customer.updated","created":\(number),\
                        "data":{"object":{"id":"cus_1","object":"customer","name":"\(number)"}}}
                        """
                    _ = try? await store.journal(
                        JournalEvent(
                            id: "evt_\(number)", type: "customer.updated", created: number, received: number,
                            customer: "cus_1", subscription: nil, payload: Array(payload.utf8)))
                }
                await withTaskGroup(of: Void.self) { group in
                    // The journal is read, and then the first event projected.
                    left.withLock { $0 = 2 }
                    group.addTask { await process.projector.run() }
                    await scheduler.pause(milliseconds: 10_000)
                    group.cancelAll()
                }
            }
            let reader = try store.reader()
            let shown = try reader.closedEvents(in: 1...9, ofCustomer: nil).map {
                try reader.closedEvent(ofChange: $0.0)?.id
            }
            #expect(shown == ["evt_1", "evt_2", "evt_3"])
            #expect(left.withLock { $0 < 0 })
            #expect(process.health.report.checks.webhooks.status == .serving)
        }
    }
}
