/// Letting go of what is old.
extension SQLStore {
    package func sweep(
        eventsBefore received: Int64, intentsBefore created: Int64, limit: Int
    ) async throws(StoreError) -> SweptRows {
        try await writer.change { database throws(StoreError) in
            let limit = SQLValue.integer(Int64(limit))
            // The oldest have the lowest numbers: so no index by age is needed. One that waits keeps only itself.
            let old = """
                SELECT seq FROM (SELECT seq, received FROM events WHERE projected IS NOT NULL ORDER BY seq LIMIT ?) AS oldest
                WHERE received < ?
                """
            let last = try database.first(
                "SELECT max(change) FROM events WHERE seq IN (\(old))", limit, .integer(received)
            ) { $0.optionalInteger(0) }
            let events = try database.run("DELETE FROM events WHERE seq IN (\(old))", limit, .integer(received))
            if let last = last ?? nil {
                try database.run(
                    """
                    INSERT INTO walks (name, mark) VALUES (?, ?)
                    ON CONFLICT (name) DO UPDATE SET mark = excluded.mark WHERE excluded.mark > walks.mark
                    """, .text(SweptRows.walk), .integer(last))
            }
            let intents = try database.run(
                "DELETE FROM intents WHERE key IN (SELECT key FROM intents WHERE created < ? ORDER BY created LIMIT ?)",
                .integer(created), limit)
            return SweptRows(events: events, intents: intents)
        }
    }
}
