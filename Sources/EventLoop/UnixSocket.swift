internal import CLinux
internal import Glibc

/// Unix domain sockets: dialing, and binding to a path that a predecessor may have left behind (unix(7)).
package enum UnixSocket {
    /// Bytes that a path may have: `sun_path` without its final NUL.
    package static let maximumPathBytes = MemoryLayout.size(ofValue: sockaddr_un().sun_path) - 1

    /// A blocking connection to the socket at `path`.
    package static func connect(_ path: String) throws(SystemError) -> Descriptor {
        try connect(path, kind: 0)
    }

    private static func connect(_ path: String, kind: Int32) throws(SystemError) -> Descriptor {
        let descriptor = try make(kind: kind, path)
        let status = try withAddress(path) { Glibc.connect(descriptor.raw, $0, $1) }
        guard status == 0 else { throw SystemError.last("cannot connect to", path) }
        return descriptor
    }

    private static func make(kind: Int32, _ path: String) throws(SystemError) -> Descriptor {
        let kind = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue) | kind
        return try Descriptor(result: socket(AF_UNIX, kind, 0), of: "socket", path)
    }

    /// Sends one datagram to the socket at `path`, or to the abstract one of that name where it begins with `@`. Waits a second
    /// at most where that socket is full.
    static func send(_ text: String, to path: String) throws(SystemError) {
        let kind = Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue)
        let descriptor = try Descriptor(result: socket(AF_UNIX, kind, 0), of: "socket", path)
        var patience = timeval(tv_sec: 1, tv_usec: 0)
        setsockopt(descriptor.raw, SOL_SOCKET, SO_SNDTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
        let bytes = Array(text.utf8)
        let sent = try withAddress(path, allowingAbstract: true) { address, length in
            Int32(clamping: sendto(descriptor.raw, bytes, bytes.count, Int32(MSG_NOSIGNAL), address, length))
        }
        guard sent == bytes.count else { throw SystemError.last("cannot send to", path) }
    }

    /// Calls `body` with the address that `path` is. Unsafe because `sun_path` is a C array, which Swift sees as a tuple.
    private static func withAddress(
        _ path: String, allowingAbstract: Bool = false, _ body: (UnsafeMutablePointer<sockaddr>, socklen_t) -> Int32
    ) throws(SystemError) -> Int32 {
        var bytes = Array(path.utf8)
        guard !bytes.isEmpty, !bytes.contains(0) else {
            throw SystemError(call: "a Unix socket's path must be a name without NUL:", code: 0, subject: "\"\(path)\"")
        }
        guard bytes.count <= maximumPathBytes else {
            let reason = "a Unix socket's path has at most \(maximumPathBytes) bytes, and this one \(bytes.count):"
            throw SystemError(call: reason, code: 0, subject: path)
        }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        var length = MemoryLayout<sockaddr_un>.size
        if allowingAbstract, bytes[0] == UInt8(ascii: "@") {
            bytes[0] = 0
            // Every byte counts in such a name, NUL or not.
            length -= maximumPathBytes + 1 - bytes.count
        }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        return withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(length)) }
        }
    }

    // MARK: Binding

    /// Which file a path stood for when it was bound.
    struct File {
        let path: String
        fileprivate let device: dev_t
        fileprivate let number: ino_t

        /// Removes the file, unless the path belongs to somebody else by now.
        func unlink() {
            var status = stat()
            guard lstat(path, &status) == 0, status.st_dev == device, status.st_ino == number else { return }
            Glibc.unlink(path)
        }
    }

    /// Binds and listens at `path`. What a dead process left there is replaced; a living listener's socket, or a file that
    /// is no socket, is left alone and is an error.
    static func listen(_ path: String, mode: UInt32) throws(SystemError) -> ListeningSocket {
        let descriptor = try make(kind: Int32(SOCK_NONBLOCK.rawValue), path)
        // Linux gives the file the mode of the socket, less the umask: it is never open to more than `mode` says.
        guard fchmod(descriptor.raw, mode) == 0 else { throw SystemError.last("fchmod", path) }
        if try withAddress(path, { Glibc.bind(descriptor.raw, $0, $1) }) != 0 {
            guard errno == EADDRINUSE else { throw SystemError.last("cannot listen on", path) }
            try removeStale(path)
            guard try withAddress(path, { Glibc.bind(descriptor.raw, $0, $1) }) == 0 else {
                throw SystemError.last("cannot listen on", path)
            }
        }
        var status = stat()
        guard lstat(path, &status) == 0 else { throw SystemError.last("cannot listen on", path) }
        let file = File(path: path, device: status.st_dev, number: status.st_ino)
        // What the umask took away is given back before `listen`, until which nobody can connect.
        guard chmod(path, mode) == 0, Glibc.listen(descriptor.raw, 1024) == 0 else {
            let failure = SystemError.last("cannot listen on", path)
            file.unlink()
            throw failure
        }
        return ListeningSocket(descriptor, at: .unix(path: path), file: file)
    }

    /// Removes the socket file of a listener that is gone.
    private static func removeStale(_ path: String) throws(SystemError) {
        var status = stat()
        guard lstat(path, &status) == 0 else {
            // It went meanwhile.
            if errno == ENOENT { return }
            throw SystemError.last("cannot listen on", path)
        }
        guard status.st_mode & S_IFMT == S_IFSOCK else {
            throw SystemError(call: "cannot listen on", code: EEXIST, subject: "\(path) (which is no socket)")
        }
        do throws(SystemError) {
            // Non-blocking, because a living listener whose backlog is full would make this wait.
            _ = try connect(path, kind: Int32(SOCK_NONBLOCK.rawValue))
        } catch {
            switch error.code {
            case ENOENT: return
            case ECONNREFUSED:
                guard unlink(path) == 0 || errno == ENOENT else {
                    throw SystemError.last("cannot remove the stale socket", path)
                }
                return
            case EAGAIN: break
            default: throw error
            }
        }
        throw SystemError(call: "cannot listen on", code: EADDRINUSE, subject: "\(path) (another process answers there)")
    }
}
