import JSON

/// Every object of the account, in order of creation, with an undo log: a refused request, and every preview, leaves
/// nothing behind at a cost in proportion to what it touched.
struct ObjectStore {
    typealias DueTime = ObjectTable.DueTime

    /// By the kinds' places.
    private var tables = ObjectKind.allCases.map(ObjectTable.init)
    /// What falls due in order of time, by test clock.
    private var queues: [String?: DueQueue] = [:]
    private var undo: [Undo] = []
    private var packer = ObjectPacker()
    /// Another number whenever anything but an event may have changed.
    private(set) var version = 0
    /// As many objects of a kind stay as they are; those that come later are packed when their changes are committed. So
    /// what everybody refers to, the catalogue above all, is at hand, and memory does not grow by much with the rest.
    var plainRows = 1_000
    /// Packed objects that were read lately, for most are soon read again: each may be in one place alone.
    private var unpacked = [Unpacked?](repeating: nil, count: 128)

    private struct Unpacked {
        let kind: ObjectKind
        let ordinal: Int
        let object: JSONObject
    }

    /// How an object was before it was written; nothing before it was made.
    private struct Undo {
        let kind: ObjectKind
        let ordinal: Int
        let before: (content: ObjectTable.Content, due: DueTime?)?
    }

    // MARK: Reading

    /// The object of that id, deleted ones included.
    mutating func object(_ kind: ObjectKind, _ id: String) -> JSONObject? {
        tables[kind.place].ordinal(of: id).map { object(kind, $0) }
    }

    private mutating func object(_ kind: ObjectKind, _ ordinal: Int) -> JSONObject {
        switch tables[kind.place].contents[ordinal] {
        case .plain(let object): return object
        case .packed(let bytes):
            let place = placeOfUnpacked(kind, ordinal)
            if let known = unpacked[place], known.ordinal == ordinal, known.kind == kind { return known.object }
            let object = packer.unpack(bytes)
            unpacked[place] = Unpacked(kind: kind, ordinal: ordinal, object: object)
            return object
        }
    }

    /// Where an object is kept once it was unpacked.
    private func placeOfUnpacked(_ kind: ObjectKind, _ ordinal: Int) -> Int {
        (ordinal * tables.count + kind.place) % unpacked.count
    }

    /// The object of that id with at least the members `keys`, as far as it has them: quicker to get, for who looks at many.
    func excerpt(_ kind: ObjectKind, _ id: String, _ keys: [String]) -> JSONObject? {
        switch tables[kind.place].ordinal(of: id).map({ tables[kind.place].contents[$0] }) {
        case nil: return nil
        case .plain(let object): return object
        case .packed(let bytes): return packer.unpack(bytes, only: keys)
        }
    }

    /// The ids of a kind, oldest first.
    func ids(_ kind: ObjectKind) -> ObjectIDs { ObjectIDs(all: tables[kind.place].ids, chosen: nil) }

    /// The ids of a kind whose `member` (one of the kind's `groupedBy`) is `value`, oldest first.
    func ids(_ kind: ObjectKind, where member: String, is value: String) -> ObjectIDs {
        tables[kind.place].ids(where: member, is: value)
    }

    /// The place of an object in its kind's order.
    func ordinal(_ kind: ObjectKind, _ id: String) -> Int? { tables[kind.place].ordinal(of: id) }

    // MARK: Writing

    mutating func put(_ kind: ObjectKind, _ object: JSONObject, due time: DueTime?) {
        if kind != .event { version += 1 }
        let id = object.id
        if let ordinal = tables[kind.place].ordinal(of: id) {
            let content = tables[kind.place].contents[ordinal]
            undo.append(Undo(kind: kind, ordinal: ordinal, before: (content, tables[kind.place].dueTime(ordinal))))
            let before = self.object(kind, ordinal)
            forget(kind, ordinal)
            tables[kind.place].replace(ordinal, .plain(object), object, was: before)
            setDue(kind, ordinal, time)
        } else {
            let ordinal = tables[kind.place].add(object, id)
            undo.append(Undo(kind: kind, ordinal: ordinal, before: nil))
            setDue(kind, ordinal, time)
        }
    }

    /// What was unpacked of an object holds no longer.
    private mutating func forget(_ kind: ObjectKind, _ ordinal: Int) {
        let place = placeOfUnpacked(kind, ordinal)
        if let known = unpacked[place], known.ordinal == ordinal, known.kind == kind { unpacked[place] = nil }
    }

    // MARK: Undoing

    /// A point to come back to by `rollback`.
    var savepoint: Int { undo.count }

    /// Whether anything was written since the last `commit`.
    var hasChanges: Bool { !undo.isEmpty }

    /// Nothing that was written is taken back any more.
    mutating func commit() {
        for entry in undo where entry.ordinal >= plainRows {
            guard case .plain(let object) = tables[entry.kind.place].contents[entry.ordinal] else { continue }
            tables[entry.kind.place].pack(entry.ordinal, packer.pack(object))
        }
        undo.removeAll(keepingCapacity: true)
    }

    mutating func rollback(to savepoint: Int) {
        while undo.count > savepoint {
            let entry = undo.removeLast()
            let now = object(entry.kind, entry.ordinal)
            forget(entry.kind, entry.ordinal)
            version += 1
            if let (content, due) = entry.before {
                let before = unpack(content)
                tables[entry.kind.place].replace(entry.ordinal, content, before, was: now)
                setDue(entry.kind, entry.ordinal, due)
            } else {
                tables[entry.kind.place].removeLast(now)
            }
        }
    }

    private func unpack(_ content: ObjectTable.Content) -> JSONObject {
        switch content {
        case .plain(let object): object
        case .packed(let bytes): packer.unpack(bytes)
        }
    }

    // MARK: Time

    private mutating func setDue(_ kind: ObjectKind, _ ordinal: Int, _ time: DueTime?) {
        guard kind.fallsDue, tables[kind.place].dueTime(ordinal) != time else { return }
        tables[kind.place].setDue(ordinal, time)
        guard let time else { return }
        queues[time.clock, default: DueQueue()].insert(DueQueue.Entry(time: time.time, kind: kind, ordinal: ordinal))
    }

    /// What needs attention first by a test clock, or (nil) in the account's own time. Of equal times: by the kinds' places,
    /// then the older object.
    mutating func nextDue(on clock: String?) -> (kind: ObjectKind, id: String, time: Int64)? {
        while let first = queues[clock]?.first {
            let (place, ordinal) = (first.kind.place, first.ordinal)
            let exists = ordinal < tables[place].ids.count
            if exists, tables[place].dueTime(ordinal) == DueTime(time: first.time, clock: clock) {
                return (first.kind, tables[place].ids[ordinal], first.time)
            }
            queues[clock]?.removeFirst()
        }
        return nil
    }
}
