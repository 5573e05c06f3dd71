internal import EventLoop

/// The sockets that a service manager has opened for this process: those named `http` take webhooks, all others calls.
struct InheritedSockets: Sendable {
    private(set) var rpc: [Socket] = []
    private(set) var http: [Socket] = []

    /// A listening socket that nobody has taken over yet.
    struct Socket: Sendable {
        let descriptor: Int32
        let endpoint: ListenAddress

        /// To be called once.
        func take() throws(SystemError) -> ListeningSocket { try .inherited(descriptor) }

        var tcp: SocketAddress? { if case .tcp(let address) = endpoint { address } else { nil } }
        var unixPath: String? { if case .unix(let path) = endpoint { path } else { nil } }
    }

    /// Looks at the sockets and leaves them as they are. Throws where one is none that listens for streams.
    init(_ manager: ServiceManager) throws(Failure) {
        for (descriptor, name) in manager.sockets {
            do throws(SystemError) {
                let socket = Socket(descriptor: descriptor, endpoint: try ListenAddress.bound(to: descriptor))
                if name == "http" { http.append(socket) } else { rpc.append(socket) }
            } catch {
                throw .usage("the inherited socket \"\(name)\" cannot be used: \(error)")
            }
        }
        if let path = http.lazy.compactMap(\.unixPath).first {
            throw .usage("the inherited socket \"http\" must be one of TCP, got unix:\(path)")
        }
    }

    var isEmpty: Bool { rpc.isEmpty && http.isEmpty }
}
