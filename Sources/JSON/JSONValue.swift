/// A JSON value. Integers are exact over the whole signed 64-bit range; any other number keeps its own digits, so that
/// nothing is rounded on its way through.
package enum JSONValue: Sendable, Equatable {
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
    package subscript(_ key: String) -> JSONValue? {
        if case .object(let object) = self { object[key] } else { nil }
    }

    /// The element at `index` of an array; nil out of bounds and for a value that is not an array.
    package subscript(_ index: Int) -> JSONValue? {
        if case .array(let elements) = self, elements.indices.contains(index) { elements[index] } else { nil }
    }

    package var isNull: Bool { self == .null }
    package var boolValue: Bool? { if case .bool(let value) = self { value } else { nil } }
    package var integerValue: Int64? { if case .integer(let value) = self { value } else { nil } }
    package var stringValue: String? { if case .string(let value) = self { value } else { nil } }
    package var arrayValue: [JSONValue]? { if case .array(let value) = self { value } else { nil } }
    package var objectValue: JSONObject? { if case .object(let value) = self { value } else { nil } }

    /// The nearest Double of any number; nil for other values.
    package var doubleValue: Double? {
        switch self {
        case .integer(let value): Double(value)
        case .number(let digits): Double(digits)
        default: nil
        }
    }

    package var kind: JSONKind {
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

    package init(parsing text: String) throws(JSONError) {
        self = try JSONValue(parsing: text.utf8)
    }

    /// The value as one line of JSON.
    package var text: String { String(decoding: bytes, as: UTF8.self) }

    /// The value as one line of JSON, in UTF-8.
    package var bytes: [UInt8] {
        var writer = JSONWriter()
        writer.value(self)
        return writer.bytes
    }

    /// The value as indented JSON, two spaces a level, for people (and as Stripe sends its webhooks).
    package var prettyText: String {
        var writer = JSONWriter(pretty: true)
        writer.value(self)
        return String(decoding: writer.bytes, as: UTF8.self)
    }
}

// MARK: Literals

extension JSONValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByBooleanLiteral,
    ExpressibleByNilLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
    package init(stringLiteral value: String) { self = .string(value) }
    package init(integerLiteral value: Int64) { self = .integer(value) }
    package init(booleanLiteral value: Bool) { self = .bool(value) }
    package init(nilLiteral: ()) { self = .null }
    package init(arrayLiteral elements: JSONValue...) { self = .array(elements) }
    package init(dictionaryLiteral members: (String, JSONValue)...) { self = .object(JSONObject(members)) }
}
