internal import EventLoop
internal import Glibc
internal import JSON
internal import Synchronization

/// Makes connections, and starts the server first where that is the client's task.
final class Dialer: Sendable {
    /// A server that was started.
    private struct Child {
        let program: Program
        /// Where to dial it; nil where it speaks on its standard streams.
        var address: SocketAddress?
        /// Our end of the standard streams of one that is dialled, which may still write there.
        var standard: SharedDescriptor?
    }

    private struct State {
        var child: Child?
        /// Whether the client is closed, so that nothing is started any more.
        var hasEnded = false
    }

    private let server: Dues.Server
    /// The lock is held while a server starts or ends: whoever wants it otherwise must wait for that.
    private let state = Mutex(State())

    private static let exitMilliseconds: Int64 = 10_000
    private static let handshakeSeconds = 30
    private static let maximumHandshakeBytes = 64 * 1024

    init(_ server: Dues.Server) { self.server = server }

    /// Waits until there is a connection.
    func dial() throws -> Wire {
        switch server {
        case .tcp(let host, let port): return try Wire(SocketAddress(host: host, port: port).connect())
        case .tls(let host, let port, let authorities):
            let session = try TLSSession(.client(authoritiesFile: authorities), host: host)
            return try Wire(SocketAddress(host: host, port: port).connect(), tls: session)
        case .unix(let path): return try Wire(UnixSocket.connect(path))
        case .stdio(let command):
            return try state.withLock { state in
                try Wire(try Self.start(command, in: &state))
            }
        case .serve(let command):
            let address = try state.withLock { state in
                if let child = state.child, child.program.isRunning, let address = child.address { return address }
                let standard = SharedDescriptor(try Self.start(command, in: &state))
                let address = try Self.readHandshake(from: standard.descriptor.raw)
                state.child?.address = address
                state.child?.standard = standard
                return address
            }
            return try Wire(address.connect())
        }
    }

    /// Ends the server that was started, if there is one. Waits for that.
    func end() {
        state.withLock { state in
            state.hasEnded = true
            Self.endChild(of: &state)
        }
    }

    /// One on its standard streams ends with its input, which is closed by now.
    private static func endChild(of state: inout State) {
        guard let child = state.child.take() else { return }
        child.program.end(graceMilliseconds: exitMilliseconds, by: [child.address == nil ? 0 : SIGTERM])
    }

    /// Starts a server in place of the last one. Answers our end of a socket pair that is its standard input and output: unlike
    /// a pipe, it can be written to without a signal when the server is gone.
    private static func start(_ command: [String], in state: inout State) throws -> Descriptor {
        guard !state.hasEnded else { throw DuesError.isClosed }
        endChild(of: &state)
        var ends: [Int32] = [-1, -1]
        guard socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0, &ends) == 0 else {
            throw SystemError(call: "socketpair", code: errno)
        }
        let ours = Descriptor(owning: ends[0])
        let theirs = Descriptor(owning: ends[1])
        state.child = Child(program: try Program(command, input: theirs.raw, output: theirs.raw))
        return ours
    }

    /// Where a server listens, which the first line of its standard output says.
    private static func readHandshake(from descriptor: Int32) throws -> SocketAddress {
        var patience = timeval(tv_sec: handshakeSeconds, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
        var line: [UInt8] = []
        var byte: UInt8 = 0
        while line.count < maximumHandshakeBytes, recv(descriptor, &byte, 1, 0) == 1, byte != UInt8(ascii: "\n") {
            line.append(byte)
        }
        guard let address = (try? JSONValue(parsing: line))?["tcp"]?.stringValue.flatMap(SocketAddress.init) else {
            throw SystemError(call: "the server did not say where it listens", code: 0)
        }
        return address
    }
}

/// A descriptor that is kept open where copies are made of what holds it.
private final class SharedDescriptor: Sendable {
    let descriptor: Descriptor
    init(_ descriptor: consuming Descriptor) { self.descriptor = descriptor }
}
