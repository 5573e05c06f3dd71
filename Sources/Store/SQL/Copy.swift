/// Everything from one database to another: from one engine to the other, say.
extension SQLStore {
    private static let page = 500

    /// Copies every row to `other`, which must be empty, in one transaction, and while nobody else writes here. Waits on the
    /// caller's thread.
    ///
    /// - Parameter progress: told now and then how many rows of how many are done.
    /// - Returns: how many rows each table has.
    package func copy(
        to other: SQLStore, progress: (_ done: Int64, _ all: Int64) -> Void
    ) throws(StoreError) -> [(table: String, rows: Int64)] {
        try other.writer.changeNow { target throws(StoreError) in
            try writer.changeNow { source throws(StoreError) in
                for table in CopiedTable.all {
                    guard try Self.count(table, target) == 0 else {
                        throw StoreError(.misuse, "the database to copy to is not empty: it has rows in \(table.name)")
                    }
                }
                var all: Int64 = 0
                for table in CopiedTable.all { all += try Self.count(table, source) }
                var done: Int64 = 0
                var copied: [(table: String, rows: Int64)] = []
                for table in CopiedTable.all {
                    let rows = try Self.copy(table, from: source, to: target) { progress(done + $0, all) }
                    done += rows
                    copied.append((table: table.name, rows: rows))
                }
                target.hasMadeChange = true
                return copied
            }
        }
    }

    private static func count(_ table: CopiedTable, _ database: any SQLConnection) throws(StoreError) -> Int64 {
        try database.first("SELECT count(*) FROM \(table.name)") { $0.integer(0) } ?? 0
    }

    private static func copy(
        _ table: CopiedTable, from source: any SQLConnection, to target: any SQLConnection, _ progress: (Int64) -> Void
    ) throws(StoreError) -> Int64 {
        var done: Int64 = 0
        var last: [SQLValue]?
        while true {
            var rows: [[SQLValue]] = []
            try source.run(table.page(isFirst: last == nil), (last ?? []) + [.integer(Int64(page))]) {
                rows.append(table.values(of: $0))
            }
            guard let end = rows.last else { break }
            _ = try target.run(table.insertion, each: rows)
            last = table.key(of: end)
            done += Int64(rows.count)
            progress(done)
        }
        if table.isNumbered, let last, case .integer(let number) = last[0] {
            try target.number(table.name, after: number)
        }
        return done
    }
}
