/// The members of a JSON object, in the order in which they were written. Keys are unique.
///
/// Look-up is linear: the objects of this house have tens of members, and keeping their order matters more.
public struct JSONObject: Sendable, ExpressibleByDictionaryLiteral {
    public private(set) var members: [Member]

    public struct Member: Sendable {
        public let key: String
        public internal(set) var value: JSONValue

        package init(_ key: String, _ value: JSONValue) {
            self.key = key
            self.value = value
        }
    }

    public init() { members = [] }

    /// An object of `members`; of two members with one key the later value wins.
    public init(_ members: some Sequence<(String, JSONValue)>) {
        self.init()
        for (key, value) in members { self[key] = value }
    }

    public init(dictionaryLiteral members: (String, JSONValue)...) { self.init(literal: members) }

    /// An object of a literal, whose keys whoever writes it knows to be unique.
    init(literal members: [(String, JSONValue)]) {
        self.members = []
        self.members.reserveCapacity(members.count)
        for (key, value) in members {
            assert(self[key] == nil, "a key comes twice")
            self.members.append(Member(key, value))
        }
    }

    /// An object of members whose keys the caller knows to be unique (the reader rejects duplicates itself).
    package init(uniqueMembers: [Member]) { members = uniqueMembers }

    /// The value of `key`. Setting a new key appends it; setting nil removes it.
    public subscript(_ key: String) -> JSONValue? {
        get { position(of: key).map { members[$0].value } }
        set {
            let position = position(of: key)
            switch (position, newValue) {
            case (let index?, let value?): members[index].value = value
            case (let index?, nil): members.remove(at: index)
            case (nil, let value?): members.append(Member(key, value))
            case (nil, nil): break
            }
        }
    }

    /// The same keys with other values.
    public func mapValues(_ transform: (_ key: String, _ value: JSONValue) throws -> JSONValue) rethrows -> JSONObject {
        JSONObject(uniqueMembers: try members.map { Member($0.key, try transform($0.key, $0.value)) })
    }

    /// Nearly always the key that is looked for is the very literal that the member was written with, or short, and so is found
    /// by what it consists of; the others are looked through afterwards.
    private func position(of key: String) -> Int? {
        members.withUnsafeBufferPointer { members in
            let words = unsafeBitCast(key, to: Words.self)
            for position in 0..<members.count where unsafeBitCast(members[position].key, to: Words.self) == words {
                return position
            }
            let count = key.utf8.count
            for position in 0..<members.count where members[position].key.utf8.count == count {
                if Self.isSame(members[position].key, key) { return position }
            }
            return nil
        }
    }

    /// Whether two keys are the same, compared by bytes, as the reader compares them: to Swift's `==` alone, two spellings of
    /// one accented letter are one key. That comes before them because it is fast for keys that differ.
    ///
    /// Unsafe because it looks at what strings consist of: what consists of the same two words is the same, and the keys
    /// that are compared are mostly one literal, or short.
    @inline(__always)
    package static func isSame(_ left: String, _ right: String) -> Bool {
        if unsafeBitCast(left, to: Words.self) == unsafeBitCast(right, to: Words.self) { return true }
        return left.utf8.count == right.utf8.count && left == right && haveSameBytes(left, right)
    }

    private typealias Words = (UInt, UInt)

    @inline(never)
    private static func haveSameBytes(_ left: String, _ right: String) -> Bool {
        var (left, right) = (left, right)
        return left.withUTF8 { left in right.withUTF8 { left.elementsEqual($0) } }
    }

    /// The members but for those whose keys are told of.
    package func removing(where isUnwanted: (_ key: String) -> Bool) -> JSONObject {
        var first = 0
        while first < members.count, !isUnwanted(members[first].key) { first += 1 }
        guard first < members.count else { return self }
        var kept: [Member] = []
        kept.reserveCapacity(members.count - 1)
        kept.append(contentsOf: members[..<first])
        for position in (first + 1)..<members.count where !isUnwanted(members[position].key) {
            kept.append(members[position])
        }
        return JSONObject(uniqueMembers: kept)
    }

    /// Whether its keys are the other's, in the same order.
    package func hasKeys(of other: JSONObject) -> Bool {
        guard count == other.count else { return false }
        return members.withUnsafeBufferPointer { mine in
            other.members.withUnsafeBufferPointer { other in
                for position in 0..<mine.count where !Self.isSame(mine[position].key, other[position].key) { return false }
                return true
            }
        }
    }

    /// The value of `key`, which is quickest to find where it stands at `position`, as it does in another version of an object.
    package func value(of key: String, likelyAt position: Int) -> JSONValue? {
        if position < members.count, Self.isSame(members[position].key, key) { return members[position].value }
        return self[key]
    }

    /// The same keys, with other values at the positions that `isOther` tells of.
    package func replacing(where isOther: (_ position: Int) -> Bool, by value: () -> JSONValue) -> JSONObject {
        var changed = self
        for position in 0..<members.count where isOther(position) { changed.members[position].value = value() }
        return changed
    }

    public var count: Int { members.count }
    public var isEmpty: Bool { members.isEmpty }
    public var keys: [String] { members.map(\.key) }
}

extension JSONObject: Equatable {
    /// Objects are equal when their members are, in whatever order.
    public static func == (left: JSONObject, right: JSONObject) -> Bool {
        guard left.count == right.count else { return false }
        for (position, member) in left.members.enumerated() {
            guard right.value(of: member.key, likelyAt: position) == member.value else { return false }
        }
        return true
    }
}

extension JSONObject: Sequence {
    public struct Iterator: IteratorProtocol {
        fileprivate var rest: IndexingIterator<[Member]>

        public mutating func next() -> (key: String, value: JSONValue)? { rest.next().map { ($0.key, $0.value) } }
    }

    public func makeIterator() -> Iterator { Iterator(rest: members.makeIterator()) }
}
