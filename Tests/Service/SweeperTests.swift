import Store
import TestSupport
import Testing

@testable import Service

/// What is old is let go of, and nothing else.
@Suite struct SweeperTests {
    /// A store of its own, and how days go by in it.
    private struct Scene {
        static let day: Int64 = 86_400
        private let folder: Folder
        let store: SQLStore

        init(_ engine: Engine) throws {
            folder = try Folder(inMemory: true)
            store = try SQLStore(StoreAddress(NewDatabase(engine, in: folder).name))
        }

        func sweep(atDay day: Int64) async throws {
            try await Sweeper(store: store, journalDays: 100, clock: { day * Self.day }, log: { _, _ in }).sweep()
        }

        func journal(_ ids: Range<Int64>, atDay day: Int64) async throws {
            let events = ids.map { number in
                JournalEvent(
                    id: "evt_\(number)", type: "t", created: 1, received: day * Self.day, customer: nil, subscription: nil,
                    payload: [])
            }
            #expect(try await store.journal(events) == events.count)
        }

        func close(_ ids: Set<Int64>, atDay day: Int64) async throws {
            for event in try await store.waitingEvents(after: 0, limit: 10_000) where ids.contains(event.sequence) {
                try await store.markProjected(sequence: event.sequence, at: day * Self.day)
            }
        }
    }

    @Test(arguments: Engine.all) func `events go when they have been kept long enough, those that wait never`(
        _ engine: Engine
    ) async throws {
        let scene = try Scene(engine)
        try await scene.journal(1..<1203, atDay: 1)
        // All but the second one, which waits.
        try await scene.close(Set(1...1202).subtracting([2]), atDay: 1)
        try await scene.journal(2000..<2003, atDay: 50)
        try await scene.close(Set(1203...1205), atDay: 50)
        let reader = try scene.store.reader()
        try await scene.sweep(atDay: 101)
        #expect(try reader.newestSweptChange() == 0, "a hundred days are not over")
        try await scene.sweep(atDay: 102)
        #expect(try reader.newestSweptChange() == 1201)
        #expect(try reader.closedEvents(in: 1...2000, ofCustomer: nil).map(\.change) == [1202, 1203, 1204])
        #expect(try await scene.store.waitingEvents(after: 0, limit: 10).map(\.id) == ["evt_2"])
        try await scene.sweep(atDay: 151)
        #expect(
            try reader.closedEvents(in: 1...2000, ofCustomer: nil).map(\.change) == [1204],
            "the newest change stays, and tells where others go on")
        #expect(try reader.newestChange() == 1204)
        #expect(try await scene.store.waitingEvents(after: 0, limit: 10).map(\.id) == ["evt_2"])
    }

    @Test(arguments: Engine.all) func `a call's answer is kept for thirty days`(
        _ engine: Engine
    ) async throws {
        let scene = try Scene(engine)
        func intent(_ key: String, atDay day: Int64) -> Intent {
            Intent(key: key, method: "Cancel", params: [1], stripeKey: "k", created: day * Scene.day)
        }
        for (key, day) in [("old", Int64(1)), ("new", 2)] {
            _ = try await scene.store.begin(intent(key, atDay: day))
            _ = try await scene.store.finish(intent: key, reply: [7])
        }
        try await scene.sweep(atDay: 31)
        #expect(try await scene.store.begin(intent("old", atDay: 31)) == .done(reply: [7]))
        try await scene.sweep(atDay: 32)
        guard case .open = try await scene.store.begin(intent("old", atDay: 32)) else {
            Issue.record("the answer of 31 days ago is still there")
            return
        }
        #expect(try await scene.store.begin(intent("new", atDay: 32)) == .done(reply: [7]))
    }
}
