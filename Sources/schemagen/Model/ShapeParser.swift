/// Reads JSON Schema, as far as the contract uses it, into shapes. Whatever else a schema says is an error: nothing in
/// Schemas/ is without effect.
import JSON

struct ShapeParser {
    /// For messages.
    let file: String
    /// The shared types, by name.
    let types: [String: JSONValue]

    static let prefix = "#/components/schemas/"

    /// The shape of `schema`, and whether null is allowed too.
    func shape(_ schema: JSONValue, at place: String) throws(SchemaErrors) -> (shape: Shape, isNullable: Bool) {
        if let choices = schema["anyOf"]?.arrayValue {
            try allowOnly(["anyOf", "description"], in: schema, at: place)
            guard choices.count == 2, choices[1] == ["type": "null"] else {
                throw error(place, "anyOf must be a $ref and {\"type\": \"null\"}")
            }
            return (try shape(choices[0], at: place).shape, true)
        }
        if let reference = schema["$ref"]?.stringValue {
            try allowOnly(["$ref", "description", "default"], in: schema, at: place)
            return (try resolve(reference, at: place), false)
        }
        if case .array(let kinds)? = schema["type"] {
            guard kinds.count == 2, let kind = kinds[0].stringValue, kinds[1] == "null" else {
                throw error(place, "a list of types must be one type and null")
            }
            return (try shape(ofType: kind, schema, at: place), true)
        }
        guard let kind = schema["type"]?.stringValue else { throw error(place, "has no type") }
        return (try shape(ofType: kind, schema, at: place), false)
    }

    /// What a schema of each type may say, beside type, description and default.
    private static let keywords: [String: Set<String>] = [
        "string": [
            "format", "minLength", "maxLength", "pattern", "enum", "x-values", "x-swift-names", "x-secret",
        ],
        "integer": ["minimum", "maximum"],
        "boolean": [],
        "array": ["items", "minItems", "maxItems"],
        "object": [
            "properties", "required", "additionalProperties", "propertyNames", "maxProperties", "x-rules", "x-raw",
            "x-hand-written",
        ],
    ]

    private func shape(ofType kind: String, _ schema: JSONValue, at place: String) throws(SchemaErrors) -> Shape {
        guard let keywords = Self.keywords[kind] else {
            throw error(place, "type \(kind) is not used in the contract")
        }
        try allowOnly(keywords.union(["type", "description", "default"]), in: schema, at: place)
        switch kind {
        case "string":
            if schema["format"] == "date-time" { return .timestamp }
            if let values = schema["enum"] ?? schema["x-values"] {
                let names = (schema["x-swift-names"]?.objectValue ?? [:]).map { ($0.key, $0.value.stringValue ?? "") }
                let swiftNames = Dictionary(uniqueKeysWithValues: names)
                let words = (values.arrayValue ?? []).compactMap(\.stringValue)
                return schema["enum"] == nil
                    ? .openEnumeration(values: words, swiftNames: swiftNames)
                    : .enumeration(values: words, swiftNames: swiftNames)
            }
            return .string(string(schema))
        case "integer":
            return .integer(minimum: schema["minimum"]?.integerValue, maximum: schema["maximum"]?.integerValue)
        case "boolean": return .boolean
        case "array":
            guard let items = schema["items"] else { throw error(place, "an array needs items") }
            let counts = (schema["minItems"]?.integerValue, schema["maxItems"]?.integerValue)
            return .array(try shape(items, at: "\(place)/items").shape, counts: counts)
        default:
            if schema["x-raw"] == true { return .raw }
            if let values = schema["additionalProperties"], values["type"] == "string" {
                let keys = schema["propertyNames"].map(string) ?? StringShape()
                let maximum = schema["maxProperties"]?.integerValue
                return .map(MapShape(maximumMembers: maximum, keys: keys, values: string(values)))
            }
            return .object(try object(schema, at: place))
        }
    }

    private func string(_ schema: JSONValue) -> StringShape {
        StringShape(
            minimumLength: schema["minLength"]?.integerValue, maximumLength: schema["maxLength"]?.integerValue,
            pattern: schema["pattern"]?.stringValue, isSecret: schema["x-secret"]?.boolValue ?? false)
    }

