import Glibc
import JSON
import Testing

@testable import EventLoop
@testable import RPC
@testable import dues

/// The whole server on a thread of this process, reached without a listener.
final class InProcessServer: Sendable {
    let sandbox: String
    private let rpc: LoopOwned<RPCServer>
    private let remote: EventLoopRemote
    private let thread: Thread
    private let owner: LoopOwned<Server>

    init(_ words: [String]) throws {
        let started = Rendezvous<Result<Parts, Failure>>()
        thread = try Thread.start {
            do throws(Failure) {
                let arguments = try Arguments((["--log", "error"] + words)[...], for: .stdio)
                let server = try Server(try ServerConfiguration(arguments, isStdio: true))
                try server.listen()
                started.put(
                    .success(
                        Parts(
                            sandbox: server.addresses.sandbox?.description ?? "",
                            rpc: LoopOwned(server.rpc, of: server.loop),
                            remote: server.loop.remote, owner: LoopOwned(server, of: server.loop))))
                try server.run()
            } catch {
                started.put(.failure(error))
            }
        }
        let parts = try started.take().get()
        sandbox = "http://\(parts.sandbox)"
        (rpc, remote, owner) = (parts.rpc, parts.remote, parts.owner)
    }

    private struct Parts: Sendable {
        let sandbox: String
        let rpc: LoopOwned<RPCServer>
        let remote: EventLoopRemote
        let owner: LoopOwned<Server>
    }

    func connect() throws(SystemError) -> LineChannel { try MemoryChannel.connect(to: rpc) }

    func stop() {
        owner.post { $0.end() }
        thread.join()
    }
}

/// A connection that nobody listened for: the two ends of a pair of sockets.
enum MemoryChannel {
    static func connect(to server: LoopOwned<RPCServer>) throws(SystemError) -> LineChannel {
        var ends: [Int32] = [-1, -1]
        guard socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0, &ends) == 0 else {
            throw SystemError(call: "socketpair", code: errno)
        }
        _ = fcntl(ends[0], F_SETFL, O_NONBLOCK)
        let newcomer = Newcomer(socket: .init(Descriptor(owning: ends[0])), tls: nil)
        server.post { $0.serve(newcomer) }
        return LineChannel(socket: Descriptor(owning: ends[1]))
    }
}
