@testable import Store

/// What is in the database, read beside the service and without its help.
struct Ledger {
    private let database: SQLiteDatabase

    init(_ world: World) throws { database = try SQLiteDatabase(path: world.database, access: .readOnly) }

    /// Events that are written down and not yet in the mirror.
    var waiting: Int64 {
        get throws { try database.first("SELECT count(*) FROM events WHERE projected IS NULL") { $0.integer(0) } ?? 0 }
    }

    /// The ids of all events that are written down.
    var journal: [String] { get throws { try database.rows("SELECT id FROM events ORDER BY seq") { $0.text(0) } } }

    /// The events in the order in which they were closed.
    var closed: [(change: Int64, event: String)] {
        get throws {
            try database.rows("SELECT change, id FROM events WHERE change IS NOT NULL ORDER BY change") {
                ($0.integer(0), $0.text(1))
            }
        }
    }

    /// The numbers of all changes.
    var changes: [Int64] { get throws { try database.rows("SELECT seq FROM changes ORDER BY seq") { $0.integer(0) } } }

    /// The columns of a kind's rows, as one text each, by their ids; nil for a tombstone.
    func rows(_ kind: MirrorKind) throws -> [String: String?] {
        let columns = Self.columns(kind)
        let sql = "SELECT id, deleted, \(columns.map { "\($0.column)" }.joined(separator: ", ")) FROM \(kind.rawValue)"
        let rows = try database.rows(sql) { row in
            let values = columns.indices.map { row.optionalText(Int32($0) + 2) ?? "null" }
            return (row.text(0), row.flag(1) ? nil : Self.text(kind, values))
        }
        return Dictionary(uniqueKeysWithValues: rows)
    }

    /// The items of all subscriptions, as one text for each subscription.
    var items: [String: String] {
        get throws {
            let rows = try database.rows(
                """
                SELECT subscription, id, price, product, quantity, period_start, period_end FROM subscription_items
                ORDER BY subscription, position
                """
            ) { row in (row.text(0), (1...6).map { row.optionalText($0) ?? "null" }.joined(separator: " ")) }
            return Dictionary(rows) { "\($0), \($1)" }
        }
    }

    static func text(_ kind: MirrorKind, _ values: [String]) -> String {
        zip(columns(kind), values).map { "\($0.column) \($1)" }.joined(separator: ", ")
    }

    /// The columns of a kind, and where in Stripe's objects their content stands.
    static func columns(_ kind: MirrorKind) -> [(column: String, path: [String])] {
        switch kind {
        case .customers: [("email", ["email"]), ("name", ["name"])]
        case .subscriptions:
            ["customer", "status", "created", "cancel_at", "ended_at", "trial_end"].map { ($0, [$0]) }
        case .products: [("name", ["name"]), ("active", ["active"])]
        case .prices: [("product", ["product"]), ("lookup_key", ["lookup_key"]), ("active", ["active"])]
        case .invoices:
            [("subscription", ["parent", "subscription_details", "subscription"])]
                + ["customer", "status", "amount_due", "amount_paid", "currency"].map { ($0, [$0]) }
        case .paymentMethods: [("customer", ["customer"]), ("type", ["type"])]
        // What they hold stands in a table of its own.
        case .entitlements: []
        }
    }
}
