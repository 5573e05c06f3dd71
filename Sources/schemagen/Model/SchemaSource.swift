/// The schemas as they are written, before anything is made of them.
import JSON

struct SchemaSource {
    /// A JSON file, with the name by which it is known.
    struct File {
        let path: String
        let name: String
        let json: JSONValue
    }

    /// openrpc.json: what holds for the whole document.
    let global: File
    /// In the order in which openrpc.json lists them.
    let methods: [File]
    /// By name.
    let types: [File]
}

/// Reads Schemas/.
struct SchemaLoader {
    let workspace: Workspace

    func load() throws(SchemaErrors) -> SchemaSource {
        let global = try file("Schemas/openrpc.json")
        var methods: [SchemaSource.File] = []
        for entry in global.json["methods"]?.arrayValue ?? [] {
            guard let reference = entry["$ref"]?.stringValue else {
                throw SchemaErrors(global.path, "each entry of methods must be {\"$ref\": \"methods/NAME.json\"}")
            }
            methods.append(try file("Schemas/\(reference)"))
        }
        let listed = Set(methods.map(\.path))
        let forgotten = workspace.list("Schemas/methods", suffix: ".json").filter { !listed.contains($0) }
        guard forgotten.isEmpty else {
            throw SchemaErrors(forgotten.map { "\($0): is not listed in the methods of \(global.path)" })
        }
        var types: [SchemaSource.File] = []
        for path in workspace.list("Schemas/types", suffix: ".json") { types.append(try file(path)) }
        return SchemaSource(global: global, methods: methods, types: types)
    }

    private func file(_ path: String) throws(SchemaErrors) -> SchemaSource.File {
        let bytes = try workspace.bytes(path)
        do throws(JSONError) {
            let name = path.split(separator: "/").last.map { String($0.dropLast(".json".count)) } ?? path
            return SchemaSource.File(path: path, name: name, json: try JSONValue(parsing: bytes))
        } catch {
            throw SchemaErrors(path, error.description)
        }
    }
}
