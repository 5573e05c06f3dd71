internal import EventLoop
internal import Glibc

/// A connected socket, with TLS on top where there is any. Nothing here waits.
final class Wire: @unchecked Sendable {  // its connection's lock guards it; `raw` does not change
    private let socket: Descriptor
    private let tls: TLSSession?
    /// What the socket had no room for yet.
    private var unsent: [UInt8] = []
    private var isEnding = false

    /// Bytes that a server may leave unread before it counts as gone: many of the longest lines.
    private static let maximumUnsentBytes = 64 << 20

    init(_ socket: consuming Descriptor, tls: TLSSession? = nil) throws(SystemError) {
        self.socket = socket
        self.tls = tls
        // A Unix socket has no such option, and no need of it.
        var on: Int32 = 1
        setsockopt(raw, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size))
        try send([])
    }

    var raw: Int32 { socket.raw }
    var hasUnsent: Bool { !unsent.isEmpty }

    /// Sends `bytes` as far as the socket has room, and keeps the rest.
    func send(_ bytes: [UInt8]) throws(SystemError) {
        if let tls {
            tls.send(bytes)
            tls.takeEncrypted(into: &unsent)
            return try flush()
        }
        guard unsent.isEmpty else {
            unsent += bytes
            return try flush()
        }
        let sent = try write(bytes)
        if sent < bytes.count { unsent = Array(bytes[sent...]) }
    }

    func flush() throws(SystemError) {
        unsent.removeFirst(try write(unsent))
        guard unsent.count <= Self.maximumUnsentBytes else {
            throw SystemError(call: "the server takes nothing in", code: 0)
        }
        if isEnding, unsent.isEmpty { shutdown(raw, Int32(SHUT_WR)) }
    }

    /// Takes in the first `count` bytes of `chunk`, which were read from the socket, and appends what they mean to `plain`.
    /// False at the end of it all.
    func receive(_ count: Int, of chunk: [UInt8], into plain: inout [UInt8]) throws(SystemError) -> Bool {
        guard let tls else {
            plain += chunk[..<count]
            return count > 0
        }
        tls.receive(chunk.span.extracting(0..<count), into: &plain)
        tls.takeEncrypted(into: &unsent)
        try flush()
        if case .failed(let reason) = tls.state { throw SystemError(call: "TLS:", code: 0, subject: reason) }
        return count > 0 && !tls.peerHasEnded
    }

    /// Ends our side of the connection behind all that was sent.
    func finishSending() throws(SystemError) {
        isEnding = true
        tls?.end()
        tls?.takeEncrypted(into: &unsent)
        try flush()
    }

    /// Unsafe because the kernel reads C's memory, for the duration of the call.
    private func write(_ bytes: [UInt8]) throws(SystemError) -> Int {
        var sent = 0
        while sent < bytes.count {
            let count = bytes.withUnsafeBytes {
                // Not empty, so that it has an address.
                Glibc.send(raw, $0.baseAddress! + sent, $0.count - sent, Int32(MSG_NOSIGNAL | MSG_DONTWAIT))
            }
            if count < 0, errno == EINTR { continue }
            if count < 0, errno == EAGAIN { break }
            guard count >= 0 else { throw SystemError(call: "cannot write", code: errno) }
            sent += count
        }
        return sent
    }
}
