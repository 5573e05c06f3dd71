internal import JSON

extension Pattern {
    /// `pattern` made to fit `value`, and no more than needed: what fits stays as it is written, matchers included, and what
    /// does not becomes what came. Secrets become matchers.
    static func adapted(_ pattern: JSONValue, to value: JSONValue, _ variables: inout Variables) -> JSONValue {
        // What a part that fits captures, the parts behind it may refer to.
        if differences(of: value, from: pattern, &variables).isEmpty { return pattern }
        switch (pattern, value) {
        case (.object(let expected), .object(let object)) where !isMatcher(expected):
            return .object(members(expected, object, &variables))
        case (.object(let matcher), .object(let object)) where matcher["$partial"] != nil:
            let named = matcher["$partial"]?.objectValue ?? [:]
            let adapted = members(named, object, &variables)
            let partial = JSONObject(adapted.filter { named[$0.key] != nil }.map { ($0.key, $0.value) })
            return ["$partial": .object(partial)]
        case (.array(let patterns), .array(let elements)) where patterns.count == elements.count:
            return .array(zip(patterns, elements).map { adapted($0, to: $1, &variables) })
        default: return literal(value)
        }
    }

    private static func members(
        _ expected: JSONObject, _ object: JSONObject, _ variables: inout Variables
    ) -> JSONObject {
        JSONObject(
            object.map { key, value in
                if Secrets.isSecret(called: key), value != .null, expected[key] == nil { return (key, ["$type": "string"]) }
                return (key, expected[key].map { adapted($0, to: value, &variables) } ?? literal(value))
            })
    }

    /// What fits `value` and nothing else; where there are secrets in it, their places.
    static func literal(_ value: JSONValue) -> JSONValue {
        switch value {
        case .string(let text):
            if !Secrets.found(in: text).isEmpty { return ["$type": "string"] }
            return text.contains("${") ? ["$literal": value] : value
        case .array(let elements): return .array(elements.map(literal))
        case .object(let object):
            let members = JSONObject(
                object.map { key, member in
                    let isSecret = Secrets.isSecret(called: key) && member.stringValue != nil
                    return (key, isSecret ? ["$type": "string"] : literal(member))
                })
            return isMatcher(object) ? ["$literal": .object(object)] : .object(members)
        default: return value
        }
    }
}

extension Transcript.Line {
    /// The line that says `expectation`.
    init(_ expectation: Transcript.Expectation, number: Int) {
        var object: JSONObject = ["expect": expectation.pattern]
        if expectation.isEventual { object["eventually"] = true }
        if expectation.withinMilliseconds != Transcript.patienceMilliseconds {
            object["withinMs"] = .integer(expectation.withinMilliseconds)
        }
        self.init(number: number, text: JSONValue.object(object).text, entry: .expect(expectation))
    }
}
