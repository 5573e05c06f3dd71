internal import HTTP

/// `application/x-www-form-urlencoded` as Stripe's SDKs write it: nested names in brackets, arrays always indexed.
package enum FormEncoder {
    /// A name that would not arrive as the name that was meant.
    package struct UnwritableName: Error, Sendable, Equatable {
        package let name: String
        package let problem: String
    }

    /// - Throws: `UnwritableName` for an empty name and for one with a bracket, which a server could not tell from
    ///   nesting (Stripe forbids brackets in metadata keys).
    package static func encode(_ parameters: FormParameters) throws(UnwritableName) -> String {
        var text = ""
        for member in parameters.members {
            try write(member.value, name: checked(member.key), to: &text)
        }
        return text
    }

    private static func write(_ value: FormValue, name: String, to text: inout String) throws(UnwritableName) {
        switch value {
        case .text(let value): append(name, PercentEncoding.encode(value), to: &text)
        case .integer(let value): append(name, String(value), to: &text)
        case .flag(let value): append(name, value ? "true" : "false", to: &text)
        case .list(let elements):
            for (index, element) in elements.enumerated() { try write(element, name: "\(name)[\(index)]", to: &text) }
        case .map(let map):
            for member in map.members { try write(member.value, name: "\(name)[\(checked(member.key))]", to: &text) }
        }
    }

    private static func append(_ name: String, _ value: String, to text: inout String) {
        if !text.isEmpty { text += "&" }
        text += "\(name)=\(value)"
    }

    private static func checked(_ name: String) throws(UnwritableName) -> String {
        guard !name.isEmpty else { throw UnwritableName(name: name, problem: "is empty") }
        guard !name.utf8.contains(where: { $0 == UInt8(ascii: "[") || $0 == UInt8(ascii: "]") }) else {
            throw UnwritableName(name: name, problem: "holds a square bracket")
        }
        return PercentEncoding.encode(name)
    }
}
