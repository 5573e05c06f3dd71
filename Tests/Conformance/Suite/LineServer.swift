import EventLoop
import Glibc
import JSON
import RPC
import Synchronization
import Testing

/// A server of lines that does what a script says: a thread of its own for each connection.
final class LineServer: Sendable {
    /// A connection, as a script sees it.
    struct Visit {
        /// Counted from 0.
        let number: Int
        let channel: LineChannel
        fileprivate let server: LineServer

        /// The next message; nil when the client has ended.
        func next() throws -> JSONValue? {
            guard let line = try channel.receive(timeoutMilliseconds: 20_000) else { return nil }
            let message = try JSONValue(parsing: line)
            server.seen.withLock { $0.append((number, message)) }
            return message
        }

        /// The next message that is not rpc.hello, which is answered.
        func nextCall() throws -> JSONValue? {
            while let message = try next() {
                guard message["method"] == "rpc.hello" else { return message }
                try answer(message, Self.hello)
            }
            return nil
        }

        func answer(_ call: JSONValue, _ result: JSONValue) throws {
            try send(["jsonrpc": "2.0", "id": call["id"] ?? .null, "result": result])
        }

        func fail(_ call: JSONValue, _ code: Int64, _ data: JSONValue) throws {
            try send([
                "jsonrpc": "2.0", "id": call["id"] ?? .null,
                "error": ["code": .integer(code), "message": "So.", "data": data],
            ])
        }

        func stream(_ call: JSONValue, seq: Int64, _ value: JSONValue) throws {
            let params: JSONValue = ["id": call["id"] ?? .null, "seq": .integer(seq), "value": value]
            try send(["jsonrpc": "2.0", "method": "rpc.stream", "params": params])
        }

        func send(_ message: JSONValue) throws { try channel.send(message.bytes) }

        static let hello: JSONValue = [
            "server": "dues", "version": "1.0.0", "protocol": 1, "mode": "sandbox", "scopes": ["read", "write"],
            "limits": [
                "lineBytes": 1_048_576, "inFlightCalls": 1024, "batchLength": 1000, "outputBytes": 4_194_304,
                "idleSeconds": 0,
            ],
        ]
    }

    let address: SocketAddress
    private let seen = Mutex<[(visit: Int, message: JSONValue)]>([])
    private let listener: LoopbackListener

    /// Every message so far, with the connection on which it came.
    var messages: [(visit: Int, message: JSONValue)] { seen.withLock { $0 } }

    /// The calls of `method` so far.
    func calls(_ method: String) -> [JSONValue] { messages.map(\.message).filter { $0["method"] == .string(method) } }

    /// The script's errors end its connection: a client that has gone is not of interest.
    init(_ script: @escaping @Sendable (Visit) throws -> Void) throws {
        listener = try LoopbackListener()
        address = SocketAddress(host: "127.0.0.1", port: listener.port)
        try Thread.start { [self] in
            var number = 0
            while let socket = listener.accept() {
                let visit = number
                number += 1
                try? Thread.start { [self] in
                    try? script(
                        Visit(number: visit, channel: LineChannel(socket: Descriptor(owning: socket)), server: self))
                }.detach()
            }
        }.detach()
    }

    func stop() { listener.close() }
}

/// A listening socket of the loopback.
private struct LoopbackListener: Sendable {
    let port: UInt16
    private let socket: Int32

    init() throws {
        socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let socket = socket
        let isBound = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(socket, $0, length) == 0 && listen(socket, 64) == 0 && getsockname(socket, $0, &length) == 0
            }
        }
        try #require(isBound)
        port = UInt16(bigEndian: address.sin_port)
    }

    func accept() -> Int32? {
        let descriptor = Glibc.accept(socket, nil, nil)
        return descriptor < 0 ? nil : descriptor
    }

    func close() { shutdown(socket, Int32(SHUT_RDWR)) }
}
