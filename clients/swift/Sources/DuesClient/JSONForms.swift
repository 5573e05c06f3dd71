package import FoundationEssentials
package import JSON

/// What is made of a JSON value.
package protocol JSONReadable {
    /// Nil for one of another kind.
    static func read(_ json: JSONValue) -> Self?

    /// What is there where nothing is.
    static var empty: Self { get }
}

/// What can be said in JSON.
package protocol JSONWritable {
    var json: JSONValue { get }
}

extension JSONObject {
    /// An object of the members that have a value.
    package init(present members: [(String, (any JSONWritable)?)]) {
        self.init(members.compactMap { name, value in value.map { (name, $0.json) } })
    }

    func member<Value: JSONReadable>(_ name: String) -> Value { optionalMember(name) ?? .empty }

    func optionalMember<Value: JSONReadable>(_ name: String) -> Value? { self[name].flatMap(Value.read) }
}

extension DuesObject {
    package static func read(_ json: JSONValue) -> Self? { json.objectValue.map(Self.init(raw:)) }
    package static var empty: Self { Self(raw: [:]) }
}

extension DuesWord {
    package static func read(_ json: JSONValue) -> Self? { json.stringValue.map(Self.init(rawValue:)) }
    package static var empty: Self { "" }
    package var json: JSONValue { .string(rawValue) }
}

extension String: JSONReadable, JSONWritable {
    package static func read(_ json: JSONValue) -> String? { json.stringValue }
    package static var empty: String { "" }
    package var json: JSONValue { .string(self) }
}

extension Int64: JSONReadable, JSONWritable {
    package static func read(_ json: JSONValue) -> Int64? { json.integerValue }
    package static var empty: Int64 { 0 }
    package var json: JSONValue { .integer(self) }
}

extension Bool: JSONReadable, JSONWritable {
    package static func read(_ json: JSONValue) -> Bool? { json.boolValue }
    package static var empty: Bool { false }
    package var json: JSONValue { .bool(self) }
}

extension JSONObject: JSONReadable, JSONWritable {
    package static func read(_ json: JSONValue) -> JSONObject? { json.objectValue }
    package static var empty: JSONObject { [:] }
    package var json: JSONValue { .object(self) }
}

extension Array: JSONReadable where Element: JSONReadable {
    package static func read(_ json: JSONValue) -> [Element]? { json.arrayValue?.map { Element.read($0) ?? .empty } }
    package static var empty: [Element] { [] }
}

extension Array: JSONWritable where Element: JSONWritable {
    package var json: JSONValue { .array(map(\.json)) }
}

extension Dictionary: JSONReadable, JSONWritable where Key == String, Value == String {
    package static func read(_ json: JSONValue) -> [String: String]? {
        json.objectValue.map { object in
            [String: String](object.map { ($0.key, $0.value.stringValue ?? "") }) { _, last in last }
        }
    }

    package static var empty: [String: String] { [:] }
    package var json: JSONValue { .object(JSONObject(map { ($0.key, .string($0.value)) })) }
}

/// RFC 3339, in UTC.
extension Date: JSONReadable, JSONWritable {
    package static func read(_ json: JSONValue) -> Date? {
        guard let text = json.stringValue else { return nil }
        return try? Date.ISO8601FormatStyle(includingFractionalSeconds: text.contains(".")).parse(text)
    }

    package static var empty: Date { Date(timeIntervalSince1970: 0) }
    package var json: JSONValue { .string(formatted(.iso8601)) }
}
