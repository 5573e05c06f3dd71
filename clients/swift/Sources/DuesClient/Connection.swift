internal import Dispatch
internal import EventLoop
internal import JSON
internal import RPC
internal import Synchronization

/// One connection. One queue makes it and takes in what the server says; another sends, in the order of the calls.
final class Connection: Sendable {
    typealias Arrivals = AsyncThrowingStream<Call.Arrival, any Error>
    typealias Instant = ContinuousClock.Instant

    /// A call that has no answer yet.
    private struct Pending {
        let arrivals: Arrivals.Continuation
        let isStream: Bool
        let end: Instant?
    }

    private struct State {
        /// Nil before the connection is made, and after it is lost.
        var channel: LineChannel?
        var calls: [Int64: Pending] = [:]
        var lastID: Int64 = 0
        /// When calls are given up next; none has its end earlier.
        var wakesAt: Instant?
        /// Why no further call is taken.
        var refusal: DuesError?
    }

    private let state = Mutex(State())
    /// Blocks as long as there is a connection.
    private let input = DispatchQueue(label: "dues.input")
    /// Held up until the server has answered rpc.hello.
    private let output = DispatchQueue(label: "dues.output", attributes: .initiallyInactive)
    /// The calls that closing waits for, and the end of `input`.
    private let unary = DispatchGroup()
    private let reading = DispatchGroup()

    private static let helloMilliseconds: Int64 = 90_000
    /// Seconds that closing waits for the calls' answers, for the server to hang up, and for what was started to end.
    private static let patience = (answers: 10.0, hangUp: 1.0, end: 15.0)
    private static let maximumLineBytes = 1 << 20
    private static let keptValues = 256

    init(to server: Dues.Server, hello: JSONValue) {
        input.async(group: reading) { [self] in
            do {
                let transport = try server.connect()
                defer {
                    transport.channel.cut()
                    transport.end()
                }
                try read(from: transport.channel, hello: hello)
            } catch {
                lose(error as? DuesError ?? .connectionLost("\(error)"))
            }
            // What is still in the queue finds that there is no connection.
            output.activate()
        }
    }

    /// Whether it takes calls, now or once it is made.
    var isUsable: Bool { state.withLock { $0.refusal == nil } }

    // MARK: Calls

    /// Begins a call. Its params are made when it is sent, and its reader who lets go of the arrivals gives it up.
    func begin(
        _ method: String, isStream: Bool, by end: Instant?, params: @escaping @Sendable () -> JSONValue
    ) throws -> Arrivals {
        let (arrivals, continuation) = Arrivals.makeStream(bufferingPolicy: .bufferingOldest(Self.keptValues))
        let id = try state.withLock { state in
            if let refusal = state.refusal { throw refusal }
            state.lastID += 1
            state.calls[state.lastID] = Pending(arrivals: continuation, isStream: isStream, end: end)
            if !isStream { unary.enter() }
            return state.lastID
        }
        continuation.onTermination = { [weak self] termination in
            if case .cancelled = termination { self?.giveUp(id, CancellationError()) }
        }
        output.async { [self] in
            guard state.withLock({ $0.calls[id] != nil }) else { return }
            let line = Self.line(method, params(), id: id)
            if line.count <= Self.maximumLineBytes { send(line) } else { fail(id, DuesError.lineTooLong) }
        }
        wake(at: end)
        return arrivals
    }

    /// Takes a call away: it has an answer, or gets none.
    private func remove(_ id: Int64) -> Pending? {
        let call = state.withLock { $0.calls.removeValue(forKey: id) }
        if call?.isStream == false { unary.leave() }
        return call
    }

    private func fail(_ id: Int64, _ error: any Error) { remove(id)?.arrivals.finish(throwing: error) }

    /// Ends a call that has no answer, and tells the server.
    private func giveUp(_ id: Int64, _ error: any Error) {
        guard let call = remove(id) else { return }
        call.arrivals.finish(throwing: error)
        output.async { [self] in send(Self.line("rpc.cancel", ["id": .integer(id)])) }
    }

    /// Sends a line, on the queue for that. What fails is found by who reads, at the end of the input.
    private func send(_ line: [UInt8]) {
        let channel = state.withLock(\.channel)
        do { try channel?.sendRaw(line) } catch { channel?.cut() }
    }

