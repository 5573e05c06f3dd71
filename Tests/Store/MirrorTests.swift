import Billing
import TestSupport
import Testing

@testable import Store

/// What becomes of the rows when events and answers come in whatever order.
@Suite struct MirrorTests {
    /// A store of its own, and what a test does to it.
    private struct Scene {
        let store: SQLStore

        init(_ engine: Engine) throws { store = try Place(engine).open() }

        /// Journals an event and projects it.
        func event(
            _ id: String, at created: Int64, _ kind: Observation.Kind, _ object: MirrorObject
        ) async throws -> ProjectionOutcome {
            _ = try await store.journal(
                JournalEvent(
                    id: id, type: "customer.subscription.\(kind)", created: created, received: 1, customer: nil,
                    subscription: nil, payload: [1]))
            let waiting = try await store.waitingEvents(after: 0, limit: 100)
            let sequence = try #require(waiting.first { $0.id == id }).sequence
            return try await store.project(
                object, from: EventBasis(sequence: sequence, created: created, kind: kind, now: 1))
        }

        func row() throws -> SubscriptionRecord.Known? { try store.reader().subscriptions(ofCustomer: "cus_1").first }
    }

    private func subscription(_ status: String, created: Int64 = 100, product: String = "prod_1") -> MirrorObject {
        MirrorObject(
            id: "sub_1", raw: "{\"status\":\"\(status)\",\"product\":\"\(product)\"}",
            record: .subscription(
                SubscriptionRecord(
                    customer: "cus_1", status: status, created: created,
                    items: [
                        .init(id: "si_1", price: "price_1", product: product, quantity: 1, periodStart: 100, periodEnd: 200)
                    ])))
    }

    @Test(arguments: Engine.all) func `subscriptions come by id, each with its items in their order`(
        _ engine: Engine
    ) async throws {
        let scene = try Scene(engine)
        for (number, id) in ["sub_2", "sub_1", "sub_3"].enumerated() {
            var object = subscription("active")
            object.id = id
            if case .subscription(var record) = object.record {
                record.items = (0..<number * 6).map { position in
                    .init(id: "si_\(position)", price: "p", product: id, quantity: nil, periodStart: nil, periodEnd: 1)
                }
                object.record = .subscription(record)
            }
            _ = try await scene.event("evt_\(number)", at: 100, .created, object)
        }
        let reader = try scene.store.reader()
        let found = try reader.subscriptions(ofCustomer: "cus_1")
        #expect(found.map(\.id) == ["sub_1", "sub_2", "sub_3"])
        #expect(found.map(\.record.items.count) == [6, 0, 12])
        for known in found {
            #expect(known.record.items.map(\.id) == known.record.items.indices.map { "si_\($0)" })
        }
        #expect(try reader.subscriptions(ofCustomer: "").isEmpty)
        #expect(try reader.subscriptions(ofCustomer: "cus_1") == found, "a reader can be asked again")
        #expect(try reader.products(withFeature: "").isEmpty)
    }

    @Test func `access is decided from an index, without the rows that hold Stripe's objects, and without a sorter`() throws
    {
        let path = try Place(.sqlite).path
        _ = try SQLStore(path: path)
        let database = try SQLiteDatabase(path: path, access: .readOnly)
        let plan = try database.rows("EXPLAIN QUERY PLAN " + ReaderSQL.subscriptionsOfCustomer, .text("cus_1")) {
            $0.text(3)
        }
        #expect(plan.contains { $0.contains("COVERING INDEX subscriptions_for_access") }, "\(plan)")
        #expect(!plan.contains { $0.contains("TEMP B-TREE") || $0.hasPrefix("SCAN") }, "\(plan)")
    }

    @Test(arguments: Engine.all) func `newer events are written, older ones skipped, and both are projected`(
        _ engine: Engine
    ) async throws {
        let scene = try Scene(engine)
        #expect(try await scene.event("evt_1", at: 100, .created, subscription("incomplete")) == .applied(version: 1))
        #expect(try await scene.event("evt_3", at: 103, .updated, subscription("past_due")) == .applied(version: 2))
        #expect(try await scene.event("evt_2", at: 102, .updated, subscription("active")) == .skipped(because: "older"))
        #expect(try scene.row()?.record.status == "past_due")
        #expect(try scene.row()?.pastDueSince == 103)
        #expect(try scene.row()?.event == "evt_3")
        #expect(try await scene.store.waitingEvents(after: 0, limit: 100).isEmpty)
    }

