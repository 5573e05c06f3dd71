internal import CSQLite

/// One connection to an SQLite database, with its statements prepared once. It belongs to one thread at a time.
final class SQLiteDatabase: SQLConnection {
    private let handle: OpaquePointer
    private var statements: [String: OpaquePointer] = [:]
    var hasMadeChange = false

    enum Access { case readWrite, readOnly }

    /// Opens (and with `.readWrite` creates) the file: write-ahead log, and a commit that is on the disk when it returns.
    init(path: String, access: Access) throws(StoreError) {
        _ = Self.configured
        let flags = access == .readWrite ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READONLY
        var opened: OpaquePointer?
        let status = sqlite3_open_v2(path, &opened, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nil)
        guard status == SQLITE_OK, let opened else {
            let message = opened.map { String(cString: sqlite3_errmsg($0)) } ?? "out of memory"
            sqlite3_close_v2(opened)
            throw StoreError(.unavailable, "cannot open the database \(path): \(message)")
        }
        handle = opened
        sqlite3_busy_timeout(handle, Self.patienceMilliseconds)
        // SQLite opens for reading what it may not write.
        guard access == .readOnly || sqlite3_db_readonly(handle, "main") == 0 else {
            throw StoreError(.unavailable, "the database \(path) is read-only")
        }
        try execute(access == .readWrite ? "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL" : "PRAGMA query_only=ON")
    }

    /// How long somebody else may hold the database: who waits behind one that waits in vain waits twice as long.
    private static let patienceMilliseconds: Int32 = 2000
    private static let writersCacheKibibytes = 16_384
    /// 32 MiB, of pages of 4 KiB.
    private static let writersLogPages = 8192

    /// The connection that writes, to a file that is brought up to date.
    static func forWriting(path: String) throws(StoreError) -> SQLiteDatabase {
        let database = try SQLiteDatabase(path: path, access: .readWrite)
        // Ids of Stripe's are spread over their indices: with SQLite's 2 MiB most of a large index's pages would be read again.
        // No more than this, because a commit that has split pages looks through all that is cached.
        try database.execute("PRAGMA cache_size=-\(writersCacheKibibytes)")
        // A page that many changes touch goes back into the database once for all of them.
        try database.execute("PRAGMA wal_autocheckpoint=\(writersLogPages)")
        try Migration.bringUpToDate(database)
        return database
    }

    /// Once in a process, before its first connection.
    private static let configured: Void = dues_sqlite_configure()

    deinit {
        for statement in statements.values { sqlite3_finalize(statement) }
        sqlite3_close_v2(handle)
    }

    /// Runs statements that take no arguments and answer nothing.
    func execute(_ sql: String) throws(StoreError) {
        guard sqlite3_exec(handle, sql, nil, nil, nil) == SQLITE_OK else { throw failure("running a statement") }
    }

    /// Runs `body` with the write lock held, and commits what it changed, or nothing where it throws.
    func transaction<Value>(_ body: () throws(StoreError) -> Value) throws(StoreError) -> Value {
        hasMadeChange = false
        try run("BEGIN IMMEDIATE")
        do throws(StoreError) {
            let value = try body()
            try run("COMMIT")
            return value
        } catch {
            // The engine may have rolled back already (a full disk, for one); then this says so and nothing more.
            try? execute("ROLLBACK")
            throw error
        }
    }

    func attempt(_ body: () -> Bool) throws(StoreError) {
        try run("SAVEPOINT attempt")
        if !body() { try run("ROLLBACK TO attempt") }
        try run("RELEASE attempt")
    }

    /// The engine goes on after the greatest number that it has seen.
    func number(_ table: String, after last: Int64) {}

    /// Empties the write-ahead log, unless somebody still reads from it: nobody is waited for, who might have others wait for
    /// this.
    func tidy() { try? execute("PRAGMA busy_timeout=0; PRAGMA wal_checkpoint(TRUNCATE)") }

    @discardableResult
    func run(_ sql: String, _ arguments: [SQLValue], _ each: (any SQLRow) -> Void) throws(StoreError) -> Int {
        let statement = try prepared(sql)
        defer {
            sqlite3_reset(statement)
            sqlite3_clear_bindings(statement)
        }
        for (index, argument) in arguments.enumerated() { bind(argument, at: Int32(index + 1), of: statement) }
        while true {
            switch sqlite3_step(statement) {
            case SQLITE_ROW: each(SQLiteRow(statement: statement))
            case SQLITE_DONE: return Int(sqlite3_changes(handle))
            default: throw failure("running a statement")
            }
        }
    }

