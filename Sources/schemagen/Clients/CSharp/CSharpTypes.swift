/// The types of the C# client.
extension CSharpEmitter {
    /// An enumeration: constants, so that words that this client does not know stay as they are.
    func words(_ name: String, _ description: String, _ values: [String], into source: inout SourceText) {
        Self.documentation(description, into: &source)
        Self.scope("public static class \(name)", into: &source) { source in
            for value in values { source.line("public const string \(Names.pascal(value)) = \"\(value)\";") }
        }
    }

    /// A class that callers make and give to the server.
    func input(_ name: String, _ description: String, _ object: ObjectShape, into source: inout SourceText) {
        Self.documentation(description, into: &source)
        Self.scope("public sealed class \(name) : DuesObject", into: &source) { source in
            for member in object.membersRequiredFirst {
                let required = member.isRequired ? " Required." : ""
                Self.documentation(Self.described(member, among: object.members) + required, into: &source)
                source.line("public \(type(of: member.shape, isOptional: true)) \(Names.pascal(member.name)) { get; set; }")
                source.line()
            }
            writing(object.members, alwaysWritesRequired: false, into: &source)
        }
    }

    /// A class that the client makes of what the server gives.
    func output(
        _ name: String, _ description: String, _ object: ObjectShape, base: String = "DuesOutput",
        into source: inout SourceText
    ) {
        Self.documentation(description, into: &source)
        Self.scope("public sealed class \(name) : \(base)", into: &source) { source in
            Self.documentation("What the server gave, as it came.", into: &source)
            Self.scope("public \(name)(\(Self.jsonObject) raw) : base(raw)", into: &source) { source in
                for member in object.members { source.line("\(Names.pascal(member.name)) = \(reading(member));") }
            }
            for member in object.members {
                Self.documentation(Self.described(member, among: object.members), into: &source)
                let type = type(of: member.shape, isOptional: member.isOptional)
                source.line("public \(type) \(Names.pascal(member.name)) { get; }")
                source.line()
            }
            writing(object.members, alwaysWritesRequired: true, into: &source)
        }
    }

    private func writing(_ members: [MemberModel], alwaysWritesRequired: Bool, into source: inout SourceText) {
        source.line("/// <inheritdoc/>")
        Self.scope("public override \(Self.jsonObject) ToJson()", into: &source) { source in
            source.line("var json = new Dictionary<string, object>();")
            for member in members {
                let name = Names.pascal(member.name)
                let isConditional = !(alwaysWritesRequired && member.isRequired)
                source.line("\(isConditional ? "if (\(name) != null) " : "")json[\"\(member.name)\"] = \(name);")
            }
            source.line("return json;")
        }
    }

    /// The expression that reads a member of `raw`.
    private func reading(_ member: MemberModel) -> String {
        let place = "(raw, \"\(member.name)\")"
        let orNothing = member.isOptional ? "" : ".GetValueOrDefault()"
        switch member.shape {
        case .integer: return "Wire.Integer\(place)\(orNothing)"
        case .boolean: return "Wire.Boolean\(place)\(orNothing)"
        case .timestamp: return "Wire.Time\(place)\(orNothing)"
        case .map: return "Wire.Map\(place)"
        case .raw, .object: return "Wire.Raw\(place)"
        case .reference(let name) where contract.isObject(name): return "Wire.Object\(making(name, place))"
        case .array(let element, _):
            let orEmpty = member.isOptional ? "" : " ?? Array.Empty<\(type(of: element, isOptional: false))>()"
            if case .reference(let name) = element, contract.isObject(name) {
                return "Wire.List\(making(name, place))\(orEmpty)"
            }
            return "Wire.Texts\(place)\(orEmpty)"
        case .string, .enumeration, .openEnumeration, .reference: return "Wire.Text\(place)"
        }
    }

    private func making(_ name: String, _ place: String) -> String { "\(place.dropLast()), value => new \(name)(value))" }

    private func type(of shape: Shape, isOptional: Bool) -> String {
        let mark = isOptional ? "?" : ""
        return switch shape {
        case .integer: "long\(mark)"
        case .boolean: "bool\(mark)"
        case .timestamp: "DateTimeOffset\(mark)"
        case .map: "IReadOnlyDictionary<string, string>"
        case .raw, .object: Self.jsonObject
        case .array(let element, _): "IReadOnlyList<\(type(of: element, isOptional: false))>"
        case .reference(let name) where contract.isObject(name): name
        case .string, .enumeration, .openEnumeration, .reference: "string"
        }
    }
}
