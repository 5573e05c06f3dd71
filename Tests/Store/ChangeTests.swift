import Billing
import Synchronization
import TestSupport
import Testing

@testable import Store

/// The order in which events are shown: each event is one change, whatever became of it.
@Suite struct ChangeTests {
    /// A store of its own, and what a test does to it.
    private struct Scene {
        let place: Place
        let store: SQLStore

        init(_ engine: Engine) throws {
            place = try Place(engine)
            store = try place.open()
        }

        /// Journals an event; answers its place.
        func journal(_ id: String, type: String = "t", customer: String? = nil) async throws -> Int64 {
            _ = try await store.journal(
                JournalEvent(
                    id: id, type: type, created: 100, received: 1, customer: customer, subscription: nil, payload: [1]))
            return try #require(try await store.waitingEvents(after: 0, limit: 1000).last).sequence
        }

        func closed(ofCustomer customer: String? = nil) throws -> [String] {
            let reader = try store.reader()
            return try reader.closedEvents(in: 0...Int64.max, ofCustomer: customer).map { change, _ in
                "\(change) \(try reader.closedEvent(ofChange: change)?.id ?? "none")"
            }
        }
    }

    private static func customer(_ id: String, _ name: String) -> MirrorObject {
        MirrorObject(id: id, raw: "{\"name\":\"\(name)\"}", record: .customer(email: nil, name: name))
    }

    private func basis(_ sequence: Int64, at created: Int64, _ kind: Observation.Kind = .updated) -> EventBasis {
        EventBasis(sequence: sequence, created: created, kind: kind, now: 1)
    }

