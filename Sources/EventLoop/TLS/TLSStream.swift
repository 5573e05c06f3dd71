internal import Glibc

/// A blocking client's end of TLS over a connected socket: for the command line and for tests. Belongs to one thread at a time.
package final class TLSStream {
    package let session: TLSSession
    private let socket: Descriptor
    /// Decrypted and not yet read.
    private var ready: [UInt8] = []

    /// Takes `socket` over and completes the handshake; the server's certificate must bear the name or address `host`.
    package init(_ socket: consuming Descriptor, context: TLSContext, host: String) throws(TLSError) {
        self.socket = socket
        session = try TLSSession(context, host: host)
        try flush()
        while session.state == .handshaking { try receive() }
    }

    /// The socket's number, to wait until there is something to receive.
    package var raw: Int32 { socket.raw }

    /// Sends all of `bytes`.
    package func write(_ bytes: some Sequence<UInt8>) throws(TLSError) {
        session.send(bytes)
        try flush()
    }

    /// Says that nothing more will be written. Reading goes on.
    package func endWriting() throws(TLSError) {
        session.end()
        try flush()
    }

    /// The next bytes, as many as there are; nil when the server has said that there are no more.
    package func read() throws(TLSError) -> [UInt8]? {
        while ready.isEmpty, !session.peerHasEnded { try receive() }
        return ready.isEmpty ? nil : takeReady()
    }

    /// What has been received already, which may be nothing.
    package func takeReady() -> [UInt8] {
        defer { ready = [] }
        return ready
    }

    /// Waits for one piece of what the server sends, which need not hold a plain byte.
    package func receive() throws(TLSError) {
        var chunk = [UInt8](repeating: 0, count: 16 * 1024)
        let count = Glibc.read(socket.raw, &chunk, chunk.count)
        if count < 0, errno == EINTR { return }
        guard count >= 0 else { throw failure("cannot read") }
        session.receive(chunk.span.extracting(0..<count), into: &ready)
        try flush()
        if case .failed(let reason) = session.state { throw TLSError(step: "TLS failed", reason: reason) }
        guard count > 0 || session.peerHasEnded else {
            throw TLSError(step: "TLS failed", reason: "the server hung up without saying so")
        }
    }

    private func flush() throws(TLSError) {
        var output: [UInt8] = []
        session.takeEncrypted(into: &output)
        var sent = 0
        while sent < output.count {
            let count = output.withUnsafeBytes {
                // Not empty, so that it has an address.
                send(socket.raw, $0.baseAddress! + sent, $0.count - sent, Int32(MSG_NOSIGNAL))
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw failure("cannot write") }
            sent += count
        }
    }

    /// What `errno` says now.
    private func failure(_ step: String) -> TLSError { TLSError(step: step, reason: String(cString: strerror(errno))) }
}
