package import JSON

/// What a transcript knows by name: what it was given, and what it has captured. `${name}` in a string stands for it.
package struct Variables: Sendable {
    private var values: [String: JSONValue]

    /// The name of a text that is another whenever a transcript is played.
    static let unique = "unique"

    package init(_ values: [String: JSONValue] = [:]) { self.values = values }

    package subscript(_ name: String) -> JSONValue? {
        get { values[name] }
        set { values[name] = newValue }
    }

    /// A name that stands for nothing.
    package struct Unknown: Error, Sendable, CustomStringConvertible {
        package let name: String
        package var description: String { "${\(name)} stands for nothing here" }
    }

    /// `value` with every `${name}` replaced. A string that is one such name and nothing else becomes the value itself, of
    /// whatever type; keys stay as they are. `$${` stands for `${`.
    package func filled(_ value: JSONValue) throws(Unknown) -> JSONValue {
        switch value {
        case .string(let text):
            if let name = Self.onlyName(text), let whole = values[name] { return whole }
            return .string(try filled(text))
        case .array(let elements):
            var filled: [JSONValue] = []
            for element in elements { filled.append(try self.filled(element)) }
            return .array(filled)
        case .object(let object):
            var filled: JSONObject = [:]
            for (key, member) in object { filled[key] = try self.filled(member) }
            return .object(filled)
        default: return value
        }
    }

    /// `text` with every `${name}` replaced by the text of its value.
    package func filled(_ text: String) throws(Unknown) -> String {
        var result = ""
        var rest = text[...]
        while let start = rest.firstRange(of: "${") {
            if rest[..<start.lowerBound].last == "$" {
                result += rest[..<start.lowerBound].dropLast() + "${"
                rest = rest[start.upperBound...]
                continue
            }
            guard let end = rest[start.upperBound...].firstIndex(of: "}") else { break }
            let name = String(rest[start.upperBound..<end])
            guard let value = values[name] else { throw Unknown(name: name) }
            result += rest[..<start.lowerBound] + (value.stringValue ?? value.text)
            rest = rest[rest.index(after: end)...]
        }
        return result + rest
    }

    /// `text` so that filling it gives itself.
    static func quoted(_ text: String) -> String { text.replacing("${", with: "$${") }

    private static func onlyName(_ text: String) -> String? {
        guard text.hasPrefix("${"), text.hasSuffix("}") else { return nil }
        let name = text.dropFirst(2).dropLast()
        return name.contains("}") || name.contains("$") ? nil : String(name)
    }
}
