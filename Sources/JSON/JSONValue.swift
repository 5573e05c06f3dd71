/// A JSON value. Integers are exact over the whole signed 64-bit range; any other number keeps its own digits, so that
/// nothing is rounded on its way through.
public enum JSONValue: Sendable, Equatable {
    case null
    case bool(Bool)
    case integer(Int64)
    /// A number that is not a 64-bit integer token (a fraction, an exponent, more digits), as it was written.
    case number(String)
    case string(String)
    case array([JSONValue])
    case object(JSONObject)
}

// MARK: Reading

extension JSONValue {
    /// The member `key` of an object; nil for a missing member and for a value that is not an object.
    public subscript(_ key: String) -> JSONValue? {
        if case .object(let object) = self { object[key] } else { nil }
    }

    /// The element at `index` of an array; nil out of bounds and for a value that is not an array.
    public subscript(_ index: Int) -> JSONValue? {
        if case .array(let elements) = self, elements.indices.contains(index) { elements[index] } else { nil }
    }

    public var isNull: Bool { self == .null }
    public var boolValue: Bool? { if case .bool(let value) = self { value } else { nil } }
    public var integerValue: Int64? { if case .integer(let value) = self { value } else { nil } }
    public var stringValue: String? { if case .string(let value) = self { value } else { nil } }
    public var arrayValue: [JSONValue]? { if case .array(let value) = self { value } else { nil } }
    public var objectValue: JSONObject? { if case .object(let value) = self { value } else { nil } }

    /// The nearest Double of any number; nil for other values.
    public var doubleValue: Double? {
        switch self {
        case .integer(let value): Double(value)
        case .number(let digits): Double(digits)
        default: nil
        }
    }

    public var kind: JSONKind {
        switch self {
        case .null: .null
        case .bool: .boolean
        case .integer, .number: .number
        case .string: .string
        case .array: .array
        case .object: .object
        }
    }
}

// MARK: Text

extension JSONValue {
    /// Reads exactly one strict JSON text (RFC 8259, no duplicate keys, at most `maximumDepth` levels) from `bytes`.
    package init(parsing bytes: some Collection<UInt8>, maximumDepth: Int = JSONReader.maximumDepth) throws(JSONError) {
        self = try JSONReader.read(bytes, maximumDepth: maximumDepth) { reader throws(JSONError) in
            let value = try reader.readValue()
            try reader.finish()
            return value
        }
    }

    public init(parsing text: String) throws(JSONError) {
        self = try JSONValue(parsing: text.utf8)
    }

    /// The value as one line of JSON.
    public var text: String { String(decoding: bytes, as: UTF8.self) }

    /// The value as one line of JSON, in UTF-8.
    public var bytes: [UInt8] {
        var writer = JSONWriter()
        writer.value(self)
        return writer.bytes
    }

    /// The value as indented JSON, two spaces a level, for people (and as Stripe sends its webhooks).
    public var prettyText: String {
        var writer = JSONWriter(pretty: true)
        writer.value(self)
        return String(decoding: writer.bytes, as: UTF8.self)
    }
}

// MARK: Literals

extension JSONValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByBooleanLiteral,
    ExpressibleByNilLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
    public init(stringLiteral value: String) { self = .string(value) }
    public init(integerLiteral value: Int64) { self = .integer(value) }
    public init(booleanLiteral value: Bool) { self = .bool(value) }
    public init(nilLiteral: ()) { self = .null }
    public init(arrayLiteral elements: JSONValue...) { self = .array(elements) }
    public init(dictionaryLiteral members: (String, JSONValue)...) { self = .object(JSONObject(literal: members)) }
}
