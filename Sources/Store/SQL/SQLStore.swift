internal import Glibc

/// The store in an SQL database: one connection that writes, others beside it. What differs between the engines is theirs;
/// what the store does is written here once.
package final class SQLStore: Store {
    let writer: SQLWriter
    private let journalWriter: JournalWriter
    let lookUps: any LookUps
    private let makeReader: @Sendable () throws(StoreError) -> any StoreReader
    package let locks: (any SharedLocks)?
    /// What is heard of other processes; nil where nobody listens.
    private let news: PostgreSQLNews?

    /// Opens an SQLite file, or makes it, and brings it up to date.
    ///
    /// - Parameter schedule: who decides when changes are committed; nil for the store itself, as soon as it can.
    package init(path: String, schedule: CommitSchedule? = nil) throws(StoreError) {
        writer = try SQLWriter(SQLiteDatabase.forWriting(path: path), schedule: schedule)
        journalWriter = JournalWriter(writer)
        lookUps = writer
        makeReader = { () throws(StoreError) in try SQLiteReader(path: path) }
        locks = nil
        news = nil
    }

    /// Opens a database at a PostgreSQL server, which other processes may have open too, and brings it up to date.
    ///
    /// - Parameter isAlone: whether nothing else goes on here, and a statement may take as long as it takes.
    package init(_ address: PostgreSQLAddress, isAlone: Bool = false) throws(StoreError) {
        try PostgreSQLMigration.bringUpToDate(address)
        let news = PostgreSQLNews()
        writer = SQLWriter(PostgreSQLConnection(address, for: isAlone ? .migrating : .writing, news: news))
        journalWriter = JournalWriter(writer)
        lookUps = PostgreSQLPool(address)
        makeReader = { () throws(StoreError) in try PostgreSQLReader(address, news) }
        locks = PostgreSQLLocks(address)
        self.news = news
        news.listen(at: address)
    }

    deinit { news?.stop() }

    package convenience init(_ address: StoreAddress) throws(StoreError) {
        switch address {
        case .file(let path): try self.init(path: path)
        case .server(let address): try self.init(address)
        }
    }

    /// Opens a database as `--db` names it, for one who is alone with it, or makes it.
    package convenience init(alone database: String) throws(StoreError) {
        switch try StoreAddress(database) {
        case .server(let address): try self.init(address, isAlone: true)
        case .file(let path): try self.init(path: path)
        }
    }

    /// As above, a database that is there.
    package convenience init(existing database: String) throws(StoreError) {
        if case .file(let path) = try StoreAddress(database), access(path, F_OK) != 0 {
            throw StoreError(.unavailable, "there is no database \(path)")
        }
        try self.init(alone: database)
    }

    /// Copies a database that others may use to a file that does not exist yet.
    package static func backUp(
        _ database: String, to file: String, progress: (_ done: Int64, _ all: Int64) -> Void
    ) throws(StoreError) {
        guard case .file(let path) = try StoreAddress(database) else {
            throw StoreError(.misuse, "PostgreSQL copies its databases itself: see pg_dump")
        }
        try SQLiteBackup.run(path, to: file, progress: progress)
    }

    /// Moves what the write-ahead log holds into the database, so that the next start need not read it. What is not moved is
    /// not lost: it stays in the log.
    package func tidy() { writer.tidy() }

    package func journal(_ event: JournalEvent) async throws(StoreError) -> Bool {
        try await journal([event]) == 1
    }

    package func journal(_ events: [JournalEvent]) async throws(StoreError) -> Int {
        try await journalWriter.write(events)
    }

    package func waitingEvents(after sequence: Int64, limit: Int) async throws(StoreError) -> [JournalEvent] {
        try await lookUps.lookUp { database throws(StoreError) in
            try database.rows(
                """
                SELECT \(JournalEvent.columns) FROM events WHERE projected IS NULL AND seq > ? ORDER BY seq LIMIT ?
                """, .integer(sequence), .integer(Int64(limit)), read: JournalEvent.init(_:))
        }
    }

    package func waitingEvents(
        ofCustomer customer: String, after sequence: Int64, before end: Int64, limit: Int
    ) async throws(StoreError) -> [JournalEvent] {
        try await lookUps.lookUp { database throws(StoreError) in
            try database.rows(
                """
                SELECT \(JournalEvent.columns) FROM events
                WHERE projected IS NULL AND customer = ? AND seq > ? AND seq < ? ORDER BY seq LIMIT ?
                """, .text(customer), .integer(sequence), .integer(end), .integer(Int64(limit)),
                read: JournalEvent.init(_:))
        }
    }

    package func project(_ news: [EventNews]) async throws(StoreError) -> [ProjectionOutcome] {
        guard !news.isEmpty else { return [] }
        return try await writer.change { database throws(StoreError) in
            var outcomes: [ProjectionOutcome] = []
            for event in news {
                let outcome = try Mirror(database: database, now: event.basis.now).project(event)
                outcomes.append(outcome)
                if case .fetch = outcome { break }
            }
            return outcomes
        }
    }

    package func project(_ object: MirrorObject, from reply: ReplyBasis) async throws(StoreError) -> ProjectionOutcome {
        try await writer.change { database throws(StoreError) in
            try Mirror(database: database, now: reply.now).project(object, from: reply)
        }
    }

    package func version(of kind: MirrorKind, id: String) async throws(StoreError) -> Int64 {
        try await lookUps.lookUp { database throws(StoreError) in
            try Mirror(database: database, now: 0).row(kind, id)?.version ?? 0
        }
    }

    package func missingProducts(ofSubscriptions ids: [String]?) async throws(StoreError) -> Set<String> {
        try await lookUps.lookUp { database throws(StoreError) in
            // Not one statement for both: then one subscription would be looked for among all.
            let missing = """
                SELECT DISTINCT i.product FROM subscription_items i JOIN subscriptions s ON s.id = i.subscription
                WHERE s.ended_at IS NULL AND s.deleted = 0
                    AND NOT EXISTS (SELECT 1 FROM products p WHERE p.id = i.product)
                """
            guard let ids else { return Set(try database.rows(missing) { $0.text(0) }) }
            let missingOfOne = missing + " AND s.id = ?"
            var found: Set<String> = []
            for id in ids { found.formUnion(try database.rows(missingOfOne, .text(id)) { $0.text(0) }) }
            return found
        }
    }

    package func customer(ofSubscription id: String) async throws(StoreError) -> String? {
        try await lookUps.lookUp { database throws(StoreError) in
            try database.first("SELECT customer FROM subscriptions WHERE id = ?", .text(id)) { $0.text(0) }
        }
    }

    package func newestChange() async throws(StoreError) -> Int64 {
        try await lookUps.lookUp { database throws(StoreError) in try database.newestChange }
    }

    package func rows(
        of kind: MirrorKind, after id: String, customer: String?, limit: Int
    ) async throws(StoreError) -> [(id: String, knownUntil: Int64)] {
        try await lookUps.lookUp { database throws(StoreError) in
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
        try await lookUps.lookUp { database throws(StoreError) in
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
                INSERT INTO intents (key, method, params, stripe_key, created, attempt) VALUES (?, ?, ?, ?, ?, 0)
                ON CONFLICT (key) DO NOTHING
                """, .text(intent.key), .text(intent.method), .blob(intent.params), .text(intent.stripeKey),
                .integer(intent.created))
            let state = try database.first(
                "SELECT method, params, stripe_key, reply, begun, created, attempt FROM intents WHERE key = ?",
                .text(intent.key)
            ) { row -> IntentState in
                guard row.text(0) == intent.method, row.blob(1) == intent.params else { return .mismatch }
                let reply = row.blob(3)
                guard reply.isEmpty else { return .done(reply: reply) }
                let begun = row.blob(4)
                return .open(
                    stripeKey: row.text(2), begun: begun.isEmpty ? nil : begun, created: row.integer(5),
                    attempt: row.integer(6) + 1)
            }
            guard let state else { throw StoreError(.corrupt, "an intent that was just written is not there") }
            if case .open(_, _, _, let attempt) = state {
                try database.run("UPDATE intents SET attempt = ? WHERE key = ?", .integer(attempt), .text(intent.key))
            }
            return state
        }
    }

    package func mark(intent key: String, attempt: Int64, begun: [UInt8]?) async throws(StoreError) -> Bool {
        try await writer.change { database throws(StoreError) in
            let value = begun.map(SQLValue.blob) ?? .null
            return try database.run(
                "UPDATE intents SET begun = ? WHERE key = ? AND attempt = ? AND reply IS NULL", value, .text(key),
                .integer(attempt)) == 1
        }
    }

    package func finish(intent key: String, reply: [UInt8]) async throws(StoreError) -> [UInt8] {
        try await writer.change { database throws(StoreError) in
            let written = try database.run(
                "UPDATE intents SET reply = ? WHERE key = ? AND reply IS NULL", .blob(reply), .text(key))
            guard written == 0 else { return reply }
            return try database.first("SELECT reply FROM intents WHERE key = ?", .text(key)) { $0.blob(0) } ?? reply
        }
    }

    package func mark(of walk: String) async throws(StoreError) -> Int64? {
        try await lookUps.lookUp { database throws(StoreError) in try database.mark(of: walk) }
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

    package func onChanges(_ listener: @escaping @Sendable () -> Void) {
        writer.onChanges(listener)
        news?.onChanges(listener)
    }
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
