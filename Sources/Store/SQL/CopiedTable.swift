/// A table as it is copied from one database to another, whatever the engines: the names of its columns, and what they hold.
struct CopiedTable {
    let name: String
    /// In any order.
    let columns: [(name: String, holds: Kind)]
    /// The columns that tell its rows apart.
    let key: [String]
    /// Whether the first column of the key is given by the database, one after the other.
    var isNumbered = false

    enum Kind {
        case integer, text, blob
        /// Bytes, of which none are the same as null.
        case optionalBlob
    }

    /// Every table that there is.
    static let all =
        [
            CopiedTable(
                name: "events", integers: ["seq", "created", "received", "projected", "change"],
                texts: ["id", "type", "customer", "subscription"], blobs: ["payload"], key: ["seq"], isNumbered: true),
            CopiedTable(
                name: "changes", integers: ["seq", "at", "written", "gone", "known_from", "known_until"],
                texts: ["kind", "object", "customer", "event", "answer"], key: ["seq"], isNumbered: true),
            CopiedTable(
                name: "drift", integers: ["change", "found"], texts: ["kind", "object", "customer", "verdict", "members"],
                key: ["change"]),
        ] + MirrorKind.allCases.map(CopiedTable.init) + [
            CopiedTable(
                name: "subscription_items", integers: ["position", "quantity", "period_start", "period_end"],
                texts: ["subscription", "id", "price", "product"], key: ["subscription", "position"]),
            CopiedTable(name: "product_features", texts: ["feature", "product"], key: ["feature", "product"]),
            CopiedTable(name: "entitled_features", texts: ["customer", "feature"], key: ["customer", "feature"]),
            CopiedTable(
                name: "intents", integers: ["created", "attempt"], texts: ["key", "method", "stripe_key"],
                blobs: ["params"], optionalBlobs: ["begun", "reply"], key: ["key"]),
            CopiedTable(name: "settings", texts: ["name"], blobs: ["value"], key: ["name"]),
            CopiedTable(name: "walks", integers: ["mark"], texts: ["name"], key: ["name"]),
        ]

    private init(
        name: String, integers: [String] = [], texts: [String] = [], blobs: [String] = [], optionalBlobs: [String] = [],
        key: [String], isNumbered: Bool = false
    ) {
        self.name = name
        self.key = key
        self.isNumbered = isNumbered
        columns =
            integers.map { ($0, .integer) } + texts.map { ($0, .text) } + blobs.map { ($0, .blob) }
            + optionalBlobs.map { ($0, .optionalBlob) }
    }

    private init(_ kind: MirrorKind) {
        let numbers: Set = [
            "created", "cancel_at", "ended_at", "trial_end", "active", "amount_due", "amount_paid", "count",
        ]
        self.init(
            name: kind.rawValue,
            integers: ["version", "known_from", "known_until", "deleted"] + kind.columns.filter(numbers.contains)
                + (kind == .subscriptions ? ["past_due_since"] : []),
            texts: ["id", "raw"] + kind.columns.filter { !numbers.contains($0) }, key: ["id"])
    }

    // MARK: Statements

    private var names: String { columns.map(\.name).joined(separator: ", ") }

    var insertion: String {
        "INSERT INTO \(name) (\(names)) VALUES (\(columns.map { _ in "?" }.joined(separator: ", ")))"
    }

    /// The next rows after one, or the first ones.
    func page(isFirst: Bool) -> String {
        let order = key.joined(separator: ", ")
        let rest = isFirst ? "" : "WHERE (\(order)) > (\(key.map { _ in "?" }.joined(separator: ", "))) "
        return "SELECT \(names) FROM \(name) \(rest)ORDER BY \(order) LIMIT ?"
    }

    func values(of row: any SQLRow) -> [SQLValue] {
        columns.enumerated().map { index, column in
            let index = Int32(index)
            switch column.holds {
            case .integer: return .optional(row.optionalInteger(index))
            case .text: return .optional(row.optionalText(index))
            case .blob: return .blob(row.blob(index))
            case .optionalBlob:
                let bytes = row.blob(index)
                return bytes.isEmpty ? .null : .blob(bytes)
            }
        }
    }

    /// What of a row's values is its key.
    func key(of values: [SQLValue]) -> [SQLValue] {
        key.map { name in columns.firstIndex { $0.name == name }.map { values[$0] } ?? .null }
    }
}
