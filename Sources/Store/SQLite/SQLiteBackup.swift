internal import CSQLite
internal import Glibc

/// SQLite's online backup: a copy of a database that others go on using.
enum SQLiteBackup {
    /// Pages that are copied between two looks at the others: some milliseconds.
    private static let pagesPerStep: Int32 = 1024
    /// How often a step is tried while somebody holds the database, with a hundredth of a second between.
    private static let patience = 3000

    /// Copies the database at `path` to `target`, which must not exist, and checks the copy before it has its name.
    static func run(
        _ path: String, to target: String, progress: (_ done: Int64, _ all: Int64) -> Void
    ) throws(StoreError) {
        guard access(path, F_OK) == 0 else { throw StoreError(.unavailable, "there is no database \(path)") }
        guard access(target, F_OK) != 0 else { throw StoreError(.misuse, "\(target) exists already") }
        let partial = target + ".partial"
        unlink(partial)
        do throws(StoreError) {
            try copy(path, to: partial, progress)
            try check(partial)
            guard rename(partial, target) == 0 else {
                throw StoreError(.unavailable, "cannot name the copy \(target): \(String(cString: strerror(errno)))")
            }
        } catch {
            unlink(partial)
            throw error
        }
    }

    private static func copy(
        _ path: String, to partial: String, _ progress: (Int64, Int64) -> Void
    ) throws(StoreError) {
        let source = try open(path, SQLITE_OPEN_READONLY)
        defer { sqlite3_close_v2(source) }
        let copy = try open(partial, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE)
        defer { sqlite3_close_v2(copy) }
        guard let backup = sqlite3_backup_init(copy, "main", source, "main") else { throw failure(copy, "copying") }
        var status = SQLITE_OK
        var waits = 0
        repeat {
            status = sqlite3_backup_step(backup, pagesPerStep)
            let all = Int64(sqlite3_backup_pagecount(backup))
            progress(all - Int64(sqlite3_backup_remaining(backup)), all)
            if status == SQLITE_BUSY || status == SQLITE_LOCKED {
                waits += 1
                usleep(10_000)
            }
        } while status == SQLITE_OK || ((status == SQLITE_BUSY || status == SQLITE_LOCKED) && waits < patience)
        sqlite3_backup_finish(backup)
        guard status == SQLITE_DONE else { throw failure(copy, "copying") }
    }

    private static func check(_ path: String) throws(StoreError) {
        let database = try SQLiteDatabase(path: path, access: .readOnly)
        let problems = try database.rows("PRAGMA integrity_check(1)") { $0.text(0) }
        guard problems == ["ok"] else { throw StoreError(.corrupt, "the copy is damaged: \(problems.first ?? "")") }
    }

    private static func open(_ path: String, _ flags: Int32) throws(StoreError) -> OpaquePointer {
        var opened: OpaquePointer?
        guard sqlite3_open_v2(path, &opened, flags | SQLITE_OPEN_NOMUTEX, nil) == SQLITE_OK, let opened else {
            defer { sqlite3_close_v2(opened) }
            throw failure(opened, "opening \(path)")
        }
        return opened
    }

    private static func failure(_ database: OpaquePointer?, _ doing: String) -> StoreError {
        let message = database.map { String(cString: sqlite3_errmsg($0)) } ?? "out of memory"
        return StoreError(.unavailable, "\(doing): \(message)")
    }
}
