/// Everything that is generated from the contract.
import JSON

struct Generator {
    let contract: ContractModel
    let document: JSONValue
    let workspace: Workspace

    private static let swiftFolder = "Sources/Contract/Generated"

    /// Every generated file, and those that are there but generated no longer.
    func files() -> [Workspace.File] {
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
        for emitter in clientEmitters {
            let written = emitter.init(contract: contract).files()
            files += written + staleNeighbours(of: written)
        }
        return files
    }

    /// What stands beside `written` and was generated once, as its first line says, but is no longer.
    private func staleNeighbours(of written: [Workspace.File]) -> [Workspace.File] {
        let paths = Set(written.map(\.path))
        let folders = Set(paths.map { String($0[..<($0.lastIndex(of: "/") ?? $0.startIndex)]) })
        let neighbours = folders.sorted().flatMap { workspace.list($0, suffix: "") }.filter { !paths.contains($0) }
        return neighbours.compactMap { path in
            // What cannot be read is a folder.
            guard let firstLine = try? workspace.bytes(path).prefix(while: { $0 != UInt8(ascii: "\n") }) else { return nil }
            let isGenerated = String(decoding: firstLine, as: UTF8.self).contains("enerated by schemagen")
            return isGenerated ? Workspace.File(path: path, text: nil) : nil
        }
    }
}
