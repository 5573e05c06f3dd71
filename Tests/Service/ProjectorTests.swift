import Contract
import Store
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
}
