/// Writes the types of the Go client.
import JSON

struct GoTypes {
    let contract: ContractModel

    /// The types that methods share.
    func shared(into source: inout SourceText) {
        for type in contract.types {
            switch type.shape {
            case .enumeration(let values, _): words(type, values, "", into: &source)
            case .openEnumeration(let values, _): words(type, values, " Others than these may come.", into: &source)
            default: continue
            }
        }
        for name in ["CallMetadata", "ErrorData", "Violation", "StripeRefusal"] {  // which no method's schema mentions
            guard let type = contract.type(name), case .object(let object) = type.shape else { continue }
            input(name, type.description, object, into: &source)
            if name == "CallMetadata" { options(object, into: &source) }
        }
        for (type, object) in contract.inputs { input(type.name, type.description, object, into: &source) }
        for (type, object) in contract.outputs { output(type.name, type.description, object, into: &source) }
    }

    /// What a caller may say about a call, save its deadline, which is the context's.
    private func options(_ metadata: ObjectShape, into source: inout SourceText) {
        source.line("// CallOption says something about one call. Its deadline is the context's.")
        source.line("type CallOption func(*CallMetadata)")
        source.line()
        for member in metadata.members where member.name != "timeoutMs" {
            let name = GoNames.exported(member.name)
            let isFlag = if case .boolean = member.shape { true } else { false }
            let type = member.isSecret ? "Secret" : self.type(member.shape)
            source.prose("With\(name) sets \(member.name). \(member.description)", mark: "// ")
            source.block("func With\(name)(\(isFlag ? "" : "value \(type)")) CallOption {") {
                $0.line("return func(m *CallMetadata) { m.\(name) = \(isFlag ? "true" : "value") }")
            }
            source.line()
        }
    }

    /// The params of `method`, the values of its stream, and its result.
    func messages(of method: MethodModel, into source: inout SourceText) {
        let name = GoNames.method(method.name)
        if !method.params.members.isEmpty {
            input("\(name)Params", "What \(name) is asked with.", method.params, into: &source)
        }
        if let stream = method.stream {
            output("\(name)Value", stream.description, stream.value, isReceived: true, into: &source)
        }
        if let object = method.resultObject {
            output("\(name)Result", method.resultDescription, object, isReceived: true, into: &source)
        }
    }

    /// A string type with its words.
    private func words(_ type: TypeModel, _ values: [String], _ more: String, into source: inout SourceText) {
        source.prose("\(type.name) is \(GoNames.lowered(type.description))\(more)", mark: "// ")
        source.line("type \(type.name) string")
        source.line()
        let names = values.map { type.name + GoNames.exported($0) }
        let width = names.map(\.count).max() ?? 0
        source.block("const (", ")") { source in
            for (name, value) in zip(names, values) {
                let padding = String(repeating: " ", count: width - name.count)
                source.line("\(name)\(padding) \(type.name) = \"\(value)\"")
            }
        }
        source.line()
    }

    /// A struct that callers make and give to the server.
    private func input(_ name: String, _ description: String, _ object: ObjectShape, into source: inout SourceText) {
        structure(name, description, into: &source) { source in
            for (index, member) in object.membersRequiredFirst.enumerated() {
                if index > 0 { source.line() }
                let standard = member.defaultValue.map { " Default: \($0.stringValue ?? $0.text)." } ?? ""
                source.prose(GoNames.spelled(member.description, object.members) + standard, mark: "// ")
                let pointer = needsPointer(member) ? "*" : ""
                field(member, pointer, member.isRequired ? "" : ",omitempty", into: &source)
            }
        }
    }

    /// A struct that the server gives; one that a call is answered with keeps the object as it came.
    private func output(
        _ name: String, _ description: String, _ object: ObjectShape, isReceived: Bool = false,
        into source: inout SourceText
    ) {
        structure(name, description, into: &source) { source in
            if isReceived {
                source.line("Received")
                source.line()
            }
            for (index, member) in object.members.enumerated() {
                if index > 0 { source.line() }
                source.prose(GoNames.spelled(member.description, object.members), mark: "// ")
                field(member, member.isOptional && isPlain(member.shape) ? "*" : "", "", into: &source)
            }
        }
    }

    private func structure(
        _ name: String, _ description: String, into source: inout SourceText, _ body: (inout SourceText) -> Void
    ) {
        source.prose("\(name) is \(GoNames.lowered(description))", mark: "// ")
        source.block("type \(name) struct {", "}", body)
        source.line()
    }

    private func field(_ member: MemberModel, _ pointer: String, _ rule: String, into source: inout SourceText) {
        let type = member.isSecret ? "Secret" : self.type(member.shape)
        source.line("\(GoNames.exported(member.name)) \(pointer)\(type) `json:\"\(member.name)\(rule)\"`")
    }

    /// Whether a param that is left out must be told from its zero value: a number always (0 is refused, or means something),
    /// a boolean where it is true unless told.
    private func needsPointer(_ member: MemberModel) -> Bool {
        if member.isRequired { return false }
        switch member.shape {
        case .integer: return true
        case .boolean: return member.defaultValue?.boolValue == true
        case .reference(let name): return contract.isObject(name)
        default: return false
        }
    }

    /// Whether its Go type has no nil of its own.
    private func isPlain(_ shape: Shape) -> Bool {
        switch shape {
        case .array, .map, .raw: false
        default: true
        }
    }

    private func type(_ shape: Shape) -> String {
        switch shape {
        case .string: "string"
        case .timestamp: "time.Time"
        case .integer: "int64"
        case .boolean: "bool"
        case .map: "map[string]string"
        case .raw: "json.RawMessage"
        case .array(let element, _): "[]\(type(element))"
        case .reference(let name): name
        // Unreachable: the conventions let these stand only in a type of their own.
        case .object, .enumeration, .openEnumeration: "any"
        }
    }
}
