/// Where a database is, as `--db` names it.
package enum StoreAddress: Sendable {
    /// The path of an SQLite file.
    case file(String)
    /// At a PostgreSQL server, which other processes may share.
    case server(PostgreSQLAddress)

    /// Throws where the text is neither, and where libpq cannot read it.
    package init(_ text: String) throws(StoreError) {
        if text.hasPrefix("postgres://") || text.hasPrefix("postgresql://") {
            self = .server(try PostgreSQLAddress(text))
        } else if text.hasPrefix("sqlite:"), text.count > 7 {
            self = .file(String(text.dropFirst(7)))
        } else {
            // What is no address of ours may hold a password all the same.
            let shown = text.contains("@") ? "something else" : "\"\(text)\""
            throw StoreError(.misuse, "a database is sqlite:PATH or postgres://USER@HOST/NAME, got \(shown)")
        }
    }
}