    private static func line(_ method: String, _ params: JSONValue, id: Int64? = nil) -> [UInt8] {
        var message: JSONObject = ["jsonrpc": "2.0", "method": .string(method), "params": params]
        message["id"] = id.map { .integer($0) }
        return JSONValue.object(message).bytes + [UInt8(ascii: "\n")]
    }

    // MARK: Time

    /// Sees to it that calls are given up at `end`, and at the next end then, and so on.
    private func wake(at end: Instant?) {
        guard let end else { return }
        let isNext = state.withLock { state in
            if let wakesAt = state.wakesAt, wakesAt <= end { return false }
            state.wakesAt = end
            return true
        }
        guard isNext else { return }
        Task { [weak self] in
            try await Task.sleep(until: end, clock: .continuous)
            self?.giveUpWhatIsDue(at: end)
        }
    }

    private func giveUpWhatIsDue(at instant: Instant) {
        let ends = state.withLock { state -> [Int64: Instant] in
            // Otherwise there was an earlier one, which has seen to what comes behind it.
            guard state.wakesAt == instant else { return [:] }
            state.wakesAt = nil
            return state.calls.compactMapValues(\.end)
        }
        for (id, end) in ends where end <= instant { giveUp(id, DuesError.silence) }
        wake(at: ends.values.filter { $0 > instant }.min())
    }

    // MARK: Reading

    private func read(from channel: LineChannel, hello: JSONValue) throws {
        let isWanted = state.withLock { state in
            state.channel = channel
            return state.refusal == nil || !state.calls.isEmpty
        }
        guard isWanted else { throw DuesError.isClosed }
        try channel.sendRaw(Self.line("rpc.hello", hello, id: 0))
        if let refusal = try next(from: channel, within: Self.helloMilliseconds)["error"] { throw DuesError(refusal) }
        output.activate()
        while true { take(try next(from: channel)) }
    }

    private func next(
        from channel: LineChannel, within milliseconds: Int64 = LineChannel.forever
    ) throws -> JSONValue {
        guard let line = try channel.receive(timeoutMilliseconds: milliseconds) else {
            throw DuesError.connectionLost("the server closed it")
        }
        return try JSONValue(parsing: line)
    }

    private func take(_ message: JSONValue) {
        guard message["method"] == nil else { return takeValue(message) }
        // An error without an id is about a line that was not understood: the only call's, if there is just one.
        let isOnly = message["id"] == .null
        let only = state.withLock { $0.calls.count == 1 && isOnly ? $0.calls.first?.key : nil }
        guard let id = message["id"]?.integerValue ?? only, let arrivals = remove(id)?.arrivals else { return }
        guard let result = message["result"] else {
            return arrivals.finish(throwing: DuesError(message["error"] ?? .null))
        }
        if case .dropped = arrivals.yield(.result(result)) { arrivals.finish(throwing: Call.ReaderTooSlow()) }
    }

    private func takeValue(_ message: JSONValue) {
        guard message["method"] == "rpc.stream", let params = message["params"], let id = params["id"]?.integerValue,
            let call = state.withLock({ $0.calls[id] }), call.isStream
        else { return }
        if case .dropped = call.arrivals.yield(.value(params["value"] ?? .null)) { giveUp(id, Call.ReaderTooSlow()) }
    }

    // MARK: The end

    private func lose(_ error: DuesError) {
        let (channel, ids) = state.withLock { state in
            state.refusal = state.refusal ?? error
            return (state.channel.take(), state.calls.keys)
        }
        channel?.cut()
        for id in ids { fail(id, error) }
    }

    /// Takes no further calls, waits for those in flight, and ends the connection, from this side first. Blocks.
    func close() {
        state.withLock { $0.refusal = $0.refusal ?? .isClosed }
        _ = unary.wait(timeout: .now() + Self.patience.answers)
        output.async { [self] in state.withLock(\.channel)?.finishSending() }
        _ = reading.wait(timeout: .now() + Self.patience.hangUp)
        lose(.isClosed)
        _ = reading.wait(timeout: .now() + Self.patience.end)
    }
}
