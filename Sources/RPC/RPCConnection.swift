internal import Contract
internal import EventLoop
internal import JSON

/// One client's dialogue: lines in, calls out to the methods, one answer each.
final class RPCConnection<Local: LocalMethods & SendableMetatype, Upstream: UpstreamMethods>: ConnectionHandler {
    private let server: RPCServer<Local, Upstream>
    private let gatekeeper: Gatekeeper?
    /// Who rpc.hello said the client is; nil before, and where nobody is asked.
    private var identity: Identity?
    private let onClose: () -> Void
    private var splitter: LineSplitter
    /// Upstream calls that are not answered yet, by their number on this connection.
    private var calls: [UInt64: Call] = [:]
    private var nextCall: UInt64 = 1
    /// Lines that wait because the client has not taken the answers to earlier ones; no more than one read's worth.
    private var backlog: ArraySlice<LineSplitter.Line> = []
    /// Whether the client will send nothing more.
    private var hasEnded = false
    /// Whether the connection closes as soon as nothing is in flight, because the server ends.
    private var isLeaving = false
    /// Runs while a line has begun and not ended.
    private var lineTimer: TimerToken?
    /// When something last came or went, in milliseconds of the loop's clock.
    private var lastActivity: Int64 = 0

    /// An upstream call in flight.
    private struct Call {
        let request: RPCRequest
        let context: CallContext
        /// The request's id as it is meant: a client may write it with escapes here and without them in rpc.cancel.
        let id: JSONValue?
        let answer: Answer
        let task: Task<Void, Never>
        let deadline: TimerToken?
    }

    /// Where the answer of a call goes.
    private enum Answer {
        case line
        case batch(Batch)

        /// What waits to be sent together with this answer.
        var bytes: Int { if case .batch(let batch) = self { batch.line.count } else { 0 } }
    }

    /// The answers of a batch, sent together when the last one is there.
    private final class Batch {
        var waiting: Int
        var line: [UInt8] = [UInt8(ascii: "[")]
        init(waiting: Int) { self.waiting = waiting }
    }

    init(server: RPCServer<Local, Upstream>, gatekeeper: Gatekeeper?, onClose: @escaping () -> Void) {
        self.server = server
        self.gatekeeper = gatekeeper
        self.onClose = onClose
        splitter = LineSplitter(maximumBytes: server.limits.lineBytes)
    }

    // MARK: The connection's side

    func received(_ bytes: Span<UInt8>, on connection: Connection) {
        lastActivity = connection.loop.now
        let before = backlog.count
        splitter.append(bytes) { backlog.append($0) }
        watchLine(on: connection, hasEnded: backlog.count > before)
        work(on: connection)
    }

    func ended(_ connection: Connection) {
        splitter.finish { backlog.append($0) }
        hasEnded = true
        work(on: connection)
    }

    func drained(_ connection: Connection) { work(on: connection) }

    /// Takes the lines that wait, as long as the client takes the answers. One that does not read is not listened to either:
    /// that bounds what it can cost.
    private func work(on connection: Connection) {
        while let line = backlog.first, connection.pendingOutputBytes <= server.limits.outputHighWaterBytes {
            backlog = backlog.dropFirst()
            take(line, on: connection)
        }
        if backlog.isEmpty { backlog = [] }
        connection.setReading(!hasEnded && !isHeldBack(connection))
        closeIfDone(connection)
    }

    private func isHeldBack(_ connection: Connection) -> Bool {
        !backlog.isEmpty || connection.pendingOutputBytes > server.limits.outputHighWaterBytes
    }

