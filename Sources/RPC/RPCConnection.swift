internal import Contract
internal import EventLoop
internal import JSON

/// One client's dialogue: lines in, calls out to the methods, one answer each.
final class RPCConnection: ConnectionHandler {
    private let server: RPCServer
    private var admission: Admission
    private let onClose: () -> Void
    private var splitter: LineSplitter
    /// Calls that are not answered yet, upstream ones and streams, by their number on this connection.
    private var calls: [UInt64: OpenCall] = [:]
    private var nextCall: UInt64 = 1
    /// What waits because the client has not taken the answers to earlier lines; no more than one read's worth.
    private var unread: [UInt8] = []
    /// Whether the client will send nothing more.
    private var hasEnded = false
    /// Whether the connection closes as soon as nothing is in flight, because the server ends.
    private var isLeaving = false
    /// Whether lines are being taken: what ends meanwhile does not close the connection under their answers.
    private var isTaking = false
    /// Runs while a line has begun and not ended.
    private var lineTimer: TimerToken?
    /// When something last came or went, in milliseconds of the loop's clock.
    private var lastActivity: Int64 = 0

    init(server: RPCServer, gatekeeper: Gatekeeper?, onClose: @escaping () -> Void) {
        self.server = server
        admission = Admission(gatekeeper)
        self.onClose = onClose
        splitter = LineSplitter(maximumBytes: server.limits.lineBytes)
    }

    // MARK: The connection's side

    func received(_ bytes: Span<UInt8>, on connection: Connection) {
        lastActivity = connection.loop.now
        guard unread.isEmpty else {
            // TLS hands on what it had decrypted before reading was stopped.
            bytes.withUnsafeBufferPointer { unread.append(contentsOf: $0) }
            return
        }
        take(bytes, on: connection)
        settle(connection)
    }

    func ended(_ connection: Connection) {
        hasEnded = true
        for case let stream? in calls.values.map(\.stream) { server.streams.finish(stream) }
        settle(connection)
    }

    func drained(_ connection: Connection) {
        server.streams.resume(connection: connection.id)
        if !unread.isEmpty || !connection.isReading { settle(connection) }
    }

    /// Takes what waits, as long as the client takes the answers. One that does not read is not listened to either: that
    /// bounds what it can cost.
    private func settle(_ connection: Connection) {
        if !unread.isEmpty {
            var bytes: [UInt8] = []
            swap(&bytes, &unread)
            take(bytes.span, on: connection)
        }
        if hasEnded, unread.isEmpty, !isHeldBack(connection), let rest = splitter.finish() {
            answering(connection) { answers in take(rest, Span(), on: connection, &answers) }
        }
        server.streams.resume(connection: connection.id)
        connection.setReading(!hasEnded && !isHeldBack(connection))
        closeIfDone(connection)
    }

    private func isHeldBack(_ connection: Connection) -> Bool {
        !unread.isEmpty || connection.pendingOutputBytes > server.limits.outputHighWaterBytes
    }

    /// Takes the lines of `bytes`, as long as the client takes the answers, and keeps what is left.
    private func take(_ bytes: Span<UInt8>, on connection: Connection) {
        var position = 0
        var hasEnded = false
        answering(connection) { answers in
            while connection.isOpen,
                connection.pendingOutputBytes + answers.count <= server.limits.outputHighWaterBytes
            {
                let next = splitter.next(in: bytes, from: &position)
                if case .nothing = next { break }
                hasEnded = true
                take(next, bytes, on: connection, &answers)
            }
        }
        if position < bytes.count, connection.isOpen { unread = bytes.extracting(position...).bytes }
        watchLine(on: connection, hasEnded: hasEnded)
    }

    /// Sends what `body` writes, in one piece.
    private func answering(_ connection: Connection, _ body: (inout JSONWriter) -> Void) {
        var answers = server.takeWriter()
        let wasTaking = isTaking
        isTaking = true
        body(&answers)
        isTaking = wasTaking
        answers.withBytes { connection.write($0) }
        server.giveBack(&answers)
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
            guard splitter.isMidway else { return }
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
        answering(connection) { answers in refuse(nil, of: Span(), error, to: .line, &answers) }
        leave(connection)
    }

