import JSON

/// The objects of one kind by their ordinals, which count them in order of creation: what each is, when it falls due, and
/// which of them have one value in common.
struct ObjectTable {
    enum Content {
        case plain(JSONObject)
        case packed([UInt8])
    }

    /// A time in Unix seconds of a test clock, or (nil) of the account.
    struct DueTime: Equatable {
        let time: Int64
        let clock: String?
    }

    /// Oldest first; an object is marked as deleted, never removed, so that it still works as a cursor.
    private(set) var ids: [String] = []
    private(set) var contents: [Content] = []
    /// When each next needs attention; empty for a kind that never does.
    private var due: [DueTime?] = []
    private var ordinals: [String: Int] = [:]
    /// By the members of `groupedBy`: the ordinals of the objects that have a value there, in order.
    private var groups: [[String: [Int32]]]
    private let kind: ObjectKind
    let groupedBy: [String]

    init(_ kind: ObjectKind) {
        self.kind = kind
        groupedBy = kind.groupedBy
        groups = Array(repeating: [:], count: groupedBy.count)
    }

    func ordinal(of id: String) -> Int? { ordinals[id] }

    func dueTime(_ ordinal: Int) -> DueTime? { kind.fallsDue ? due[ordinal] : nil }

    /// The objects whose `member` (one of `groupedBy`) is `value`.
    func ids(where member: String, is value: String) -> ObjectIDs {
        let group = groupedBy.firstIndex(of: member).map { groups[$0][value] ?? [] }
        return ObjectIDs(all: ids, chosen: group ?? [])
    }

    // MARK: Writing

    /// Adds an object. Returns its ordinal.
    mutating func add(_ object: JSONObject, _ id: String) -> Int {
        let ordinal = ids.count
        ids.append(id)
        contents.append(.plain(object))
        if kind.fallsDue { due.append(nil) }
        ordinals[id] = ordinal
        for position in groups.indices {
            if let value = object.string(groupedBy[position]) { insert(ordinal, position, value) }
        }
        return ordinal
    }

    /// Takes back the youngest object.
    mutating func removeLast(_ object: JSONObject) {
        contents.removeLast()
        if kind.fallsDue { due.removeLast() }
        ordinals[ids.removeLast()] = nil
        for position in groups.indices {
            if let value = object.string(groupedBy[position]) { remove(ids.count, position, value) }
        }
    }

    /// Puts an object, or what it is packed to, in the place of what it was before.
    mutating func replace(_ ordinal: Int, _ content: Content, _ after: JSONObject, was before: JSONObject) {
        contents[ordinal] = content
        for position in groups.indices {
            let (old, new) = (before.string(groupedBy[position]), after.string(groupedBy[position]))
            guard old != new else { continue }
            if let old { remove(ordinal, position, old) }
            if let new { insert(ordinal, position, new) }
        }
    }

    /// The same object in another form.
    mutating func pack(_ ordinal: Int, _ bytes: [UInt8]) { contents[ordinal] = .packed(bytes) }

    mutating func setDue(_ ordinal: Int, _ time: DueTime?) { due[ordinal] = time }

    // MARK: Groups

    /// Nearly always the object belongs at the end.
    private mutating func insert(_ ordinal: Int, _ position: Int, _ value: String) {
        let ordinal = Int32(ordinal)
        // In its place, so that the list is not copied.
        func add(to group: inout [Int32]) {
            var place = group.count
            while place > 0, group[place - 1] > ordinal { place -= 1 }
            group.insert(ordinal, at: place)
        }
        add(to: &groups[position][value, default: []])
    }

    /// What leaves a group is nearly always what came to it last.
    private mutating func remove(_ ordinal: Int, _ position: Int, _ value: String) {
        guard let place = groups[position][value]?.lastIndex(of: Int32(ordinal)) else { return }
        groups[position][value]?.remove(at: place)
    }
}

/// Ids of one kind, oldest first: all, or some of them.
struct ObjectIDs: RandomAccessCollection {
    let all: [String]
    /// Their ordinals; nil for all.
    let chosen: [Int32]?

    var startIndex: Int { 0 }
    var endIndex: Int { chosen?.count ?? all.count }

    subscript(_ index: Int) -> String { all[chosen.map { Int($0[index]) } ?? index] }
}
