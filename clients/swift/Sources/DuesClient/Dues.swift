internal import Dispatch
public import JSON
internal import Synchronization

/// A client of a Dues server, with a method for each of the server's. One is enough for any number of tasks: their calls run at
/// once on one connection, which is made when the first call needs it, and again after it was lost.
public final class Dues: Sendable {
    /// Where the server is.
    public enum Server: Sendable {
        case tcp(host: String = "127.0.0.1", port: UInt16 = 7171)
        /// The server's certificate must bear `host`, and one of the `authorities` (a file, PEM) must have signed it.
        case tls(host: String, port: UInt16, authorities: String = "/etc/ssl/certs/ca-certificates.crt")
        /// A Unix socket.
        case unix(path: String)
        /// Started by the client, and spoken to on its standard streams, such as `["dues", "stdio", "--sandbox"]`.
        case stdio([String])
        /// Started by the client, and dialled where its handshake line says, such as
        /// `["dues", "serve", "--tcp", "127.0.0.1:0"]`.
        case serve([String])
    }

    private let state = Mutex((connection: Connection?.none, isClosed: false))
    private let server: Server
    private let hello: JSONValue
    let timeout: Duration?
    let retries: Int

    private static let name = "dues-swift/1.0.0"

    /// - Parameters:
    ///   - token: what the server gives its scopes for.
    ///   - timeout: of calls whose options have none. Streams last until they are left, unless their options say otherwise.
    ///   - retries: how often a call is made again that failed, and may succeed later without harm.
    public init(_ server: Server = .tcp(), token: String? = nil, timeout: Duration? = nil, retries: Int = 2) {
        self.server = server
        var hello: JSONObject = ["client": .string(Self.name), "protocol": .integer(Method.protocolVersion)]
        hello["authorization"] = token.map { .string("Bearer \($0)") }
        self.hello = .object(hello)
        self.timeout = timeout
        self.retries = retries
    }

    deinit {
        // On a thread that may wait, and that outlives the client.
        if let connection = state.withLock(\.connection) { DispatchQueue.global().async { connection.close() } }
    }

    /// Takes no further calls, waits for those in flight (10 seconds at most), ends the connection, and ends the server if the
    /// client started it.
    public func close() async {
        let connection = state.withLock { state in
            state.isClosed = true
            return state.connection
        }
        await withCheckedContinuation { continuation in
            DispatchQueue.global().async {
                connection?.close()
                continuation.resume()
            }
        }
    }

    /// Calls any method by its name on the wire, and gives its result as it comes. A method that this client does not know is
    /// called again only under an idempotency key of the caller's.
    public func call(
        _ method: String, _ params: JSONValue = [:], options: CallOptions = CallOptions()
    ) async throws -> JSONValue {
        var call = Call(self, method, params, options)
        while true {
            if case .result(let result) = try await call.next() { return result }
        }
    }

    /// Calls a method whose result is known.
    func result<Value: JSONReadable>(
        of method: String, _ params: [(String, (any JSONWritable)?)], _ options: CallOptions
    ) async throws -> Value {
        try await Value.read(call(method, JSONObject(present: params).json, options: options)) ?? .empty
    }

    /// The connection for a call that begins now.
    func connection() throws(DuesError) -> Connection {
        try state.withLock { state throws(DuesError) in
            guard !state.isClosed else { throw DuesError.isClosed }
            if let connection = state.connection, connection.isUsable { return connection }
            let connection = Connection(to: server, hello: hello)
            state.connection = connection
            return connection
        }
    }
}

extension Dues: CustomReflectable {
    /// Empty: there is a secret in it.
    public var customMirror: Mirror { Mirror(self, children: []) }
}
