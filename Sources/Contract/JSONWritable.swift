/// What can write itself as one JSON value: the scalars of the contract, and the generated messages.
package import JSON

package protocol JSONWritable {
    func write(into writer: inout JSONWriter)
}

extension JSONWriter {
    /// A member that is always there: nil is written as null.
    package mutating func member(_ key: StaticString, _ value: some JSONWritable) {
        self.key(plain: key)
        value.write(into: &self)
    }

    /// A member that is left out where it is nil.
    package mutating func memberIfPresent(_ key: StaticString, _ value: (some JSONWritable)?) {
        if let value { member(key, value) }
    }
}

extension String: JSONWritable {
    package func write(into writer: inout JSONWriter) { writer.string(self) }
}

extension Int64: JSONWritable {
    package func write(into writer: inout JSONWriter) { writer.integer(self) }
}

extension Bool: JSONWritable {
    package func write(into writer: inout JSONWriter) { writer.bool(self) }
}

extension Optional: JSONWritable where Wrapped: JSONWritable {
    package func write(into writer: inout JSONWriter) {
        if let self { self.write(into: &writer) } else { writer.null() }
    }
}

extension Array: JSONWritable where Element: JSONWritable {
    package func write(into writer: inout JSONWriter) {
        writer.beginArray()
        for element in self { element.write(into: &writer) }
        writer.endArray()
    }
}

/// Sorted by key, so that equal maps are equal bytes.
extension Dictionary: JSONWritable where Key == String, Value == String {
    package func write(into writer: inout JSONWriter) {
        writer.beginObject()
        for (key, value) in sorted(by: { $0.key < $1.key }) {
            writer.key(key)
            writer.string(value)
        }
        writer.endObject()
    }
}

extension JSONWritable where Self: RawRepresentable, RawValue == String {
    package func write(into writer: inout JSONWriter) { writer.string(rawValue) }
}

/// A JSON value that is kept as the bytes it was made of.
package struct RawJSON: Sendable, Equatable, JSONWritable {
    /// Exactly one valid JSON value on one line: whoever makes a RawJSON guarantees it.
    package let bytes: [UInt8]

    package init(bytes: [UInt8]) { self.bytes = bytes }
    package init(_ text: String) { bytes = Array(text.utf8) }

    /// The value in `json`, which is one valid JSON value on however many lines: on one, without white space between tokens.
    package init(compacting json: [UInt8]) {
        var compact: [UInt8] = []
        compact.reserveCapacity(json.count)
        var isString = false
        var isEscaped = false
        for byte in json where isString || byte > 0x20 {
            compact.append(byte)
            if isEscaped {
                isEscaped = false
            } else if byte == UInt8(ascii: "\"") {
                isString.toggle()
            } else {
                isEscaped = byte == UInt8(ascii: "\\")
            }
        }
        bytes = compact
    }

    package func write(into writer: inout JSONWriter) { writer.raw(bytes) }
}
