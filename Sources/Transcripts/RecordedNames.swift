internal import JSON

/// The names that a recording has given to values which will be others when it is replayed.
struct RecordedNames {
    /// By value.
    private var names: [String: String] = [:]
    private var used: Set<String> = []
    /// What the client has made up, and which of that it was.
    private var madeUp: [String: Int] = [:]

    /// An id as many services make them: a word, `_`, and letters and digits of which some are not just a word's.
    nonisolated(unsafe) private static let identifier = /([a-z][a-z0-9]{0,15}_)(?:[a-z]+_)*[A-Za-z0-9]{6,}/  // never changed
    /// RFC 3339.
    nonisolated(unsafe) private static let time = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d)/  // never changed
    /// Random bits in some encoding, or a UUID.
    nonisolated(unsafe) private static let opaque = /[A-Za-z0-9+\/=._-]{20,}/  // never changed
    /// Unix seconds, of the years 2015 to 2100.
    private static let seconds: ClosedRange<Int64> = 1_420_070_400...4_102_444_800

    // MARK: What the client sends

    /// `message` with references to what the server has said before, and without secrets.
    mutating func referring(_ message: JSONValue, called name: String? = nil) -> JSONValue {
        switch message {
        case .string(let text): return .string(referring(text, called: name))
        case .array(let elements): return .array(elements.map { referring($0, called: name) })
        case .object(let object):
            return .object(JSONObject(object.map { ($0.key, referring($0.value, called: $0.key)) }))
        default: return message
        }
    }

    private mutating func referring(_ text: String, called name: String?) -> String {
        if let known = names[text] { return "${\(known)}" }
        if name.map(Secrets.isSecret) == true || !Secrets.found(in: text).isEmpty {
            return text.hasPrefix("Bearer ") ? "Bearer ${token}" : "${\(name ?? "secret")}"
        }
        let quoted = Variables.quoted(text)
        var filled = quoted
        for (value, known) in names where value.utf8.count >= 8 { filled.replace(value, with: "${\(known)}") }
        guard filled == quoted, Self.isMadeUp(text) else { return filled }
        // What the client has made up, such as an idempotency key, is to be another the next time.
        let count = madeUp[text] ?? madeUp.count + 1
        madeUp[text] = count
        return "${\(Variables.unique)}-\(count)"
    }

    private static func isMadeUp(_ text: String) -> Bool {
        text.contains(where: \.isNumber) && text.contains(where: \.isLetter) && text.wholeMatch(of: opaque) != nil
            && text.wholeMatch(of: identifier) == nil && text.wholeMatch(of: time) == nil
    }

    // MARK: What the server sends

    /// A pattern of `message` that the same conversation fits another time.
    mutating func pattern(of message: JSONValue, called name: String? = nil) -> JSONValue {
        switch message {
        case .string(let text): return pattern(of: text, called: name)
        case .integer(let number) where Self.seconds.contains(number) && name != "id": return ["$type": "integer"]
        case .array(let elements): return .array(elements.map { pattern(of: $0, called: name) })
        case .object(let object):
            let members = JSONObject(object.map { key, value in (key, pattern(of: value, called: key)) })
            return Pattern.isMatcher(object) ? ["$literal": .object(object)] : .object(members)
        default: return message
        }
    }

    private mutating func pattern(of text: String, called name: String?) -> JSONValue {
        if let known = names[text] { return .string("${\(known)}") }
        let isSecret = name.map(Secrets.isSecret) == true || !Secrets.found(in: text).isEmpty
        if isSecret { return ["$type": "string", "$capture": .string(give(name ?? "secret", to: text))] }
        if text.wholeMatch(of: Self.time) != nil { return ["$pattern": #"^\d{4}-\d\d-\d\dT"#] }
        let isWord = text.allSatisfy { $0.isLowercase || $0 == "_" || $0 == "." || $0 == "-" || $0 == "/" }
        if !isWord, let match = text.wholeMatch(of: Self.identifier) {
            return ["$prefix": .string(String(match.1)), "$capture": .string(give(name ?? "id", to: text))]
        }
        if !isWord, text.contains(where: \.isNumber), text.wholeMatch(of: Self.opaque) != nil {
            return ["$type": "string", "$capture": .string(give(name ?? "value", to: text))]
        }
        return .string(Variables.quoted(text))
    }

    /// A name for `text` that no other value has: the member's, with a number where it is taken.
    private mutating func give(_ name: String, to text: String) -> String {
        let plain = name.filter { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_") }
        let base = plain.isEmpty ? "value" : plain
        var given = base
        var number = 2
        while !used.insert(given).inserted {
            given = base + String(number)
            number += 1
        }
        names[text] = given
        return given
    }
}
