/// Two schemas of the same thing, an older and a newer. What callers give may only become freer, what they are given only
/// narrower: each rule is one of these two, so that one comparison serves both directions.
import JSON

struct SchemaComparison {
    private let old: JSONValue?
    private let new: JSONValue?

    /// The shared types of each document.
    init(old: JSONValue?, new: JSONValue?) {
        self.old = old
        self.new = new
    }

    /// What callers of the older schema may give and the newer refuses or takes otherwise.
    func breaks(ofParams before: JSONValue, _ now: JSONValue, at place: String) -> [String] {
        var comparison = Walk(wider: new, narrower: old, isResult: false)
        comparison.compare(wide: now, narrow: before, at: place)
        return comparison.breaks
    }

    /// What the newer schema may say and callers of the older do not expect.
    func breaks(ofResult before: JSONValue, _ now: JSONValue, at place: String) -> [String] {
        var comparison = Walk(wider: old, narrower: new, isResult: true)
        comparison.compare(wide: before, narrow: now, at: place)
        return comparison.breaks
    }

    /// Whether all that the narrow schema allows, the wide one does: for params the newer must be the wide one, for results the
    /// older.
    private struct Walk {
        let wider: JSONValue?
        let narrower: JSONValue?
        let isResult: Bool
        var breaks: [String] = []
        /// Pairs of types that are being compared, which may lead to themselves.
        private var visited: Set<String> = []

        init(wider: JSONValue?, narrower: JSONValue?, isResult: Bool) {
            self.wider = wider
            self.narrower = narrower
            self.isResult = isResult
        }

        mutating func compare(wide: JSONValue, narrow: JSONValue, at place: String) {
            let (wideName, wide) = resolved(wide, in: wider)
            let (narrowName, narrow) = resolved(narrow, in: narrower)
            if let wideName, let narrowName, !visited.insert("\(wideName) \(narrowName) \(place)").inserted { return }
            let kinds = (wide: Self.kinds(wide), narrow: Self.kinds(narrow))
            guard kinds.narrow.isSubset(of: kinds.wide) else {
                let (before, now) = isResult ? (kinds.wide, kinds.narrow) : (kinds.narrow, kinds.wide)
                return note(
                    place,
                    "is \(now.sorted().joined(separator: " or ")), and was \(before.sorted().joined(separator: " or "))")
            }
            if !isResult, (wide["default"] ?? .null) != (narrow["default"] ?? .null) { note(place, "has another default") }
            words(wide, narrow, at: place)
            bounds(wide, narrow, at: place)
            for keyword in ["pattern", "format"] {
                if let rule = wide[keyword], rule != narrow[keyword] { note(place, "has another \(keyword)") }
            }
            if let items = wide["items"], let narrowItems = narrow["items"] {
                compare(wide: items, narrow: narrowItems, at: place + "/items")
            }
            if wide["properties"] != nil || narrow["properties"] != nil { members(wide, narrow, at: place) }
            for keyword in ["additionalProperties", "propertyNames"] {
                if let values = wide[keyword], let narrowValues = narrow[keyword], values.objectValue != nil {
                    compare(wide: values, narrow: narrowValues, at: "\(place)/\(keyword)")
                }
            }
            if !isResult { rules(wide, narrow, at: place) }
        }

        private mutating func note(_ place: String, _ what: String) { breaks.append("\(place) \(what)") }

        /// The schema that a reference names, with the name, and with what stands beside the reference.
        private func resolved(_ schema: JSONValue, in types: JSONValue?) -> (name: String?, schema: JSONValue) {
            if let choices = schema["anyOf"]?.arrayValue, let first = choices.first {
                var (name, target) = resolved(first, in: types)
                if var object = target.objectValue {
                    object["type"] = .array(Self.kinds(target).union(["null"]).sorted().map { .string($0) })
                    target = .object(object)
                }
                return (name, target)
            }
            guard let reference = schema["$ref"]?.stringValue else { return (nil, schema) }
            let name = String(reference.dropFirst(ShapeParser.prefix.count))
            guard var target = types?[name]?.objectValue else { return (name, .null) }
            target["default"] = schema["default"] ?? target["default"]
            return (name, .object(target))
        }

        private static func kinds(_ schema: JSONValue) -> Set<String> {
            if let one = schema["type"]?.stringValue { return [one] }
            return Set((schema["type"]?.arrayValue ?? []).compactMap(\.stringValue))
        }

        /// Closed lists of words. Open ones (x-values) take any.
        private mutating func words(_ wide: JSONValue, _ narrow: JSONValue, at place: String) {
            guard let allowed = wide["enum"]?.arrayValue else { return }
            guard let said = narrow["enum"]?.arrayValue else {
                return note(place, isResult ? "may be any word now" : "may be certain words only now")
            }
            for word in said where !allowed.contains(word) {
                note(place, isResult ? "may be \(word.text) now" : "may no longer be \(word.text)")
            }
        }

        private mutating func bounds(_ wide: JSONValue, _ narrow: JSONValue, at place: String) {
            for keyword in ["minLength", "minimum", "minItems"] {
                if let bound = wide[keyword]?.integerValue, narrow[keyword]?.integerValue ?? .min < bound {
                    note(place, "has another \(keyword)")
                }
            }
            for keyword in ["maxLength", "maximum", "maxItems", "maxProperties"] {
                if let bound = wide[keyword]?.integerValue, narrow[keyword]?.integerValue ?? .max > bound {
                    note(place, "has another \(keyword)")
                }
            }
        }

        private mutating func members(_ wide: JSONValue, _ narrow: JSONValue, at place: String) {
            let (wideMembers, narrowMembers) = (
                wide["properties"]?.objectValue ?? [:], narrow["properties"]?.objectValue ?? [:]
            )
            let required = { (schema: JSONValue) in (schema["required"]?.arrayValue ?? []).compactMap(\.stringValue) }
            let always = Set(required(narrow))
            for name in required(wide) where !always.contains(name) && (!isResult || narrowMembers[name] != nil) {
                note("\(place)/\(name)", isResult ? "is not always there now" : "must be given now")
            }
            let (before, now) = isResult ? (wideMembers, narrowMembers) : (narrowMembers, wideMembers)
            for (name, member) in before {
                guard let other = now[name] else {
                    note("\(place)/\(name)", "is gone")
                    continue
                }
                compare(wide: isResult ? member : other, narrow: isResult ? other : member, at: "\(place)/\(name)")
            }
        }

        /// Which members stand together: a rule that was not there before refuses what was taken.
        private mutating func rules(_ wide: JSONValue, _ narrow: JSONValue, at place: String) {
            let known = narrow["x-rules"]?.arrayValue ?? []
            for rule in wide["x-rules"]?.arrayValue ?? [] where !known.contains(rule) {
                note(place, "has another rule: \(rule.text)")
            }
        }
    }
}
