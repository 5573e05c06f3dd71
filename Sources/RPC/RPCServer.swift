package import Contract
package import EventLoop
internal import JSON
internal import Synchronization

/// JSON-RPC 2.0 over lines, for any number of connections of one event loop: TCP sockets, and standard input and output.
///
/// Local methods run on the loop's thread; upstream methods run in tasks, and their answers come back through the loop's
/// inbox. Every request gets exactly one answer.
package final class RPCServer {
    let local: any LocalMethods
    let upstream: any UpstreamMethods
    let limits: RPCLimits
    let loop: EventLoop
    let keeper: (any CallKeeper)?
    /// Nil where nobody is asked for a token.
    package let gatekeeper: Gatekeeper?
    let onCall: (CallRecord) -> Void
    /// Whether look-ups that succeeded are worth a record.
    let recordsLookUps: Bool
    /// Calls whose tasks have not ended, whether or not anybody still waits for their answers.
    let inFlight = CallCount()

    /// What answers are put together in, by one connection after the other.
    private var writer = JSONWriter(capacity: 16 * 1024)

    private var listeners: [Listener] = []
    private var connections: [UInt64: Connection] = [:]
    /// Whether it takes nothing more.
    package private(set) var isDraining = false

    /// - Parameters:
    ///   - keeper: makes calls with an idempotency key happen once; without one such keys have no effect.
    ///   - gatekeeper: asks callers for their tokens; without one everybody may do everything.
    ///   - recordsLookUps: whether `onCall` is also told of calls that succeeded without asking anybody.
    ///   - onCall: told of every finished call, on the loop's thread.
    package init(
        loop: EventLoop, local: any LocalMethods, upstream: any UpstreamMethods, limits: RPCLimits = RPCLimits(),
        keeper: (any CallKeeper)? = nil, gatekeeper: Gatekeeper? = nil, recordsLookUps: Bool = false,
        onCall: @escaping (CallRecord) -> Void = { _ in }
    ) {
        self.loop = loop
        self.local = local
        self.upstream = upstream
        self.limits = limits
        self.keeper = keeper
        self.gatekeeper = gatekeeper
        self.recordsLookUps = recordsLookUps
        self.onCall = onCall
    }

    /// Starts listening; answers the address with the port that was bound. `tls` is asked for each newcomer, so that a renewed
    /// certificate serves the next one.
    @discardableResult
    package func listen(
        _ address: SocketAddress, tls: (() -> TLSContext)? = nil
    ) throws(SystemError) -> SocketAddress {
        let listener = try Listener(address, on: loop, tls: tls) { [self] in accept($0) }
        listeners.append(listener)
        return listener.address
    }

    /// Starts listening at a Unix socket, whose file gets `mode`.
    package func listen(unixPath: String, mode: UInt32) throws(SystemError) {
        listeners.append(try Listener(unixPath: unixPath, mode: mode, on: loop) { [self] in accept($0) })
    }

    private func accept(_ connection: Connection) {
        guard connections.count < limits.connections else { return refuse(connection) }
        serve(connection)
    }

    /// Serves one connection, and calls `onClose` when it is gone. One that is trusted, because it is the host's that started
    /// this process, is not asked for a token.
    package func serve(_ connection: Connection, isTrusted: Bool = false, onClose: @escaping () -> Void = {}) {
        connections[connection.id] = connection
        let handler = RPCConnection(server: self, gatekeeper: isTrusted ? nil : gatekeeper) { [self] in
            connections[connection.id] = nil
            onClose()
        }
        connection.handler = handler
        handler.watchIdleness(of: connection)
    }

    /// Stops listening, finishes what is in flight, refuses what still comes, closes, and then calls `whenDone`: after
    /// `graceMilliseconds` at the latest, when what has not finished is answered that it will not.
    package func drain(graceMilliseconds: Int64, whenDone: @escaping () -> Void) {
        isDraining = true
        for listener in listeners { listener.close() }
        listeners = []
        forEachConnection { $0.drain($1) }
        waitUntilDrained(deadline: EventLoop.monotonicMilliseconds() + graceMilliseconds, whenDone)
    }

    private func waitUntilDrained(deadline: Int64, _ whenDone: @escaping () -> Void) {
        if inFlight.value == 0, connections.values.allSatisfy(\.isFlushed) { return whenDone() }
        if EventLoop.monotonicMilliseconds() >= deadline {
            forEachConnection { $0.abandonAll($1) }
            // One turn more, so that the last answers leave.
            loop.schedule(afterMilliseconds: 10, whenDone)
            return
        }
        loop.schedule(afterMilliseconds: 10) { [self] in waitUntilDrained(deadline: deadline, whenDone) }
    }

    private func forEachConnection(_ body: (RPCConnection, Connection) -> Void) {
        for connection in connections.values {
            if let handler = connection.handler as? RPCConnection { body(handler, connection) }
        }
    }

    private func refuse(_ connection: Connection) {
        let error = RPCError(.tooManyConnections, "the server has \(limits.connections) connections, which is its limit")
        writer.failure(id: nil, of: Span(), error)
        writer.verbatim("\n")
        connection.write(writer.bytes)
        writer.cut(to: 0)
        connection.closeAfterFlush()
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

/// How many calls are running: counted on the loop, and counted down wherever a task ends.
final class CallCount: Sendable {
    private let count = Atomic(0)

    var value: Int { count.load(ordering: .relaxed) }
    func add() { count.add(1, ordering: .relaxed) }
    func remove() { count.subtract(1, ordering: .relaxed) }
}
