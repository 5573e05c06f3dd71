internal import CPostgreSQL

/// Where a PostgreSQL database is, as libpq reads it: `postgres://user:password@host:port/name?sslmode=require`, with every
/// parameter of libpq's (https://www.postgresql.org/docs/current/libpq-connect.html). It is not shown to anybody: it may hold a
/// password.
package struct PostgreSQLAddress: Sendable {
    let url: String

    /// Throws where libpq is not there, or cannot read the text.
    package init(_ url: String) throws(StoreError) {
        if let problem = dues_postgresql_load() {
            throw StoreError(.unavailable, "libpq is needed for PostgreSQL: \(String(cString: problem))")
        }
        self.url = url
        // What libpq says of a text that it cannot read shows a part of it.
        var problem: UnsafeMutablePointer<CChar>?
        let options = PQconninfoParse(url, &problem)
        PQfreemem(problem)
        guard let options else { throw Self.unreadable }
        defer { PQconninfoFree(options) }
        var option = options
        while let keyword = option.pointee.keyword {
            let value = option.pointee.val.map { String(cString: $0) } ?? ""
            switch String(cString: keyword) {
            // A password with an @ or a / in it ends early, and the rest of it would be taken for one of these, and told.
            case "host", "dbname": if value.contains("@") { throw Self.unreadable }
            case "port": if !value.allSatisfy({ $0.isWholeNumber || $0 == "," }) { throw Self.unreadable }
            default: break
            }
            option += 1
        }
    }

    private static let unreadable = StoreError(
        .unavailable,
        "the database's URL cannot be read: it is postgres://user:password@host:port/name?parameter=value, with "
            + "%40, %2F and the like for what is special in a password")

    /// libpq's parameters: those that the URL may change, the URL, and those that it may not.
    private var parameters: [(keyword: String, value: String)] {
        [
            ("application_name", "dues"), ("connect_timeout", "2"), ("target_session_attrs", "read-write"),
            ("keepalives_idle", "10"), ("keepalives_interval", "3"), ("keepalives_count", "3"),
            ("tcp_user_timeout", "15000"), ("dbname", url), ("client_encoding", "UTF8"),
        ]
    }

    /// A new connection, which may have failed; nil where memory is lacking.
    func connect() -> OpaquePointer? {
        // They live as long as libpq reads them.
        var texts: [UnsafeMutablePointer<CChar>?] = []
        func lasting(_ text: String) -> UnsafePointer<CChar>? {
            let copy = text.utf8CString.withUnsafeBufferPointer { bytes in
                let copy = UnsafeMutablePointer<CChar>.allocate(capacity: bytes.count)
                for (index, byte) in bytes.enumerated() { copy[index] = byte }
                return copy
            }
            texts.append(copy)
            return UnsafePointer(copy)
        }
        defer { for text in texts { text?.deallocate() } }
        let keywords = parameters.map { lasting($0.keyword) } + [nil]
        let values = parameters.map { lasting($0.value) } + [nil]
        return PQconnectdbParams(keywords, values, 1)
    }
}
