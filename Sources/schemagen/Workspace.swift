/// The files of a checkout: what is read, and what is written or found stale.
import Foundation

struct Workspace {
    private let root: URL

    init(root: String) { self.root = URL(fileURLWithPath: root, isDirectory: true) }

    /// A generated file.
    struct File {
        /// Relative to the root.
        let path: String
        /// Nil for a file that should not be there.
        let text: String?
    }

    func bytes(_ path: String) throws(SchemaErrors) -> [UInt8] {
        guard let data = FileManager.default.contents(atPath: root.appendingPathComponent(path).path) else {
            throw SchemaErrors(path, "cannot be read")
        }
        return Array(data)
    }

    /// A file anywhere; a relative path goes from the working directory.
    static func bytes(at path: String) throws(SchemaErrors) -> [UInt8] {
        guard let data = FileManager.default.contents(atPath: path) else { throw SchemaErrors(path, "cannot be read") }
        return Array(data)
    }

    private func text(_ path: String) -> String? {
        FileManager.default.contents(atPath: root.appendingPathComponent(path).path).map {
            String(decoding: $0, as: UTF8.self)
        }
    }

    /// The files in `folder` whose names end in `suffix`, sorted; paths relative to the root.
    func list(_ folder: String, suffix: String) -> [String] {
        let place = root.appendingPathComponent(folder).path
        let names = try? FileManager.default.contentsOfDirectory(atPath: place)
        return (names ?? []).filter { $0.hasSuffix(suffix) }.sorted().map { "\(folder)/\($0)" }
    }

    /// The paths of the files that are not as given.
    func stale(_ files: [File]) -> [String] { files.filter { text($0.path) != $0.text }.map(\.path) }

    /// Writes what is stale, and gives the paths written.
    func write(_ files: [File]) throws(SchemaErrors) -> [String] {
        let stale = Set(stale(files))
        for file in files where stale.contains(file.path) {
            let url = root.appendingPathComponent(file.path)
            do {
                guard let text = file.text else {
                    try FileManager.default.removeItem(at: url)
                    continue
                }
                try FileManager.default.createDirectory(
                    at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
                try Data(text.utf8).write(to: url, options: .atomic)
            } catch {
                throw SchemaErrors(file.path, "cannot be written: \(error.localizedDescription)")
            }
        }
        return files.map(\.path).filter(stale.contains)
    }
}
