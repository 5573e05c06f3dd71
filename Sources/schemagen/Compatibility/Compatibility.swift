/// What callers of an older contract would find broken in a newer one. Both are OpenRPC documents, as `--document` prints them.
import JSON

struct Compatibility {
    private let old: JSONValue
    private let new: JSONValue

    /// `old` is a document, or a folder with Schemas/.
    init(old path: String, new: JSONValue) throws(SchemaErrors) {
        self.new = new
        if Workspace(root: path).list("Schemas/methods", suffix: ".json").isEmpty {
            let bytes = try Workspace.bytes(at: path)
            do throws(JSONError) {
                old = try JSONValue(parsing: bytes)
            } catch {
                throw SchemaErrors(path, error.description)
            }
        } else {
            old = try Bundle(try SchemaLoader(workspace: Workspace(root: path)).load()).document()
        }
        guard Self.version(old) != nil else { throw SchemaErrors(path, "is no OpenRPC document of this service") }
    }

    /// A newer protocol version may break what it likes: servers refuse the callers of the older one when they say hello.
    var hasNewVersion: Bool { Self.version(new) ?? 0 > Self.version(old) ?? 0 }

    private static func version(_ document: JSONValue) -> Int64? { document["x-protocol"]?["version"]?.integerValue }

    /// Every break, a line each; empty where callers of the older contract are served as before.
    func breaks() -> [String] { protocolBreaks() + errorBreaks() + methodBreaks() }

    private func protocolBreaks() -> [String] {
        var breaks: [String] = []
        if Self.version(new) ?? 0 < Self.version(old) ?? 0 { breaks.append("the protocol version went back") }
        let bytes = { (document: JSONValue) in document["x-protocol"]?["maximumLineBytes"]?.integerValue ?? 0 }
        if bytes(new) < bytes(old) { breaks.append("a line may have \(bytes(new)) bytes; it could have \(bytes(old))") }
        return breaks
    }

    private func errorBreaks() -> [String] {
        var breaks: [String] = []
        let errors = new["components"]?["errors"]
        for (name, before) in old["components"]?["errors"]?.objectValue ?? [:] {
            guard let now = errors?[name] else {
                breaks.append("the reason \(name) is gone")
                continue
            }
            for (what, path) in [("code", nil), ("status", "data"), ("retryable", "data")] as [(String, String?)] {
                let value = { (error: JSONValue) in path.map { error[$0]?[what] } ?? error[what] }
                if value(now) != value(before) {
                    breaks.append("the reason \(name) has another \(what): \(text(value(now))), not \(text(value(before)))")
                }
            }
        }
        return breaks
    }

    private func methodBreaks() -> [String] {
        let methods = named(new["methods"])
        return named(old["methods"]).flatMap { name, before in
            guard let now = methods.first(where: { $0.name == name })?.value else { return ["\(name) is gone"] }
            return methodBreaks(name, before, now)
        }
    }

    private func methodBreaks(_ name: String, _ before: JSONValue, _ now: JSONValue) -> [String] {
        var breaks: [String] = []
        if now["x-scope"] != before["x-scope"] {
            breaks.append("\(name) needs another scope: \(text(now["x-scope"])), not \(text(before["x-scope"]))")
        }
        if (now["x-streaming"] ?? false) != (before["x-streaming"] ?? false) {
            breaks.append("\(name) \(now["x-streaming"] == true ? "streams, and did not" : "streams no longer")")
        }
        let schemas = SchemaComparison(old: old["components"]?["schemas"], new: new["components"]?["schemas"])
        breaks += schemas.breaks(ofParams: params(before), params(now), at: "\(name) params")
        for (part, path) in [("result", ["result", "schema"]), ("value", ["x-stream-value"])] {
            let find = { (method: JSONValue) in path.reduce(Optional(method)) { $0?[$1] } }
            guard let was = find(before), let stands = find(now) else { continue }
            breaks += schemas.breaks(ofResult: was, stands, at: "\(name) \(part)")
        }
        return breaks
    }

    /// The params as one object schema.
    private func params(_ method: JSONValue) -> JSONValue {
        let descriptors = method["params"]?.arrayValue ?? []
        let members = descriptors.map { ($0["name"]?.stringValue ?? "", $0["schema"] ?? .null) }
        let required = descriptors.filter { $0["required"] == true }.compactMap { $0["name"] }
        var schema: JSONObject = [
            "type": "object", "properties": .object(JSONObject(members)), "required": .array(required),
            "additionalProperties": false,
        ]
        schema["x-rules"] = method["x-rules"]
        return .object(schema)
    }

    private func named(_ list: JSONValue?) -> [(name: String, value: JSONValue)] {
        (list?.arrayValue ?? []).map { ($0["name"]?.stringValue ?? "", $0) }
    }

    private func text(_ value: JSONValue?) -> String { value?.stringValue ?? value?.text ?? "none" }
}
