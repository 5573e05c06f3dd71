/// Reading scalars: strings with their lengths and patterns, integers with their bounds, booleans, enumerations.
import JSON

/// What a string of the contract must keep to.
struct StringRules {
    /// Lengths in Unicode code points, as JSON Schema counts.
    var minimumLength = 0
    var maximumLength = Int.max
    var pattern: Pattern?
    /// Whether the value is never said back, not even in part.
    var isSecret = false
}

extension Decoding {
    /// Whether a value of `kind` comes next. Otherwise notes the violation, which calls the kind `name`, and steps over
    /// the value.
    mutating func expect(
        _ kind: JSONKind, named name: StaticString? = nil, _ reader: inout JSONReader, _ step: Step,
        isSecret: Bool = false
    ) throws(JSONError) -> Bool {
        let found = try reader.peek()
        guard found != kind else { return true }
        let range = try reader.skipValue()
        let wanted = name?.description ?? kind.withArticle
        violate(step, "type", "must be \(wanted), got \(Self.said(found, reader.copy(range), isSecret))")
        return false
    }

    /// How a message names a value of another kind: numbers and booleans as they were written.
    private static func said(_ kind: JSONKind, _ bytes: [UInt8], _ isSecret: Bool) -> String {
        switch kind {
        case .number, .boolean: isSecret ? kind.withArticle : Excerpt.of(String(decoding: bytes, as: UTF8.self))
        case .null: "null (leave it out instead)"
        case .object, .array, .string: kind.withArticle
        }
    }

    mutating func string(
        _ reader: inout JSONReader, _ step: Step, _ rules: StringRules
    ) throws(JSONError) -> String? {
        guard try expect(.string, &reader, step, isSecret: rules.isSecret) else { return nil }
        let text = try reader.readString()
        return check(text, step, rules) ? text : nil
    }

    /// Whether `text` keeps to `rules`. A violation of its length hides one of its pattern.
    mutating func check(_ text: String, _ step: Step, _ rules: StringRules) -> Bool {
        // A code point has one to four bytes: most lengths are settled without counting.
        let bytes = text.utf8.count
        if bytes < rules.minimumLength * 4, text.unicodeScalars.count < rules.minimumLength {
            violate(step, "minLength", Self.lengthMessage("at least", rules.minimumLength, text))
            return false
        }
        if bytes > rules.maximumLength, text.unicodeScalars.count > rules.maximumLength {
            violate(step, "maxLength", Self.lengthMessage("at most", rules.maximumLength, text))
            return false
        }
        guard let complaint = rules.pattern?.complaint(about: text, isSecret: rules.isSecret) else { return true }
        violate(step, "pattern", complaint)
        return false
    }

    private static func lengthMessage(_ bound: String, _ limit: Int, _ text: String) -> String {
        if limit == 1, text.isEmpty { return "must not be empty" }
        return "must have \(bound) \(limit) character\(limit == 1 ? "" : "s"), got \(text.unicodeScalars.count)"
    }

    mutating func integer(
        _ reader: inout JSONReader, _ step: Step, _ bounds: ClosedRange<Int64>
    ) throws(JSONError) -> Int64? {
        guard try expect(.number, named: "an integer", &reader, step) else { return nil }
        let number = try reader.readNumber()
        guard case .integer(let value) = number else {
            guard case .number(let digits) = number else { return nil }
            let isInteger = !digits.utf8.contains { $0 == UInt8(ascii: ".") || $0 | 0x20 == UInt8(ascii: "e") }
            if isInteger, digits != "-0" {
                violate(step, "type", "must be an integer of 64 bits, got \(Excerpt.of(digits))")
            } else {
                violate(step, "type", "must be an integer, got \(Excerpt.of(digits))")
            }
            return nil
        }
        if value < bounds.lowerBound {
            violate(step, "minimum", "must be at least \(bounds.lowerBound), got \(value)")
            return nil
        }
        if value > bounds.upperBound {
            violate(step, "maximum", "must be at most \(bounds.upperBound), got \(value)")
            return nil
        }
        return value
    }

    mutating func boolean(_ reader: inout JSONReader, _ step: Step) throws(JSONError) -> Bool? {
        try expect(.boolean, &reader, step) ? try reader.readBool() : nil
    }

    mutating func enumeration<Value: RawRepresentable & CaseIterable>(
        _ reader: inout JSONReader, _ step: Step, of type: Value.Type
    ) throws(JSONError) -> Value? where Value.RawValue == String {
        guard try expect(.string, &reader, step) else { return nil }
        let text = try reader.readString()
        if let value = Value(rawValue: text) { return value }
        let known = Value.allCases.map(\.rawValue).joined(separator: ", ")
        violate(step, "enum", "must be one of \(known), got \"\(Excerpt.of(text))\"")
        return nil
    }
}