    private func leave(_ connection: Connection) {
        unread = []
        connection.closeAfterFlush()
    }

    /// The client is gone. What it asked for is finished all the same: a change half done would be worse than one unseen.
    func closed(_ connection: Connection) {
        for call in calls.values {
            if let deadline = call.deadline { connection.loop.cancel(deadline) }
            if let stream = call.stream { close(stream) }
        }
        calls = [:]
        if let lineTimer { connection.loop.cancel(lineTimer) }
        onClose()
    }

    /// The server ends: what is in flight is finished, and what is on its way here is still read, and refused.
    func drain(_ connection: Connection) {
        for (number, call) in calls where call.stream != nil {
            complete(number, with: .failure(.shuttingDown), on: connection)
        }
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
        if !isTaking, hasEnded || isLeaving, calls.isEmpty, unread.isEmpty, !splitter.isMidway || !hasEnded {
            connection.closeAfterFlush()
        }
    }

    // MARK: Lines

    private func take(
        _ next: LineSplitter.Next, _ bytes: Span<UInt8>, on connection: Connection, _ answers: inout JSONWriter
    ) {
        switch next {
        case .nothing: break
        case .line(let place): take(line: bytes.extracting(place), on: connection, &answers)
        case .assembled(let line): take(line: line.span, on: connection, &answers)
        case .tooLong:
            let error = RPCError(.lineTooLong, "a line may have at most \(server.limits.lineBytes) bytes")
            refuse(nil, of: Span(), error, to: .line, &answers)
        }
    }

    private func take(line: Span<UInt8>, on connection: Connection, _ answers: inout JSONWriter) {
        if recall(line, &answers) { return }
        let problem: RPCError
        switch Envelope.read(line, batchLength: server.limits.batchLength) {
        case .single(let entry): return take(entry, of: line, to: .line, on: connection, &answers)
        case .batch(let entries): return take(entries, of: line, on: connection, &answers)
        case .unreadable where HTTPLine.isRequestLine(line):
            // A web page can make a browser send this to any port of its machine, with calls in the body: none is taken.
            problem = RPCError(.parseError, "this port speaks JSON lines, not HTTP")
            refuse(nil, of: Span(), problem, to: .line, &answers)
            answers.withBytes { connection.write($0) }
            answers.cut(to: 0)
            return leave(connection)
        case .unreadable(let error): problem = RPCError(.parseError, "the line is not valid JSON: \(error)")
        case .tooManyEntries:
            problem = RPCError(.batchTooLong, "a batch may hold at most \(server.limits.batchLength) calls")
        }
        refuse(nil, of: Span(), problem, to: .line, &answers)
    }

    private func take(
        _ entries: [Envelope.Entry], of line: Span<UInt8>, on connection: Connection, _ answers: inout JSONWriter
    ) {
        let answered = entries.count { entry in if case .call(let call) = entry { call.id != nil } else { true } }
        let batch = Answer.Batch(waiting: answered)
        for entry in entries { take(entry, of: line, to: .batch(batch), on: connection, &answers) }
    }

    private func take(
        _ entry: Envelope.Entry, of line: Span<UInt8>, to answer: Answer, on connection: Connection,
        _ answers: inout JSONWriter
    ) {
        switch entry {
        case .invalid(let id, let problem):
            let error = RPCError(.invalidRequest, "not a JSON-RPC 2.0 call: \(problem)")
            refuse(id, of: line, error, to: answer, &answers)
        case .call(let call):
            if let method = call.method(in: line), isAnsweredAtOnce(method) {
                run(method, call, of: line, to: answer, on: connection, &answers)
            } else {
                let request = call.request(in: line)
                do throws(RPCError) {
                    try start(request, answer: answer, on: connection)
                } catch {
                    finish(request, with: .failure(error), context: nil, to: answer, &answers)
                }
            }
        }
    }

    // MARK: Calls

    /// Whether `method` runs here and now. While the server ends, it still says how it is.
    private func isAnsweredAtOnce(_ method: Method) -> Bool {
        method.isLocal && !method.isStreaming && (!server.isDraining || method == .rpcHealth)
    }

