internal import CLinux
internal import Glibc

/// What becomes of a connection's bytes. All calls come on the loop's thread.
package protocol ConnectionHandler: AnyObject {
    /// Bytes arrived; they are borrowed for the call.
    func received(_ bytes: Span<UInt8>, on connection: Connection)
    /// The peer will send nothing more; writing still works.
    func ended(_ connection: Connection)
    /// Everything written so far has left.
    func drained(_ connection: Connection)
    /// The connection is gone. Called once; nothing follows.
    func closed(_ connection: Connection)
}

/// A two-way stream of bytes on an event loop: a socket, or a pair of standard streams.
///
/// Writes are gathered and leave at the end of the loop's turn. A connection is never freed inside a callback of its own:
/// closing flags it, and the end of the turn reaps it.
///
/// Over TLS the handler sees plain bytes only. What is written before the handshake is done waits for it; a handshake that
/// fails, or takes too long, closes the connection.
package final class Connection {
    /// Unique within the loop, never used again.
    package let id: UInt64
    package unowned let loop: EventLoop
    package var handler: (any ConnectionHandler)?

    let streams: Streams
    let tls: SecureLayer?
    private var output: [UInt8] = []
    /// How much of `output` has left.
    private var outputStart = 0
    private var state = State.open
    /// Whether what the peer sends is read.
    package private(set) var isReading = true
    private var hasEnded = false
    private var lingers = true
    private var isDirty = false
    /// Whether the input is a regular file, which is asked once a turn instead of being watched.
    private var isPolled = false

    private enum State {
        case open
        case closingAfterFlush
        /// Everything is sent and said to be all. What still comes is discarded until the peer has ended: closing a socket with
        /// unread input would make the system cut off the last answers on their way.
        case lingering
        case closing
        case closed
    }

    /// Milliseconds that a peer may take to end once it has everything.
    private static let lingerMilliseconds: Int64 = 1000

    /// The descriptors of a connection.
    enum Streams {
        case socket(Box)
        case pair(input: Box, output: Box)

        final class Box: Sendable {
            let descriptor: Descriptor
            init(_ descriptor: consuming Descriptor) { self.descriptor = descriptor }
        }

        var input: Int32 {
            switch self {
            case .socket(let box), .pair(let box, _): box.descriptor.raw
            }
        }
        var output: Int32 {
            switch self {
            case .socket(let box), .pair(_, let box): box.descriptor.raw
            }
        }
        var isPair: Bool { input != output }

        /// Reads what is there; like read(2). A socket's own call has a shorter way through the kernel.
        func receive(into buffer: UnsafeMutableBufferPointer<UInt8>) -> Int {
            switch self {
            case .socket(let box): recv(box.descriptor.raw, buffer.baseAddress, buffer.count, 0)
            case .pair(let box, _): Glibc.read(box.descriptor.raw, buffer.baseAddress, buffer.count)
            }
        }

        /// Writes as much as is taken; like write(2).
        func send(_ bytes: Slice<UnsafeRawBufferPointer>) -> Int {
            let bytes = UnsafeRawBufferPointer(rebasing: bytes)
            switch self {
            case .socket(let box):
                let flags = Int32(MSG_NOSIGNAL)
                return Glibc.send(box.descriptor.raw, bytes.baseAddress, bytes.count, flags)
            case .pair(_, let box): return Glibc.write(box.descriptor.raw, bytes.baseAddress, bytes.count)
            }
        }
    }

    /// Starts watching `streams`; the loop retains the connection until it is closed.
    static func open(
        _ streams: Streams, on loop: EventLoop, tls: TLSSession? = nil
    ) throws(SystemError) -> Connection {
        let layer = tls.map(SecureLayer.init)
        let connection = loop.adopt { Connection(id: $0, loop: loop, streams: streams, tls: layer) }
        do {
            if try !loop.register(streams.input, interest: EventLoop.readable, source: connection) {
                connection.isPolled = true
                loop.pollEveryTurn(connection)
            }
            if streams.isPair { try loop.register(streams.output, interest: 0, source: OutputSource(connection)) }
        } catch {
            loop.unregister(streams.input, source: connection)
            loop.forget(connection)
            throw error
        }
        layer?.peer = connection.peer
        layer?.limitHandshake(of: connection, on: loop)
        return connection
    }

    private init(id: UInt64, loop: EventLoop, streams: Streams, tls: SecureLayer?) {
        self.id = id
        self.loop = loop
        self.streams = streams
        self.tls = tls
    }

    // MARK: Writing and closing

    /// Bytes written but not yet taken by the kernel.
    package var pendingOutputBytes: Int { unsentBytes + (tls?.session.waitingBytes ?? 0) }

    /// What is ready to be given to the kernel: over TLS, what is encrypted.
    private var unsentBytes: Int { output.count - outputStart }

    /// Why TLS failed, its handshake being cut short included, in a few words without secrets, for a log; nil where it did not.
    package var tlsFailure: String? {
        if case .failed(let reason)? = tls?.session.state { reason } else { nil }
    }

    /// Whether the connection still takes bytes.
    package var isOpen: Bool { state == .open }

    /// Whether the connection takes no more bytes and has none left to send.
    package var isFlushed: Bool { state != .open && pendingOutputBytes == 0 }

    /// Appends `bytes` to what leaves at the end of this turn. Without effect on a closing connection.
    package func write(_ bytes: [UInt8]) { bytes.withUnsafeBytes { write($0) } }

    package func write(_ bytes: UnsafeRawBufferPointer) {
        guard state == .open, !bytes.isEmpty else { return }
        if let tls { tls.session.send(bytes) } else { output.append(contentsOf: bytes) }
        markDirty()
    }

    /// Sends what is written, then closes. Reads nothing more: a connection whose TLS handshake is not done is closed at once.
    ///
    /// - Parameter lingering: whether to wait then for the peer's end, so that nothing of what was sent can be lost.
    package func closeAfterFlush(lingering: Bool = true) {
        guard state == .open else { return }
        lingers = lingering
        if tls?.session.state == .handshaking { return close() }
        state = .closingAfterFlush
        // Standard streams are the host's own: it may read when it likes, and a host that is gone shows.
        if !streams.isPair { closeUnlessTaken() }
        markDirty()
    }

    /// Gives up on a peer that takes nothing of the last bytes for a while; one that is slow gets them all.
    private func closeUnlessTaken() {
        let waiting = pendingOutputBytes
        loop.schedule(afterMilliseconds: loop.flushMilliseconds) { [weak self] in
            guard let self, state == .closingAfterFlush else { return }
            if pendingOutputBytes < waiting { closeUnlessTaken() } else { close() }
        }
    }

    private func closeLater(afterMilliseconds milliseconds: Int64) {
        loop.schedule(afterMilliseconds: milliseconds) { [weak self] in self?.close() }
    }

    /// Closes at the end of this turn, dropping what has not left.
    package func close() {
        guard state != .closed, state != .closing else { return }
        state = .closing
        markDirty()
    }

    /// Stops or resumes reading, so that a peer that sends faster than it is served waits in its own buffers.
    package func setReading(_ reading: Bool) {
        guard isReading != reading else { return }
        isReading = reading
        if isPolled, !hasEnded { reading ? loop.pollEveryTurn(self) : loop.stopPolling(self) }
        updateInterest()
    }

    private func markDirty() {
        guard !isDirty else { return }
        isDirty = true
        loop.markDirty(self)
    }

    // MARK: The loop's side

    /// The end of a turn: writes, tells the handler when all has left, reaps.
    func finishTurn() {
        isDirty = false
        if state == .open || state == .closingAfterFlush { flush() }
        if state == .closingAfterFlush, pendingOutputBytes == 0 { linger() }
        if state == .closing { reap() }
    }

    /// Says that all is sent, and waits a little for the peer to end too.
    private func linger() {
        guard lingers, !streams.isPair, !hasEnded, shutdown(streams.output, Int32(SHUT_WR)) == 0 else {
            state = .closing
            return
        }
        state = .lingering
        updateInterest()
        closeLater(afterMilliseconds: Self.lingerMilliseconds)
    }

    private func flush() {
        if let tls {
            if state == .closingAfterFlush { tls.session.end() }
            tls.session.takeEncrypted(into: &output)
        }
        guard unsentBytes > 0 else { return }
        while unsentBytes > 0 {
            let sent = output.withUnsafeBytes { streams.send($0[outputStart...]) }
            if sent < 0, errno == EINTR { continue }
            if sent < 0, errno == EAGAIN { break }
            if sent < 0 {
                state = .closing
                return
            }
            outputStart += sent
        }
        if unsentBytes == 0 {
            output.removeAll(keepingCapacity: output.capacity <= 64 * 1024)
            outputStart = 0
            if pendingOutputBytes == 0 { handler?.drained(self) }
        } else if outputStart > 256 * 1024 {
            output.removeFirst(outputStart)
            outputStart = 0
        }
        updateInterest()
    }

    /// Tells the loop what is waited for, where that has changed.
    private func updateInterest() {
        let wantsInput = state == .lingering || (isReading && state == .open)
        let reading = wantsInput && !hasEnded ? EventLoop.readable : 0
        let writing = unsentBytes > 0 ? EventLoop.writable : 0
        if streams.isPair {
            loop.update(streams.input, interest: reading)
            loop.update(streams.output, interest: writing)
        } else {
            loop.update(streams.input, interest: reading | writing)
        }
    }

    private func reap() {
        state = .closed
        if let session = tls?.session, session.isMidHandshake {
            session.endHandshake(because: "the connection ended before it was done")
        }
        tls?.forgetDeadline(on: loop)
        loop.unregister(streams.input, source: self)
        if streams.isPair { loop.unregister(streams.output, source: self) }
        loop.forget(self)
        handler?.closed(self)
        handler = nil
    }
}

