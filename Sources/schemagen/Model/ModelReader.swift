/// Makes the model of what was loaded.
import JSON

extension ContractModel {
    init(_ source: SchemaSource) throws(SchemaErrors) {
        guard let version = source.global.json["x-protocol"]?["version"]?.integerValue else {
            throw SchemaErrors(source.global.path, "x-protocol.version must be an integer")
        }
        protocolVersion = version
        reasons = try Self.reasons(source.global)
        let schemas = Dictionary(uniqueKeysWithValues: source.types.map { ($0.name, $0.json) })

        var types: [TypeModel] = []
        for file in source.types {
            guard let description = file.json["description"]?.stringValue, !description.isEmpty else {
                throw SchemaErrors(file.path, "has no description")
            }
            let parser = ShapeParser(file: file.path, types: schemas)
            let shape = try parser.shape(file.json, at: file.name).shape.named(file.name)
            let isHandWritten = file.json["x-hand-written"]?.boolValue ?? false
            types.append(
                TypeModel(name: file.name, description: description, shape: shape, isHandWritten: isHandWritten))
        }
        self.types = types

        var methods: [MethodModel] = []
        for file in source.methods { methods.append(try MethodModel(file, source, schemas)) }
        self.methods = methods
    }

    private static func reasons(_ file: SchemaSource.File) throws(SchemaErrors) -> [ReasonModel] {
        var reasons: [ReasonModel] = []
        for (name, error) in file.json["components"]?["errors"]?.objectValue ?? [:] {
            guard let code = error["code"]?.integerValue, let message = error["message"]?.stringValue,
                let status = error["data"]?["status"]?.stringValue, error["data"]?["reason"]?.stringValue == name,
                let retryable = error["data"]?["retryable"]?.boolValue
            else {
                throw SchemaErrors(
                    file.path, "the error \(name) needs code, message, and data {status, reason: \(name), retryable}")
            }
            reasons.append(
                ReasonModel(name: name, code: code, status: status, message: message, retryable: retryable))
        }
        return reasons
    }
}

extension MethodModel {
    private static let keywords: Set<String> = [
        "name", "summary", "description", "tags", "paramStructure", "params", "result", "errors", "examples", "x-scope",
        "x-local", "x-streaming", "x-stream-value", "x-rules", "x-error-groups",
    ]

    fileprivate init(
        _ file: SchemaSource.File, _ source: SchemaSource, _ schemas: [String: JSONValue]
    ) throws(SchemaErrors) {
        let json = file.json
        for (key, _) in json.objectValue ?? [:] where !Self.keywords.contains(key) {
            throw SchemaErrors(file.path, "the keyword \(key) is not used in the contract")
        }
        func text(_ member: String) throws(SchemaErrors) -> String {
            guard let text = json[member]?.stringValue, !text.isEmpty else {
                throw SchemaErrors(file.path, "has no \(member)")
            }
            return text
        }
        name = try text("name")
        guard name == file.name else { throw SchemaErrors(file.path, "is named \(name) inside") }
        summary = try text("summary")
        description = try text("description")
        guard try text("paramStructure") == "by-name" else {
            throw SchemaErrors(file.path, "paramStructure must be by-name")
        }
        let scopeName = try text("x-scope")
        guard ["read", "write", "ingest", "none"].contains(scopeName) else {
            throw SchemaErrors(file.path, "x-scope must be read, write, ingest or none")
        }
        scope = scopeName == "none" ? nil : scopeName
        isLocal = json["x-local"]?.boolValue ?? false

        let parser = ShapeParser(file: file.path, types: schemas)
        var members: [MemberModel] = []
        for descriptor in json["params"]?.arrayValue ?? [] {
            guard let name = descriptor["name"]?.stringValue, let schema = descriptor["schema"],
                descriptor["summary"]?.stringValue != nil
            else { throw SchemaErrors(file.path, "each param needs name, summary and schema") }
            let isRequired = descriptor["required"]?.boolValue ?? false
            members.append(
                try parser.member(name, descriptor, schema, isRequired: isRequired, at: "params/\(name)"))
        }
        let rules = try parser.rules(json["x-rules"], members.map(\.name), at: "params")
        params = ObjectShape(members: members, rules: rules, isClosed: true)

        guard let schema = json["result"]?["schema"], let said = schema["description"]?.stringValue else {
            throw SchemaErrors(file.path, "result needs a schema with a description")
        }
        if schema["x-raw"] == true {
            result = .raw(description: said)
        } else {
            result = .object(try parser.object(schema, at: "result"), description: said)
        }
        stream = try Self.stream(of: file, parser)
        errors = try Bundle(source).errorNames(of: file)
        examples = (json["examples"]?.arrayValue ?? []).map { example in
            let params = (example["params"]?.arrayValue ?? []).map {
                ($0["name"]?.stringValue ?? "", $0["value"] ?? .null)
            }
            return ExampleModel(
                name: example["name"]?.stringValue ?? "", params: JSONObject(params),
                streamValues: example["x-stream-values"]?.arrayValue ?? [], result: example["result"]?["value"] ?? .null)
        }
    }

    private static func stream(
        of file: SchemaSource.File, _ parser: ShapeParser
    ) throws(SchemaErrors) -> StreamModel? {
        let isStreaming = file.json["x-streaming"]?.boolValue ?? false
        guard isStreaming == (file.json["x-stream-value"] != nil) else {
            throw SchemaErrors(file.path, "x-streaming: true and x-stream-value belong together")
        }
        guard let schema = file.json["x-stream-value"] else { return nil }
        guard let description = schema["description"]?.stringValue else {
            throw SchemaErrors(file.path, "x-stream-value has no description")
        }
        return StreamModel(value: try parser.object(schema, at: "x-stream-value"), description: description)
    }
}