    /// Answers a call that was made before in the same words, if its answer is known to be the same still.
    private func recall(_ line: Span<UInt8>, _ answers: inout JSONWriter) -> Bool {
        guard let form = server.recalledForm, let call = form.call(in: line), admission.allows(form.method), !server.isDraining
        else { return false }
        let start = answers.count
        answers.beginResult(id: call.id, of: line)
        guard server.local.recall(line.extracting(call.params), into: &answers) else {
            answers.cut(to: start)
            return false
        }
        answers.verbatim("}\n")
        return true
    }

    /// Runs a method that is answered at once.
    private func run(
        _ method: Method, _ call: Envelope.Call, of line: Span<UInt8>, to answer: Answer, on connection: Connection,
        _ answers: inout JSONWriter
    ) {
        let isTooLong = answer.waitingBytes > server.limits.outputHighWaterBytes
        answer.put(into: &answers, isSilent: call.id == nil) { answers in
            let start = answers.count
            var traceparent: String?
            answers.beginResult(id: call.id, of: line)
            let params = line.extracting(call.params)
            do throws(RPCError) {
                if isTooLong { throw .batchAnswerTooLong }
                try method.answer(
                    params, by: server.local,
                    admitting: { metadata throws(RPCError) in
                        traceparent = metadata.traceparent
                        let scopes = try self.scopes(for: method, metadata, params, on: connection)
                        return LocalContext(metadata, scopes: scopes, params: params.bytes)
                    }, into: &answers)
                answers.endResponse()
                if server.recordsLookUps {
                    server.onCall(CallRecord(call.request(in: line), nil, nil, traceparent: traceparent))
                }
            } catch {
                answers.cut(to: start)
                answers.failure(id: call.id, of: line, error)
                server.onCall(CallRecord(call.request(in: line), error, nil, traceparent: traceparent))
            }
        }
    }

    private func start(_ request: RPCRequest, answer: Answer, on connection: Connection) throws(RPCError) {
        if request.method == CancelNotification.method { return try cancel(request, on: connection) }
        guard let method = Method(rawValue: request.method) else { throw .unknownMethod(request.method) }
        if server.isDraining { throw .shuttingDown }
        let params = request.params ?? []
        if method.isStreaming {
            let (metadata, open) = try method.stream(params.span)
            let context = try context(of: method, metadata, params.span, on: connection)
            try startStream(request, context, answer: answer, on: connection, open)
        } else {
            let (metadata, run) = try method.call(params.span)
            let context = try context(of: method, metadata, params.span, on: connection)
            try startTask(request, context, answer: answer, on: connection, run)
        }
    }

    private func context(
        of method: Method, _ metadata: CallMetadata, _ params: Span<UInt8>, on connection: Connection
    ) throws(RPCError) -> CallContext {
        let now = ContinuousClock.now
        return CallContext(
            method: method, metadata: metadata, received: now,
            deadline: metadata.timeoutMilliseconds.map { now + .milliseconds($0) },
            scopes: try scopes(for: method, metadata, params, on: connection))
    }

    private func scopes(
        for method: Method, _ metadata: CallMetadata, _ params: Span<UInt8>, on connection: Connection
    ) throws(RPCError) -> Set<Scope> {
        try admission.scopes(for: method, metadata, params: params, peer: connection.peer, now: connection.loop.now)
    }

    /// Counts a call that will take its time, where the limits allow another.
    private func nextNumber() throws(RPCError) -> UInt64 {
        guard calls.count < server.limits.callsPerConnection else {
            throw RPCError(.tooManyCalls, "\(calls.count) calls of this connection are in flight, which is the limit")
        }
        guard server.counts.calls.add(upTo: server.limits.callsInAll) else {
            throw RPCError(.tooManyCalls, "\(server.limits.callsInAll) calls are in flight, which is the server's limit")
        }
        defer { nextCall += 1 }
        return nextCall
    }

