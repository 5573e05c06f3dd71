internal import JSON
internal import Synchronization

/// The values of a streaming method, as they come. The call is made when the iteration begins, and again behind the last value
/// when the connection is lost; leaving the loop cancels it, as cancelling the task does. Each iteration is a call of its own.
public struct DuesStream<Value: DuesObject, Summary: DuesResult>: AsyncSequence, Sendable {
    private let dues: Dues
    private let method: String
    private let params: JSONObject
    private let options: CallOptions
    /// Where the stream goes on behind a value.
    private let position: @Sendable (Value) -> Int64
    private let end = End()

    /// What the iterations have in common with the stream.
    private final class End: Sendable {
        let summary = Mutex<Summary?>(nil)
    }

    init(
        _ dues: Dues, _ method: String, _ params: [(String, (any JSONWritable)?)], _ options: CallOptions,
        position: @escaping @Sendable (Value) -> Int64
    ) {
        self.dues = dues
        self.method = method
        self.params = JSONObject(present: params)
        self.options = options
        self.position = position
    }

    /// The method's result, which comes behind the last value.
    public var result: Summary? { end.summary.withLock { $0 } }

    public func makeAsyncIterator() -> Iterator { Iterator(self) }

    public struct Iterator: AsyncIteratorProtocol, Sendable {
        private let stream: DuesStream
        private var params: JSONObject
        private var attempts: Attempts
        private var call: Call?
        private var isAtEnd = false

        /// The call under way. Whoever lets go of the iterator lets go of this, and so cancels the call.
        private final class Call: Sendable {
            let connection: Connection
            let inbox: Inbox

            init(_ connection: Connection, _ inbox: Inbox) {
                self.connection = connection
                self.inbox = inbox
            }

            deinit { connection.abandon(inbox, CancellationError()) }

            func next() async -> Inbox.Arrival { await connection.next(of: inbox) }
        }

        fileprivate init(_ stream: DuesStream) {
            self.stream = stream
            params = stream.params
            attempts = Attempts(timeout: stream.options.timeout, patience: nil, retries: stream.dues.retries)
        }

        public mutating func next() async throws -> Value? {
            while !isAtEnd {
                do {
                    return try await advance()
                } catch is Inbox.ReaderTooSlow {
                    // Everything that came is taken by now, and the rest is asked for.
                    call = nil
                } catch {
                    (call, isAtEnd) = (nil, true)
                    // Without a place to go on from, values might be missed or come twice.
                    guard params["after"] != nil else { throw error }
                    try await attempts.pause(after: error)
                    isAtEnd = false
                }
            }
            return nil
        }

        /// The next value; nil at the end.
        private mutating func advance() async throws -> Value? {
            try Task.checkCancellation()
            let call = try self.call ?? begin()
            self.call = call
            switch await call.next() {
            case .value(let json):
                let value = Value(json: json) ?? .empty
                params["after"] = .integer(stream.position(value))
                attempts.reset()
                return value
            case .end(let outcome):
                let summary = try Summary(json: outcome.get()) ?? .empty
                stream.end.summary.withLock { $0 = summary }
                isAtEnd = true
                return nil
            }
        }

        private func begin() throws -> Call {
            let connection = try stream.dues.connection()
            let inbox = connection.begin(stream.method, by: attempts.end, isStream: true) { [stream, params, attempts] in
                stream.options.put(into: .object(params), timeLeft: attempts.timeLeft)
            }
            return Call(connection, inbox)
        }
    }
}
