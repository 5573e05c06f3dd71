internal import CLinux
internal import Glibc

/// A listening socket on an event loop, TCP or Unix.
package final class Listener {
    private let socket: ListeningSocket
    private unowned let loop: EventLoop
    private let tls: (() -> TLSContext)?
    private let accept: (Newcomer) -> Void
    private var isListening = true

    /// Calls `accept`, on the loop's thread, with everybody who connects.
    ///
    /// - Parameter tls: where it is given, every connection is one of TLS, with the context that it answers at that moment;
    ///   connections that are there keep theirs. `accept` comes before the handshake, so that unfinished ones count.
    package init(
        socket: consuming ListeningSocket, on loop: EventLoop, tls: (() -> TLSContext)? = nil,
        accept: @escaping (Newcomer) -> Void
    ) throws(SystemError) {
        self.socket = socket
        self.loop = loop
        self.tls = tls
        self.accept = accept
        do {
            try loop.register(self.socket.descriptor.raw, interest: EventLoop.readable, source: self)
        } catch {
            self.socket.file?.unlink()
            throw error
        }
    }

    /// Listens at a TCP address; everybody who connects is watched by this loop at once.
    package convenience init(
        _ address: SocketAddress, on loop: EventLoop, tls: (() -> TLSContext)? = nil,
        accept: @escaping (Connection) -> Void
    ) throws(SystemError) {
        try self.init(socket: try .tcp(address), on: loop, tls: tls) { [unowned loop] in $0.open(on: loop).map(accept) }
    }

    /// As above, at a Unix socket.
    package convenience init(
        unixPath: String, mode: UInt32 = 0o600, on loop: EventLoop, accept: @escaping (Connection) -> Void
    ) throws(SystemError) {
        try self.init(socket: try .unix(unixPath, mode: mode), on: loop) { [unowned loop] in $0.open(on: loop).map(accept) }
    }

    package var endpoint: ListenAddress { socket.endpoint }

    /// The address of a TCP listener. A Unix socket has no host and no port: whoever may hold one asks for `endpoint`.
    package var address: SocketAddress {
        guard case .tcp(let address) = endpoint else { preconditionFailure("\(endpoint) is no TCP address") }
        return address
    }

    /// Stops accepting, and removes the file of a Unix socket that this process made. Connections that were accepted go on.
    package func close() {
        guard isListening else { return }
        isListening = false
        socket.file?.unlink()
        loop.unregister(socket.descriptor.raw, source: self)
    }
}

extension Listener: EventSource {
    func ready(_ events: UInt32, on loop: EventLoop) {
        // Bounded, so that a flood of newcomers cannot starve those who are connected.
        for _ in 0..<64 where isListening {
            let raw = dues_accept(socket.descriptor.raw)
            guard raw >= 0 else {
                if errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM { pause() }
                return
            }
            accept(Newcomer(socket: .init(Descriptor(owning: raw)), tls: tls?()))
        }
    }

    /// Out of descriptors: newcomers wait in the backlog for a moment instead of waking the loop for nothing.
    private func pause() {
        loop.update(socket.descriptor.raw, interest: 0)
        loop.schedule(afterMilliseconds: 100) { [weak self] in
            guard let self, self.isListening else { return }
            self.loop.update(self.socket.descriptor.raw, interest: EventLoop.readable)
        }
    }
}