    private func startTask(
        _ request: RPCRequest, _ context: CallContext, answer: Answer, on connection: Connection,
        _ run: @escaping UpstreamCall
    ) throws(RPCError) {
        let number = try nextNumber()
        let finish = Finish(inFlight: server.counts.calls, connection: connection.id, remote: connection.loop.remote)
        // What changes nothing is not worth remembering: it is answered afresh.
        let isKept = context.metadata.idempotencyKey != nil && context.method.scope == .write
        let keeper = isKept ? server.keeper : nil
        let task = Task(executorPreference: server.executor()) { [upstream = server.upstream] in
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
        calls[number] = OpenCall(request, context, answer, .task(task), deadline: deadline)
    }

    /// The way of a task's outcome back to the loop's thread, and to the connection if it is still there.
    private struct Finish: Sendable {
        let inFlight: RPCCounts.Count
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
        if case .task(let task)? = calls[number]?.work { task.cancel() }
        complete(number, with: .failure(error), on: connection)
    }

    private func complete(_ number: UInt64, with outcome: Outcome, on connection: Connection) {
        guard let call = calls.removeValue(forKey: number) else { return }
        if let deadline = call.deadline { connection.loop.cancel(deadline) }
        if let stream = call.stream { close(stream) }
        lastActivity = connection.loop.now
        answering(connection) { answers in
            finish(call.request, with: outcome, context: call.context, to: call.answer, &answers)
        }
        closeIfDone(connection)
    }

    /// The client takes a call back. The call ends with CANCELLED when its method notices, and is answered then, once.
    private func cancel(_ request: RPCRequest, on connection: Connection) throws(RPCError) {
        guard request.id == nil else {
            throw RPCError(.invalidRequest, "rpc.cancel is a notification: send it without an id")
        }
        guard let id = CancelNotification.target(of: request.params) else { return }
        for (number, call) in calls where call.id == id {
            switch call.work {
            case .task(let task): task.cancel()
            case .stream:
                let error = RPCError(.callerCancelled, "the caller took the call back")
                complete(number, with: .failure(error), on: connection)
            }
        }
    }

    // MARK: Streams

    private func startStream(
        _ request: RPCRequest, _ context: CallContext, answer: Answer, on connection: Connection,
        _ open: StreamCall
    ) throws(RPCError) {
        guard let id = request.id, case .line = answer else {
            throw RPCError(.invalidRequest, "\(request.method) streams: call it with an id, and not in a batch")
        }
        guard calls.values.count(where: { $0.stream != nil }) < server.limits.streamsPerConnection else {
            let limit = server.limits.streamsPerConnection
            throw RPCError(.tooManyCalls, "\(limit) streams of this connection are open, which is the limit")
        }
        let values = try open(server.local, context)
        let number = try nextNumber()
        let stream = OpenStream(id: id, values: values, connection: connection, limits: server.limits) {
            [weak self, unowned connection] outcome in self?.complete(number, with: outcome, on: connection)
        }
        stream.isLast = hasEnded
        let deadline = context.metadata.timeoutMilliseconds.map { milliseconds in
            connection.loop.schedule(afterMilliseconds: milliseconds) { [weak self, unowned connection] in
                let error = RPCError.streamDeadlinePassed(afterMilliseconds: milliseconds)
                self?.complete(number, with: .failure(error), on: connection)
            }
        }
        calls[number] = OpenCall(request, context, answer, .stream(stream), deadline: deadline)
        server.streams.open(stream)
    }

    private func close(_ stream: OpenStream) {
        server.streams.close(stream)
        server.counts.calls.remove()
    }

    // MARK: Answers

    private func finish(
        _ request: RPCRequest, with outcome: Outcome, context: CallContext?, to answer: Answer, _ answers: inout JSONWriter
    ) {
        server.onCall(CallRecord(request, outcome.failure, context))
        guard let id = request.id else { return }
        switch outcome.mapError({ $0.asSeen(by: context) }) {
        case .success where answer.waitingBytes > server.limits.outputHighWaterBytes:
            refuse(0..<id.count, of: id.span, .batchAnswerTooLong, to: answer, &answers)
        case .success(let result):
            answer.put(into: &answers) { answers in
                answers.beginResult(id: 0..<id.count, of: id.span)
                answers.raw(result)
                answers.endResponse()
            }
        case .failure(let error): refuse(0..<id.count, of: id.span, error, to: answer, &answers)
        }
    }

    private func refuse(
        _ id: Range<Int>?, of text: Span<UInt8>, _ error: RPCError, to answer: Answer, _ answers: inout JSONWriter
    ) {
        answer.put(into: &answers) { $0.failure(id: id, of: text, error) }
    }
}
