package import FoundationEssentials
public import JSON

/// What the server gives: its members, and the object as it came. A member that the server has left out against its schema is
/// empty here: "", 0, false, no elements, 1970.
public protocol DuesObject: Sendable, Equatable, CustomDebugStringConvertible, CustomReflectable {
    /// The whole object as the server gave it, also what this client does not know, and secrets.
    var raw: JSONObject { get }

    init(raw: JSONObject)
}

/// The result of a method.
public protocol DuesResult: DuesObject {}

/// A word of a list that may grow: those that this client does not know stay as they are.
public protocol DuesWord: RawRepresentable<String>, Hashable, Sendable, ExpressibleByStringLiteral,
    CustomStringConvertible
{
    init(rawValue: String)
}

extension DuesWord {
    public init(stringLiteral value: String) { self.init(rawValue: value) }
    public var description: String { rawValue }
}

extension DuesObject {
    public static func == (left: Self, right: Self) -> Bool { left.raw == right.raw }

    /// Without secrets.
    public var debugDescription: String { "\(Self.self) \(JSONValue.object(raw).withoutSecrets.text)" }

    public var customMirror: Mirror { Mirror(self, children: [(label: nil, value: debugDescription)]) }
}

extension DuesResult {
    /// What the server did, where the call's options asked for it by `isVerbose`.
    public var callMetadata: ResultMetadata? {
        raw["_meta"]?.objectValue.map(ResultMetadata.init(raw:))
    }
}

extension JSONValue {
    fileprivate var withoutSecrets: JSONValue {
        switch self {
        case .object(let object):
            .object(
                JSONObject(object.map { key, value in (key, Method.secrets.contains(key) ? "…" : value.withoutSecrets) }))
        case .array(let elements): .array(elements.map(\.withoutSecrets))
        default: self
        }
    }
}

// MARK: JSON

/// What is made of a JSON value.
package protocol JSONReadable {
    /// Nil for one of another kind.
    init?(json: JSONValue)

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

    func optionalMember<Value: JSONReadable>(_ name: String) -> Value? { self[name].flatMap(Value.init(json:)) }
}

extension DuesObject {
    package init?(json: JSONValue) {
        guard let object = json.objectValue else { return nil }
        self.init(raw: object)
    }

    package static var empty: Self { Self(raw: [:]) }
}

extension DuesWord {
    package init?(json: JSONValue) {
        guard let word = json.stringValue else { return nil }
        self.init(rawValue: word)
    }

    package static var empty: Self { "" }
    package var json: JSONValue { .string(rawValue) }
}

extension String: JSONReadable, JSONWritable {
    package init?(json: JSONValue) {
        guard case .string(let value) = json else { return nil }
        self = value
    }

    package static var empty: String { "" }
    package var json: JSONValue { .string(self) }
}

extension Int64: JSONReadable, JSONWritable {
    package init?(json: JSONValue) {
        guard case .integer(let value) = json else { return nil }
        self = value
    }

    package static var empty: Int64 { 0 }
    package var json: JSONValue { .integer(self) }
}

extension Bool: JSONReadable, JSONWritable {
    package init?(json: JSONValue) {
        guard case .bool(let value) = json else { return nil }
        self = value
    }

    package static var empty: Bool { false }
    package var json: JSONValue { .bool(self) }
}

extension JSONObject: JSONReadable, JSONWritable {
    package init?(json: JSONValue) {
        guard case .object(let value) = json else { return nil }
        self = value
    }

    package static var empty: JSONObject { [:] }
    package var json: JSONValue { .object(self) }
}

extension Array: JSONReadable where Element: JSONReadable {
    package init?(json: JSONValue) {
        guard case .array(let elements) = json else { return nil }
        self = elements.map { Element(json: $0) ?? .empty }
    }

    package static var empty: [Element] { [] }
}

extension Array: JSONWritable where Element: JSONWritable {
    package var json: JSONValue { .array(map(\.json)) }
}

extension Dictionary: JSONReadable, JSONWritable where Key == String, Value == String {
    package init?(json: JSONValue) {
        guard case .object(let object) = json else { return nil }
        self.init(object.map { ($0.key, $0.value.stringValue ?? "") }) { _, last in last }
    }

    package static var empty: [String: String] { [:] }
    package var json: JSONValue { .object(JSONObject(map { ($0.key, .string($0.value)) })) }
}

/// RFC 3339, in UTC.
extension Date: JSONReadable, JSONWritable {
    package init?(json: JSONValue) {
        guard let text = json.stringValue,
            let date = try? Date.ISO8601FormatStyle(includingFractionalSeconds: text.contains(".")).parse(text)
        else { return nil }
        self = date
    }

    package static var empty: Date { Date(timeIntervalSince1970: 0) }
    package var json: JSONValue { .string(formatted(.iso8601)) }
}
