internal import Glibc
internal import Synchronization

/// A blocking client's end of TLS over a connected socket. One thread may write while another receives.
package final class TLSStream: @unchecked Sendable {  // `turn` guards the session; the rest is of one direction
    package let session: TLSSession
    /// Whose turn it is at the session. Nobody waits for the network in it.
    private let turn = Mutex(())
    /// Who writes what the session gave to be sent, which must stay in its order. Taken before `turn`.
    private let writing = Mutex(())
    private let socket: Descriptor
    /// Decrypted and not yet read.
    private var ready: [UInt8] = []

    /// Takes `socket` over and completes the handshake; the server's certificate must bear the name or address `host`.
    package init(_ socket: consuming Descriptor, context: TLSContext, host: String) throws(TLSError) {
        self.socket = socket
        session = try TLSSession(context, host: host)
        try flush {}
        while session.state == .handshaking { try receive() }
    }

    /// The socket's number, to wait until there is something to receive.
    package var raw: Int32 { socket.raw }

    /// Sends all of `bytes`.
    package func write(_ bytes: some Sequence<UInt8>) throws(TLSError) {
        try flush { session.send(bytes) }
    }

    /// Says that nothing more will be written. Reading goes on.
    package func endWriting() throws(TLSError) {
        try flush { session.end() }
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
        let mustAnswer = turn.withLock { _ in
            session.receive(chunk.span.extracting(0..<count), into: &ready)
            return session.hasOutput
        }
        if mustAnswer { try flush {} }
        if case .failed(let reason) = session.state { throw TLSError(step: "TLS failed", reason: reason) }
        guard count > 0 || session.peerHasEnded else {
            throw TLSError(step: "TLS failed", reason: "the server hung up without saying so")
        }
    }

    /// Sends what the session has to say after `act`.
    private func flush(after act: () -> Void) throws(TLSError) {
        try writing.withLock { _ throws(TLSError) in
            var output: [UInt8] = []
            turn.withLock { _ in
                act()
                session.takeEncrypted(into: &output)
            }
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
    }

    /// What `errno` says now.
    private func failure(_ step: String) -> TLSError { TLSError(step: step, reason: String(cString: strerror(errno))) }
}
