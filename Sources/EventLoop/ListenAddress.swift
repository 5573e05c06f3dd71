/// Where a listener listens: a TCP address, or the path of a Unix socket.
package enum ListenAddress: Sendable, Hashable, CustomStringConvertible {
    case tcp(SocketAddress)
    case unix(path: String)

    package var description: String {
        switch self {
        case .tcp(let address): address.description
        case .unix(let path): "unix:\(path)"
        }
    }
}
