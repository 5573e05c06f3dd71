internal import CLinux
internal import EventLoop
internal import Glibc
internal import JSON
internal import Synchronization

/// One connection: calls go out from wherever they are made; a thread of its own takes in what comes back, and keeps time.
final class Connection: Sendable {
    typealias Instant = ContinuousClock.Instant

    private struct Call {
        let inbox: Inbox
        let deadline: Instant?
        /// What is to be sent once the server has answered rpc.hello; nil when it has been.
        var message: (@Sendable () -> JSONValue)?
        var isSent: Bool { message == nil }
    }

    private struct State {
        /// Nil until the connection is made.
        var wire: Wire?
        /// Whether the server has answered rpc.hello.
        var isOpen = false
        var calls: [Int64: Call] = [:]
        /// No deadline is earlier; the thread sleeps until then, unless it is woken.
        var wakesAt: Instant?
        /// Who waits for the socket to have something.
        var reader = Reader.thread
        /// Calls to come for which no task reads, and how often in a row one did so in vain.
        var passes = 0
        var misses = 0
        /// When closing has lasted long enough; nil while nobody closes.
        var closesBy: Instant?
        /// Whether our side has ended.
        var isEnding = false
        /// Why there is no connection any more.
        var lost: DuesError?
        /// Whether the thread has come to its end.
        var hasEnded = false
        var awaitingEnd: [CheckedContinuation<Void, Never>] = []

        /// Whether nobody waits for anything.
        var isIdle: Bool { calls.isEmpty || (calls.count == 1 && calls[Connection.helloID] != nil) }
    }

    private enum Reader {
        case thread
        /// A task that waits for the only answer.
        case task
        /// Nothing is expected. The thread hears of the connection's end.
        case nobody
    }

    /// What was read; the lock keeps it in its order, and is taken before that of `state`.
    private struct Input {
        var chunk = [UInt8](repeating: 0, count: 64 * 1024)
        /// A line that has begun, in plain bytes.
        var line: [UInt8] = []
    }

    private let state = Mutex(State())
    private let input = Mutex(Input())
    private let lastID = Atomic<Int64>(Connection.helloID)
    private let hello: JSONValue
    /// An eventfd, which wakes the thread.
    private let bell: Descriptor

    private static let helloID: Int64 = 0
    /// Of a server to answer rpc.hello, and of calls to be answered when their connection is being closed.
    private static let patience = (hello: Duration.seconds(90), close: Duration.seconds(10), end: Duration.seconds(1))
    /// Bytes of a line that comes in: more than a server's whole output buffer, and the OpenRPC document.
    private static let maximumLineBytes = 64 << 20
    private static let maximumSentLineBytes = 1 << 20
    /// How long a task may wait for the socket.
    private static let longestReading = Duration.microseconds(200)
    private static let maximumMisses = 6

    /// Begins to connect: `dial` may wait, on a thread of its own, so that deadlines are kept meanwhile.
    init(hello: JSONValue, dial: @escaping @Sendable () throws -> Wire) {
        self.hello = hello
        bell = Descriptor(owning: eventfd(0, Int32(EFD_NONBLOCK | EFD_CLOEXEC)))
        do throws(SystemError) {
            try Thread.start { [self] in run() }.detach()
        } catch {
            end()
            lose("\(error)")
        }
        do throws(SystemError) {
            try Thread.start { [self] in
                do { try adopt(dial()) } catch { lose("\(error)") }
            }.detach()
        } catch {
            lose("\(error)")
        }
    }

    /// Whether it takes calls, now or once it is made.
    var isUsable: Bool { state.withLock { $0.lost == nil && $0.closesBy == nil } }

    // MARK: Calls

