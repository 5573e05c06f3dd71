import JSON

/// JSON objects in few bytes, for the many that an account keeps and hardly ever looks at again: the number of an object's list
/// of keys, then in which of its values it differs from the first object with these keys, and those values, each of which takes
/// one byte or little more than its text. Not for files: the numbers are the packer's own.
struct ObjectPacker {
    private var shapes = ShapeTree()
    /// What is being packed; kept for its room.
    private var bytes: [UInt8] = []

    /// The first byte of a value. What is not listed is a small integer (from `firstInteger`) or a short text (from `firstText`).
    private enum Tag {
        static let null: UInt8 = 0
        static let no: UInt8 = 1
        static let yes: UInt8 = 2
        static let integer: UInt8 = 3
        static let number: UInt8 = 4
        static let text: UInt8 = 5
        static let array: UInt8 = 6
        static let object: UInt8 = 7
        /// An object whose keys are written out.
        static let looseObject: UInt8 = 8
        static let firstText: UInt8 = 0x40
        static let firstInteger: UInt8 = 0x80
    }

    // MARK: Packing

    mutating func pack(_ object: JSONObject) -> [UInt8] {
        bytes.removeAll(keepingCapacity: true)
        add(object)
        // A copy with just the room that it needs; what is shared would keep the room of `bytes`.
        return bytes.withUnsafeBufferPointer { Array($0) }
    }

    private mutating func add(_ object: JSONObject) {
        guard let shape = shapes.number(of: object) else {
            bytes.append(Tag.looseObject)
            add(count: object.count)
            for member in object.members {
                add(member.key)
                add(member.value)
            }
            return
        }
        bytes.append(Tag.object)
        add(count: shape)
        let first = shapes.first(shape)
        let marks = bytes.count
        for _ in 0..<Self.markBytes(object.count) { bytes.append(0) }
        for position in 0..<object.count where !object.members[position].value.isExactly(first.members[position].value) {
            bytes[marks + position / 8] |= 1 << (position % 8)
            add(object.members[position].value)
        }
    }

    /// As many bytes tell of each member whether it differs from the first object's.
    private static func markBytes(_ members: Int) -> Int { (members + 7) / 8 }

    private mutating func add(_ value: JSONValue) {
        switch value {
        case .null: bytes.append(Tag.null)
        case .bool(let flag): bytes.append(flag ? Tag.yes : Tag.no)
        case .integer(let number):
            if 0...0x7F ~= number { return bytes.append(Tag.firstInteger | UInt8(number)) }
            bytes.append(Tag.integer)
            add(UInt64(bitPattern: number << 1 ^ number >> 63))
        case .number(let digits):
            bytes.append(Tag.number)
            add(digits)
        case .string(let text): add(text)
        case .array(let elements):
            bytes.append(Tag.array)
            add(count: elements.count)
            for element in elements { add(element) }
        case .object(let object): add(object)
        }
    }

    private mutating func add(_ text: String) {
        let count = text.utf8.count
        if count < Int(Tag.firstInteger - Tag.firstText) {
            bytes.append(Tag.firstText | UInt8(count))
        } else {
            bytes.append(Tag.text)
            add(count: count)
        }
        bytes.append(contentsOf: text.utf8)
    }

    private mutating func add(count: Int) { add(UInt64(count)) }

    /// Seven bits a byte, the lowest first.
    private mutating func add(_ number: UInt64) {
        var rest = number
        while rest > 0x7F {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(rest))
    }

    // MARK: Unpacking

    /// The object that `pack` made these bytes of.
    func unpack(_ bytes: [UInt8]) -> JSONObject {
        var cursor = Cursor(bytes: bytes)
        return cursor.object(shapes)
    }

    /// Some members of it, for less.
    func unpack(_ bytes: [UInt8], only wanted: [String]) -> JSONObject {
        var cursor = Cursor(bytes: bytes)
        return cursor.object(shapes, only: wanted)
    }

    private struct Cursor {
        let bytes: [UInt8]
        var place = 0

        private mutating func byte() -> UInt8 {
            defer { place += 1 }
            return bytes[place]
        }

        private mutating func number() -> UInt64 {
            var number: UInt64 = 0
            var shift: UInt64 = 0
            while true {
                let next = byte()
                number |= UInt64(next & 0x7F) << shift
                if next < 0x80 { return number }
                shift += 7
            }
        }

        private mutating func count() -> Int { Int(number()) }

        private mutating func text(_ tag: UInt8) -> String {
            let count = tag == Tag.text ? count() : Int(tag - Tag.firstText)
            defer { place += count }
            return String(decoding: bytes[place..<(place + count)], as: UTF8.self)
        }

        private mutating func text() -> String { text(byte()) }

        /// All members, or those that are `wanted`.
        mutating func object(_ shapes: ShapeTree, only wanted: [String]? = nil) -> JSONObject {
            object(byte(), shapes, only: wanted)
        }

