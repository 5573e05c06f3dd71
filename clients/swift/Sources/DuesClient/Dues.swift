internal import EventLoop
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

    private struct State {
        var connection: Connection?
        var isClosed = false
    }

    private let state = Mutex(State())
    private let dialer: Dialer
    private let hello: JSONValue
    private let timeout: Duration?
    let retries: Int

    private static let name = "dues-swift/1.0.0"

    /// - Parameters:
    ///   - token: what the server gives its scopes for.
    ///   - timeout: of calls whose options have none. Streams last until they are left, unless their options say otherwise.
    ///   - retries: how often a call is made again that failed, and may succeed later without harm.
    public init(_ server: Server = .tcp(), token: String? = nil, timeout: Duration? = nil, retries: Int = 2) {
        dialer = Dialer(server)
        var hello: JSONObject = ["client": .string(Self.name), "protocol": .integer(Method.protocolVersion)]
        hello["authorization"] = token.map { .string("Bearer \($0)") }
        self.hello = .object(hello)
        self.timeout = timeout
        self.retries = retries
    }

    deinit {
        // Nobody waits: the connection has no calls, and what was started is reaped by a thread that outlives this object.
        state.withLock { $0.connection?.beginClosing() }
        let dialer = dialer
        try? Thread.start { dialer.end() }.detach()
    }

    /// Takes no further calls, waits for those in flight (10 seconds at most), ends the connection, and ends the server if the
    /// client started it.
    public func close() async {
        let connection = state.withLock { state in
            state.isClosed = true
            return state.connection
        }
        await connection?.close()
        await withCheckedContinuation { continuation in
            let end: @Sendable () -> Void = { [dialer] in
                dialer.end()
                continuation.resume()
            }
            do throws(SystemError) { try Thread.start(end).detach() } catch { end() }
        }
    }

    /// Calls any method by its name on the wire, and gives its result as it comes. A method that this client does not know is
    /// called again only under an idempotency key of the caller's.
    public func call(
        _ method: String, _ params: JSONValue = [:], options: CallOptions = CallOptions()
    ) async throws -> JSONValue {
        var options = options
        options.idempotencyKey = options.idempotencyKey ?? params["_meta"]?["idempotencyKey"]?.stringValue
        if options.idempotencyKey == nil, Method.safeToRepeatWithKey.contains(method) {
            options.idempotencyKey = Self.randomKey()
        }
        let isSafeToRepeat = options.idempotencyKey != nil || Method.safeToRepeat.contains(method)
        var attempts = Attempts(timeout: options.timeout ?? timeout, retries: isSafeToRepeat ? retries : 0)
        while true {
            do {
                let connection = try connection()
                let inbox = connection.begin(method, by: attempts.end, isStream: false) { [options, attempts] in
                    options.put(into: params, timeLeft: attempts.timeLeft)
                }
                return try await connection.outcome(of: inbox)
            } catch {
                try await attempts.pause(after: error)
            }
        }
    }

    /// Calls a method whose result is known.
    func result<Value: JSONReadable>(
        of method: String, _ params: [(String, (any JSONWritable)?)], _ options: CallOptions
    ) async throws -> Value {
        try await Value(json: call(method, JSONObject(present: params).json, options: options)) ?? .empty
    }

    /// The connection for a call that begins now.
    func connection() throws -> Connection {
        try Task.checkCancellation()
        return try state.withLock { state throws(DuesError) in
            guard !state.isClosed else { throw DuesError.isClosed }
            if let connection = state.connection, connection.isUsable { return connection }
            let connection = Connection(hello: hello) { [dialer] in try dialer.dial() }
            state.connection = connection
            return connection
        }
    }

    /// 128 random bits.
    private static func randomKey() -> String {
        (0..<2).map { _ in
            let digits = String(UInt64.random(in: 0...UInt64.max), radix: 16)
            return String(repeating: "0", count: 16 - digits.count) + digits
        }.joined()
    }
}

extension Dues: CustomReflectable {
    /// Empty: there is a secret in it.
    public var customMirror: Mirror { Mirror(self, children: []) }
}
