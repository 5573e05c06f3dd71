import Glibc
import TestSupport
import Testing

@testable import Store

@Suite struct SQLStoreTests {
    private func intent(_ key: String, method: String = "Cancel", params: [UInt8] = [1], stripeKey: String) -> Intent {
        Intent(key: key, method: method, params: params, stripeKey: stripeKey, created: 1)
    }

    @Test(arguments: Engine.all) func `an intent keeps its Stripe key until it is answered, and then its answer`(
        _ engine: Engine
    ) async throws {
        let store = try Place(engine).open()
        func open(_ stripeKey: String, _ attempt: Int64, begun: [UInt8]? = nil) -> IntentState {
            .open(stripeKey: stripeKey, begun: begun, created: 1, attempt: attempt)
        }
        #expect(try await store.begin(intent("k", stripeKey: "s1")) == open("s1", 1))
        #expect(try await store.begin(intent("k", stripeKey: "s2")) == open("s1", 2))
        #expect(try await store.mark(intent: "k", attempt: 2, begun: [7]))
        #expect(try await store.begin(intent("k", stripeKey: "s2")) == open("s1", 3, begun: [7]))
        #expect(try await store.mark(intent: "k", attempt: 3, begun: nil))
        #expect(try await store.begin(intent("k", stripeKey: "s2")) == open("s1", 4))
        #expect(try await store.begin(intent("k", params: [2], stripeKey: "s3")) == .mismatch)
        #expect(try await store.begin(intent("k", method: "UpdatePlan", stripeKey: "s3")) == .mismatch)
        #expect(try await store.finish(intent: "k", reply: Array("{}".utf8)) == Array("{}".utf8))
        #expect(try await store.begin(intent("k", stripeKey: "s4")) == .done(reply: Array("{}".utf8)))
        #expect(try await store.begin(intent("other", stripeKey: "s5")) == open("s5", 1))
    }

    @Test(arguments: Engine.all) func `an attempt that was overtaken marks nothing, and every attempt has the first answer`(
        _ engine: Engine
    ) async throws {
        let place = try Place(engine)
        let (first, second) = (try place.open(), try place.open())
        _ = try await first.begin(intent("k", stripeKey: "s"))
        _ = try await second.begin(intent("k", stripeKey: "s"))
        #expect(try await !first.mark(intent: "k", attempt: 1, begun: [1]))
        #expect(try await second.mark(intent: "k", attempt: 2, begun: [2]))
        #expect(try await second.finish(intent: "k", reply: [8]) == [8])
        #expect(try await first.finish(intent: "k", reply: [9]) == [8])
        #expect(try await !second.mark(intent: "k", attempt: 2, begun: nil), "what is answered is over")
        #expect(try await first.begin(intent("k", stripeKey: "s")) == .done(reply: [8]))
    }

    @Test(arguments: Engine.all) func `what was written is there after the database is opened again`(
        _ engine: Engine
    ) async throws {
        let place = try Place(engine)
        let made = try place.open().setting("name") { [1, 2, 3] }
        #expect(made == [1, 2, 3])
        _ = try await place.open().journal(
            JournalEvent(id: "evt_1", type: "t", created: 1, received: 1, customer: nil, subscription: nil, payload: [9]))
        let again = try place.open()
        #expect(try again.setting("name") { [4] } == [1, 2, 3])
        #expect(try await again.waitingEvents(after: 0, limit: 9).map(\.payload) == [[9]])
    }

    @Test func `opening a database that is up to date writes nothing, and a tidied one has nothing left to be read`()
        async throws
    {
        let path = try Place(.sqlite).path
        func logBytes() -> Int {
            var status = stat()
            return stat(path + "-wal", &status) == 0 ? Int(status.st_size) : 0
        }
        let first = try SQLStore(path: path)
        _ = try first.setting("name") { [1] }
        let before = logBytes()
        #expect(before > 0)
        let second = try SQLStore(path: path)
        #expect(logBytes() == before)
        let reader = try first.reader()
        first.tidy()
        #expect(logBytes() == 0)
        #expect(try second.setting("name") { [2] } == [1])
        _ = reader
    }

