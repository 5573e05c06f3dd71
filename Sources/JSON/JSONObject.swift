/// The members of a JSON object, in the order in which they were written. Keys are unique.
///
/// Look-up is linear: the objects of this house have tens of members, and keeping their order matters more.
public struct JSONObject: Sendable, ExpressibleByDictionaryLiteral {
    public private(set) var members: [(key: String, value: JSONValue)]

    public init() { members = [] }

    /// An object of `members`; of two members with one key the later value wins.
    public init(_ members: some Sequence<(String, JSONValue)>) {
        self.init()
        for (key, value) in members { self[key] = value }
    }

    public init(dictionaryLiteral members: (String, JSONValue)...) { self.init(members) }

    /// Appends a member whose key the caller knows to be new (the reader rejects duplicates itself).
    init(uniqueMembers: [(key: String, value: JSONValue)]) { members = uniqueMembers }

    /// The value of `key`. Setting a new key appends it; setting nil removes it.
    public subscript(_ key: String) -> JSONValue? {
        get { members.first { Self.isSame($0.key, key) }?.value }
        set {
            let position = members.firstIndex { Self.isSame($0.key, key) }
            switch (position, newValue) {
            case (let index?, let value?): members[index].value = value
            case (let index?, nil): members.remove(at: index)
            case (nil, let value?): members.append((key, value))
            case (nil, nil): break
            }
        }
    }

    /// The same keys with other values.
    public func mapValues(_ transform: (_ key: String, _ value: JSONValue) throws -> JSONValue) rethrows -> JSONObject {
        JSONObject(uniqueMembers: try members.map { ($0.key, try transform($0.key, $0.value)) })
    }

    /// Compared by bytes, as the reader compares them: to Swift's `==` alone, two spellings of one accented letter are one
    /// key. That comes before them because it is fast for keys that differ.
    private static func isSame(_ left: String, _ right: String) -> Bool {
        guard left.utf8.count == right.utf8.count, left == right else { return false }
        var (left, right) = (left, right)
        return left.withUTF8 { left in right.withUTF8 { left.elementsEqual($0) } }
    }

    public var count: Int { members.count }
    public var isEmpty: Bool { members.isEmpty }
    public var keys: [String] { members.map(\.key) }
}

extension JSONObject: Equatable {
    /// Objects are equal when their members are, in whatever order.
    public static func == (left: JSONObject, right: JSONObject) -> Bool {
        left.count == right.count && left.members.allSatisfy { right[$0.key] == $0.value }
    }
}

extension JSONObject: Sequence {
    public func makeIterator() -> IndexingIterator<[(key: String, value: JSONValue)]> { members.makeIterator() }
}