    private func resolve(_ reference: String, at place: String) throws(SchemaErrors) -> Shape {
        let name = String(reference.dropFirst(Self.prefix.count))
        guard reference.hasPrefix(Self.prefix), let target = types[name] else {
            throw error(place, "$ref \(reference) leads nowhere")
        }
        // Objects and enumerations keep their names; asking for their members here could go round in circles.
        if target["properties"] != nil || target["enum"] != nil || target["x-values"] != nil { return .reference(name) }
        return try shape(target, at: name).shape.named(name)
    }

    func object(_ schema: JSONValue, at place: String) throws(SchemaErrors) -> ObjectShape {
        guard let properties = schema["properties"]?.objectValue else {
            throw error(place, "an object needs properties, or additionalProperties with a schema")
        }
        let required = Set((schema["required"]?.arrayValue ?? []).compactMap(\.stringValue))
        for name in required.sorted() where properties[name] == nil {
            throw error(place, "required names \(name), which is not among the properties")
        }
        var members: [MemberModel] = []
        for (name, property) in properties {
            members.append(
                try member(name, property, property, isRequired: required.contains(name), at: "\(place)/\(name)"))
        }
        let isClosed = schema["additionalProperties"] == false
        return ObjectShape(
            members: members, rules: try rules(schema["x-rules"], members.map(\.name), at: place), isClosed: isClosed)
    }

    /// A member whose description stands in `described` and whose schema is `schema`.
    func member(
        _ name: String, _ described: JSONValue, _ schema: JSONValue, isRequired: Bool, at place: String
    ) throws(SchemaErrors) -> MemberModel {
        let (shape, isNullable) = try shape(schema, at: place)
        switch shape {
        case .object, .enumeration, .openEnumeration:
            throw error(place, "objects and enumerations must be types with names, in Schemas/types")
        case .array(.object, _), .array(.enumeration, _), .array(.openEnumeration, _):
            throw error(place, "objects and enumerations must be types with names, in Schemas/types")
        default: break
        }
        guard let description = described["description"]?.stringValue, !description.isEmpty else {
            throw error(place, "has no description")
        }
        return MemberModel(
            name: name, description: description, isRequired: isRequired, isNullable: isNullable, shape: shape,
            defaultValue: schema["default"])
    }

    func rules(_ json: JSONValue?, _ members: [String], at place: String) throws(SchemaErrors) -> [RuleModel] {
        var rules: [RuleModel] = []
        for entry in json?.arrayValue ?? [] {
            guard let kind = RuleModel.Kind.allCases.first(where: { entry[$0.rawValue] != nil }) else {
                throw error(place, "x-rules has an entry that is none of the rules known")
            }
            let value = entry[kind.rawValue]
            let names = value?.stringValue.map { [$0] } ?? (value?.arrayValue ?? []).compactMap(\.stringValue)
            let companions = (entry["with"]?.arrayValue ?? []).compactMap(\.stringValue)
            let condition = entry["when"]?.stringValue
            for name in names + companions + [condition].compactMap({ $0 }) where !members.contains(name) {
                throw error(place, "x-rules names \(name), which is not a member")
            }
            rules.append(RuleModel(kind: kind, members: names, companions: companions, condition: condition))
        }
        return rules
    }

    private func allowOnly(_ keywords: Set<String>, in schema: JSONValue, at place: String) throws(SchemaErrors) {
        for (keyword, _) in schema.objectValue ?? [:] where !keywords.contains(keyword) {
            throw error(place, "the keyword \(keyword) is not used in the contract")
        }
    }

    private func error(_ place: String, _ problem: String) -> SchemaErrors {
        SchemaErrors(file, "\(place): \(problem)")
    }
}

extension Shape {
    /// The shape, knowing the shared type that its rules come from.
    func named(_ name: String) -> Shape {
        switch self {
        case .string(var rules):
            rules.alias = name
            return .string(rules)
        case .map(var rules):
            rules.alias = name
            return .map(rules)
        default: return self
        }
    }
}
