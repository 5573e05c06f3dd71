internal import Glibc

/// The store in an SQL database: one connection that writes, readers beside it. What differs between the engines is theirs;
/// what the store does is written here once.
package final class SQLStore: Store {
    let writer: SQLWriter
    private let makeReader: @Sendable () throws(StoreError) -> any StoreReader

    /// Opens an SQLite file, or makes it, and brings it up to date.
    package init(path: String) throws(StoreError) {
        writer = try SQLWriter(SQLiteDatabase.forWriting(path: path))
        makeReader = { () throws(StoreError) in try SQLiteReader(path: path) }
    }

    /// Opens a database that is there, as `--db` names it.
    package convenience init(existing database: String) throws(StoreError) {
        let path = try Self.path(database)
        guard access(path, F_OK) == 0 else { throw StoreError(.unavailable, "there is no database \(path)") }
        try self.init(path: path)
    }

    /// Copies a database that others may use to a file that does not exist yet.
    package static func backUp(
        _ database: String, to file: String, progress: (_ done: Int64, _ all: Int64) -> Void
    ) throws(StoreError) {
        try SQLiteBackup.run(try path(database), to: file, progress: progress)
    }

    private static func path(_ database: String) throws(StoreError) -> String {
        guard database.hasPrefix("sqlite:"), database.count > 7 else {
            throw StoreError(.misuse, "the database must be sqlite:PATH, got \"\(database)\"")
        }
        return String(database.dropFirst(7))
    }

    /// Moves what the write-ahead log holds into the database, so that the next start need not read it. What is not moved is
    /// not lost: it stays in the log.
    package func tidy() { writer.tidy() }

    package func journal(_ event: JournalEvent) async throws(StoreError) -> Bool {
        try await journal([event]) == 1
    }

    package func journal(_ events: [JournalEvent]) async throws(StoreError) -> Int {
        try await writer.change { database throws(StoreError) in
            var new = 0
            for event in events { new += try Self.insert(event, database) }
            return new
        }
    }

    private static func insert(_ event: JournalEvent, _ database: any SQLConnection) throws(StoreError) -> Int {
        try database.run(
            """
            INSERT INTO events (id, type, created, received, customer, subscription, payload)
            VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING
            """,
            .text(event.id), .text(event.type), .integer(event.created), .integer(event.received),
            .optional(event.customer), .optional(event.subscription), .blob(event.payload))
    }

    package func waitingEvents(after sequence: Int64, limit: Int) async throws(StoreError) -> [JournalEvent] {
        try await writer.change { database throws(StoreError) in
            try database.rows(
                """
                SELECT \(JournalEvent.columns) FROM events WHERE projected IS NULL AND seq > ? ORDER BY seq LIMIT ?
                """, .integer(sequence), .integer(Int64(limit)), read: JournalEvent.init(_:))
        }
    }

    package func markProjected(sequence: Int64, at now: Int64) async throws(StoreError) {
        try await writer.change { database throws(StoreError) -> Void in
            try Mirror(database: database, now: now).close(sequence)
        }
    }

    package func project(_ object: MirrorObject, from event: EventBasis) async throws(StoreError) -> ProjectionOutcome {
        try await writer.change { database throws(StoreError) in
            try Mirror(database: database, now: event.now).project(object, from: event)
        }
    }

    package func project(_ object: MirrorObject, from reply: ReplyBasis) async throws(StoreError) -> ProjectionOutcome {
        try await writer.change { database throws(StoreError) in
            try Mirror(database: database, now: reply.now).project(object, from: reply)
        }
    }

    package func version(of kind: MirrorKind, id: String) async throws(StoreError) -> Int64 {
        try await writer.change { database throws(StoreError) in
            try Mirror(database: database, now: 0).row(kind, id)?.version ?? 0
        }
    }

    package func missingProducts(ofSubscription id: String?) async throws(StoreError) -> [String] {
        try await writer.change { database throws(StoreError) in
            // Not one statement for both: then one subscription would be looked for among all.
            let missing = """
                SELECT DISTINCT i.product FROM subscription_items i JOIN subscriptions s ON s.id = i.subscription
                WHERE s.ended_at IS NULL AND s.deleted = 0
                    AND NOT EXISTS (SELECT 1 FROM products p WHERE p.id = i.product)
                """
            guard let id else { return try database.rows(missing) { $0.text(0) } }
            return try database.rows(missing + " AND s.id = ?", .text(id)) { $0.text(0) }
        }
    }

    package func customer(ofSubscription id: String) async throws(StoreError) -> String? {
        try await writer.change { database throws(StoreError) in
            try database.first("SELECT customer FROM subscriptions WHERE id = ?", .text(id)) { $0.text(0) }
        }
    }

    package func newestChange() async throws(StoreError) -> Int64 {
        try await writer.change { database throws(StoreError) in try database.newestChange }
    }

    package func rows(
        of kind: MirrorKind, after id: String, customer: String?, limit: Int
    ) async throws(StoreError) -> [(id: String, knownUntil: Int64)] {
        try await writer.change { database throws(StoreError) in
            let (condition, arguments) = Self.live(kind, customer)
            var found: [(id: String, knownUntil: Int64)] = []
            try database.run(
                "SELECT id, known_until FROM \(kind.rawValue) WHERE \(condition) AND id > ? ORDER BY id LIMIT ?",
                arguments + [.text(id), .integer(Int64(limit))]
            ) { found.append((id: $0.text(0), knownUntil: $0.integer(1))) }
            return found
        }
    }

    package func countOfRows(of kind: MirrorKind, customer: String?) async throws(StoreError) -> Int {
        try await writer.change { database throws(StoreError) in
            let (condition, arguments) = Self.live(kind, customer)
            var count: Int64 = 0
            try database.run("SELECT count(*) FROM \(kind.rawValue) WHERE \(condition)", arguments) {
                count = $0.integer(0)
            }
            return Int(count)
        }
    }

    /// Which rows are no tombstones, of a customer or of all.
    private static func live(_ kind: MirrorKind, _ customer: String?) -> (condition: String, arguments: [SQLValue]) {
        guard let customer else { return ("deleted = 0", []) }
        return ("deleted = 0 AND \(kind.columns.contains("customer") ? "customer" : "id") = ?", [.text(customer)])
    }

    package func begin(_ intent: Intent) async throws(StoreError) -> IntentState {
        try await writer.change { database throws(StoreError) in
            try database.run(
                """
                INSERT INTO intents (key, method, params, stripe_key, created) VALUES (?, ?, ?, ?, ?)
                ON CONFLICT (key) DO NOTHING
                """, .text(intent.key), .text(intent.method), .blob(intent.params), .text(intent.stripeKey),
                .integer(intent.created))
            let state = try database.first(
                "SELECT method, params, stripe_key, reply, begun, created FROM intents WHERE key = ?", .text(intent.key)
            ) { row -> IntentState in
                guard row.text(0) == intent.method, row.blob(1) == intent.params else { return .mismatch }
                let reply = row.blob(3)
                guard reply.isEmpty else { return .done(reply: reply) }
                let begun = row.blob(4)
                return .open(stripeKey: row.text(2), begun: begun.isEmpty ? nil : begun, created: row.integer(5))
            }
            guard let state else { throw StoreError(.corrupt, "an intent that was just written is not there") }
            return state
        }
    }

    package func mark(intent key: String, begun: [UInt8]?) async throws(StoreError) {
        try await writer.change { database throws(StoreError) -> Void in
            let value = begun.map(SQLValue.blob) ?? .null
            try database.run("UPDATE intents SET begun = ? WHERE key = ?", value, .text(key))
        }
    }

    package func finish(intent key: String, reply: [UInt8]) async throws(StoreError) {
        try await writer.change { database throws(StoreError) -> Void in
            try database.run("UPDATE intents SET reply = ? WHERE key = ?", .blob(reply), .text(key))
        }
    }

    package func mark(of walk: String) async throws(StoreError) -> Int64? {
        try await writer.change { database throws(StoreError) in try database.mark(of: walk) }
    }

    package func keep(mark: Int64, of walk: String) async throws(StoreError) {
        try await writer.change { database throws(StoreError) in try database.keep(mark: mark, of: walk) }
    }

    package func setting(_ name: String, orElse make: () -> [UInt8]) throws(StoreError) -> [UInt8] {
        try writer.changeNow { database throws(StoreError) in
            let query = "SELECT value FROM settings WHERE name = ?"
            if let value = try database.first(query, .text(name), read: { $0.blob(0) }) { return value }
            let value = make()
            try database.run("INSERT INTO settings (name, value) VALUES (?, ?)", .text(name), .blob(value))
            return value
        }
    }

    package func reader() throws(StoreError) -> any StoreReader { try makeReader() }

    package func onChanges(_ listener: @escaping @Sendable () -> Void) { writer.onChanges(listener) }
}

extension JournalEvent {
    static let columns = "seq, id, type, created, received, customer, subscription, payload"

    /// A row whose first columns are `columns`.
    init(_ row: any SQLRow) {
        self.init(
            sequence: row.integer(0), id: row.text(1), type: row.text(2), created: row.integer(3), received: row.integer(4),
            customer: row.optionalText(5), subscription: row.optionalText(6), payload: row.blob(7))
    }
}