    /// A statement for whoever runs it at every call and does not want it looked up each time. Lives as long as the database.
    func statement(_ sql: String) throws(StoreError) -> SQLiteStatement { SQLiteStatement(pointer: try prepared(sql)) }

    /// Runs a query whose only argument is a text. The text is lent to SQLite, not copied: unsafe beyond this call, which
    /// takes it back.
    func each(_ query: SQLiteStatement, _ argument: String, _ read: (SQLiteRow) -> Void) throws(StoreError) {
        var argument = argument
        let status = argument.withUTF8 { text in
            text.withMemoryRebound(to: CChar.self) { bytes in
                // An empty text has no address, and without one SQLite would bind NULL.
                let start = bytes.baseAddress
                _ =
                    start.map { sqlite3_bind_text(query.pointer, 1, $0, Int32(bytes.count), nil) }
                    ?? dues_sqlite_bind_text(query.pointer, 1, "", 0)
                defer {
                    sqlite3_reset(query.pointer)
                    sqlite3_clear_bindings(query.pointer)
                }
                while true {
                    let status = sqlite3_step(query.pointer)
                    guard status == SQLITE_ROW else { return status }
                    read(SQLiteRow(statement: query.pointer))
                }
            }
        }
        guard status == SQLITE_DONE else { throw failure("running a statement", status) }
    }

    /// The header of the write-ahead log's index, valid as long as this connection; nil where there is none.
    var logHeader: UnsafePointer<UInt64>? { dues_sqlite_log_header(handle) }

    private func prepared(_ sql: String) throws(StoreError) -> OpaquePointer {
        if let statement = statements[sql] { return statement }
        var made: OpaquePointer?
        let status = sqlite3_prepare_v3(handle, sql, -1, UInt32(SQLITE_PREPARE_PERSISTENT), &made, nil)
        guard status == SQLITE_OK, let made else { throw failure("preparing a statement") }
        statements[sql] = made
        return made
    }

    private func bind(_ value: SQLValue, at index: Int32, of statement: OpaquePointer) {
        // Binding fails only for an index that the statement does not have, which its first run in a test would show.
        switch value {
        case .null: sqlite3_bind_null(statement, index)
        case .integer(let number): sqlite3_bind_int64(statement, index, number)
        case .text(let text): _ = dues_sqlite_bind_text(statement, index, text, Int32(text.utf8.count))
        case .blob(let bytes): _ = dues_sqlite_bind_blob(statement, index, bytes, Int32(bytes.count))
        }
    }

    private func failure(_ doing: String) -> StoreError { failure(doing, sqlite3_errcode(handle)) }

    private func failure(_ doing: String, _ status: Int32) -> StoreError {
        let message = "\(doing): \(String(cString: sqlite3_errmsg(handle)))"
        switch status & 0xFF {
        case SQLITE_CORRUPT, SQLITE_NOTADB: return StoreError(.corrupt, message)
        case SQLITE_ERROR, SQLITE_MISUSE, SQLITE_RANGE, SQLITE_CONSTRAINT, SQLITE_MISMATCH, SQLITE_TOOBIG:
            return StoreError(.misuse, message)
        default: return StoreError(.unavailable, message)
        }
    }
}

/// A prepared statement, kept at hand.
struct SQLiteStatement {
    fileprivate let pointer: OpaquePointer
}

/// The row that a statement stands on. Unsafe because its texts and blobs are SQLite's until the next step: they are copied.
struct SQLiteRow: SQLRow {
    fileprivate let statement: OpaquePointer

    func integer(_ column: Int32) -> Int64 { sqlite3_column_int64(statement, column) }

    func optionalInteger(_ column: Int32) -> Int64? {
        sqlite3_column_type(statement, column) == SQLITE_NULL ? nil : integer(column)
    }

    func optionalText(_ column: Int32) -> String? {
        guard let text = sqlite3_column_text(statement, column) else { return nil }
        let count = Int(sqlite3_column_bytes(statement, column))
        return String(decoding: UnsafeBufferPointer(start: text, count: count), as: UTF8.self)
    }

    func blob(_ column: Int32) -> [UInt8] {
        let count = Int(sqlite3_column_bytes(statement, column))
        guard count > 0, let bytes = sqlite3_column_blob(statement, column) else { return [] }
        return Array(UnsafeRawBufferPointer(start: bytes, count: count))
    }
}
