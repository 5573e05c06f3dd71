/// What a connection keeps of TLS: its session, and how long the handshake may still take.
final class SecureLayer {
    let session: TLSSession
    /// Who it is, as known when the connection began: one whose handshake fails is mostly gone when that is logged.
    var peer: String?
    private var deadline: TimerToken?

    init(_ session: TLSSession) { self.session = session }

    /// Closes `connection` if its handshake is not done in time.
    func limitHandshake(of connection: Connection, on loop: EventLoop) {
        let patience = session.context.handshakeMilliseconds
        deadline = loop.schedule(afterMilliseconds: patience) { [session, weak connection] in
            session.endHandshake(because: "it was not done after \(patience) ms")
            connection?.close()
        }
    }

    /// Decrypts what came; the deadline ends with the handshake.
    func receive(_ encrypted: Span<UInt8>, into plaintext: inout [UInt8], on loop: EventLoop) {
        session.receive(encrypted, into: &plaintext)
        if session.state != .handshaking { forgetDeadline(on: loop) }
    }

    func forgetDeadline(on loop: EventLoop) {
        if let deadline { loop.cancel(deadline) }
        deadline = nil
    }
}
