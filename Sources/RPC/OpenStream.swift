internal import Contract
internal import EventLoop
internal import JSON

/// A streaming call in flight: pulls its values and sends each as an rpc.stream notification.
final class OpenStream {
    private let id: [UInt8]
    private let values: EncodedStream
    private weak let connection: Connection?
    let connectionID: UInt64
    private let highWaterBytes: Int
    private let end: (Outcome) -> Void
    /// Values sent.
    private var sent: Int64 = 0
    /// Whether the caller will say nothing more: then what there is is all, and the call ends with its result.
    var isLast = false
    /// Whether the call is answered: nothing more is sent.
    var isClosed = false

    enum Step {
        case mayHaveMore
        /// There is nothing now.
        case caughtUp
        /// The caller has not taken what was sent: it is not sent more.
        case heldBack
        case closed
    }

    /// `end` is called with what the call ends with, if that comes from the stream; whoever gets it closes the stream.
    init(
        id: [UInt8], values: EncodedStream, connection: Connection, limits: RPCLimits, end: @escaping (Outcome) -> Void
    ) {
        self.id = id
        self.values = values
        self.connection = connection
        connectionID = connection.id
        highWaterBytes = limits.streamHighWaterBytes
        self.end = end
    }

    /// Whether the caller takes what it is sent.
    var isTaken: Bool { connection.map { $0.pendingOutputBytes <= highWaterBytes } ?? false }

    /// Sends one value, if there is one and the caller takes it.
    func step() -> Step {
        guard !isClosed, let connection, connection.isOpen else { return .closed }
        guard isTaken else { return .heldBack }
        var writer = JSONWriter()
        do throws(RPCError) {
            switch try writeNotification(into: &writer) {
            case .value:
                writer.verbatim("\n")
                writer.withBytes { connection.write($0) }
                return .mayHaveMore
            case .searching: return .mayHaveMore
            case .caughtUp where !isLast: return .caughtUp
            case .caughtUp:
                var result = JSONWriter()
                values.finish(&result)
                end(.success(result.bytes))
            }
        } catch {
            end(.failure(error))
        }
        return .closed
    }

    /// What is written is whole only where the answer is `.value`.
    private func writeNotification(into writer: inout JSONWriter) throws(RPCError) -> StreamStep<Void> {
        writer.beginObject()
        writer.member("jsonrpc", "2.0")
        writer.member("method", "rpc.stream")
        writer.key(plain: "params")
        writer.beginObject()
        writer.key(plain: "id")
        writer.raw(id)
        writer.member("seq", sent + 1)
        writer.key(plain: "value")
        let step = try values.next(&writer)
        writer.endObject()
        writer.endObject()
        if case .value = step { sent += 1 }
        return step
    }
}
