internal import CSQLite

/// Tells for the price of a few reads of memory whether a database has seen a commit, of this process or another: every one
/// changes the header of the write-ahead log's index, which all connections share. It is what SQLite itself looks at when a
/// transaction begins to read.
final class SQLiteCommits {
    private let header: UnsafePointer<UInt64>?
    private var seen = [UInt64](repeating: 0, count: Int(DUES_SQLITE_LOG_HEADER_WORDS))
    /// Keeps the header where it is.
    private let database: SQLiteDatabase

    /// `database` has read something before.
    init(of database: SQLiteDatabase) {
        self.database = database
        header = database.logHeader
    }

    /// Whether there was a commit since the last `noting`, or may have been.
    var hasChanged: Bool {
        guard let header else { return true }
        return seen.withUnsafeBufferPointer { dues_sqlite_log_is_unchanged(header, $0.baseAddress) == 0 }
    }

    /// Takes note of what is committed, if `body`, which looks at it, succeeds. What is committed meanwhile counts as new, and
    /// is to be looked at again.
    func noting<Value>(_ body: () throws(StoreError) -> Value) throws(StoreError) -> Value {
        var found = seen
        if let header { found.withUnsafeMutableBufferPointer { dues_sqlite_log_copy(header, $0.baseAddress) } }
        let value = try body()
        seen = found
        return value
    }
}