    @Test(arguments: Engine.all)
    func `every event is one change: written, old, settled, deleted, or of no concern to the mirror`(
        _ engine: Engine
    ) async throws {
        let scene = try Scene(engine)
        let reader = try scene.store.reader()
        #expect(try reader.newestChange() == 0)
        let ada = Self.customer("cus_1", "Ada")
        let first = try await scene.journal("evt_written", customer: "cus_1")
        #expect(try scene.closed() == [], "what is only journaled is not shown")
        #expect(try await scene.store.project(ada, from: basis(first, at: 100, .created)) == .applied(version: 1))
        let old = try await scene.journal("evt_old", customer: "cus_1")
        #expect(try await scene.store.project(ada, from: basis(old, at: 99)) == .skipped(because: "older"))
        #expect(
            try await scene.store.project(ada, from: ReplyBasis(version: 1, from: 101, until: 102, now: 1))
                == .applied(version: 3))
        let unheld = try await scene.journal("evt_unheld", customer: "cus_9")
        let tie = try await scene.journal("evt_tie", customer: "cus_1")
        let other = Self.customer("cus_1", "Lady Ada")
        #expect(try await scene.store.project(other, from: basis(tie, at: 102)) == .fetch(version: 3, because: "tie"))
        try await scene.store.markProjected(sequence: unheld, at: 1)
        #expect(
            try scene.closed() == ["1 evt_written", "2 evt_old", "4 evt_unheld"], "what waits for Stripe is shown later")
        let settling = ReplyBasis(version: 3, from: 103, until: 104, settles: tie, now: 1)
        #expect(try await scene.store.project(other, from: settling) == .applied(version: 5))
        var gone = other
        gone.isDeleted = true
        let deletion = try await scene.journal("evt_deleted", customer: "cus_1")
        #expect(try await scene.store.project(gone, from: basis(deletion, at: 105, .deleted)) == .applied(version: 6))
        let late = try await scene.journal("evt_late", customer: "cus_1")
        let revival = ReplyBasis(version: 6, from: 106, until: 107, settles: late, now: 1)
        #expect(try await scene.store.project(other, from: revival) == .skipped(because: "the object is gone for good"))
        let all = ["1 evt_written", "2 evt_old", "4 evt_unheld", "5 evt_tie", "6 evt_deleted", "7 evt_late"]
        #expect(try scene.closed() == all)
        #expect(try reader.newestChange() == 7)
        #expect(try scene.closed(ofCustomer: "cus_9") == ["4 evt_unheld"])
        #expect(try scene.closed(ofCustomer: "cus_1") == all.filter { $0 != "4 evt_unheld" })
        #expect(try reader.closedEvents(in: 3...5, ofCustomer: nil).map(\.change) == [4, 5])
        #expect(try reader.closedEvent(ofChange: 3) == nil, "an answer is no event")
    }

    @Test(arguments: Engine.all) func `several events are projected in their order, up to one that only Stripe can settle`(
        _ engine: Engine
    ) async throws {
        let scene = try Scene(engine)
        let said: [(object: MirrorObject?, created: Int64)] = [
            (Self.customer("cus_1", "Ada"), 100), (nil, 100), (Self.customer("cus_1", "old"), 99),
            (Self.customer("cus_1", "Lady Ada"), 101), (Self.customer("cus_1", "Countess"), 101),
            (Self.customer("cus_2", "Bob"), 101),
        ]
        var news: [EventNews] = []
        for (number, (object, created)) in said.enumerated() {
            let sequence = try await scene.journal("evt_\(number)", customer: "cus_1")
            let kind: Observation.Kind = number == 0 ? .created : .updated
            news.append(EventNews(object: object, basis: basis(sequence, at: created, kind)))
        }
        #expect(
            try await scene.store.project(news) == [
                .applied(version: 1), .skipped(because: "the mirror does not hold it"), .skipped(because: "older"),
                .applied(version: 4), .fetch(version: 4, because: "tie"),
            ])
        #expect(try scene.closed() == ["1 evt_0", "2 evt_1", "3 evt_2", "4 evt_3"])
        #expect(try await scene.store.waitingEvents(after: 0, limit: 9).map(\.id) == ["evt_4", "evt_5"])
        #expect(try await scene.store.project([]) == [])
    }

    @Test(arguments: Engine.all) func `an event that two processes project is one change`(
        _ engine: Engine
    ) async throws {
        let scene = try Scene(engine)
        let other = try scene.place.open()
        let sequence = try await scene.journal("evt_1")
        let ada = Self.customer("cus_1", "Ada")
        #expect(try await scene.store.project(ada, from: basis(sequence, at: 100, .created)) == .applied(version: 1))
        let newer = Self.customer("cus_1", "Lady Ada")
        #expect(
            try await other.project(newer, from: basis(sequence, at: 200))
                == .skipped(because: "another process projected it"))
        try await other.markProjected(sequence: sequence, at: 1)
        let settling = ReplyBasis(version: 1, from: 201, until: 202, settles: sequence, now: 1)
        #expect(try await other.project(newer, from: settling) == .applied(version: 2))
        #expect(try scene.closed() == ["1 evt_1"], "the answer is a change of its own")
        #expect(try scene.store.reader().newestChange() == 2)
    }

    @Test func `looks through many events read an index and nothing else`() throws {
        let path = try Place(.sqlite).path
        _ = try SQLStore(path: path)
        let database = try SQLiteDatabase(path: path, access: .readOnly)
        for (query, index) in [
            (ReaderSQL.closedEvents, "events_by_change"), (ReaderSQL.closedEventsOfCustomer, "events_of_customer"),
        ] {
            let plan = try database.rows("EXPLAIN QUERY PLAN " + query) { $0.text(3) }
            #expect(plan.count == 1 && plan[0].contains("SEARCH events USING COVERING INDEX \(index)"), "\(plan)")
        }
    }

    @Test(arguments: Engine.all) func `listeners are told of commits that made changes, and of no others`(
        _ engine: Engine
    ) async throws {
        let scene = try Scene(engine)
        // Who hears of other processes looks around once when it begins to.
        let reader = try scene.store.reader()
        try #require(
            eventually {
                _ = try reader.changes()
                return !reader.hasChanged
            })
        let told = Counter()
        let alsoTold = Counter()
        scene.store.onChanges { told.count.add(1, ordering: .relaxed) }
        scene.store.onChanges { alsoTold.count.add(1, ordering: .relaxed) }
        let sequence = try await scene.journal("evt_1")
        // A later commit is answered once the earlier one's listeners were told.
        _ = try scene.store.setting("s") { [1] }
        #expect(told.count.load(ordering: .relaxed) == 0)
        try await scene.store.markProjected(sequence: sequence, at: 1)
        _ = try scene.store.setting("s") { [1] }
        #expect(told.count.load(ordering: .relaxed) == 1)
        #expect(alsoTold.count.load(ordering: .relaxed) == 1)
    }

    private final class Counter: Sendable {
        let count = Atomic(0)
    }

    /// The database as the second step left it, with what an earlier version wrote.
    @Test func `events of an older database are all shown, each once`() async throws {
        let path = try Place(.sqlite).path
        let database = try SQLiteDatabase(path: path, access: .readWrite)
        for step in [Migration.first, .second] { try database.execute(step.sql) }
        try database.execute("PRAGMA user_version=2")
        let events: [(id: String, projected: Bool, payload: String)] = [
            ("evt_skipped", true, #"{"data":{"object":{"object":"customer","id":"cus_1"}}}"#),
            ("evt_applied", true, #"{"data":{"object":{"object":"subscription","id":"sub_1","customer":{"id":"cus_1"}}}}"#),
            (
                "evt_invoice", true,
                #"{"data":{"object":{"object":"invoice","customer":"cus_2","subscription":"sub_8","#
                    + #""parent":{"subscription_details":{"subscription":"sub_2"}}}}}"#
            ),
            ("evt_waiting", false, #"{"data":{"object":{"object":"charge","customer":"cus_1","subscription":null}}}"#),
            ("evt_strange", true, #"{"data":{"object":"text"}}"#), ("evt_broken", true, "{"),
        ]
        for event in events {
            try database.run(
                "INSERT INTO events (id, type, created, received, payload, projected) VALUES (?, 't', 5, 6, ?, ?)",
                .text(event.id), .blob(Array(event.payload.utf8)), event.projected ? .integer(7) : .null)
        }
        for (object, event) in [("cus_7", SQLValue.null), ("sub_1", .text("evt_applied"))] {
            try database.run(
                "INSERT INTO changes (kind, object, event, at) VALUES ('k', ?, ?, 5)", .text(object), event)
        }
        let store = try SQLStore(path: path)
        let reader = try store.reader()
        let shown = try reader.closedEvents(in: 1...100, ofCustomer: nil).map { change, _ in
            let event = try #require(try reader.closedEvent(ofChange: change))
            return "\(change) \(event.id) \(event.customer ?? "-") \(event.subscription ?? "-")"
        }
        #expect(
            shown == [
                "2 evt_applied cus_1 sub_1", "3 evt_skipped cus_1 -", "4 evt_invoice cus_2 sub_2", "5 evt_strange - -",
                "6 evt_broken - -",
            ])
        let waiting = try await store.waitingEvents(after: 0, limit: 9)
        #expect(waiting.map { "\($0.id) \($0.customer ?? "-") \($0.subscription ?? "-")" } == ["evt_waiting cus_1 -"])
        try await store.markProjected(sequence: waiting[0].sequence, at: 8)
        #expect(try reader.closedEvent(ofChange: 7)?.id == "evt_waiting")
    }

    /// The eighth step makes tables anew: what an earlier version wrote there stays, to the byte.
    @Test func `rows of an older database stay as they are`() throws {
        let path = try Place(.sqlite).path
        let database = try SQLiteDatabase(path: path, access: .readWrite)
        for step in Migration.all.prefix(7) { try database.execute(step.sql) }
        try database.execute("PRAGMA user_version=7")
        let tables = MirrorKind.allCases.map(\.rawValue) + ["intents"]
        for table in tables {
            let columns = try database.rows("SELECT type FROM pragma_table_info('\(table)')") { $0.text(0) }
            for number in 1...3 {
                let values: [SQLValue] = columns.enumerated().map { position, type in
                    switch type {
                    case "INTEGER": .integer(Int64(10 * number + position))
                    case "BLOB": .blob([0, UInt8(number), 255])
                    default: .text(String(repeating: "\(table) \(number) \(position) ", count: position == 5 ? 500 : 1))
                    }
                }
                let places = values.map { _ in "?" }.joined(separator: ", ")
                try database.run("INSERT INTO \(table) VALUES (\(places))", values)
            }
        }
        func rows() throws -> [String] {
            try tables.flatMap { table in
                let columns = try database.rows("SELECT name FROM pragma_table_info('\(table)')") { $0.text(0) }
                let all = columns.map { "quote(\($0))" }.joined(separator: " || ', ' || ")
                return try database.rows("SELECT \(all) FROM \(table) ORDER BY 1") { $0.text(0) }
            }
        }
        let before = try rows()
        #expect(before.count == 3 * tables.count)
        let store = try SQLStore(path: path)
        #expect(try rows() == before)
        #expect(try store.reader().countOfSubscriptions() == 3)
        let indexes = try database.rows("SELECT name FROM sqlite_schema WHERE type = 'index' ORDER BY 1") { $0.text(0) }
        #expect(Set(indexes).isSuperset(of: ["subscriptions_for_access", "intents_by_age"]))
    }
}