        private mutating func object(_ tag: UInt8, _ shapes: ShapeTree, only wanted: [String]? = nil) -> JSONObject {
            guard tag == Tag.object else { return looseObject(shapes, only: wanted) }
            let first = shapes.first(count())
            let marks = place
            place += ObjectPacker.markBytes(first.count)
            guard let wanted else {
                return first.replacing(where: { differs($0, marks) }, by: { value(shapes) })
            }
            var members: [JSONObject.Member] = []
            members.reserveCapacity(wanted.count)
            for (position, member) in first.members.enumerated() {
                let isWanted = wanted.contains(member.key)
                if !differs(position, marks) {
                    if isWanted { members.append(member) }
                } else if isWanted {
                    members.append(JSONObject.Member(member.key, value(shapes)))
                } else {
                    skip(shapes)
                }
            }
            return JSONObject(uniqueMembers: members)
        }

        private func differs(_ position: Int, _ marks: Int) -> Bool {
            bytes[marks + position / 8] & 1 << (position % 8) != 0
        }

        private mutating func looseObject(_ shapes: ShapeTree, only wanted: [String]?) -> JSONObject {
            var members: [JSONObject.Member] = []
            for _ in 0..<count() {
                let key = text()
                if wanted?.contains(key) ?? true {
                    members.append(JSONObject.Member(key, value(shapes)))
                } else {
                    skip(shapes)
                }
            }
            return JSONObject(uniqueMembers: members)
        }

        private mutating func skip(_ shapes: ShapeTree) {
            let tag = byte()
            switch tag {
            case Tag.firstInteger..., Tag.null, Tag.no, Tag.yes: return
            case Tag.firstText...: place += Int(tag - Tag.firstText)
            case Tag.integer: _ = number()
            case Tag.number: skip(shapes)
            case Tag.text:
                let count = count()
                place += count
            case Tag.array: for _ in 0..<count() { skip(shapes) }
            case Tag.object:
                let first = shapes.first(count())
                let marks = place
                place += ObjectPacker.markBytes(first.count)
                for position in 0..<first.count where differs(position, marks) { skip(shapes) }
            default: for _ in 0..<(2 * count()) { skip(shapes) }
            }
        }

        private mutating func value(_ shapes: ShapeTree) -> JSONValue {
            let tag = byte()
            switch tag {
            case Tag.firstInteger...: return .integer(Int64(tag & 0x7F))
            case Tag.firstText...: return .string(text(tag))
            case Tag.null: return .null
            case Tag.no: return .bool(false)
            case Tag.yes: return .bool(true)
            case Tag.integer:
                let folded = number()
                return .integer(Int64(bitPattern: folded >> 1) ^ -Int64(bitPattern: folded & 1))
            case Tag.number: return .number(text())
            case Tag.text: return .string(text(tag))
            case Tag.array:
                var elements: [JSONValue] = []
                let count = count()
                elements.reserveCapacity(count)
                for _ in 0..<count { elements.append(value(shapes)) }
                return .array(elements)
            default: return .object(object(tag, shapes))
            }
        }
    }
}

/// The lists of keys that objects have, each with a number and the first object that had it: a tree in which a node adds one key
/// to the keys of its parent.
struct ShapeTree {
    /// Nodes at most; objects of further shapes get no number, so that whoever makes up keys for ever fills no memory.
    static let mostNodes = 1 << 16

    private struct Node {
        let key: String
        /// The child that was last gone to, which is nearly always the next to be gone to as well; 0 for none.
        var latest = 0
        /// The number of the list that ends here.
        var shape: Int?
    }

    private struct Edge: Hashable {
        let parent: Int
        let key: String
    }

    private var nodes = [Node(key: "")]
    private var children: [Edge: Int] = [:]
    private var firsts: [JSONObject] = []
    /// By the count of keys (the last: of as many or more): the numbers found last, which are tried first.
    private var latest = [[Int]](repeating: [], count: 128)
    private static let guesses = 8

    /// The number of an object's list of keys; nil where there is none.
    mutating func number(of object: JSONObject) -> Int? {
        let count = min(object.count, latest.count - 1)
        if let guess = latest[count].first(where: { object.hasKeys(of: firsts[$0]) }) { return guess }
        guard let number = search(object) else { return nil }
        latest[count].insert(number, at: 0)
        if latest[count].count > Self.guesses { latest[count].removeLast() }
        return number
    }

    private mutating func search(_ object: JSONObject) -> Int? {
        var node = 0
        for member in object.members {
            guard let child = child(of: node, member.key) else { return nil }
            node = child
        }
        if let shape = nodes[node].shape { return shape }
        nodes[node].shape = firsts.count
        firsts.append(object)
        return firsts.count - 1
    }

    func first(_ number: Int) -> JSONObject { firsts[number] }

    private mutating func child(of parent: Int, _ key: String) -> Int? {
        let latest = nodes[parent].latest
        if latest != 0, JSONObject.isSame(nodes[latest].key, key) { return latest }
        let edge = Edge(parent: parent, key: key)
        if let child = children[edge] {
            // To a dictionary, two spellings of one accented letter are one key.
            guard JSONObject.isSame(nodes[child].key, key) else { return nil }
            nodes[parent].latest = child
            return child
        }
        guard nodes.count < Self.mostNodes else { return nil }
        nodes.append(Node(key: key))
        children[edge] = nodes.count - 1
        nodes[parent].latest = nodes.count - 1
        return nodes.count - 1
    }
}
