/// A connection that runs SQL, whatever the engine behind it: what the rules of the store are written on. It belongs to one
/// thread at a time.
///
/// Statements are of the SQL that all engines share, with a `?` for each argument.
protocol SQLConnection: AnyObject {
    /// Runs one statement, and gives `each` the rows that it answers; answers how many rows it changed.
    @discardableResult
    func run(_ sql: String, _ arguments: [SQLValue], _ each: (any SQLRow) -> Void) throws(StoreError) -> Int
    /// Runs `body` while nobody else writes, and commits what it changed, or nothing where it throws.
    func transaction<Value>(_ body: () throws(StoreError) -> Value) throws(StoreError) -> Value
    /// Runs `body` within a transaction and answers whether it is to be kept; where it is not, it has changed nothing.
    func attempt(_ body: () -> Bool) throws(StoreError)
    /// Takes to its lasting place what lies in a log of the engine's, where that costs nobody else a wait.
    func tidy()
}

extension SQLConnection {
    @discardableResult
    func run(_ sql: String, _ arguments: SQLValue...) throws(StoreError) -> Int { try run(sql, arguments) { _ in } }

    @discardableResult
    func run(_ sql: String, _ arguments: [SQLValue]) throws(StoreError) -> Int { try run(sql, arguments) { _ in } }

    /// The rows that a query answers, each turned into a value.
    func rows<Value>(_ sql: String, _ arguments: SQLValue..., read: (any SQLRow) -> Value) throws(StoreError) -> [Value] {
        var values: [Value] = []
        try run(sql, arguments) { values.append(read($0)) }
        return values
    }

    /// The first row that a query answers, if there is one.
    func first<Value>(
        _ sql: String, _ arguments: SQLValue..., read: (any SQLRow) -> Value
    ) throws(StoreError) -> Value? {
        var value: Value?
        try run(sql, arguments) { row in value = value ?? read(row) }
        return value
    }

    /// The number of the newest change; 0 where there is none.
    var newestChange: Int64 {
        get throws(StoreError) { try first("SELECT max(seq) FROM changes") { $0.integer(0) } ?? 0 }
    }

    /// How far a walk has come; nil for one that never began.
    func mark(of walk: String) throws(StoreError) -> Int64? {
        try first("SELECT mark FROM walks WHERE name = ?", .text(walk)) { $0.integer(0) }
    }

    func keep(mark: Int64, of walk: String) throws(StoreError) {
        try run(
            "INSERT INTO walks (name, mark) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET mark = excluded.mark",
            .text(walk), .integer(mark))
    }
}

/// A value that an engine stores.
enum SQLValue: Sendable, Equatable {
    case null
    case integer(Int64)
    case text(String)
    case blob([UInt8])

    static func optional(_ text: String?) -> SQLValue { text.map(SQLValue.text) ?? .null }
    static func optional(_ number: Int64?) -> SQLValue { number.map(SQLValue.integer) ?? .null }
    static func flag(_ flag: Bool) -> SQLValue { .integer(flag ? 1 : 0) }
}

/// A row of an answer, while it is looked at. What is null reads as 0, as an empty text, or as no bytes.
protocol SQLRow {
    func integer(_ column: Int32) -> Int64
    func optionalInteger(_ column: Int32) -> Int64?
    func optionalText(_ column: Int32) -> String?
    func blob(_ column: Int32) -> [UInt8]
}

extension SQLRow {
    func flag(_ column: Int32) -> Bool { integer(column) != 0 }
    func text(_ column: Int32) -> String { optionalText(column) ?? "" }
}
