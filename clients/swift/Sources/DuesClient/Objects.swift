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
