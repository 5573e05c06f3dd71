internal import COpenSSL

/// One side of a TLS connection, without the connection: encrypted bytes go in and come out, plain bytes come out and go in.
///
/// It does no I/O and knows no time. What is sent before the handshake is done waits for it. Belongs to one thread at a time.
package final class TLSSession {
    package private(set) var state = State.handshaking
    /// Whether the peer has said (`close_notify`) that it will send nothing more. Sending to it still works.
    package private(set) var peerHasEnded = false

    private let session: OpaquePointer
    /// Received and not yet decrypted; owned by `session`.
    private let incoming: OpaquePointer
    /// Encrypted and not yet taken; owned by `session`.
    private let outgoing: OpaquePointer
    /// Keeps what `session` refers to, though OpenSSL counts its references too.
    let context: TLSContext
    /// Plain bytes that wait to be encrypted.
    private var waiting: [UInt8] = []
    private var hasSaidEnd = false
    private var handshakeBytes = 0
    /// What the protocol itself has answered since the handshake.
    private var protocolBytes = 0

    package enum State: Sendable, Equatable {
        case handshaking
        case open
        /// Nothing more is received or sent, save the alert that says why. The reason is OpenSSL's, and holds no secret.
        case failed(reason: String)
    }

    /// Bytes that a peer may send before the handshake is done: certificate chains have a few thousand.
    package static let maximumHandshakeBytes = 64 * 1024
    /// Bytes of answers that a peer may provoke by asking (in TLS 1.2) for another handshake, each of which is refused: no
    /// handler sees them, so that none would stop a peer who reads none of them.
    private static let maximumProtocolBytes = 16 * 1024
    /// Bytes that enter or leave OpenSSL at once, a record's worth: its buffers never shrink, so they are never let grow.
    private static let sliceBytes = 16 * 1024

    /// - Parameter host: on a client's side, the name or numeric address that the server's certificate must bear.
    package init(_ context: TLSContext, host: String? = nil) throws(TLSError) {
        var incoming: OpaquePointer?
        var outgoing: OpaquePointer?
        let session = dues_tls_session(context.storage.raw, context.isServer ? 1 : 0, host, &incoming, &outgoing)
        guard let session, let incoming, let outgoing else {
            throw TLSError(step: "cannot start a session", reason: TLSError.lastReason())
        }
        self.context = context
        self.session = session
        self.incoming = incoming
        self.outgoing = outgoing
        // A client speaks first.
        if !context.isServer { advance() }
    }

    deinit { SSL_free(session) }

    /// The version that was agreed upon, such as `TLSv1.3`.
    package var version: String { String(cString: SSL_get_version(session)) }

    // MARK: Receiving

    /// Takes what the peer sent, and appends what it means to `plaintext`. An answer (of the handshake, or an alert) may wait
    /// to be sent afterwards.
    package func receive(_ encrypted: Span<UInt8>, into plaintext: inout [UInt8]) {
        encrypted.withUnsafeBufferPointer { bytes in
            var start = 0
            while start < bytes.count, isAlive, !peerHasEnded {
                let slice = UnsafeBufferPointer(rebasing: bytes[start..<min(start + Self.sliceBytes, bytes.count)])
                start += slice.count
                receive(slice, &plaintext)
            }
        }
    }

    /// Unsafe because OpenSSL reads C's memory: `slice` is valid for the call, which copies it.
    private func receive(_ slice: UnsafeBufferPointer<UInt8>, _ plaintext: inout [UInt8]) {
        let taken = BIO_write(incoming, slice.baseAddress, Int32(slice.count))
        guard taken == slice.count else { return fail("out of memory") }
        if state == .handshaking {
            handshakeBytes += slice.count
            advance()
            if state == .handshaking, handshakeBytes > Self.maximumHandshakeBytes { fail("the handshake is too long") }
        }
        guard state == .open else { return }
        let before = dues_bio_pending(outgoing)
        decrypt(into: &plaintext)
        protocolBytes += dues_bio_pending(outgoing) - before
        if protocolBytes > Self.maximumProtocolBytes { fail("the peer provokes too many refusals") }
    }

    private var isAlive: Bool { if case .failed = state { false } else { true } }

    private func advance() {
        ERR_clear_error()
        let status = SSL_do_handshake(session)
        if status == 1 {
            state = .open
        } else if SSL_get_error(session, status) != SSL_ERROR_WANT_READ {
            failByOpenSSL()
        }
    }

    private func decrypt(into plaintext: inout [UInt8]) {
        withUnsafeTemporaryAllocation(byteCount: Self.sliceBytes, alignment: 1) { buffer in
            while true {
                var count = 0
                ERR_clear_error()
                let status = SSL_read_ex(session, buffer.baseAddress, buffer.count, &count)
                guard status == 1 else { return readStopped(SSL_get_error(session, status)) }
                plaintext.append(contentsOf: buffer[..<count])
            }
        }
    }

    private func readStopped(_ why: Int32) {
        switch why {
        case SSL_ERROR_WANT_READ: break
        case SSL_ERROR_ZERO_RETURN: peerHasEnded = true
        default: failByOpenSSL()
        }
    }

    private func failByOpenSSL() {
        let reason = TLSError.lastReason()
        let verification = SSL_get_verify_result(session)
        guard verification != X509_V_OK else { return fail(reason.isEmpty ? "the connection broke off" : reason) }
        fail("\(reason): \(String(cString: X509_verify_cert_error_string(Int(verification))))")
    }

    /// Whether the peer has begun a handshake and not ended it; who only looks whether somebody listens has not.
    var isMidHandshake: Bool { state == .handshaking && handshakeBytes > 0 }

    /// Gives a handshake up that is not done.
    func endHandshake(because reason: String) {
        if state == .handshaking { fail(reason) }
    }

    private func fail(_ reason: String) {
        state = .failed(reason: reason)
        waiting = []
    }

    // MARK: Sending

    /// Plain bytes that are not encrypted yet.
    package var waitingBytes: Int { waiting.count }

    /// Sends `bytes`; without effect once the session has failed or its own end was said.
    package func send(_ bytes: some Sequence<UInt8>) {
        guard isAlive, !hasSaidEnd else { return }
        waiting.append(contentsOf: bytes)
    }

    /// Says (`close_notify`), after all that was sent, that nothing more will be. Receiving goes on.
    package func end() { hasSaidEnd = true }

    /// Whether `takeEncrypted` would find something.
    package var hasOutput: Bool { dues_bio_pending(outgoing) > 0 || (state == .open && !waiting.isEmpty) }

    /// Moves everything that is to go to the peer to the end of `output`.
    package func takeEncrypted(into output: inout [UInt8]) {
        drain(into: &output)
        guard state == .open else { return }
        waiting.withUnsafeBytes { bytes in
            var start = 0
            while start < bytes.count, state == .open {
                var taken = 0
                ERR_clear_error()
                // Never waits: the memory that it writes to takes everything, and handshakes are not repeated.
                let count = min(Self.sliceBytes, bytes.count - start)
                guard SSL_write_ex(session, bytes.baseAddress! + start, count, &taken) == 1 else { break }
                start += taken
                drain(into: &output)
            }
            if start < bytes.count { state = .failed(reason: TLSError.lastReason()) }
        }
        waiting.removeAll(keepingCapacity: waiting.capacity <= 4 * Self.sliceBytes)
        if hasSaidEnd, state == .open, SSL_get_shutdown(session) & SSL_SENT_SHUTDOWN == 0 {
            ERR_clear_error()
            SSL_shutdown(session)
            drain(into: &output)
        }
    }

    private func drain(into output: inout [UInt8]) {
        withUnsafeTemporaryAllocation(byteCount: Self.sliceBytes, alignment: 1) { buffer in
            while case let count = BIO_read(outgoing, buffer.baseAddress, Int32(buffer.count)), count > 0 {
                output.append(contentsOf: buffer[..<Int(count)])
            }
        }
    }
}
