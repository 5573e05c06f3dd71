import Glibc
import Testing

@testable import Store

@Suite struct SQLStoreTests {
    private func intent(_ key: String, method: String = "Cancel", params: [UInt8] = [1], stripeKey: String) -> Intent {
        Intent(key: key, method: method, params: params, stripeKey: stripeKey, created: 1)
    }

    @Test func `an intent keeps its Stripe key until it is answered, and then its answer`() async throws {
        let store = try SQLStore(path: try TemporaryFile.path())
        #expect(try await store.begin(intent("k", stripeKey: "s1")) == .open(stripeKey: "s1", begun: nil, created: 1))
        #expect(try await store.begin(intent("k", stripeKey: "s2")) == .open(stripeKey: "s1", begun: nil, created: 1))
        try await store.mark(intent: "k", begun: [7])
        #expect(try await store.begin(intent("k", stripeKey: "s2")) == .open(stripeKey: "s1", begun: [7], created: 1))
        try await store.mark(intent: "k", begun: nil)
        #expect(try await store.begin(intent("k", stripeKey: "s2")) == .open(stripeKey: "s1", begun: nil, created: 1))
        #expect(try await store.begin(intent("k", params: [2], stripeKey: "s3")) == .mismatch)
        #expect(try await store.begin(intent("k", method: "UpdatePlan", stripeKey: "s3")) == .mismatch)
        try await store.finish(intent: "k", reply: Array("{}".utf8))
        #expect(try await store.begin(intent("k", stripeKey: "s4")) == .done(reply: Array("{}".utf8)))
        #expect(try await store.begin(intent("other", stripeKey: "s5")) == .open(stripeKey: "s5", begun: nil, created: 1))
    }

    @Test func `what was written is there after the file is opened again`() async throws {
        let path = try TemporaryFile.path()
        let made = try SQLStore(path: path).setting("name") { [1, 2, 3] }
        #expect(made == [1, 2, 3])
        _ = try await SQLStore(path: path).journal(
            JournalEvent(id: "evt_1", type: "t", created: 1, received: 1, customer: nil, subscription: nil, payload: [9]))
        let again = try SQLStore(path: path)
        #expect(try again.setting("name") { [4] } == [1, 2, 3])
        #expect(try await again.waitingEvents(after: 0, limit: 9).map(\.payload) == [[9]])
    }

    @Test func `opening a database that is up to date writes nothing, and a tidied one has nothing left to be read`()
        async throws
    {
        let path = try TemporaryFile.path()
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

    @Test func `a change that fails takes nobody along`() async throws {
        let writer = try SQLWriter(SQLiteDatabase.forWriting(path: try TemporaryFile.path()))
        async let good: Void = writer.change { database throws(StoreError) in
            try database.run("INSERT INTO settings (name, value) VALUES ('good', x'01')")
        }
        await #expect(throws: StoreError.self) {
            try await writer.change { database throws(StoreError) in
                try database.run("INSERT INTO settings (name, value) VALUES ('half', x'01')")
                try database.run("INSERT INTO settings (name, value) VALUES ('half', x'02')")
            }
        }
        try await good
        let names = try await writer.change { database throws(StoreError) in
            try database.rows("SELECT name FROM settings") { $0.text(0) }
        }
        #expect(names == ["good"])
    }

    @Test func `a database of a newer program is refused`() async throws {
        let path = try TemporaryFile.path()
        let database = try SQLiteDatabase(path: path, access: .readWrite)
        try database.execute("PRAGMA user_version=99")
        let error = #expect(throws: StoreError.self) { try SQLStore(path: path) }
        #expect(error?.kind == .newerDatabase)
    }

    @Test func `a file that is no database is refused`() throws {
        let path = try TemporaryFile.path()
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

    @Test func `a database that was put back to an earlier state has changed in everything`() async throws {
        let path = try TemporaryFile.path()
        let store = try SQLStore(path: path)
        let subscription = SubscriptionRecord(customer: "cus_1", status: "active", created: 1, items: [])
        let object = MirrorObject(id: "sub_1", raw: "{}", record: .subscription(subscription))
        _ = try await store.project(object, from: ReplyBasis(version: 0, from: 1, until: 1, settles: nil, now: 1))
        let reader = try store.reader()
        _ = try reader.changes()
        try SQLiteDatabase(path: path, access: .readWrite).execute("DELETE FROM changes; DELETE FROM sqlite_sequence")
        #expect(try reader.changes() == .everything)
        let version = try await store.version(of: .subscriptions, id: "sub_1")
        _ = try await store.project(object, from: ReplyBasis(version: version, from: 1, until: 1, settles: nil, now: 1))
        #expect(try reader.changes() == .some(customers: ["cus_1"], products: false))
    }

    @Test func `a look at the changes that fails is repeated`() async throws {
        let path = try TemporaryFile.path()
        let store = try SQLStore(path: path)
        let reader = try store.reader()
        _ = try reader.changes()
        let other = try SQLiteDatabase(path: path, access: .readWrite)
        try other.execute("ALTER TABLE changes RENAME TO gone")
        #expect(throws: StoreError.self) { try reader.changes() }
        #expect(reader.hasChanged)
        try other.execute("ALTER TABLE gone RENAME TO changes")
        #expect(try reader.changes() == .some(customers: [], products: false))
        #expect(!reader.hasChanged)
    }

    @Test func `a reader says what was committed since it was asked, whoever did it`() async throws {
        let path = try TemporaryFile.path()
        let reader = try SQLStore(path: path).reader()
        _ = try reader.changes()
        #expect(!reader.hasChanged)
        let other = try SQLStore(path: path)
        _ = try other.setting("name") { [1] }
        #expect(reader.hasChanged)
        #expect(try reader.changes() == .some(customers: [], products: false))
        #expect(!reader.hasChanged)
        let subscription = SubscriptionRecord(customer: "cus_1", status: "active", created: 1, items: [])
        for object in [
            MirrorObject(id: "sub_1", raw: "{}", record: .subscription(subscription)),
            MirrorObject(id: "cus_1", raw: "{}", record: .customer(email: nil, name: nil)),
        ] {
            _ = try await other.project(object, from: ReplyBasis(version: 0, from: 1, until: 1, settles: nil, now: 1))
        }
        #expect(reader.hasChanged)
        #expect(try reader.changes() == .some(customers: ["cus_1"], products: false))
        let product = MirrorObject(id: "prod_1", raw: "{}", record: .product(name: nil, isActive: true, features: []))
        _ = try await other.project(product, from: ReplyBasis(version: 0, from: 1, until: 1, settles: nil, now: 1))
        #expect(try reader.changes() == .some(customers: [], products: true))
        #expect(try reader.changes() == .some(customers: [], products: false))
    }
}

/// Paths for databases that a test alone uses.
enum TemporaryFile {
    static func path() throws -> String {
        var template = Array("/tmp/dues-test-XXXXXX".utf8CString)
        try #require(mkdtemp(&template) != nil)
        return String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self) + "/dues.db"
    }
}
