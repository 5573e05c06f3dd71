/// Letting go of what is old.
extension SQLStore {
    package func sweep(
        changesBefore written: Int64, intentsBefore created: Int64, limit: Int
    ) async throws(StoreError) -> SweptRows {
        try await writer.change { database throws(StoreError) in
            var swept = SweptRows()
            swept.changes = try Self.sweepChanges(before: written, limit: limit, database)
            swept.intents = try database.run(
                "DELETE FROM intents WHERE key IN (SELECT key FROM intents WHERE created < ? ORDER BY created LIMIT ?)",
                .integer(created), .integer(Int64(limit)))
            return swept
        }
    }

    /// The oldest changes, with their events: they go in the order of their numbers, so that one number tells what is gone. A
    /// change that a row rests on stays, without what it wrote, and tells which event that was.
    private static func sweepChanges(
        before written: Int64, limit: Int, _ database: any SQLConnection
    ) throws(StoreError) -> Int {
        let mark = try database.mark(of: SweptRows.walk) ?? 0
        // Not the newest of all, whose number tells where others go on.
        let oldest = try database.rows(
            """
            SELECT seq, kind, object, written FROM changes WHERE seq > ? AND seq < (SELECT max(seq) FROM changes)
            ORDER BY seq LIMIT ?
            """, .integer(mark), .integer(Int64(limit))
        ) { (change: $0.integer(0), kind: $0.text(1), object: $0.text(2), written: $0.integer(3)) }
        .prefix { $0.written < written }
        guard let last = oldest.last?.change else { return 0 }
        try database.run("DELETE FROM events WHERE change > ? AND change <= ?", .integer(mark), .integer(last))
        try database.run("DELETE FROM drift WHERE change <= ?", .integer(last))
        let mirror = Mirror(database: database, now: 0)
        for (change, kind, object, _) in oldest {
            let row = try MirrorKind(rawValue: kind).flatMap { kind throws(StoreError) in try mirror.row(kind, object) }
            let isCurrent = row?.version == change
            try database.run(
                isCurrent ? "UPDATE changes SET answer = NULL WHERE seq = ?" : "DELETE FROM changes WHERE seq = ?",
                .integer(change))
        }
        try database.keep(mark: last, of: SweptRows.walk)
        return oldest.count
    }
}
