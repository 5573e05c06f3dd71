internal import Glibc

extension Connection {
    /// Who is at the other end, to count and to log by: the numeric address without the port, `unix`, or `stdio`. Asked of the
    /// system each time, because most connections are never asked. Unsafe because C fills the storage.
    package var peer: String {
        if streams.isPair { return "stdio" }
        if let peer = tls?.peer { return peer }
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        var host = [CChar](repeating: 0, count: Int(NI_MAXHOST))
        let status = withUnsafeMutablePointer(to: &storage) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                guard getpeername(streams.input, address, &length) == 0 else { return EAI_SYSTEM }
                return getnameinfo(address, length, &host, socklen_t(host.count), nil, 0, NI_NUMERICHOST)
            }
        }
        if storage.ss_family == sa_family_t(AF_UNIX) { return "unix" }
        return status == 0 ? String(decoding: host.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self) : "gone"
    }
}
