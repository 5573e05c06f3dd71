/// Holds an example to its shape, so that no example of the contract is wrong.
import JSON

struct ExampleValidator {
    let contract: ContractModel

    /// What is wrong with `value`, each a line that names its place.
    func problems(_ value: JSONValue, _ shape: Shape, at place: String) -> [String] {
        switch shape {
        case .string(let rules): return string(value, rules, at: place)
        case .timestamp:
            let isTime = value.stringValue.map { matches($0, #"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$"#) } ?? false
            return isTime ? [] : ["\(place) must be a time such as 2026-04-01T00:00:00Z"]
        case .integer(let minimum, let maximum):
            guard let number = value.integerValue else { return ["\(place) must be an integer"] }
            let isInside = number >= minimum ?? .min && number <= maximum ?? .max
            return isInside ? [] : ["\(place) is out of bounds"]
        case .boolean: return value.boolValue == nil ? ["\(place) must be a boolean"] : []
        case .enumeration(let values, _), .openEnumeration(let values, _):
            return value.stringValue.map(values.contains) ?? false ? [] : ["\(place) must be one of \(values)"]
        case .object(let object): return self.object(value, object, at: place)
        case .raw: return value.objectValue == nil ? ["\(place) must be an object"] : []
        case .array(let element, _):
            guard let elements = value.arrayValue else { return ["\(place) must be an array"] }
            return elements.enumerated().flatMap { problems($1, element, at: "\(place)/\($0)") }
        case .map(let rules):
            guard let members = value.objectValue else { return ["\(place) must be an object"] }
            return members.flatMap { key, value in
                string(.string(key), rules.keys, at: "\(place)/\(key)")
                    + string(value, rules.values, at: "\(place)/\(key)")
            }
        case .reference(let name):
            guard let target = contract.type(name)?.shape else { return ["\(place): \(name) is no type"] }
            guard case .object(var object) = target else { return problems(value, target, at: place) }
            object.isClosed = true
            return problems(value, .object(object), at: place)
        }
    }

    private func string(_ value: JSONValue, _ rules: StringShape, at place: String) -> [String] {
        guard let text = value.stringValue else { return ["\(place) must be a string"] }
        let length = Int64(text.unicodeScalars.count)
        if length < rules.minimumLength ?? 0 || length > rules.maximumLength ?? .max {
            return ["\(place) has a wrong length"]
        }
        if let pattern = rules.pattern, !matches(text, pattern) { return ["\(place) does not match \(pattern)"] }
        return []
    }

    private func object(_ value: JSONValue, _ object: ObjectShape, at place: String) -> [String] {
        guard let members = value.objectValue else { return ["\(place) must be an object"] }
        var found: [String] = []
        for (key, member) in members {
            guard let model = object.members.first(where: { $0.name == key }) else {
                if object.isClosed { found.append("\(place) has no member \(key)") }
                continue
            }
            if member.isNull, model.isNullable { continue }
            found += problems(member, model.shape, at: "\(place)/\(key)")
        }
        for member in object.members where member.isRequired && members[member.name] == nil {
            found.append("\(place)/\(member.name) is missing")
        }
        return found
    }

    private func matches(_ text: String, _ pattern: String) -> Bool {
        guard let expression = try? Regex(pattern) else { return false }
        return text.wholeMatch(of: expression) != nil
    }
}
