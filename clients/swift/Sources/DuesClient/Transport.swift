internal import EventLoop
internal import Glibc
internal import JSON
internal import RPC

/// A way to a server.
struct Transport {
    let channel: LineChannel
    /// Ends what was started for it, once the channel has ended. Blocks.
    var end: () -> Void = {}
}

extension Dues.Server {
    private static let graceMilliseconds: Int64 = 10_000
    private static let handshakeMilliseconds: Int64 = 30_000

    /// Starts the server where that is the client's task, and connects to it. Blocks.
    func connect() throws -> Transport {
        switch self {
        case .tcp(let host, let port):
            return Transport(channel: try LineChannel(socket: SocketAddress(host: host, port: port).connect()))
        case .tls(let host, let port, let authorities):
            let address = SocketAddress(host: host, port: port)
            return Transport(channel: try LineChannel(dialing: address, tls: .client(authoritiesFile: authorities)))
        case .unix(let path): return Transport(channel: LineChannel(socket: try UnixSocket.connect(path)))
        case .stdio(let command):
            let (program, standard) = try Self.start(command)
            return Transport(channel: standard) { program.end(graceMilliseconds: Self.graceMilliseconds, by: [0]) }
        case .serve(let command):
            let (program, standard) = try Self.start(command)
            let end = {
                program.end(graceMilliseconds: Self.graceMilliseconds, by: [SIGTERM])
                standard.cut()
            }
            do {
                let handshake = try standard.receive(timeoutMilliseconds: Self.handshakeMilliseconds) ?? []
                guard let address = try JSONValue(parsing: handshake)["tcp"]?.stringValue.flatMap(SocketAddress.init)
                else { throw SystemError(call: "the server did not say where it listens", code: 0) }
                return Transport(channel: LineChannel(socket: try address.connect()), end: end)
            } catch {
                end()
                throw error
            }
        }
    }

    /// Starts a program whose standard input and output are the other end of a socket: unlike a pipe, that can be written to
    /// without a signal when the program is gone.
    private static func start(_ command: [String]) throws -> (Program, LineChannel) {
        var ends: [Int32] = [-1, -1]
        guard socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0, &ends) == 0 else {
            throw SystemError(call: "socketpair", code: errno)
        }
        let standard = LineChannel(socket: Descriptor(owning: ends[0]))
        let theirs = Descriptor(owning: ends[1])
        return (try Program(command, input: theirs.raw, output: theirs.raw), standard)
    }
}
