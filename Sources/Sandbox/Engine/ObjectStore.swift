import JSON

/// Every object of the account, in order of creation, with an undo log: a refused request, and every preview, leaves
/// nothing behind at a cost in proportion to what it touched.
struct ObjectStore {
    private var tables: [ObjectKind: Table] = [:]
    /// When each object next needs attention, by kind and id.
    private var due: [Key: DueTime] = [:]
    /// The same in order of time, by test clock.
    private var queues: [String?: DueQueue] = [:]
    private var undo: [Undo] = []
    private var packer = ObjectPacker()
    /// Another number whenever anything but an event may have changed.
    private(set) var version = 0
    /// As many objects of a kind stay as they are; those that come later are packed when their changes are committed. So
    /// what everybody refers to, the catalogue above all, is at hand, and memory does not grow by much with the rest.
    var plainRows = 1_000
    /// Packed objects that were read lately, for most are soon read again.
    private var unpacked: [Key: JSONObject] = [:]
    private static let mostUnpacked = 64

    private struct Key: Hashable {
        let kind: ObjectKind
        let id: String
    }

    /// A time in Unix seconds of a test clock, or (nil) of the account.
    struct DueTime: Equatable {
        let time: Int64
        let clock: String?
    }

    private struct Row {
        let ordinal: Int
        var content: Content
    }

    private enum Content {
        case plain(JSONObject)
        case packed([UInt8])
    }

    private struct Table {
        var rows: [String: Row] = [:]
        /// Ids, oldest first; an object is marked as deleted, never removed, so that it still works as a cursor.
        var order: [String] = []
        /// Ids, oldest first.
        var groups: [Group: [String]] = [:]
    }

    /// The objects whose `member` is `value`.
    private struct Group: Hashable {
        let member: String
        let value: String
    }

    /// How an object was before it was written; nothing before it was made.
    private struct Undo {
        let kind: ObjectKind
        let id: String
        let before: (content: Content, due: DueTime?)?
    }

    // MARK: Reading

    /// The object of that id, deleted ones included.
    mutating func object(_ kind: ObjectKind, _ id: String) -> JSONObject? {
        switch tables[kind]?.rows[id]?.content {
        case nil: return nil
        case .plain(let object): return object
        case .packed(let bytes):
            let key = Key(kind: kind, id: id)
            if let object = unpacked[key] { return object }
            let object = packer.unpack(bytes)
            if unpacked.count == Self.mostUnpacked { unpacked.removeAll(keepingCapacity: true) }
            unpacked[key] = object
            return object
        }
    }

    /// The object of that id with at least the members `keys`, as far as it has them: quicker to get, for who looks at many.
    func excerpt(_ kind: ObjectKind, _ id: String, _ keys: [String]) -> JSONObject? {
        switch tables[kind]?.rows[id]?.content {
        case nil: nil
        case .plain(let object): object
        case .packed(let bytes): packer.unpack(bytes, only: keys)
        }
    }

    private func object(_ content: Content) -> JSONObject {
        switch content {
        case .plain(let object): object
        case .packed(let bytes): packer.unpack(bytes)
        }
    }

    /// The ids of a kind, oldest first.
    func ids(_ kind: ObjectKind) -> [String] { tables[kind]?.order ?? [] }

    /// The ids of a kind whose `member` (one of the kind's `groupedBy`) is `value`, oldest first.
    func ids(_ kind: ObjectKind, where member: String, is value: String) -> [String] {
        tables[kind]?.groups[Group(member: member, value: value)] ?? []
    }

    /// The place of an object in its kind's order.
    func ordinal(_ kind: ObjectKind, _ id: String) -> Int? { tables[kind]?.rows[id]?.ordinal }

    // MARK: Writing

    mutating func put(_ kind: ObjectKind, _ object: JSONObject, due time: DueTime?) {
        let id = object.id
        let key = Key(kind: kind, id: id)
        let before = tables[kind]?.rows[id]?.content
        undo.append(Undo(kind: kind, id: id, before: before.map { ($0, kind.fallsDue ? due[key] : nil) }))
        write(kind, id, .plain(object), was: before)
        setDue(key, time)
    }

