package import JSON

/// What a message is to be like: JSON in which an object whose keys begin with `$` says what may vary in its place.
///
/// | matcher | the value there |
/// |---|---|
/// | `{"$any": true}` | whatever it is |
/// | `{"$type": "string"}` | of this type, or one of an array of types: object, array, string, integer, number, boolean, null |
/// | `{"$prefix": "cus_"}` | a string that begins so |
/// | `{"$pattern": "^[a-z]+$"}` | a string in which the regular expression is found |
/// | `{"$oneOf": [1, 2]}` | like one of these |
/// | `{"$partial": {…}}` | an object with at least these members |
/// | `{"$unordered": […]}` | an array like this one, in any order |
/// | `{"$each": …}` | an array (perhaps empty), every element of which is like this |
/// | `{"$absent": true}` | not there (for a member) |
/// | `{"$literal": …}` | exactly this, `$` and all |
///
/// `"$capture": "name"` beside any of them, or alone, keeps the value for `${name}` further on.
package enum Pattern {
    /// Every difference between `value` and `pattern`, whose captures go to `variables` where there is none.
    package static func differences(
        of value: JSONValue, from pattern: JSONValue, _ variables: inout Variables
    ) -> [Difference] {
        var matching = Matching(variables: variables)
        do throws(Variables.Unknown) {
            try matching.compare(value, pattern, at: "")
        } catch {
            return [Difference("", "\(error)")]
        }
        if matching.differences.isEmpty { variables = matching.variables }
        return matching.differences
    }

    /// Whether an object is a matcher and not itself what is expected.
    static func isMatcher(_ object: JSONObject) -> Bool { !object.isEmpty && object.keys.allSatisfy { $0.hasPrefix("$") } }
}

/// One comparison: what it has found so far.
private struct Matching {
    var variables: Variables
    var differences: [Difference] = []

    mutating func compare(_ value: JSONValue, _ pattern: JSONValue, at pointer: String) throws(Variables.Unknown) {
        switch pattern {
        case .object(let object) where Pattern.isMatcher(object): try apply(object, to: value, at: pointer)
        case .object(let object): try compare(value, members: object, isPartial: false, at: pointer)
        case .array(let patterns):
            guard case .array(let elements) = value else { return differ(pointer, pattern, value) }
            for (index, pair) in zip(elements, patterns).enumerated() {
                try compare(pair.0, pair.1, at: JSONPointer.appending(String(index), to: pointer))
            }
            if elements.count != patterns.count {
                note(pointer, "expected \(count(patterns)), got \(count(elements))")
            }
        default:
            let expected = try variables.filled(pattern)
            if !isSame(value, expected) { differ(pointer, expected, value) }
        }
    }

    private mutating func compare(
        _ value: JSONValue, members pattern: JSONObject, isPartial: Bool, at pointer: String
    ) throws(Variables.Unknown) {
        guard case .object(let object) = value else { return differ(pointer, .object(pattern), value) }
        for (key, expected) in pattern {
            let place = JSONPointer.appending(key, to: pointer)
            if let member = object[key] {
                try compare(member, expected, at: place)
            } else if expected["$absent"] == nil {
                note(place, "expected \(Shown.text(expected)), and it is not there")
            }
        }
        guard !isPartial else { return }
        for (key, member) in object where pattern[key] == nil {
            note(JSONPointer.appending(key, to: pointer), "not expected, got \(Shown.text(member, called: key))")
        }
    }

    private mutating func apply(
        _ matcher: JSONObject, to value: JSONValue, at pointer: String
    ) throws(Variables.Unknown) {
        for (name, argument) in matcher { try apply(name, argument, to: value, at: pointer) }
    }