    /// Lets a line that has begun take its time, and no more than that.
    private func watchLine(on connection: Connection, hasEnded: Bool) {
        if let timer = lineTimer, hasEnded || !splitter.isMidway {
            connection.loop.cancel(timer)
            lineTimer = nil
        }
        guard lineTimer == nil, splitter.isMidway else { return }
        let patience = server.limits.lineMilliseconds
        lineTimer = connection.loop.schedule(afterMilliseconds: patience) { [weak self, weak connection] in
            guard let self, let connection else { return }
            lineTimer = nil
            // A client that is not read from cannot finish its line.
            if isHeldBack(connection) { return watchLine(on: connection, hasEnded: false) }
            end(connection, RPCError(.lineTooSlow, "the line was not complete after \(patience) ms"))
        }
    }

    /// Looks now and then whether the client has gone quiet; one that waits for an answer has not.
    func watchIdleness(of connection: Connection) {
        guard let patience = server.limits.idleMilliseconds else { return }
        if lastActivity == 0 { lastActivity = connection.loop.now }
        let quiet = connection.loop.now - lastActivity
        connection.loop.schedule(afterMilliseconds: max(1, patience - quiet)) { [weak self, weak connection] in
            guard let self, let connection, connection.isOpen else { return }
            let isQuiet = connection.loop.now - lastActivity >= patience
            if !isQuiet || !calls.isEmpty || isHeldBack(connection) {
                if isQuiet { lastActivity = connection.loop.now }
                return watchIdleness(of: connection)
            }
            end(connection, RPCError(.idleTooLong, "nothing was said for \(patience) ms"))
        }
    }

    /// Says why, and closes.
    private func end(_ connection: Connection, _ error: RPCError) {
        send(Response.failure(id: Response.nullID, error: error), to: .line, on: connection)
        backlog = []
        connection.closeAfterFlush()
    }

    /// The client is gone. What it asked for is finished all the same: a change half done would be worse than one unseen.
    func closed(_ connection: Connection) {
        for call in calls.values { if let deadline = call.deadline { connection.loop.cancel(deadline) } }
        calls = [:]
        if let lineTimer { connection.loop.cancel(lineTimer) }
        onClose()
    }

    /// The server ends: what is in flight is finished, and what is on its way here is still read, and refused.
    func drain(_ connection: Connection) {
        connection.loop.schedule(afterMilliseconds: 50) { [weak self, weak connection] in
            guard let self, let connection else { return }
            isLeaving = true
            closeIfDone(connection)
        }
    }

    /// The server's patience is at its end.
    func abandonAll(_ connection: Connection) {
        for number in calls.keys.sorted() { abandon(number, because: .cutOff, on: connection) }
    }

    private func closeIfDone(_ connection: Connection) {
        if hasEnded || isLeaving, calls.isEmpty, backlog.isEmpty { connection.closeAfterFlush() }
    }

    // MARK: Lines

    private func take(_ line: LineSplitter.Line, on connection: Connection) {
        switch line {
        case .tooLong:
            let error = RPCError(.lineTooLong, "a line may have at most \(server.limits.lineBytes) bytes")
            send(Response.failure(id: Response.nullID, error: error), to: .line, on: connection)
        case .complete(let bytes):
            switch Envelope.read(bytes, batchLength: server.limits.batchLength) {
            case .single(let entry): take(entry, answer: .line, on: connection)
            case .batch(let entries): take(entries, on: connection)
            case .unreadable where HTTPLine.isRequestLine(bytes):
                // A web page can make a browser send this to any port of its machine, with calls in the body: none is taken.
                end(connection, RPCError(.parseError, "this port speaks JSON lines, not HTTP"))
            case .unreadable(let problem):
                let error = RPCError(.parseError, "the line is not valid JSON: \(problem)")
                send(Response.failure(id: Response.nullID, error: error), to: .line, on: connection)
            case .tooManyEntries:
                let error = RPCError(.batchTooLong, "a batch may hold at most \(server.limits.batchLength) calls")
                send(Response.failure(id: Response.nullID, error: error), to: .line, on: connection)
            }
        }
    }