    @Test(arguments: Engine.all)
    func `what an object does not say stays as it was known, and what it says is null becomes null`(
        _ engine: Engine
    ) async throws {
        let scene = try Scene(engine)
        var object = subscription("active")
        guard case .subscription(var record) = object.record else { return }
        (record.trialEnd, record.cancelAt) = (150, 170)
        object.record = .subscription(record)
        _ = try await scene.event("evt_1", at: 100, .created, object)
        (record.trialEnd, record.cancelAt, record.created, record.items) = (nil, nil, 0, [])
        object.record = .subscription(record)
        object.raw = "{}"
        object.unsaid = ["trial_end", "created", "items"]
        #expect(try await scene.event("evt_2", at: 102, .updated, object) == .applied(version: 2))
        let known = try #require(try scene.row()).record
        #expect(known.trialEnd == 150 && known.created == 100 && known.items.map(\.id) == ["si_1"])
        #expect(known.cancelAt == nil, "it was said to be null")
    }

    @Test(arguments: Engine.all)
    func `an answer that says what the row says settles its event, whoever wrote the row meanwhile`(
        _ engine: Engine
    ) async throws {
        let scene = try Scene(engine)
        _ = try await scene.event("evt_1", at: 100, .created, subscription("incomplete"))
        #expect(
            try await scene.event("evt_2", at: 100, .updated, subscription("active")) == .fetch(version: 1, because: "tie"))
        let sequence = try #require(try await scene.store.waitingEvents(after: 0, limit: 100).first).sequence
        _ = try await scene.store.project(
            subscription("active"), from: ReplyBasis(version: 1, from: 100, until: 101, now: 1))
        let late = ReplyBasis(version: 1, from: 100, until: 101, settles: sequence, now: 1)
        #expect(
            try await scene.store.project(subscription("active"), from: late) == .skipped(because: "the row says the same"))
        #expect(try await scene.store.waitingEvents(after: 0, limit: 100).isEmpty)
        let other = ReplyBasis(version: 1, from: 100, until: 101, now: 1)
        guard case .fetch = try await scene.store.project(subscription("past_due"), from: other) else {
            Issue.record("an answer that says something else cannot be told to be newer")
            return
        }
    }

    @Test(arguments: Engine.all) func `a tie asks Stripe, waits until it is settled, and the answer wins`(
        _ engine: Engine
    ) async throws {
        let scene = try Scene(engine)
        _ = try await scene.event("evt_1", at: 100, .created, subscription("incomplete"))
        let outcome = try await scene.event("evt_2", at: 100, .updated, subscription("active"))
        #expect(outcome == .fetch(version: 1, because: "tie"))
        let waiting = try await scene.store.waitingEvents(after: 0, limit: 100)
        #expect(waiting.map(\.id) == ["evt_2"], "what is not settled is not projected")
        let settled = try await scene.store.project(
            subscription("active"),
            from: ReplyBasis(version: 1, from: 100, until: 101, settles: waiting[0].sequence, now: 1))
        #expect(settled == .applied(version: 2))
        #expect(try scene.row()?.record.status == "active")
        #expect(try await scene.store.waitingEvents(after: 0, limit: 100).isEmpty)
    }

    @Test(arguments: Engine.all) func `an answer that was overtaken is not written`(
        _ engine: Engine
    ) async throws {
        let scene = try Scene(engine)
        _ = try await scene.event("evt_1", at: 100, .created, subscription("incomplete"))
        _ = try await scene.event("evt_2", at: 105, .updated, subscription("active"))
        let late = try await scene.store.project(
            subscription("incomplete"), from: ReplyBasis(version: 1, from: 100, until: 104, now: 1))
        #expect(late == .fetch(version: 2, because: "the row changed while Stripe answered"))
        #expect(try scene.row()?.record.status == "active")
    }

    @Test(arguments: Engine.all) func `the end of a subscription is never undone`(
        _ engine: Engine
    ) async throws {
        let scene = try Scene(engine)
        _ = try await scene.event("evt_1", at: 100, .created, subscription("active"))
        _ = try await scene.event("evt_2", at: 110, .deleted, subscription("canceled"))
        #expect(
            try await scene.event("evt_3", at: 120, .updated, subscription("active")) == .skipped(because: "terminalStatus")
        )
        #expect(try scene.row()?.record.status == "canceled")
    }

    @Test(arguments: Engine.all) func `a deleted object leaves a tombstone that nothing late revives`(
        _ engine: Engine
    ) async throws {
        let scene = try Scene(engine)
        var customer = MirrorObject(id: "cus_1", raw: "{}", record: .customer(email: "a@b.c", name: nil))
        _ = try await scene.event("evt_1", at: 100, .created, customer)
        customer.isDeleted = true
        _ = try await scene.event("evt_2", at: 110, .deleted, customer)
        customer.isDeleted = false
        #expect(try await scene.event("evt_3", at: 120, .updated, customer) == .skipped(because: "tombstone"))
        let version = try await scene.store.version(of: .customers, id: "cus_1")
        let late = try await scene.store.project(
            customer, from: ReplyBasis(version: version, from: 121, until: 122, now: 1))
        #expect(late == .skipped(because: "the object is gone for good"))
    }

    @Test(arguments: Engine.all) func `a new plan replaces the old one's product, and features follow their product`(
        _ engine: Engine
    ) async throws {
        let scene = try Scene(engine)
        _ = try await scene.event("evt_1", at: 100, .created, subscription("active", product: "prod_1"))
        _ = try await scene.event("evt_2", at: 101, .updated, subscription("active", product: "prod_2"))
        #expect(try scene.row()?.record.items.map(\.product) == ["prod_2"])
        #expect(try await scene.store.missingProducts(ofSubscriptions: nil) == ["prod_2"])
        #expect(try await scene.store.missingProducts(ofSubscriptions: ["sub_2"]) == [])
        #expect(try await scene.store.customer(ofSubscription: "sub_1") == "cus_1")
        let product = { (features: [String]) in
            MirrorObject(id: "prod_2", raw: "\(features)", record: .product(name: "P", isActive: true, features: features))
        }
        _ = try await scene.event("evt_3", at: 100, .created, product(["exports", "exports", "seats"]))
        #expect(try scene.store.reader().products(withFeature: "exports") == ["prod_2"])
        #expect(try await scene.store.missingProducts(ofSubscriptions: nil) == [])
        _ = try await scene.event("evt_4", at: 101, .updated, product(["seats"]))
        #expect(try scene.store.reader().products(withFeature: "exports") == [])
    }

    @Test(arguments: Engine.all) func `an event is journaled once`(
        _ engine: Engine
    ) async throws {
        let scene = try Scene(engine)
        let event = JournalEvent(
            id: "evt_1", type: "invoice.paid", created: 5, received: 6, customer: nil, subscription: nil,
            payload: Array("{}".utf8))
        #expect(try await scene.store.journal(event))
        #expect(try await !scene.store.journal(event))
        #expect(try await scene.store.waitingEvents(after: 0, limit: 10).count == 1)
    }

    @Test(arguments: Engine.all) func `many events at once are all there, in one order`(
        _ engine: Engine
    ) async throws {
        let scene = try Scene(engine)
        try await withThrowingTaskGroup(of: Bool.self) { group in
            for number in 0..<200 {
                group.addTask { [store = scene.store] in
                    try await store.journal(
                        JournalEvent(
                            id: "evt_\(number % 100)", type: "t", created: 1, received: 1, customer: nil, subscription: nil,
                            payload: [0]))
                }
            }
            let stored = try await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
            #expect(stored == 100, "each id is new once")
        }
        let waiting = try await scene.store.waitingEvents(after: 0, limit: 1000)
        #expect(Set(waiting.map(\.id)).count == 100)
        #expect(waiting.map(\.sequence) == waiting.map(\.sequence).sorted())
    }
}