    /// Begins a call, which is sent as soon as the server has answered rpc.hello, behind those that were begun before; its params
    /// are made then. What comes back for it goes to the inbox.
    func begin(
        _ method: String, by deadline: Instant?, isStream: Bool, params: @escaping @Sendable () -> JSONValue
    ) -> Inbox {
        let inbox = Inbox(id: lastID.wrappingAdd(1, ordering: .relaxed).newValue, isStream: isStream)
        let id = inbox.id
        attempt { state throws(SystemError) in
            if let lost = state.lost { return inbox.end(.failure(lost)) }
            var call = Call(inbox: inbox, deadline: deadline) { Self.request(id, method, params()) }
            if state.isOpen { try send(&call, &state) } else { state.calls[id] = call }
            if let deadline, state.wakesAt.map({ deadline < $0 }) ?? true {
                state.wakesAt = deadline
                ring()
            }
            if isStream { letThreadRead(&state) }
        }
        return inbox
    }

    /// The outcome of a call that has no values. The task's cancellation gives it up.
    func outcome(of inbox: Inbox) async throws -> JSONValue {
        read(for: inbox)
        while true {
            if case .end(let outcome) = await next(of: inbox) { return try outcome.get() }
        }
    }

    /// The next thing that comes for a call. The task's cancellation gives it up.
    func next(of inbox: Inbox) async -> Inbox.Arrival {
        if let arrival = inbox.take() { return arrival }
        return await withTaskCancellationHandler {
            await inbox.next()
        } onCancel: {
            abandon(inbox, CancellationError())
        }
    }

    /// Gives up a call, if it has not ended: the server is told, and the call ends with `error`.
    func abandon(_ inbox: Inbox, _ error: any Error) {
        attempt { state throws(SystemError) in
            guard let call = state.calls.removeValue(forKey: inbox.id) else { return }
            inbox.end(.failure(error))
            if call.isSent { try state.wire?.send(Self.cancellation(of: inbox.id)) }
        }
    }

    private static func request(_ id: Int64, _ method: String, _ params: JSONValue) -> JSONValue {
        ["jsonrpc": "2.0", "id": .integer(id), "method": .string(method), "params": params]
    }

    private static func line(_ message: JSONValue) -> [UInt8] { message.bytes + [UInt8(ascii: "\n")] }

    private static func cancellation(of id: Int64) -> [UInt8] {
        line(["jsonrpc": "2.0", "method": "rpc.cancel", "params": ["id": .integer(id)]])
    }

    private func send(_ call: inout Call, _ state: inout State) throws(SystemError) {
        guard let line = call.message.map({ Self.line($0()) }) else { return }
        guard line.count <= Self.maximumSentLineBytes else {
            state.calls[call.inbox.id] = nil
            return call.inbox.end(.failure(DuesError.lineTooLong))
        }
        call.message = nil
        state.calls[call.inbox.id] = call
        try state.wire?.send(line)
    }

    /// Does something that may write. What the socket has no room for, the thread writes; without a socket all is lost.
    private func attempt(_ body: (inout State) throws(SystemError) -> Void) {
        do throws(SystemError) {
            try state.withLock { state throws(SystemError) in
                try body(&state)
                if state.wire?.hasUnsent == true { ring() }
            }
        } catch {
            lose("\(error)")
        }
    }

    private func ring() { eventfd_write(bell.raw, 1) }

    // MARK: Beginning and end

    private func adopt(_ wire: Wire) {
        attempt { state throws(SystemError) in
            // Closed meanwhile: the wire goes with this function.
            guard state.lost == nil else { return }
            state.wire = wire
            let deadline = Instant.now + Self.patience.hello
            state.wakesAt = min(state.wakesAt ?? deadline, deadline)
            var call = Call(inbox: Inbox(id: Self.helloID, isStream: false), deadline: deadline) { [hello] in
                Self.request(Self.helloID, "rpc.hello", hello)
            }
            try send(&call, &state)
        }
        ring()
    }

    /// The answer to rpc.hello lets the calls go that wait for it; a refusal is their error.
    private func open(_ answer: Inbox.Outcome) {
        if case .failure(let error) = answer { return lose(because: error as? DuesError ?? .silence) }
        attempt { state throws(SystemError) in
            state.isOpen = true
            for var call in state.calls.values.sorted(by: { $0.inbox.id < $1.inbox.id }) { try send(&call, &state) }
        }
    }

