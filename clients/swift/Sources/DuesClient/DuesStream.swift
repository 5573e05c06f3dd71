internal import JSON
internal import Synchronization

/// The values of a streaming method, as they come. The call is made when the iteration begins, and again behind the last value
/// when the connection is lost; leaving the loop cancels it, as cancelling the task does. Each iteration is a call of its own.
public final class DuesStream<Value: DuesObject, Summary: DuesResult>: AsyncSequence, Sendable {
    private let begin: @Sendable () -> Call
    /// Where the stream goes on behind a value.
    private let position: @Sendable (Value) -> Int64
    private let summary = Mutex<Summary?>(nil)

    init(
        _ dues: Dues, _ method: String, _ params: [(String, (any JSONWritable)?)], _ options: CallOptions,
        position: @escaping @Sendable (Value) -> Int64
    ) {
        let params = JSONObject(present: params).json
        begin = { Call(dues, method, params, options, isStream: true) }
        self.position = position
    }

    /// The method's result, which comes behind the last value.
    public var result: Summary? { summary.withLock(\.self) }

    public func makeAsyncIterator() -> Iterator { Iterator(stream: self, call: begin()) }

    public struct Iterator: AsyncIteratorProtocol {
        fileprivate let stream: DuesStream
        /// Nil at the end. Whoever lets go of it cancels it.
        fileprivate var call: Call?

        public mutating func next() async throws -> Value? {
            guard var call = call.take() else { return nil }
            switch try await call.next() {
            case .value(let json):
                let value = Value.read(json) ?? .empty
                call.advance(to: stream.position(value))
                self.call = call
                return value
            case .result(let json):
                stream.summary.withLock { $0 = Summary.read(json) ?? .empty }
                return nil
            }
        }
    }
}
