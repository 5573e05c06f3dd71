/// Everything that is generated from the contract.
import JSON

struct Generator {
    let contract: ContractModel
    let document: JSONValue
    let workspace: Workspace

    private static let swiftFolder = "Sources/Contract/Generated"

    /// Every generated file, and those that are there but generated no longer.
    func files() throws(SchemaErrors) -> [Workspace.File] {
        let swift = SwiftEmitter(contract: contract)
        var texts: [(name: String, text: String)] = [
            ("Types", swift.types()), ("Methods", swift.methods()), ("Handlers", swift.handlers()),
            ("Reasons", swift.reasons()), ("Document", swift.document(document)),
        ]
        for method in contract.methods { texts.append((Names.swiftType(method.name), swift.messages(of: method))) }
        var files = texts.map { Workspace.File(path: "\(Self.swiftFolder)/\($0.name).swift", text: $0.text) }
        let read: (String) throws(SchemaErrors) -> String = { path throws(SchemaErrors) in
            String(decoding: try workspace.bytes(path), as: UTF8.self)
        }
        for emitter in clientEmitters { files += try emitter.init(contract: contract).files(read) }
        let paths = Set(files.map(\.path))
        for folder in [(Self.swiftFolder, ".swift")] + clientEmitters.flatMap({ $0.folders }) {
            for path in workspace.list(folder.0, suffix: folder.1) where !paths.contains(path) {
                files.append(Workspace.File(path: path, text: nil))
            }
        }
        return files
    }
}
