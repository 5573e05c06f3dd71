internal import Glibc

/// Where files live that outlast a process: `$XDG_STATE_HOME/dues`, by default `~/.local/state/dues` (XDG Base Directory
/// specification); and a place for those that do not.
enum StateDirectory {
    /// The path of a file there; the directory is made if it is not.
    static func file(_ name: String) throws(Failure) -> String {
        let directory: String
        if let state = environment("XDG_STATE_HOME") {
            directory = state + "/dues"
        } else if let home = environment("HOME") {
            directory = home + "/.local/state/dues"
        } else {
            throw Failure(
                "there is no home directory for the database: say where by --db sqlite:PATH or --db postgres://USER@HOST/NAME"
            )
        }
        var path = ""
        for part in directory.split(separator: "/") {
            path += "/\(part)"
            // Only its owner reads what customers pay.
            if mkdir(path, 0o700) != 0, errno != EEXIST, errno != EROFS {
                throw Failure("cannot make the directory \(path): \(String(cString: strerror(errno)))")
            }
        }
        return "\(directory)/\(name)"
    }

    /// A new directory that nobody else knows.
    static func temporary() throws(Failure) -> String {
        var template = Array("\(environment("TMPDIR") ?? "/tmp")/dues-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else {
            throw Failure("cannot make a temporary directory: \(String(cString: strerror(errno)))")
        }
        return String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// Removes a temporary directory and the files right in it.
    static func remove(_ directory: String) {
        if let listing = opendir(directory) {
            while let entry = readdir(listing) {
                let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                    pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
                }
                if name != ".", name != ".." { unlink("\(directory)/\(name)") }
            }
            closedir(listing)
        }
        rmdir(directory)
    }

    private static func environment(_ name: String) -> String? {
        guard let value = getenv(name).map({ String(cString: $0) }), !value.isEmpty else { return nil }
        return value
    }
}
