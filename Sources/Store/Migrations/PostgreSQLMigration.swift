/// A step of a PostgreSQL database's shape: numbered from 1, applied once, never changed after its release. The numbers are this
/// engine's own.
struct PostgreSQLMigration {
    let number: Int64
    let sql: String

    /// Every step, in order.
    static let all = [first]

    /// Applies what is missing, under a lock, so that processes that start at once do it once. Throws `.newerDatabase` where the
    /// database has steps that this program does not know.
    static func bringUpToDate(_ address: PostgreSQLAddress) throws(StoreError) {
        let session = try PostgreSQLSession(address, for: .migrating)
        // The lock is the session's, and goes with it.
        try session.execute("SELECT pg_advisory_lock(\(PostgreSQLLocks.space), 2)")
        let version = try version(session)
        let newest = Int64(all.count)
        guard version <= newest else {
            throw StoreError(
                .newerDatabase, "the database is at step \(version), this program knows \(newest): use a newer dues")
        }
        for step in all where step.number > version {
            try session.execute("BEGIN; \(step.sql); UPDATE dues_schema SET version = \(step.number); COMMIT")
        }
    }

    /// The number of the last step that was applied. Who may not make tables may use those that are there.
    private static func version(_ session: PostgreSQLSession) throws(StoreError) -> Int64 {
        var isThere = false
        var version: Int64 = 0
        do throws(PostgreSQLFailure) {
            try session.exchange([.init(sql: "SELECT to_regclass('dues_schema') IS NOT NULL")]) { isThere = $1.flag(0) }
            guard isThere else {
                try session.exchange([
                    .init(sql: "CREATE TABLE dues_schema (version BIGINT NOT NULL)"),
                    .init(sql: "INSERT INTO dues_schema (version) VALUES (0)"),
                ])
                return 0
            }
            try session.exchange([.init(sql: "SELECT version FROM dues_schema")]) { version = $1.integer(0) }
        } catch {
            throw error.error
        }
        return version
    }
}