    private mutating func apply(
        _ name: String, _ argument: JSONValue, to value: JSONValue, at pointer: String
    ) throws(Variables.Unknown) {
        switch name {
        case "$any": return
        case "$absent": note(pointer, "expected not to be there, got \(Shown.text(value))")
        case "$capture":
            guard let name = argument.stringValue else { return unusable(name, argument, pointer) }
            variables[name] = value
        case "$type":
            let types = argument.arrayValue ?? [argument]
            if !types.contains(where: { $0.stringValue.map { isOfType(value, $0) } ?? false }) {
                let words = types.map { $0.stringValue ?? $0.text }.joined(separator: " or ")
                note(pointer, "expected \(words), got \(Shown.text(value))")
            }
        case "$prefix":
            guard let prefix = argument.stringValue else { return unusable(name, argument, pointer) }
            let expected = try variables.filled(prefix)
            if value.stringValue?.hasPrefix(expected) != true {
                note(pointer, "expected a string that begins with \"\(expected)\", got \(Shown.text(value))")
            }
        case "$pattern":
            guard let pattern = argument.stringValue, let regex = try? Regex<AnyRegexOutput>(pattern) else {
                return unusable(name, argument, pointer)
            }
            if value.stringValue?.firstMatch(of: regex) == nil {
                note(pointer, "expected a string like /\(pattern)/, got \(Shown.text(value))")
            }
        case "$literal": if !isSame(value, argument) { differ(pointer, argument, value) }
        case "$oneOf", "$unordered", "$each", "$partial": try applyPatterns(name, argument, to: value, at: pointer)
        default: note(pointer, "there is no matcher \(name)")
        }
    }

    /// The matchers that are made of patterns.
    private mutating func applyPatterns(
        _ name: String, _ argument: JSONValue, to value: JSONValue, at pointer: String
    ) throws(Variables.Unknown) {
        switch (name, argument) {
        case ("$partial", .object(let members)): try compare(value, members: members, isPartial: true, at: pointer)
        case ("$each", _):
            guard case .array(let elements) = value else {
                return note(pointer, "expected an array, got \(Shown.text(value))")
            }
            for (index, element) in elements.enumerated() {
                try compare(element, argument, at: JSONPointer.appending(String(index), to: pointer))
            }
        case ("$oneOf", .array(let patterns)):
            for pattern in patterns where try matches(value, pattern, at: pointer) { return }
            note(pointer, "expected one of \(Shown.text(argument)), got \(Shown.text(value))")
        case ("$unordered", .array(let patterns)):
            guard case .array(var elements) = value else { return differ(pointer, argument, value) }
            for pattern in patterns {
                var found: Int?
                for (index, element) in elements.enumerated() where found == nil {
                    if try matches(element, pattern, at: pointer) { found = index }
                }
                if let found { elements.remove(at: found) } else { note(pointer, "no element is \(Shown.text(pattern))") }
            }
            for element in elements { note(pointer, "not expected among the elements: \(Shown.text(element))") }
        default: unusable(name, argument, pointer)
        }
    }

    /// Tries a pattern; its captures stay where it fits.
    private mutating func matches(
        _ value: JSONValue, _ pattern: JSONValue, at pointer: String
    ) throws(Variables.Unknown) -> Bool {
        var trial = Matching(variables: variables)
        try trial.compare(value, pattern, at: pointer)
        if trial.differences.isEmpty { variables = trial.variables }
        return trial.differences.isEmpty
    }

    private func isOfType(_ value: JSONValue, _ type: String) -> Bool {
        switch value {
        case .null: type == "null"
        case .bool: type == "boolean"
        case .integer: type == "integer" || type == "number"
        case .string: type == "string"
        case .array: type == "array"
        case .object: type == "object"
        default: type == "number"
        }
    }

    /// Numbers are the same where they are the same number, however they are written.
    private func isSame(_ left: JSONValue, _ right: JSONValue) -> Bool {
        if left == right { return true }
        switch (left, right) {
        case (.array(let some), .array(let others)):
            return some.count == others.count && zip(some, others).allSatisfy(isSame)
        case (.object(let some), .object(let others)):
            return some.count == others.count
                && some.allSatisfy { key, value in others[key].map { isSame(value, $0) } ?? false }
        // Two integers are compared exactly, above: as doubles, different ones may be the same.
        case (.integer, .integer): return false
        default: return left.doubleValue != nil && left.doubleValue == right.doubleValue
        }
    }

    private func count(_ elements: [JSONValue]) -> String { "\(elements.count) element\(elements.count == 1 ? "" : "s")" }

    private mutating func note(_ pointer: String, _ problem: String) { differences.append(Difference(pointer, problem)) }

    private mutating func differ(_ pointer: String, _ pattern: JSONValue, _ value: JSONValue) {
        let key = pointer.split(separator: "/").last.map(String.init)
        note(pointer, "expected \(Shown.text(pattern, called: key)), got \(Shown.text(value, called: key))")
    }

    private mutating func unusable(_ name: String, _ argument: JSONValue, _ pointer: String) {
        note(pointer, "\(name) cannot be \(argument.text)")
    }
}
