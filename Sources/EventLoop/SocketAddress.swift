internal import Glibc

/// Where to listen or dial: a host, by name or number, and a TCP port. Written `127.0.0.1:7171` or `[::1]:7171`.
package struct SocketAddress: Sendable, Hashable, CustomStringConvertible {
    package var host: String
    /// Port 0 lets the system pick a free one.
    package var port: UInt16

    package init(host: String, port: UInt16) {
        self.host = host
        self.port = port
    }

    /// Parses `HOST:PORT`; nil where there is no host or no port from 0 to 65535.
    package init?(_ text: String) {
        guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]) else { return nil }
        var host = text[..<colon]
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = host.dropFirst().dropLast()
        } else if host.contains(":") {
            return nil
        }
        guard !host.isEmpty else { return nil }
        self.init(host: String(host), port: port)
    }

    package var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }

    /// Whether every address that the host stands for is reached on this machine alone (127.0.0.0/8 or ::1).
    package func isLoopback() throws(SystemError) -> Bool {
        var all = true
        try forEachResolved { address, _ in
            switch Int32(address.pointee.sa_family) {
            case AF_INET:
                let number = address.withMemoryRebound(to: sockaddr_in.self, capacity: 1) { $0.pointee.sin_addr.s_addr }
                all = all && UInt32(bigEndian: number) >> 24 == 127
            case AF_INET6:
                var number = address.withMemoryRebound(to: sockaddr_in6.self, capacity: 1) { $0.pointee.sin6_addr }
                var loopback = in6addr_loopback
                all = all && memcmp(&number, &loopback, MemoryLayout<in6_addr>.size) == 0
            default: all = false
            }
            return false
        }
        return all
    }

    /// Resolves the host and hands each address to `body` until it answers true. Unsafe because getaddrinfo's list is C's.
    func forEachResolved(_ body: (UnsafeMutablePointer<sockaddr>, socklen_t) -> Bool) throws(SystemError) {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        hints.ai_flags = AI_NUMERICSERV
        var list: UnsafeMutablePointer<addrinfo>?
        let status = getaddrinfo(host, String(port), &hints, &list)
        guard status == 0 else {
            throw SystemError(
                call: "cannot resolve", code: 0, subject: "\(host) (\(String(cString: gai_strerror(status))))")
        }
        defer { freeaddrinfo(list) }
        var next = list
        while let entry = next {
            if let address = entry.pointee.ai_addr, body(address, entry.pointee.ai_addrlen) { return }
            next = entry.pointee.ai_next
        }
    }
}
