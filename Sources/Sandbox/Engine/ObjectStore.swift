import JSON

/// Every object of the account, in order of creation, with an undo log: a refused request, and every preview, leaves
/// nothing behind at a cost in proportion to what it touched.
struct ObjectStore {
    private var tables: [ObjectKind: Table] = [:]
    /// When each object next needs attention: Unix seconds, by kind and id.
    private var due: [DueKey: Int64] = [:]
    /// The earliest of `due`; nil when it is not known and has to be looked for.
    private var earliest: (key: DueKey, time: Int64)?
    private var undo: [Undo] = []

    struct DueKey: Hashable {
        let kind: ObjectKind
        let id: String
    }

    private struct Row {
        let ordinal: Int
        var object: JSONObject
    }

    private struct Table {
        var rows: [String: Row] = [:]
        /// Ids, oldest first; an object is marked as deleted, never removed, so that it still works as a cursor.
        var order: [String] = []
        /// Ids, oldest first, by `member=value`.
        var groups: [String: [String]] = [:]
    }

    private enum Undo {
        case inserted(ObjectKind, String)
        case replaced(ObjectKind, String, JSONObject)
    }

    // MARK: Reading

    /// The object of that id, deleted ones included.
    func object(_ kind: ObjectKind, _ id: String) -> JSONObject? { tables[kind]?.rows[id]?.object }

    /// The ids of a kind, oldest first.
    func ids(_ kind: ObjectKind) -> [String] { tables[kind]?.order ?? [] }

    /// The ids of a kind whose `member` (one of the kind's `groupedBy`) is `value`, oldest first.
    func ids(_ kind: ObjectKind, where member: String, is value: String) -> [String] {
        tables[kind]?.groups["\(member)=\(value)"] ?? []
    }

    /// The place of an object in its kind's order.
    func ordinal(_ kind: ObjectKind, _ id: String) -> Int? { tables[kind]?.rows[id]?.ordinal }

    // MARK: Writing

    mutating func put(_ kind: ObjectKind, _ object: JSONObject, due time: Int64?) {
        let id = object.id
        if let row = tables[kind]?.rows[id] {
            undo.append(.replaced(kind, id, row.object))
        } else {
            undo.append(.inserted(kind, id))
        }
        write(kind, id, object)
        setDue(DueKey(kind: kind, id: id), time)
    }

    private mutating func write(_ kind: ObjectKind, _ id: String, _ object: JSONObject) {
        var table = tables.removeValue(forKey: kind) ?? Table()
        let previous = table.rows[id]
        let ordinal = previous?.ordinal ?? table.order.count
        for member in kind.groupedBy {
            let before = previous?.object.string(member)
            let after = object.string(member)
            guard before != after else { continue }
            if let before { table.groups["\(member)=\(before)"]?.removeAll { $0 == id } }
            if let after { Self.insert(id, ordinal, into: &table, group: "\(member)=\(after)") }
        }
        if previous == nil { table.order.append(id) }
        table.rows[id] = Row(ordinal: ordinal, object: object)
        tables[kind] = table
    }

    /// Keeps a group in order of creation; nearly always the id belongs at the end.
    private static func insert(_ id: String, _ ordinal: Int, into table: inout Table, group: String) {
        var ids = table.groups.removeValue(forKey: group) ?? []
        var place = ids.count
        while place > 0, (table.rows[ids[place - 1]]?.ordinal ?? 0) > ordinal { place -= 1 }
        ids.insert(id, at: place)
        table.groups[group] = ids
    }

    // MARK: Undoing

    /// A point to come back to by `rollback`.
    var savepoint: Int { undo.count }

    /// Whether anything was written since the last `commit`.
    var hasChanges: Bool { !undo.isEmpty }

    mutating func commit() { undo.removeAll(keepingCapacity: true) }

    mutating func rollback(to savepoint: Int, due: (ObjectKind, JSONObject) -> Int64?) {
        while undo.count > savepoint {
            switch undo.removeLast() {
            case .inserted(let kind, let id): remove(kind, id)
            case .replaced(let kind, let id, let object):
                write(kind, id, object)
                setDue(DueKey(kind: kind, id: id), due(kind, object))
            }
        }
    }

    /// Takes back the insertion of the youngest object of its kind (younger ones are gone already).
    private mutating func remove(_ kind: ObjectKind, _ id: String) {
        guard var table = tables.removeValue(forKey: kind) else { return }
        if let row = table.rows.removeValue(forKey: id) {
            for member in kind.groupedBy {
                if let value = row.object.string(member) { table.groups["\(member)=\(value)"]?.removeAll { $0 == id } }
            }
        }
        table.order.removeLast()
        tables[kind] = table
        setDue(DueKey(kind: kind, id: id), nil)
    }

    // MARK: Time

    private mutating func setDue(_ key: DueKey, _ time: Int64?) {
        guard due[key] != time else { return }
        due[key] = time
        if let first = earliest, first.key != key {
            guard let time, time <= first.time else { return }
            earliest = time < first.time ? (key, time) : nil
        } else {
            earliest = nil
        }
    }

    /// What needs attention first. Of equal times: invoices, then the ends of discounts, then subscriptions; then the
    /// older object.
    mutating func nextDue() -> (kind: ObjectKind, id: String, time: Int64)? {
        if earliest == nil {
            var best: (key: DueKey, time: Int64)?
            for (key, time) in due {
                if let found = best, !isBefore((key, time), found) { continue }
                best = (key, time)
            }
            earliest = best
        }
        return earliest.map { ($0.key.kind, $0.key.id, $0.time) }
    }

    private static func rank(_ kind: ObjectKind) -> Int {
        switch kind {
        case .invoice: 0
        case .discount: 1
        default: 2
        }
    }

    /// Ties are settled by kind and age, never by the order of a hash table, so that a replay runs the same.
    private func isBefore(_ left: (key: DueKey, time: Int64), _ right: (key: DueKey, time: Int64)) -> Bool {
        if left.time != right.time { return left.time < right.time }
        if left.key.kind != right.key.kind { return Self.rank(left.key.kind) < Self.rank(right.key.kind) }
        return (ordinal(left.key.kind, left.key.id) ?? 0) < (ordinal(right.key.kind, right.key.id) ?? 0)
    }
}
