internal import CLinux
internal import Glibc

/// A listening socket on an event loop, TCP or Unix; each connection it accepts is handed over, already watched.
package final class Listener {
    /// Where it listens, with the port that the system picked where 0 was asked for.
    package let endpoint: ListenAddress

    private let socket: Descriptor
    private unowned let loop: EventLoop
    private let accept: (Connection) -> Void
    private let tls: (() -> TLSContext)?
    /// The file of a Unix socket.
    private let file: UnixSocket.File?
    private var isListening = true

    /// Listens at `address` and calls `accept`, on the loop's thread, with every connection.
    ///
    /// - Parameter tls: where it is given, every connection is one of TLS, with the context that it answers at that moment;
    ///   connections that are there keep theirs. `accept` comes before the handshake, so that unfinished ones count.
    package init(
        _ address: SocketAddress, on loop: EventLoop, tls: (() -> TLSContext)? = nil,
        accept: @escaping (Connection) -> Void
    ) throws(SystemError) {
        let (raw, port) = try Listener.bind(address)
        socket = Descriptor(owning: raw)
        endpoint = .tcp(SocketAddress(host: address.host, port: port))
        file = nil
        self.tls = tls
        self.loop = loop
        self.accept = accept
        try loop.register(socket.raw, interest: EventLoop.readable, source: self)
    }

    /// Listens at the Unix socket `unixPath`, whose file has exactly `mode` before anybody can connect: connecting needs the
    /// right to write. What a dead process left there is replaced; a living listener, or a file that is no socket, is an
    /// error. `close()` removes the file.
    package init(
        unixPath: String, mode: UInt32 = 0o600, on loop: EventLoop, accept: @escaping (Connection) -> Void
    ) throws(SystemError) {
        let bound = try UnixSocket.listen(unixPath, mode: mode)
        endpoint = .unix(path: unixPath)
        file = bound.file
        tls = nil
        socket = bound.takeDescriptor()
        self.loop = loop
        self.accept = accept
        do {
            try loop.register(socket.raw, interest: EventLoop.readable, source: self)
        } catch {
            file?.unlink()
            throw error
        }
    }

    /// The address of a TCP listener. A Unix socket has no host and no port: whoever may hold one asks for `endpoint`.
    package var address: SocketAddress {
        guard case .tcp(let address) = endpoint else { preconditionFailure("\(endpoint) is no TCP address") }
        return address
    }

    /// Stops accepting, and removes the file of a Unix socket. Connections that were accepted go on.
    package func close() {
        guard isListening else { return }
        isListening = false
        file?.unlink()
        loop.unregister(socket.raw, source: self)
    }

    private static func bind(_ address: SocketAddress) throws(SystemError) -> (Int32, UInt16) {
        var found: Int32 = -1
        var failure = SystemError(call: "cannot listen on", code: 0, subject: address.description)
        try address.forEachResolved { socketAddress, length in
            let kind = Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
            let raw = Glibc.socket(Int32(socketAddress.pointee.sa_family), kind, 0)
            var yes: Int32 = 1
            setsockopt(raw, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size))
            if raw >= 0, Glibc.bind(raw, socketAddress, length) == 0, listen(raw, 1024) == 0 {
                found = raw
                return true
            }
            failure = SystemError.last("cannot listen on", address.description)
            if raw >= 0 { Glibc.close(raw) }
            return false
        }
        guard found >= 0 else { throw failure }
        return (found, boundPort(found))
    }

    /// The port of a bound socket. Unsafe because getsockname fills C's storage, large enough for every family.
    private static func boundPort(_ raw: Int32) -> UInt16 {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        return withUnsafeMutablePointer(to: &storage) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { _ = getsockname(raw, $0, &length) }
            // The port stands at the same place in IPv4's and IPv6's addresses.
            return pointer.withMemoryRebound(to: sockaddr_in.self, capacity: 1) { UInt16(bigEndian: $0.pointee.sin_port) }
        }
    }
}

extension Listener: EventSource {
    func ready(_ events: UInt32, on loop: EventLoop) {
        // Bounded, so that a flood of newcomers cannot starve those who are connected.
        for _ in 0..<64 where isListening {
            let raw = dues_accept(socket.raw)
            guard raw >= 0 else {
                if errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM { pause() }
                return
            }
            let descriptor = Descriptor(owning: raw)
            // Fails only when memory is short: the newcomer is let go.
            guard let connection = try? adopt(descriptor) else { continue }
            accept(connection)
        }
    }

    private func adopt(_ descriptor: consuming Descriptor) throws -> Connection {
        let session = try tls.map { context in try TLSSession(context()) }
        return try Connection.open(.socket(.init(descriptor)), on: loop, tls: session)
    }

    /// Out of descriptors: newcomers wait in the backlog for a moment instead of waking the loop for nothing.
    private func pause() {
        loop.update(socket.raw, interest: 0)
        loop.schedule(afterMilliseconds: 100) { [weak self] in
            guard let self, self.isListening else { return }
            self.loop.update(self.socket.raw, interest: EventLoop.readable)
        }
    }
}
