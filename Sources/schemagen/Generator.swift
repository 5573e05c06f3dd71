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
        let paths = Set(files.map(\.path))
        for path in workspace.list(Self.swiftFolder, suffix: ".swift") where !paths.contains(path) {
            files.append(Workspace.File(path: path, text: nil))
        }
        let read: (String) throws(SchemaErrors) -> String = { path throws(SchemaErrors) in
            String(decoding: try workspace.bytes(path), as: UTF8.self)
        }
        for emitter in clientEmitters {
            let written = try emitter.init(contract: contract).files(read)
            files += written + (try staleNeighbours(of: written, read))
        }
        return files
    }

    /// What stands beside `written` and was generated once, as its first line says, but is no longer.
    private func staleNeighbours(
        of written: [Workspace.File], _ read: (String) throws(SchemaErrors) -> String
    ) throws(SchemaErrors) -> [Workspace.File] {
        let paths = Set(written.map(\.path))
        let folders = Set(paths.map { String($0[..<($0.lastIndex(of: "/") ?? $0.startIndex)]) })
        var stale: [Workspace.File] = []
        for path in folders.sorted().flatMap({ workspace.list($0, suffix: "") }) where !paths.contains(path) {
            let firstLine = try read(path).prefix { $0 != "\n" }
            if firstLine.contains("enerated by schemagen") { stale.append(Workspace.File(path: path, text: nil)) }
        }
        return stale
    }
}
