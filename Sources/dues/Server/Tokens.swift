internal import Glibc
internal import RPC

/// The file that names the tokens, read whole.
enum Tokens {
    /// A thousand tokens need less.
    private static let maximumBytes = 1024 * 1024

    static func read(_ path: String) throws(Failure) -> TokenTable {
        let bytes = try bytes(of: path)
        do throws(TokenFileError) {
            return try TokenFile.parse(bytes)
        } catch {
            throw Failure("the tokens in \(path) cannot be used: \(error)")
        }
    }

    /// The token of a caller, alone in a file, where no list of processes shows it.
    static func readToken(_ path: String) throws(Failure) -> String {
        let text = String(decoding: try bytes(of: path), as: UTF8.self)
        guard let token = text.split(whereSeparator: \.isWhitespace).first else {
            throw Failure("there is no token in \(path)")
        }
        return String(token)
    }

    private static func bytes(of path: String) throws(Failure) -> [UInt8] {
        guard let file = fopen(path, "r") else {
            throw Failure("cannot read \(path): \(String(cString: strerror(errno)))")
        }
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: maximumBytes + 1)
        let count = fread(&bytes, 1, bytes.count, file)
        guard count <= maximumBytes else { throw Failure("\(path) has more than \(maximumBytes) bytes") }
        return Array(bytes[..<count])
    }
}