    /// Takes no further calls, waits for those in flight, and ends the connection.
    func close() async {
        beginClosing()
        await withCheckedContinuation { continuation in
            let hasEnded = state.withLock { state in
                if !state.hasEnded { state.awaitingEnd.append(continuation) }
                return state.hasEnded
            }
            if hasEnded { continuation.resume() }
        }
    }

    func beginClosing() {
        state.withLock { $0.closesBy = $0.closesBy ?? .now + Self.patience.close }
        ring()
    }

    private func lose(_ why: String) { lose(because: .connectionLost(why)) }

    private func lose(because error: DuesError) {
        let calls = state.withLock { state in
            if state.lost == nil { state.lost = error }
            state.wire = nil
            defer { state.calls = [:] }
            return state.calls
        }
        for call in calls.values { call.inbox.end(.failure(error)) }
        ring()
    }
}

// MARK: Reading

extension Connection {
    /// To hand an answer from thread to task takes longer than many a server takes to give it. So the task that waits for the only
    /// answer waits at the socket itself, no longer than a lock might hold it up; where that is in vain, ever fewer do.
    private func read(for inbox: Inbox) {
        let wire = state.withLock { state -> Wire? in
            guard state.calls[inbox.id]?.isSent == true else { return nil }
            guard state.calls.count == 1, state.passes == 0 else {
                state.passes = max(0, state.passes - 1)
                if state.reader != .task { letThreadRead(&state) }
                return nil
            }
            state.reader = .task
            return state.wire
        }
        guard let wire else { return }
        let end = Instant.now + Self.longestReading
        while !inbox.hasEnded {
            let left = Instant.now.duration(to: end) / .microseconds(1)
            guard left >= 1, dues_readable(wire.raw, Int32(left)) == 1 else { break }
            receive(from: wire)
        }
        state.withLock { state in
            state.misses = inbox.hasEnded ? 0 : min(state.misses + 1, Self.maximumMisses)
            state.passes = (1 << state.misses) - 1
            state.reader = .nobody
            if !state.calls.isEmpty { letThreadRead(&state) }
        }
    }

    private func letThreadRead(_ state: inout State) {
        if state.reader == .thread { return }
        state.reader = .thread
        ring()
    }
}

// MARK: The thread

extension Connection {
    private func run() {
        while let (wire, ready) = wait() {
            if ready & POLLOUT != 0 { attempt { state throws(SystemError) in try state.wire?.flush() } }
            if let wire, ready & ~POLLOUT != 0 { receive(from: wire) }
        }
        end()
    }

    private func end() {
        let awaiting = state.withLock { state in
            state.hasEnded = true
            defer { state.awaitingEnd = [] }
            return state.awaitingEnd
        }
        for continuation in awaiting { continuation.resume() }
    }

    /// Ends what is due, and waits until the socket is ready for something, somebody rings, or the next thing is due. Answers
    /// what poll(2) says of the socket; nil when there is no connection any more.
    private func wait() -> (wire: Wire?, ready: Int32)? {
        endWhatIsDue()
        let next = state.withLock { state -> (wire: Wire?, events: Int16, wakesAt: Instant?, closesBy: Instant?)? in
            guard state.lost == nil else { return nil }
            // What the peer's end is for epoll, it is for poll: POLLRDHUP, which Swift's Glibc lacks.
            let isReading = state.reader == .thread || state.closesBy != nil
            let reading = isReading ? Int16(POLLIN) : Int16(EPOLLRDHUP.rawValue)
            let writing = state.wire?.hasUnsent == true ? Int16(POLLOUT) : 0
            return (state.wire, reading | writing, state.wakesAt, state.closesBy)
        }
        guard let next else { return nil }
        var queries = [
            pollfd(fd: bell.raw, events: Int16(POLLIN), revents: 0),
            // A negative descriptor is passed over.
            pollfd(fd: next.wire?.raw ?? -1, events: next.events, revents: 0),
        ]
        let wakesAt = [next.wakesAt, next.closesBy].compactMap(\.self).min()
        let milliseconds = wakesAt.map { Int32(clamping: max(0, Instant.now.duration(to: $0).milliseconds + 1)) } ?? -1
        guard poll(&queries, 2, milliseconds) > 0 else { return (next.wire, 0) }
        if queries[0].revents != 0 {
            var count: eventfd_t = 0
            eventfd_read(bell.raw, &count)
        }
        return (next.wire, Int32(queries[1].revents))
    }

