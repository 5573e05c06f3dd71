internal import EventLoop

/// Moves the values of every stream of one loop: one from each in turn, so that none waits for another, and in one turn of the
/// loop no more than leaves the calls between them their time.
final class StreamPump {
    /// Milliseconds that the streams may take of one turn of the loop, and one step more: events can be large.
    private static let turnMilliseconds: Int64 = 1
    /// Milliseconds after which streams that wait look by themselves: what another process writes rings no bell here.
    private static let pollMilliseconds: Int64 = 1000

    private let loop: EventLoop
    /// Streams that may have a value, in the order of their turns. Those that were closed meanwhile drop out when they come up,
    /// here as among those that wait.
    private var ready: ArraySlice<OpenStream> = []
    /// Streams that have given all there is.
    private var waiting: [OpenStream] = []
    /// Streams whose callers have not taken what was sent, by their connections.
    private var heldBack: [UInt64: [OpenStream]] = [:]
    private var openStreams = 0
    private var isPolling = false
    /// Whether `turn()` is to come: two of them in one turn of the loop would take twice the time.
    private var isTurnScheduled = false
    private lazy var nextTurn = loop.makeBell { [weak self] in self?.turn() }
    /// Rings when there may be new values.
    private(set) lazy var news = loop.makeBell { [weak self] in self?.lookAgain() }

    init(loop: EventLoop) { self.loop = loop }

    func open(_ stream: OpenStream) {
        openStreams += 1
        news.listen()
        ready.append(stream)
        scheduleTurn()
        if !isPolling { poll() }
    }

    func close(_ stream: OpenStream) {
        stream.isClosed = true
        openStreams -= 1
        guard let others = heldBack.removeValue(forKey: stream.connectionID)?.filter({ !$0.isClosed }) else { return }
        if !others.isEmpty { heldBack[stream.connectionID] = others }
    }

    /// The stream's caller will say nothing more: with what there is, it ends.
    func finish(_ stream: OpenStream) {
        stream.isLast = true
        lookAgain()
    }

    /// The connection's client may have taken what was sent.
    func resume(connection id: UInt64) {
        guard !heldBack.isEmpty, let streams = heldBack[id], streams.allSatisfy(\.isTaken) else { return }
        heldBack[id] = nil
        ready += streams
        scheduleTurn()
    }

    private func scheduleTurn() {
        guard !isTurnScheduled else { return }
        isTurnScheduled = true
        nextTurn.listen()
        nextTurn.ring()
    }

    private func turn() {
        isTurnScheduled = false
        let end = EventLoop.monotonicMilliseconds() + Self.turnMilliseconds
        while let stream = ready.popFirst() {
            switch stream.step() {
            case .mayHaveMore: ready.append(stream)
            case .caughtUp: waiting.append(stream)
            case .heldBack: heldBack[stream.connectionID, default: []].append(stream)
            case .closed: break
            }
            if EventLoop.monotonicMilliseconds() > end { break }
        }
        if ready.isEmpty { ready = [] } else { scheduleTurn() }
    }

    private func lookAgain() {
        guard openStreams > 0 else { return waiting = [] }
        // Before looking: what is committed from now on rings again.
        news.listen()
        ready += waiting
        waiting = []
        scheduleTurn()
    }

    private func poll() {
        isPolling = true
        loop.schedule(afterMilliseconds: Self.pollMilliseconds) { [weak self] in
            guard let self else { return }
            isPolling = false
            lookAgain()
            if openStreams > 0 { poll() }
        }
    }
}
