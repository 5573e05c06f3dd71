import Store
import TestSupport
import Testing

@testable import Service

/// What is old is let go of, and nothing else.
@Suite struct SweeperTests {
    private static let day: Int64 = 86_400
    private let folder: Folder
    private let store: SQLStore

    init() throws {
        folder = try Folder(inMemory: true)
        store = try SQLStore(path: folder.path("dues.db"))
    }

    private func sweep(atDay day: Int64) async throws {
        try await Sweeper(store: store, journalDays: 100, clock: { day * Self.day }, log: { _, _ in }).sweep()
    }

    private func journal(_ ids: Range<Int64>, atDay day: Int64) async throws {
        let events = ids.map { number in
            JournalEvent(
                id: "evt_\(number)", type: "t", created: 1, received: day * Self.day, customer: nil, subscription: nil,
                payload: [])
        }
        #expect(try await store.journal(events) == events.count)
    }

    private func close(_ ids: Set<Int64>, atDay day: Int64) async throws {
        for event in try await store.waitingEvents(after: 0, limit: 10_000) where ids.contains(event.sequence) {
            try await store.markProjected(sequence: event.sequence, at: day * Self.day)
        }
    }

    @Test func `events go when they have been kept long enough, those that wait never`() async throws {
        try await journal(1..<1203, atDay: 1)
        // All but the second one, which waits.
        try await close(Set(1...1202).subtracting([2]), atDay: 1)
        try await journal(2000..<2003, atDay: 50)
        try await close(Set(1203...1205), atDay: 50)
        let reader = try store.reader()
        try await sweep(atDay: 101)
        #expect(try reader.newestSweptChange() == 0, "a hundred days are not over")
        try await sweep(atDay: 102)
        #expect(try reader.newestSweptChange() == 1201)
        #expect(try reader.closedEvents(in: 1...2000, ofCustomer: nil).map(\.change) == [1202, 1203, 1204])
        #expect(try await store.waitingEvents(after: 0, limit: 10).map(\.id) == ["evt_2"])
        try await sweep(atDay: 151)
        #expect(
            try reader.closedEvents(in: 1...2000, ofCustomer: nil).map(\.change) == [1204],
            "the newest change stays, and tells where others go on")
        #expect(try reader.newestChange() == 1204)
        #expect(try await store.waitingEvents(after: 0, limit: 10).map(\.id) == ["evt_2"])
    }

    @Test func `a call's answer is kept for thirty days`() async throws {
        func intent(_ key: String, atDay day: Int64) -> Intent {
            Intent(key: key, method: "Cancel", params: [1], stripeKey: "k", created: day * Self.day)
        }
        for (key, day) in [("old", Int64(1)), ("new", 2)] {
            _ = try await store.begin(intent(key, atDay: day))
            try await store.finish(intent: key, reply: [7])
        }
        try await sweep(atDay: 31)
        #expect(try await store.begin(intent("old", atDay: 31)) == .done(reply: [7]))
        try await sweep(atDay: 32)
        guard case .open = try await store.begin(intent("old", atDay: 32)) else {
            Issue.record("the answer of 31 days ago is still there")
            return
        }
        #expect(try await store.begin(intent("new", atDay: 32)) == .done(reply: [7]))
    }
}
