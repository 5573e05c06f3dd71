/// Makes one OpenRPC document of the files in Schemas/: references to files replaced by what they name, groups of
/// errors spelled out, and `_meta` added to every method's params and result.
import JSON

struct Bundle {
    private let source: SchemaSource

    init(_ source: SchemaSource) { self.source = source }

    func document() throws(SchemaErrors) -> JSONValue {
        guard var document = source.global.json.objectValue, let components = document["components"]?.objectValue else {
            throw SchemaErrors(source.global.path, "must be an object with components")
        }
        var methods: [JSONValue] = []
        for file in source.methods { methods.append(try method(file)) }
        document["methods"] = .array(methods)
        var bundled = JSONObject()
        bundled["schemas"] = .object(JSONObject(source.types.map { ($0.name, published($0.json)) }))
        for (key, value) in components { bundled[key] = value }
        document["components"] = nil
        document["x-error-groups"] = nil
        document["components"] = .object(bundled)
        return .object(document)
    }

    /// A type without what concerns the generator alone.
    private func published(_ type: JSONValue) -> JSONValue {
        guard var object = type.objectValue else { return type }
        for keyword in ["x-swift-names", "x-hand-written"] { object[keyword] = nil }
        return .object(object)
    }

    private func method(_ file: SchemaSource.File) throws(SchemaErrors) -> JSONValue {
        guard var method = file.json.objectValue, var result = method["result"]?.objectValue,
            var schema = result["schema"]?.objectValue
        else { throw SchemaErrors(file.path, "must be an object with a result and its schema") }
        method["params"] = .array((method["params"]?.arrayValue ?? []) + [Self.callMetadata])
        if var properties = schema["properties"]?.objectValue {
            properties["_meta"] = [
                "$ref": .string(ShapeParser.prefix + MethodModel.resultMetadata),
                "description": "What the server says about the call, where params._meta.verbose asked for it.",
            ]
            schema["properties"] = .object(properties)
            result["schema"] = .object(schema)
            method["result"] = .object(result)
        }
        method["errors"] = .array(
            try errorNames(of: file).map { ["$ref": .string("#/components/errors/\($0)")] })
        method["x-error-groups"] = nil
        return .object(method)
    }

    private static let callMetadata: JSONValue = [
        "name": "_meta", "summary": "Call metadata",
        "description": "Deadline, idempotency key, token and trace context of this call.",
        "schema": ["$ref": .string(ShapeParser.prefix + MethodModel.callMetadata)],
    ]

    /// The reasons that a method lists itself, then those of its groups.
    func errorNames(of file: SchemaSource.File) throws(SchemaErrors) -> [String] {
        let prefix = "#/components/errors/"
        var names: [String] = []
        for error in file.json["errors"]?.arrayValue ?? [] {
            guard let reference = error["$ref"]?.stringValue, reference.hasPrefix(prefix) else {
                throw SchemaErrors(file.path, "each of errors must be {\"$ref\": \"\(prefix)REASON\"}")
            }
            names.append(String(reference.dropFirst(prefix.count)))
        }
        for group in file.json["x-error-groups"]?.arrayValue ?? [] {
            let name = group.stringValue ?? ""
            guard let members = source.global.json["x-error-groups"]?[name]?.arrayValue else {
                throw SchemaErrors(file.path, "x-error-groups names \(name), which \(source.global.path) lacks")
            }
            names += members.compactMap(\.stringValue)
        }
        for name in names where source.global.json["components"]?["errors"]?[name] == nil {
            throw SchemaErrors(file.path, "names the error \(name), which \(source.global.path) lacks")
        }
        var seen: Set<String> = []
        return names.filter { seen.insert($0).inserted }
    }
}
