internal import Glibc

/// Where a listener listens: a TCP address, or the path of a Unix socket (`@` and a name for one without a file, unix(7)).
package enum ListenAddress: Sendable, Hashable, CustomStringConvertible {
    case tcp(SocketAddress)
    case unix(path: String)

    package var description: String {
        switch self {
        case .tcp(let address): address.description
        case .unix(let path): "unix:\(path)"
        }
    }

    /// Where the descriptor `number` listens. Throws where it is no socket, or none that listens for streams over IP or Unix.
    package static func bound(to number: Int32) throws(SystemError) -> ListenAddress {
        let subject = "descriptor \(number)"
        guard try option(SO_TYPE, of: number) == Int32(SOCK_STREAM.rawValue), try option(SO_ACCEPTCONN, of: number) == 1
        else {
            throw SystemError(call: "\(subject) is no listening stream socket", code: 0)
        }
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        // Unsafe because C fills the storage, which has room for an address of every family.
        return try withUnsafeMutablePointer(to: &storage) { pointer throws(SystemError) in
            let address = UnsafeMutableRawPointer(pointer).assumingMemoryBound(to: sockaddr.self)
            guard getsockname(number, address, &length) == 0 else { throw SystemError.last("getsockname", "of \(subject)") }
            switch Int32(pointer.pointee.ss_family) {
            case AF_INET, AF_INET6: return .tcp(try numeric(address, length))
            case AF_UNIX:
                let header = MemoryLayout<sockaddr_un>.offset(of: \.sun_path) ?? 2
                let path = UnsafeRawBufferPointer(start: address, count: Int(length)).dropFirst(header)
                return .unix(path: unixPath(path))
            default: throw SystemError(call: "\(subject) listens neither on TCP nor on a Unix socket", code: 0)
            }
        }
    }

    private static func option(_ name: Int32, of number: Int32) throws(SystemError) -> Int32 {
        var value: Int32 = 0
        var length = socklen_t(MemoryLayout<Int32>.size)
        guard getsockopt(number, SOL_SOCKET, name, &value, &length) == 0 else {
            throw SystemError.last("descriptor \(number) is no socket")
        }
        return value
    }

    private static func numeric(
        _ address: UnsafeMutablePointer<sockaddr>, _ length: socklen_t
    ) throws(SystemError) -> SocketAddress {
        var host = [CChar](repeating: 0, count: Int(NI_MAXHOST))
        var port = [CChar](repeating: 0, count: Int(NI_MAXSERV))
        let status = getnameinfo(
            address, length, &host, socklen_t(host.count), &port, socklen_t(port.count), NI_NUMERICHOST | NI_NUMERICSERV)
        guard status == 0, let number = UInt16(text(port)) else {
            throw SystemError(call: "cannot read an address:", code: 0, subject: String(cString: gai_strerror(status)))
        }
        return SocketAddress(host: text(host), port: number)
    }

    private static func text(_ characters: [CChar]) -> String {
        String(decoding: characters.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// An abstract name begins with NUL and has all the bytes that are there; a path ends at its NUL.
    private static func unixPath(_ bytes: some Collection<UInt8>) -> String {
        bytes.first == 0
            ? "@" + String(decoding: bytes.dropFirst(), as: UTF8.self)
            : String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }
}