extension Connection: EventSource {
    func ready(_ events: UInt32, on loop: EventLoop) {
        if events & (EventLoop.readable | EventLoop.hangup) != 0 { readOnce(hangup: events & EventLoop.hangup != 0) }
        if events & EventLoop.writable != 0 { outputReady(0) }
    }

    /// One read a turn, so that a fast sender cannot starve the others; what is left is announced again.
    private func readOnce(hangup: Bool) {
        if state == .lingering { return discard() }
        guard state == .open, !hasEnded else {
            // Nothing more is read, and epoll reports a hang-up whether asked or not. Of a socket it means that the peer is gone
            // both ways, of a pair that nobody writes to it any more.
            if hangup { streams.isPair ? loop.unregister(streams.input, source: self) : close() }
            return
        }
        guard isReading || hangup else { return }
        let count = streams.receive(into: loop.readBuffer)
        if count > 0 {
            let bytes = UnsafeBufferPointer(start: loop.readBuffer.baseAddress, count: count)
            if let tls { receive(bytes.span, through: tls) } else { handler?.received(bytes.span, on: self) }
        } else if count == 0 {
            // An end that TLS did not announce may be somebody else's doing (RFC 8446 section 6.1): it breaks off.
            if tls == nil { end() } else { close() }
        } else if errno != EAGAIN, errno != EINTR {
            close()
        }
    }

