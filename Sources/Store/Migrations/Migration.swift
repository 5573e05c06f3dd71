/// A step of the database's shape: numbered from 1, applied once, never changed after its release.
struct Migration {
    let number: Int64
    let sql: String

    /// Every step, in order.
    static let all = [first, second, third, fourth, fifth, sixth, seventh, eighth]

    /// Applies what is missing, under the database's write lock, so that two processes that start at once do it once.
    /// Throws `.newerDatabase` where the file has steps that this program does not know.
    static func bringUpToDate(_ database: SQLiteDatabase) throws(StoreError) {
        try database.transaction { () throws(StoreError) in
            let version = try database.first("PRAGMA user_version") { $0.integer(0) } ?? 0
            let newest = Int64(all.count)
            guard version <= newest else {
                throw StoreError(
                    .newerDatabase, "the database is at step \(version), this program knows \(newest): use a newer dues")
            }
            for step in all where step.number > version { try database.execute(step.sql) }
            // Only where something is new: writing the number again would wait for the disk at every start.
            if version < newest { try database.execute("PRAGMA user_version=\(newest)") }
        }
    }
}
