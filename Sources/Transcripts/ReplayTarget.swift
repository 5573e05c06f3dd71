package import EventLoop
package import RPC

/// The server that transcripts are played against.
package enum ReplayTarget: Sendable {
    /// By TLS where there is a context.
    case tcp(SocketAddress, TLSContext?)
    case unix(path: String)
    /// A command of the shell's, started for each transcript, that serves on its standard streams.
    case stdio(command: String)
    /// Whatever else makes a connection.
    case custom(@Sendable () throws(SystemError) -> Connection)

    /// A way to the server, and the server where it was started for it.
    package struct Connection {
        let channel: LineChannel
        let child: ChildProcess?

        package init(_ channel: LineChannel, child: ChildProcess? = nil) {
            self.channel = channel
            self.child = child
        }
    }

    /// A connection of its own.
    func connect() throws(SystemError) -> Connection {
        switch self {
        case .tcp(let address, let tls):
            guard let tls else { return Connection(LineChannel(socket: try address.connect())) }
            return Connection(try LineChannel(dialing: address, tls: tls))
        case .unix(let path): return Connection(LineChannel(socket: try UnixSocket.connect(path)))
        case .stdio(let command):
            let child = try ChildProcess(shell: command)
            return Connection(child.channel, child: child)
        case .custom(let make): return try make()
        }
    }
}
