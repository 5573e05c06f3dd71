package import EventLoop
internal import Glibc

/// A Unix socket that receives datagrams, as a service manager's does.
package final class Datagrams {
    private let raw: Int32

    /// Binds to `path`, or to the abstract name that follows an `@`.
    package init(at path: String) throws(SystemError) {
        raw = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard raw >= 0 else { throw SystemError(call: "socket", code: errno) }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        var bytes = Array(path.utf8)
        var length = MemoryLayout<sockaddr_un>.size
        if path.hasPrefix("@") {
            bytes[0] = 0
            length = 2 + bytes.count
        }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        let status = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(raw, $0, socklen_t(length)) }
        }
        guard status == 0 else { throw SystemError(call: "bind", code: errno, subject: path) }
    }

    deinit { close(raw) }

    /// The next datagram's text; nil where none comes in `timeoutMilliseconds`.
    package func receive(timeoutMilliseconds: Int32) -> String? {
        var query = pollfd(fd: raw, events: Int16(POLLIN), revents: 0)
        guard poll(&query, 1, timeoutMilliseconds) == 1 else { return nil }
        var bytes = [UInt8](repeating: 0, count: 65536)
        let count = recv(raw, &bytes, bytes.count, 0)
        return count < 0 ? nil : String(decoding: bytes[..<count], as: UTF8.self)
    }
}
