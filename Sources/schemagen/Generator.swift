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
        let paths = Set(files.map(\.path))
        for path in workspace.list(Self.swiftFolder, suffix: ".swift") where !paths.contains(path) {
            files.append(Workspace.File(path: path, text: nil))
        }
        for emitter in clientEmitters {
            let written = try emitter.init(contract: contract).files(read)
            files += written + staleNeighbours(of: written, read)
        }
        return files
    }

    /// What stands beside `written` and was generated once, as its first lines say, but is no longer.
    private func staleNeighbours(
        of written: [Workspace.File], _ read: (String) throws(SchemaErrors) -> String
    ) -> [Workspace.File] {
        let paths = Set(written.map(\.path))
        let folders = Set(paths.map { String($0[..<($0.lastIndex(of: "/") ?? $0.startIndex)]) })
        let neighbours = folders.sorted().flatMap { workspace.list($0, suffix: "") }.filter { !paths.contains($0) }
        return neighbours.compactMap { path in
            // What cannot be read is a folder.
            guard let first = try? read(path).split(separator: "\n").prefix(3).joined() else { return nil }
            return first.contains("enerated by schemagen") ? Workspace.File(path: path, text: nil) : nil
        }
    }
}