    private mutating func write(_ kind: ObjectKind, _ id: String, _ content: Content, was previous: Content?) {
        if kind != .event { version += 1 }
        let members = kind.groupedBy
        let before = members.isEmpty ? nil : object(kind, id)
        let after = members.isEmpty ? nil : object(content)
        if case .packed = previous { unpacked[Key(kind: kind, id: id)] = nil }
        let changes = members.lazy.map { ($0, before?.string($0), after?.string($0)) }.filter { $0.1 != $0.2 }
        Self.write(id, content, Array(changes), into: &tables[kind, default: Table()])
    }

    private static func write(
        _ id: String, _ content: Content, _ changes: [(member: String, old: String?, new: String?)],
        into table: inout Table
    ) {
        let known = table.rows[id]?.ordinal
        let ordinal = known ?? table.order.count
        for change in changes {
            if let old = change.old { remove(id, from: &table, Group(member: change.member, value: old)) }
            if let new = change.new { insert(id, ordinal, into: &table, Group(member: change.member, value: new)) }
        }
        if known == nil { table.order.append(id) }
        table.rows[id] = Row(ordinal: ordinal, content: content)
    }

    /// Keeps a group in order of creation; nearly always the id belongs at the end.
    private static func insert(_ id: String, _ ordinal: Int, into table: inout Table, _ group: Group) {
        var ids = table.groups.removeValue(forKey: group) ?? []
        var place = ids.count
        while place > 0, (table.rows[ids[place - 1]]?.ordinal ?? 0) > ordinal { place -= 1 }
        ids.insert(id, at: place)
        table.groups[group] = ids
    }

    /// What leaves a group is nearly always what came to it last.
    private static func remove(_ id: String, from table: inout Table, _ group: Group) {
        guard let place = table.groups[group]?.lastIndex(of: id) else { return }
        table.groups[group]?.remove(at: place)
    }

    // MARK: Undoing

    /// A point to come back to by `rollback`.
    var savepoint: Int { undo.count }

    /// Whether anything was written since the last `commit`.
    var hasChanges: Bool { !undo.isEmpty }

    /// Nothing that was written is taken back any more.
    mutating func commit() {
        version += 1
        for entry in undo { pack(entry.kind, entry.id) }
        undo.removeAll(keepingCapacity: true)
    }

    private mutating func pack(_ kind: ObjectKind, _ id: String) {
        guard let row = tables[kind]?.rows[id], row.ordinal >= plainRows, case .plain(let object) = row.content else {
            return
        }
        tables[kind]?.rows[id]?.content = .packed(packer.pack(object))
    }

    mutating func rollback(to savepoint: Int) {
        while undo.count > savepoint {
            let entry = undo.removeLast()
            guard let (content, due) = entry.before else {
                remove(entry.kind, entry.id)
                continue
            }
            write(entry.kind, entry.id, content, was: tables[entry.kind]?.rows[entry.id]?.content)
            setDue(Key(kind: entry.kind, id: entry.id), due)
        }
    }

    /// Takes back the insertion of the youngest object of its kind (younger ones are gone already).
    private mutating func remove(_ kind: ObjectKind, _ id: String) {
        guard let gone = object(kind, id) else { return }
        version += 1
        unpacked[Key(kind: kind, id: id)] = nil
        tables[kind]?.rows[id] = nil
        tables[kind]?.order.removeLast()
        for member in kind.groupedBy {
            guard let value = gone.string(member) else { continue }
            Self.remove(id, from: &tables[kind, default: Table()], Group(member: member, value: value))
        }
        setDue(Key(kind: kind, id: id), nil)
    }

    // MARK: Time

    private mutating func setDue(_ key: Key, _ time: DueTime?) {
        guard key.kind.fallsDue, due[key] != time else { return }
        due[key] = time
        guard let time else { return }
        let entry = DueQueue.Entry(
            time: time.time, kind: key.kind, ordinal: ordinal(key.kind, key.id) ?? 0, id: key.id)
        queues[time.clock, default: DueQueue()].insert(entry)
    }

    /// What needs attention first by a test clock, or (nil) in the account's own time. Of equal times: by the kinds' places,
    /// then the older object.
    mutating func nextDue(on clock: String?) -> (kind: ObjectKind, id: String, time: Int64)? {
        while let first = queues[clock]?.first {
            if due[Key(kind: first.kind, id: first.id)] == DueTime(time: first.time, clock: clock) {
                return (first.kind, first.id, first.time)
            }
            queues[clock]?.removeFirst()
        }
        return nil
    }
}
