internal import CLinux
internal import Glibc

/// A socket that listens, and that no loop watches yet.
package struct ListeningSocket: ~Copyable {
    /// Where it listens, with the port that the system picked where 0 was asked for.
    package let endpoint: ListenAddress
    let descriptor: Descriptor
    /// The file of a Unix socket that this process made.
    let file: UnixSocket.File?

    init(_ descriptor: consuming Descriptor, at endpoint: ListenAddress, file: UnixSocket.File? = nil) {
        self.descriptor = descriptor
        self.endpoint = endpoint
        self.file = file
    }

    /// Listens at a TCP address.
    package static func tcp(_ address: SocketAddress) throws(SystemError) -> ListeningSocket {
        var found: Int32 = -1
        var failure = SystemError(call: "cannot listen on", code: 0, subject: address.description)
        try address.forEachResolved { socketAddress, length in
            let kind = Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
            let raw = Glibc.socket(Int32(socketAddress.pointee.sa_family), kind, 0)
            var yes: Int32 = 1
            if raw >= 0 { setsockopt(raw, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size)) }
            if raw >= 0, bind(raw, socketAddress, length) == 0, listen(raw, 1024) == 0 {
                found = raw
                return true
            }
            failure = SystemError.last("cannot listen on", address.description)
            if raw >= 0 { close(raw) }
            return false
        }
        guard found >= 0 else { throw failure }
        let descriptor = Descriptor(owning: found)
        guard case .tcp(let bound) = try ListenAddress.bound(to: found) else { throw failure }
        return ListeningSocket(descriptor, at: .tcp(SocketAddress(host: address.host, port: bound.port)))
    }

    /// Listens at the Unix socket `path`, whose file has exactly `mode` before anybody can connect: connecting needs the right
    /// to write. What a dead process left there is replaced; a living listener, or a file that is no socket, is an error.
    package static func unix(_ path: String, mode: UInt32 = 0o600) throws(SystemError) -> ListeningSocket {
        try UnixSocket.listen(path, mode: mode)
    }

    /// Takes over the descriptor `number`, a listening stream socket that whoever started this process has opened: it no longer
    /// blocks, and does not pass to this process's children.
    package static func inherited(_ number: Int32) throws(SystemError) -> ListeningSocket {
        let endpoint = try ListenAddress.bound(to: number)
        guard fcntl(number, F_SETFD, FD_CLOEXEC) == 0,
            fcntl(number, F_SETFL, fcntl(number, F_GETFL) | O_NONBLOCK) == 0
        else { throw SystemError.last("fcntl", "of descriptor \(number)") }
        return ListeningSocket(Descriptor(owning: number), at: endpoint)
    }
}
