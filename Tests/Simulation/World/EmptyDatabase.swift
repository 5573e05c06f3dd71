import Glibc
import TestSupport

@testable import Store

/// The database with which every simulation begins: made once, and then copied.
enum EmptyDatabase {
    private static let bytes = Result { () throws -> [UInt8] in
        let folder = try Folder(inMemory: true)
        let path = folder.path("empty.db")
        try SQLStore(path: path).tidy()
        guard let file = fopen(path, "r") else { throw StoreError(.unavailable, "the empty database is not there") }
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 4 << 20)
        bytes.removeLast(bytes.count - fread(&bytes, 1, bytes.count, file))
        return withExtendedLifetime(folder) { bytes }
    }

    /// Answers the path.
    static func copy(to path: String) throws -> String {
        let bytes = try bytes.get()
        guard let file = fopen(path, "w") else { throw StoreError(.unavailable, "cannot write \(path)") }
        defer { fclose(file) }
        guard fwrite(bytes, 1, bytes.count, file) == bytes.count else {
            throw StoreError(.unavailable, "cannot fill \(path)")
        }
        return path
    }

    static func remove(_ path: String) { for suffix in ["", "-wal", "-shm"] { unlink(path + suffix) } }
}