    private func end() {
        hasEnded = true
        updateInterest()
        // A pipe whose writer is gone reports a hang-up for ever, though answers can still be written to the other.
        if streams.isPair { loop.unregister(streams.input, source: self) }
        handler?.ended(self)
    }

    private func receive(_ bytes: Span<UInt8>, through tls: SecureLayer) {
        var plaintext: [UInt8] = []
        tls.receive(bytes, into: &plaintext, on: loop)
        if tls.session.hasOutput { markDirty() }
        if !plaintext.isEmpty { handler?.received(plaintext.span, on: self) }
        if tlsFailure != nil {
            // The alert that says why still leaves.
            closeAfterFlush()
        } else if tls.session.peerHasEnded, state == .open {
            end()
        }
    }

    private func discard() {
        let count = streams.receive(into: loop.readBuffer)
        if count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR) { close() }
    }

    /// The output takes bytes again, or its reader is gone.
    fileprivate func outputReady(_ events: UInt32) {
        if events & EventLoop.hangup != 0 { close() } else { markDirty() }
    }
}

/// The output half of a pair of streams, which epoll watches on its own.
private final class OutputSource: EventSource {
    private weak var connection: Connection?
    init(_ connection: Connection) { self.connection = connection }
    func ready(_ events: UInt32, on loop: EventLoop) { connection?.outputReady(events) }
}
