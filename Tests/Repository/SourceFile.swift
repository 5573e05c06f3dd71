import Foundation

/// A file of the repository, by its path from the root.
struct SourceFile: CustomStringConvertible {
    let path: String
    let lines: [Substring]

    var description: String { path }
    var isGenerated: Bool { path.contains("/Generated/") }
    /// The folder below `Sources` or `Tests`, which has the target's name; the client for Swift has its own layout.
    var target: String {
        let folder = Arrows.client.keys.first { path.hasPrefix("clients/swift/\($0)/") }
        return folder.flatMap { Arrows.client[$0] } ?? String(path.split(separator: "/")[1])
    }

    /// The repository's root, two folders above this file's.
    static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    /// The sources of every Swift target but the tests.
    static func ofTargets() throws -> [SourceFile] {
        try all(below: "Sources") + Arrows.client.keys.sorted().flatMap { try all(below: "clients/swift/\($0)") }
    }

    /// Every file below `folder` whose name ends in one of `extensions`.
    static func all(below folder: String, extensions: Set<String> = ["swift"]) throws -> [SourceFile] {
        let base = root.appending(path: folder)
        let paths = FileManager.default.enumerator(atPath: base.path)?.compactMap { $0 as? String } ?? []
        return try paths.filter { extensions.contains(($0 as NSString).pathExtension) }.sorted().map { path in
            let text = try String(contentsOf: base.appending(path: path), encoding: .utf8)
            return SourceFile(
                path: "\(folder)/\(path)", lines: text.split(separator: "\n", omittingEmptySubsequences: false))
        }
    }

    /// The modules that the file imports.
    var imports: [String] {
        lines.compactMap { line in
            let words = line.split(separator: " ")
            guard let index = words.firstIndex(of: "import"), index < 3, words.count > index + 1,
                words[..<index].allSatisfy({ ["package", "internal", "public", "private", "@testable"].contains($0) })
            else { return nil }
            return String(words[index + 1].prefix { $0 != "." })
        }
    }
}