    private func take(_ entries: [Envelope.Entry], on connection: Connection) {
        let answered = entries.count { entry in
            if case .request(let request) = entry { request.id != nil } else { true }
        }
        let batch = Batch(waiting: answered)
        for entry in entries { take(entry, answer: .batch(batch), on: connection) }
    }

    private func take(_ entry: Envelope.Entry, answer: Answer, on connection: Connection) {
        switch entry {
        case .invalid(let id, let problem):
            let error = RPCError(.invalidRequest, "not a JSON-RPC 2.0 call: \(problem)")
            send(Response.failure(id: id ?? Response.nullID, error: error), to: answer, on: connection)
        case .request(let request):
            do throws(RPCError) {
                try start(request, answer: answer, on: connection)
            } catch {
                finish(request, with: .failure(error), context: nil, answer: answer, on: connection)
            }
        }
    }

    // MARK: Calls

    private func start(_ request: RPCRequest, answer: Answer, on connection: Connection) throws(RPCError) {
        if request.method == CancelNotification.method { return try cancel(request) }
        guard let method = Method(rawValue: request.method) else { throw .unknownMethod(request.method) }
        if server.isDraining, method != .rpcHealth { throw .shuttingDown }
        let (metadata, decoded) = try method.decode(params: request.params, local: Local.self, upstream: Upstream.self)
        let now = ContinuousClock.now
        let context = CallContext(
            method: method, metadata: metadata, received: now,
            deadline: metadata.timeoutMilliseconds.map { now + .milliseconds($0) },
            scopes: try scopes(for: method, metadata, request, on: connection))
        switch decoded {
        case .local(let run):
            var writer = JSONWriter()
            try run(server.local, context, &writer)
            finish(request, with: .success(writer.bytes), context: context, answer: answer, on: connection)
        case .upstream(let run):
            try startTask(request, context, answer: answer, on: connection, run)
        }
    }

    /// What the caller may do, if that is enough for `method`. The token of the call counts before that of the connection,
    /// which rpc.hello gives.
    private func scopes(
        for method: Method, _ metadata: CallMetadata, _ request: RPCRequest, on connection: Connection
    ) throws(RPCError) -> Set<Scope> {
        guard let gatekeeper else { return Set(Scope.allCases) }
        var caller = identity
        if let authorization = metadata.authorization {
            caller = try gatekeeper.identify(authorization, peer: connection.peer, now: connection.loop.now)
        } else if method == .rpcHello, let authorization = request.authorization {
            caller = try gatekeeper.identify(authorization, peer: connection.peer, now: connection.loop.now)
            identity = caller
        }
        guard let scope = method.scope else { return caller?.scopes ?? [] }
        guard let caller else {
            throw RPCError(.tokenRequired, "this server asks for a token: give it by rpc.hello, or in _meta.authorization")
        }
        guard caller.scopes.contains(scope) else {
            throw RPCError(.scopeRequired, "\(method.rawValue) needs the scope \(scope.rawValue), which the token has not")
        }
        return caller.scopes
    }

    private func startTask(
        _ request: RPCRequest, _ context: CallContext, answer: Answer, on connection: Connection,
        _ run: @escaping @Sendable (Upstream, CallContext) async throws(RPCError) -> [UInt8]
    ) throws(RPCError) {
        guard calls.count < server.limits.callsPerConnection else {
            throw RPCError(.tooManyCalls, "\(calls.count) calls of this connection are in flight, which is the limit")
        }
        guard server.inFlight.value < server.limits.callsInAll else {
            throw RPCError(.tooManyCalls, "\(server.limits.callsInAll) calls are in flight, which is the server's limit")
        }
        let number = nextCall
        nextCall += 1
        server.inFlight.add()
        let finish = Finish(inFlight: server.inFlight, connection: connection.id, remote: connection.loop.remote)
        // What changes nothing is not worth remembering: it is answered afresh.
        let isKept = context.metadata.idempotencyKey != nil && context.method.scope == .write
        let keeper = isKept ? server.keeper : nil
        let task = Task { [upstream = server.upstream] in
            let outcome: Outcome
            do throws(RPCError) {
                if let keeper {
                    let params = request.params ?? []
                    outcome = .success(
                        try await keeper.keep(context, params: params) { call throws(RPCError) in
                            try await run(upstream, call)
                        })
                } else {
                    outcome = .success(try await run(upstream, context))
                }
            } catch {
                outcome = .failure(error)
            }
            finish { handler, connection in handler.complete(number, with: outcome, on: connection) }
        }
        let deadline = context.metadata.timeoutMilliseconds.map { milliseconds in
            connection.loop.schedule(afterMilliseconds: milliseconds) { [weak self, unowned connection] in
                self?.abandon(number, because: .deadlinePassed(afterMilliseconds: milliseconds, context), on: connection)
            }
        }
        calls[number] = Call(
            request: request, context: context, id: request.id.flatMap { try? JSONValue(parsing: $0) }, answer: answer,
            task: task, deadline: deadline)
    }

