package import Contract
package import EventLoop
internal import JSON

/// JSON-RPC 2.0 over lines, for any number of connections of one event loop: TCP and Unix sockets, and standard input and output.
///
/// Local methods run on the loop's thread; upstream methods run in tasks, and their answers come back through the loop's
/// inbox. Every request gets exactly one answer.
///
/// With several loops each has a server of its own. One of them listens: it accepts all connections, shares them out among
/// itself and its helpers in turn, and is the one that is told to drain.
package final class RPCServer {
    let local: any LocalMethods
    let upstream: any UpstreamMethods
    let limits: RPCLimits
    let loop: EventLoop
    let keeper: (any CallKeeper)?
    /// Nil where nobody is asked for a token.
    let gatekeeper: Gatekeeper?
    let onCall: (CallRecord) -> Void
    private let onTLSFailure: (_ peer: String, _ reason: String) -> Void
    let counts: RPCCounts
    let executor: () -> (any TaskExecutor)?
    /// Whether look-ups that succeeded are worth a record.
    let recordsLookUps: Bool
    let streams: StreamPump
    /// How calls look that may be answered by heart; nil where none are.
    let recalledForm: PlainForm?

    /// What answers are put together in, by one connection after the other.
    private var writer = JSONWriter(capacity: 16 * 1024)

    private var listeners: [Listener] = []
    private var connections: [UInt64: Connection] = [:]
    /// The servers of the other loops.
    private let helpers: [LoopOwned<RPCServer>]
    /// Whose turn it was to take a newcomer: 0 for this server, then the helpers.
    private var turn = 0
    /// Connections that are being told that there are too many.
    private var refusals = 0
    /// Whether it takes nothing more, nor any other loop.
    package var isDraining: Bool { counts.isEnding }
    /// Servers that have not drained yet, this one included, and what is to be called when all have.
    private var undrained = 0
    private var whenDrained: () -> Void = {}

    /// - Parameters:
    ///   - executor: where calls that take their time run; nil from it for the tasks' own threads.
    ///   - keeper: makes calls with an idempotency key happen once; without one such keys have no effect.
    ///   - gatekeeper: asks callers for their tokens; without one everybody may do everything.
    ///   - counts: shared by the servers of all loops.
    ///   - helpers: the servers of other loops, which take their share of the connections. A helper does not listen.
    ///   - recordsLookUps: whether `onCall` is also told of calls that succeeded without asking anybody.
    ///   - onCall: told of every finished call, on the loop's thread.
    ///   - onTLSFailure: told of every connection that TLS ended, on the loop's thread.
    package init(
        loop: EventLoop, local: any LocalMethods, upstream: any UpstreamMethods, limits: RPCLimits = RPCLimits(),
        executor: @escaping () -> (any TaskExecutor)? = { nil }, keeper: (any CallKeeper)? = nil,
        gatekeeper: Gatekeeper? = nil, counts: RPCCounts = RPCCounts(),
        helpers: [LoopOwned<RPCServer>] = [], recordsLookUps: Bool = false,
        onCall: @escaping (CallRecord) -> Void = { _ in },
        onTLSFailure: @escaping (_ peer: String, _ reason: String) -> Void = { _, _ in }
    ) {
        self.loop = loop
        self.local = local
        self.upstream = upstream
        self.limits = limits
        self.executor = executor
        self.keeper = keeper
        self.gatekeeper = gatekeeper
        self.counts = counts
        self.helpers = helpers
        self.recordsLookUps = recordsLookUps
        self.onCall = onCall
        self.onTLSFailure = onTLSFailure
        streams = StreamPump(loop: loop)
        recalledForm = recordsLookUps ? nil : local.recalledMethod.map(PlainForm.init)
    }

    /// To be called from any thread when there may be new values for streams that wait for some.
    package var newsForStreams: @Sendable () -> Void { { [news = streams.news] in news.ring() } }

    /// Starts listening; answers the address with the port that was bound. `tls` is asked for each newcomer, so that a renewed
    /// certificate serves the next one.
    @discardableResult
    package func listen(
        _ address: SocketAddress, tls: (() -> TLSContext)? = nil
    ) throws(SystemError) -> SocketAddress {
        let socket = try ListeningSocket.tcp(address)
        guard case .tcp(let bound) = socket.endpoint else { return address }
        try listen(socket, tls: tls)
        return bound
    }

    /// Starts taking connections from a socket that listens. Unix sockets do without TLS.
    package func listen(_ socket: consuming ListeningSocket, tls: (() -> TLSContext)? = nil) throws(SystemError) {
        let isUnix = if case .unix = socket.endpoint { true } else { false }
        listeners.append(try Listener(socket: socket, on: loop, tls: isUnix ? nil : tls) { [self] in accept($0) })
    }

    /// By turns, rather than to whom the kernel wakes first: even a few connections that stay for hours are spread evenly.
    private func accept(_ newcomer: Newcomer) {
        guard counts.connections.add(upTo: limits.connections) else { return refuse(newcomer) }
        turn = turn < helpers.count ? turn + 1 : 0
        if turn == 0 { serve(newcomer) } else { helpers[turn - 1].post { $0.serve(newcomer) } }
    }

    func serve(_ newcomer: Newcomer) {
        if let connection = newcomer.open(on: loop) {
            adopt(connection, gatekeeper) {}
        } else {
            counts.connections.remove()
        }
    }

    /// Serves a connection of this loop whose client needs no token, because it is the host's that started this process, and
    /// calls `onClose` when it is gone.
    package func serve(trusted connection: Connection, onClose: @escaping () -> Void) {
        counts.connections.add()
        adopt(connection, nil, onClose)
    }

    private func adopt(_ connection: Connection, _ gatekeeper: Gatekeeper?, _ onClose: @escaping () -> Void) {
        connections[connection.id] = connection
        let handler = RPCConnection(server: self, gatekeeper: gatekeeper) { [self, unowned connection] in
            connections[connection.id] = nil
            counts.connections.remove()
            if let reason = connection.tlsFailure { onTLSFailure(connection.peer, reason) }
            onClose()
        }
        connection.handler = handler
        handler.watchIdleness(of: connection)
    }

    /// Says why. Where many are being told already, which takes descriptors until they are gone, the others are not waited for.
    private func refuse(_ newcomer: Newcomer) {
        guard let connection = newcomer.open(on: loop) else { return }
        refusals += 1
        connection.handler = Refusal { [self] in refusals -= 1 }
        let error = RPCError(.tooManyConnections, "the server has \(limits.connections) connections, which is its limit")
        writer.failure(id: nil, of: Span(), error)
        writer.verbatim("\n")
        connection.write(writer.bytes)
        writer.cut(to: 0)
        connection.closeAfterFlush(lingering: refusals <= Self.refusalsAtOnce)
    }

    private static let refusalsAtOnce = 64

    /// The handler of a connection that is refused: what it says is not heard.
    private final class Refusal: ConnectionHandler {
        private let onClose: () -> Void
        init(onClose: @escaping () -> Void) { self.onClose = onClose }
        func received(_ bytes: Span<UInt8>, on connection: Connection) {}
        func ended(_ connection: Connection) {}
        func drained(_ connection: Connection) {}
        func closed(_ connection: Connection) { onClose() }
    }

    /// Replaces the tokens that open the service, on every loop.
    package func replaceTokens(_ tokens: TokenTable) {
        gatekeeper?.tokens = tokens
        for helper in helpers { helper.post { $0.gatekeeper?.tokens = tokens } }
    }

    // MARK: Draining

    /// Stops listening, finishes what is in flight, refuses what still comes, closes, on every loop, and then calls `whenDone`:
    /// after `graceMilliseconds` at the latest, when what has not finished is answered that it will not.
    package func drain(graceMilliseconds: Int64, whenDone: @escaping () -> Void) {
        counts.end()
        whenDrained = whenDone
        undrained = helpers.count + 1
        for listener in listeners { listener.close() }
        listeners = []
        let me = LoopOwned(self, of: loop)
        for helper in helpers {
            helper.post { helper in
                helper.drain(graceMilliseconds: graceMilliseconds) { me.post { $0.oneHasDrained() } }
            }
        }
        forEachConnection { $0.drain($1) }
        waitUntilDrained(deadline: EventLoop.monotonicMilliseconds() + graceMilliseconds)
    }

    private func oneHasDrained() {
        undrained -= 1
        if undrained == 0 { whenDrained() }
    }

    private func waitUntilDrained(deadline: Int64) {
        if counts.calls.value == 0, connections.values.allSatisfy(\.isFlushed) { return oneHasDrained() }
        if EventLoop.monotonicMilliseconds() >= deadline {
            forEachConnection { $0.abandonAll($1) }
            // One turn more, so that the last answers leave.
            loop.schedule(afterMilliseconds: 10) { [self] in oneHasDrained() }
            return
        }
        loop.schedule(afterMilliseconds: 10) { [self] in waitUntilDrained(deadline: deadline) }
    }

    private func forEachConnection(_ body: (RPCConnection, Connection) -> Void) {
        for connection in connections.values {
            if let handler = connection.handler as? RPCConnection { body(handler, connection) }
        }
    }

    /// The writer of answers, empty, for one turn at it.
    func takeWriter() -> JSONWriter {
        var taken = JSONWriter(capacity: 0)
        swap(&taken, &writer)
        return taken
    }

    func giveBack(_ used: inout JSONWriter) {
        used.cut(to: 0)
        swap(&used, &writer)
    }
}
