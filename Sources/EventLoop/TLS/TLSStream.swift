internal import Glibc

/// A blocking client's end of TLS over a connected socket: for the command line and for tests. Belongs to one thread at a time.
package final class TLSStream {
    package let session: TLSSession
    private let socket: Descriptor

    /// Takes `socket` over and completes the handshake; the server's certificate must bear the name or address `host`.
    package init(_ socket: consuming Descriptor, context: TLSContext, host: String) throws {
        self.socket = socket
        session = try TLSSession(context, host: host)
        try flush()
        var early: [UInt8] = []
        while session.state == .handshaking {
            guard try receive(into: &early) else {
                throw TLSError(step: "cannot agree on TLS", reason: "the server hung up")
            }
        }
        ready = early
    }

    /// Decrypted and not yet read.
    private var ready: [UInt8] = []

    /// Sends all of `bytes`.
    package func write(_ bytes: some Sequence<UInt8>) throws {
        session.send(bytes)
        try flush()
    }

    /// Says that nothing more will be written. Reading goes on.
    package func endWriting() throws {
        session.end()
        try flush()
    }

    /// The next bytes, as many as there are; nil when the server has said that there are no more.
    package func read() throws -> [UInt8]? {
        while ready.isEmpty, !session.peerHasEnded {
            guard try receive(into: &ready) else {
                throw TLSError(step: "cannot read", reason: "the server hung up without saying so")
            }
        }
        if ready.isEmpty { return nil }
        defer { ready = [] }
        return ready
    }

    /// Waits for bytes of the peer's; false when there are no more.
    private func receive(into plaintext: inout [UInt8]) throws -> Bool {
        var chunk = [UInt8](repeating: 0, count: 16 * 1024)
        var count = Glibc.read(socket.raw, &chunk, chunk.count)
        while count < 0, errno == EINTR { count = Glibc.read(socket.raw, &chunk, chunk.count) }
        guard count >= 0 else { throw SystemError.last("read") }
        session.receive(chunk.span.extracting(0..<count), into: &plaintext)
        try flush()
        if case .failed(let reason) = session.state { throw TLSError(step: "TLS failed", reason: reason) }
        return count > 0
    }

    private func flush() throws {
        var output: [UInt8] = []
        session.takeEncrypted(into: &output)
        var sent = 0
        while sent < output.count {
            let count = output.withUnsafeBytes {
                // Not empty, so that it has an address.
                send(socket.raw, $0.baseAddress! + sent, $0.count - sent, Int32(MSG_NOSIGNAL))
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw SystemError.last("write") }
            sent += count
        }
    }
}