    /// The way of a task's outcome back to the loop's thread, and to the connection if it is still there.
    private struct Finish: Sendable {
        let inFlight: CallCount
        let connection: UInt64
        let remote: EventLoopRemote

        func callAsFunction(_ deliver: @escaping @Sendable (RPCConnection, Connection) -> Void) {
            inFlight.remove()
            remote.post { loop in
                guard let connection = loop.connection(connection) else { return }
                if let handler = connection.handler as? RPCConnection { deliver(handler, connection) }
            }
        }
    }

    /// Ends a call before its method does: the task is cancelled, and what it still answers finds nobody waiting.
    private func abandon(_ number: UInt64, because error: RPCError, on connection: Connection) {
        calls[number]?.task.cancel()
        complete(number, with: .failure(error), on: connection)
    }

    private func complete(_ number: UInt64, with outcome: Outcome, on connection: Connection) {
        guard let call = calls.removeValue(forKey: number) else { return }
        if let deadline = call.deadline { connection.loop.cancel(deadline) }
        lastActivity = connection.loop.now
        finish(call.request, with: outcome, context: call.context, answer: call.answer, on: connection)
        closeIfDone(connection)
    }

    /// The client takes a call back. The call ends with CANCELLED when its method notices, and is answered then, once.
    private func cancel(_ request: RPCRequest) throws(RPCError) {
        guard request.id == nil else {
            throw RPCError(.invalidRequest, "rpc.cancel is a notification: send it without an id")
        }
        guard let id = CancelNotification.target(of: request.params) else { return }
        for call in calls.values where call.id == id { call.task.cancel() }
    }

    // MARK: Answers

    private func finish(
        _ request: RPCRequest, with outcome: Outcome, context: CallContext?, answer: Answer, on connection: Connection
    ) {
        server.onCall(CallRecord(request, outcome, context))
        guard let id = request.id else { return }
        switch outcome.mapError({ $0.asSeen(by: context) }) {
        case .success where answer.bytes > server.limits.outputHighWaterBytes:
            let error = RPCError(.answerTooLong, "the answers of this batch are too long together: ask in smaller batches")
            send(Response.failure(id: id, error: error), to: answer, on: connection)
        case .success(let result): send(Response.success(id: id, result: result), to: answer, on: connection)
        case .failure(let error): send(Response.failure(id: id, error: error), to: answer, on: connection)
        }
    }

    private func send(_ response: [UInt8], to answer: Answer, on connection: Connection) {
        switch answer {
        case .line: connection.write(response + [UInt8(ascii: "\n")])
        case .batch(let batch):
            if batch.line.count > 1 { batch.line.append(UInt8(ascii: ",")) }
            batch.line += response
            batch.waiting -= 1
            if batch.waiting == 0 { connection.write(batch.line + Array("]\n".utf8)) }
        }
    }
}

/// What became of a call: the JSON text of its result, or its error.
typealias Outcome = Result<[UInt8], RPCError>