    /// Gives up the calls whose time is over, and ends a connection that is being closed, once it may.
    private func endWhatIsDue() {
        var expired: [Call] = []
        attempt { state throws(SystemError) in
            let now = Instant.now
            if let wakesAt = state.wakesAt, wakesAt <= now {
                expired = state.calls.values.filter { $0.deadline.map { $0 <= now } ?? false }
                for call in expired { state.calls[call.inbox.id] = nil }
                state.wakesAt = state.calls.values.compactMap(\.deadline).min()
                for call in expired where call.isSent { try state.wire?.send(Self.cancellation(of: call.inbox.id)) }
            }
            guard let closesBy = state.closesBy, closesBy <= now || (state.isIdle && !state.isEnding) else { return }
            guard let wire = state.wire, !state.isEnding else { throw SystemError(call: "it is closed", code: 0) }
            // The server has a moment to read the last of it, and to hang up.
            state.isEnding = true
            state.closesBy = now + Self.patience.end
            try wire.finishSending()
        }
        for call in expired { finish(call, .failure(DuesError.silence)) }
    }

    /// Takes in what the socket has. Unsafe because the kernel writes C's memory, for the duration of the call.
    private func receive(from wire: Wire) {
        input.withLock { input in
            let count = recv(wire.raw, &input.chunk, input.chunk.count, Int32(MSG_DONTWAIT))
            if count < 0 {
                if errno != EINTR, errno != EAGAIN { lose("\(SystemError(call: "cannot read", code: errno))") }
                return
            }
            let scanned = input.line.count
            var hasMore = false
            attempt { state throws(SystemError) in
                guard state.wire === wire else { return }
                hasMore = try wire.receive(count, of: input.chunk, into: &input.line)
            }
            guard takeLines(&input.line, scanned: scanned), input.line.count <= Self.maximumLineBytes else {
                return lose("what the server says is no JSON-RPC")
            }
            if !hasMore { lose("the server closed it") }
        }
    }

    /// Takes in the lines that have come whole, of which the first `scanned` bytes have no end; false where one is not JSON.
    private func takeLines(_ bytes: inout [UInt8], scanned: Int) -> Bool {
        var (start, searched) = (0, scanned)
        defer { bytes.removeFirst(start) }
        while let end = bytes[searched...].firstIndex(of: UInt8(ascii: "\n")) {
            let line = bytes[start..<end]
            (start, searched) = (end + 1, end + 1)
            if line.allSatisfy({ $0 == UInt8(ascii: "\r") }) { continue }
            guard let message = try? JSONValue(parsing: line) else { return false }
            take(message)
        }
        return true
    }

    private func take(_ message: JSONValue) {
        guard message["method"] == nil else { return takeValue(message) }
        // An error without an id is about a line that was not understood: the only call's, if there is just one.
        let call = state.withLock { state -> Call? in
            let sent = message["id"] == .null ? state.calls.values.filter(\.isSent) : []
            guard let id = message["id"]?.integerValue ?? (sent.count == 1 ? sent[0].inbox.id : nil) else { return nil }
            return state.calls[id]?.isSent == true ? state.calls.removeValue(forKey: id) : nil
        }
        guard let call else { return }
        finish(call, message["result"].map { .success($0) } ?? .failure(DuesError(message["error"] ?? .null)))
    }

    private func takeValue(_ message: JSONValue) {
        guard message["method"] == "rpc.stream", let params = message["params"], let id = params["id"]?.integerValue,
            let call = state.withLock({ $0.calls[id] })
        else { return }
        if !call.inbox.put(params["value"] ?? .null) { abandon(call.inbox, Inbox.ReaderTooSlow()) }
    }

    private func finish(_ call: Call, _ outcome: Inbox.Outcome) {
        if call.inbox.id == Self.helloID { open(outcome) } else { call.inbox.end(outcome) }
    }
}