    @Test(arguments: Engine.all) func `a change that fails takes nobody along`(_ engine: Engine) async throws {
        let store = try Place(engine).open()
        let writer = store.writer
        async let good: Void = writer.change { database throws(StoreError) in
            try database.run("INSERT INTO settings (name, value) VALUES ('good', ?)", .blob([1]))
        }
        await #expect(throws: StoreError.self) {
            try await writer.change { database throws(StoreError) in
                try database.run("INSERT INTO settings (name, value) VALUES ('half', ?)", .blob([1]))
                try database.run("INSERT INTO settings (name, value) VALUES ('half', ?)", .blob([2]))
            }
        }
        try await good
        let names = try await writer.change { database throws(StoreError) in
            try database.rows("SELECT name FROM settings") { $0.text(0) }
        }
        #expect(names == ["good"])
    }

    @Test(arguments: Engine.all) func `a database of a newer program is refused`(_ engine: Engine) async throws {
        let place = try Place(engine)
        _ = try place.open()
        switch engine {
        case .sqlite: try place.execute("PRAGMA user_version=99")
        case .postgreSQL: try place.execute("UPDATE dues_schema SET version = 99")
        }
        let error = #expect(throws: StoreError.self) { try place.open() }
        #expect(error?.kind == .newerDatabase)
    }

    @Test func `a file that is no database is refused`() throws {
        let path = try Place(.sqlite).path
        let file = try #require(fopen(path, "w"))
        fputs(String(repeating: "this is not a database ", count: 100), file)
        fclose(file)
        let error = #expect(throws: StoreError.self) { try SQLStore(path: path) }
        #expect(error?.kind == .corrupt)
    }

    @Test func `a path that cannot be opened is an error with its name`() {
        let error = #expect(throws: StoreError.self) { try SQLStore(path: "/nonexistent/dues.db") }
        #expect(error?.kind == .unavailable)
        #expect(error?.message.contains("/nonexistent/dues.db") == true)
    }

    @Test(arguments: Engine.all) func `a database that was put back to an earlier state has changed in everything`(
        _ engine: Engine
    ) async throws {
        let place = try Place(engine)
        let store = try place.open()
        let subscription = SubscriptionRecord(customer: "cus_1", status: "active", created: 1, items: [])
        let object = MirrorObject(id: "sub_1", raw: "{}", record: .subscription(subscription))
        _ = try await store.project(object, from: ReplyBasis(version: 0, from: 1, until: 1, settles: nil, now: 1))
        let reader = try store.reader()
        _ = try reader.changes()
        switch engine {
        case .sqlite: try place.execute("DELETE FROM changes; DELETE FROM sqlite_sequence")
        case .postgreSQL: try place.execute("TRUNCATE changes RESTART IDENTITY")
        }
        #expect(try reader.changes() == .everything)
        let version = try await store.version(of: .subscriptions, id: "sub_1")
        _ = try await store.project(object, from: ReplyBasis(version: version, from: 1, until: 1, settles: nil, now: 1))
        #expect(try reader.changes() == .some(customers: ["cus_1"], products: false))
    }

    @Test(arguments: Engine.all) func `a look at the changes that fails is repeated`(_ engine: Engine) async throws {
        let place = try Place(engine)
        let store = try place.open()
        let reader = try store.reader()
        _ = try reader.changes()
        _ = try await store.project(
            MirrorObject(id: "cus_1", raw: "{}", record: .customer(email: nil, name: nil)),
            from: ReplyBasis(version: 0, from: 1, until: 1, settles: nil, now: 1))
        try place.execute("ALTER TABLE changes RENAME TO gone")
        #expect(throws: StoreError.self) { try reader.changes() }
        #expect(reader.hasChanged)
        try place.execute("ALTER TABLE gone RENAME TO changes")
        #expect(try reader.changes() == .some(customers: [], products: false))
        #expect(!reader.hasChanged)
    }

    @Test(arguments: Engine.all) func `a reader says what was committed since it was asked, whoever did it`(
        _ engine: Engine
    ) async throws {
        let place = try Place(engine)
        let store = try place.open()
        let reader = try store.reader()
        let other = try place.open()
        // A process that has just begun hears of others a little later, and looks as long as it does not.
        try #require(
            eventually {
                _ = try reader.changes()
                return !reader.hasChanged
            })
        let subscription = SubscriptionRecord(customer: "cus_1", status: "active", created: 1, items: [])
        for object in [
            MirrorObject(id: "sub_1", raw: "{}", record: .subscription(subscription)),
            MirrorObject(id: "cus_1", raw: "{}", record: .customer(email: nil, name: nil)),
        ] {
            _ = try await other.project(object, from: ReplyBasis(version: 0, from: 1, until: 1, settles: nil, now: 1))
        }
        #expect(eventually { reader.hasChanged })
        #expect(try reader.changes() == .some(customers: ["cus_1"], products: false))
        let product = MirrorObject(id: "prod_1", raw: "{}", record: .product(name: nil, isActive: true, features: []))
        _ = try await store.project(product, from: ReplyBasis(version: 0, from: 1, until: 1, settles: nil, now: 1))
        #expect(reader.hasChanged, "one's own changes are known at once")
        #expect(try reader.changes() == .some(customers: [], products: true))
        #expect(try reader.changes() == .some(customers: [], products: false))
        #expect(eventually { !reader.hasChanged })
    }
}
