internal import CLinux
internal import Glibc

/// One thread's loop over readiness (epoll), timers, and work posted from other threads.
///
/// A turn reads everything that is ready, runs what is due, and only then writes: the replies of one turn leave together.
/// Whatever the loop owns is touched by its thread alone; other threads hold an `EventLoopRemote`.
package final class EventLoop {
    /// The other threads' way in.
    package let remote: EventLoopRemote
    /// Milliseconds of the monotonic clock at the start of this turn.
    package private(set) var now: Int64

    private let epoll: Descriptor
    /// By descriptor: the system gives out the lowest number that is free.
    private var registrations: [Registration?] = []
    /// Travels in epoll's data beside the descriptor, so that an event for a descriptor number that was closed and given
    /// out again within one turn is told from an event for its successor.
    private var generation: UInt32 = 0
    private var timers = TimerQueue()
    private var connections: [UInt64: Connection] = [:]
    private var nextConnection: UInt64 = 1
    /// Connections with output to write, or to be closed, at the end of this turn.
    private var dirty: [Connection] = []
    /// Sources that epoll refuses because they are always ready (regular files): asked once a turn.
    private var alwaysReady: [any EventSource] = []
    private var isStopped = false
    /// What is called when a bell rings, by its number.
    private(set) var bells: [() -> Void] = []
    /// Milliseconds for which a peer may take nothing of the last bytes that it is sent, before it is given up.
    package var flushMilliseconds: Int64 = 10_000
    /// What one read fills; shared by all connections, which copy what they keep.
    let readBuffer = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: 64 * 1024)

    private struct Registration {
        let generation: UInt32
        let source: any EventSource
        var interest: UInt32
    }

    package init() throws(SystemError) {
        signal(SIGPIPE, SIG_IGN)
        epoll = try Descriptor(result: epoll_create1(Int32(EPOLL_CLOEXEC)), of: "epoll_create1")
        let inbox = try Inbox()
        remote = EventLoopRemote(inbox: inbox)
        now = EventLoop.monotonicMilliseconds()
        try register(inbox.wake.raw, interest: EventLoop.readable, source: inbox)
    }

    deinit { readBuffer.deallocate() }

    /// Milliseconds of the system's monotonic clock.
    package static func monotonicMilliseconds() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
    }

    // MARK: Running

    /// Turns until `stop()`; then flushes what can be written at once and returns.
    package func run() {
        let capacity = 256
        let ready = UnsafeMutablePointer<epoll_event>.allocate(capacity: capacity)
        defer { ready.deallocate() }
        while !isStopped {
            let count = epoll_wait(epoll.raw, ready, Int32(capacity), waitMilliseconds())
            now = EventLoop.monotonicMilliseconds()
            for index in 0..<max(0, count) {
                dispatch(tag: dues_epoll_tag(ready, index), events: dues_epoll_ready(ready, index))
            }
            for source in alwaysReady { source.ready(EventLoop.readable, on: self) }
            while let action = timers.popDue(at: now) { action() }
            remote.inbox.drain(into: self)
            settle()
        }
        for connection in connections.values { connection.close() }
        settle()
    }

    /// Ends `run()` after this turn.
    package func stop() { isStopped = true }

    private func waitMilliseconds() -> Int32 {
        if !alwaysReady.isEmpty || !dirty.isEmpty { return 0 }
        guard let next = timers.nextDeadline else { return -1 }
        return Int32(clamping: max(0, next - EventLoop.monotonicMilliseconds()))
    }

    private func dispatch(tag: UInt64, events: UInt32) {
        let descriptor = Int32(truncatingIfNeeded: tag)
        guard let registration = registration(of: descriptor),
            registration.generation == UInt32(truncatingIfNeeded: tag >> 32)
        else { return }
        registration.source.ready(events, on: self)
    }

    private func registration(of descriptor: Int32) -> Registration? {
        registrations.indices.contains(Int(descriptor)) ? registrations[Int(descriptor)] : nil
    }

    /// The end of a turn: output is written and closed connections go. Closing may make more dirty, hence the loop.
    private func settle() {
        while !dirty.isEmpty {
            let batch = dirty
            dirty = []
            for connection in batch { connection.finishTurn() }
        }
    }

    // MARK: Timers

    /// Runs `action` on this loop's thread, once, after at least `milliseconds`.
    @discardableResult
    package func schedule(afterMilliseconds milliseconds: Int64, _ action: @escaping () -> Void) -> TimerToken {
        timers.add(deadline: EventLoop.monotonicMilliseconds() + max(0, milliseconds), action)
    }

    /// Forgets a timer; one that has run already is no error.
    package func cancel(_ token: TimerToken) { timers.cancel(token) }

    /// A bell that calls `action` on this loop's thread, in the turn after the ring at the latest. It lasts as long as the loop.
    package func makeBell(_ action: @escaping () -> Void) -> Bell {
        bells.append(action)
        return Bell(number: bells.count - 1, remote: remote)
    }

    // MARK: Registrations

    static let readable = UInt32(EPOLLIN.rawValue)
    static let writable = UInt32(EPOLLOUT.rawValue)
    static let hangup = UInt32(EPOLLHUP.rawValue) | UInt32(EPOLLERR.rawValue)

    /// Watches `descriptor` until `unregister`; the source is retained meanwhile. False where epoll cannot watch it
    /// because it is always ready (a regular file).
    @discardableResult
    func register(_ descriptor: Int32, interest: UInt32, source: any EventSource) throws(SystemError) -> Bool {
        generation &+= 1
        let tag = UInt64(generation) << 32 | UInt64(UInt32(bitPattern: descriptor))
        if dues_epoll_control(epoll.raw, EPOLL_CTL_ADD, descriptor, interest, tag) != 0 {
            guard errno == EPERM else { throw SystemError.last("epoll_ctl") }
            return false
        }
        while registrations.count <= descriptor { registrations.append(nil) }
        registrations[Int(descriptor)] = Registration(generation: generation, source: source, interest: interest)
        return true
    }

    /// Calls `source` once a turn, as if it were readable, until `unregister`.
    func pollEveryTurn(_ source: any EventSource) { alwaysReady.append(source) }

    func stopPolling(_ source: any EventSource) { alwaysReady.removeAll { $0 === source } }

    func update(_ descriptor: Int32, interest: UInt32) {
        guard var registration = registration(of: descriptor), registration.interest != interest else { return }
        registration.interest = interest
        registrations[Int(descriptor)] = registration
        let tag = UInt64(registration.generation) << 32 | UInt64(UInt32(bitPattern: descriptor))
        // Cannot fail: the descriptor is open and registered, and a modification allocates nothing.
        _ = dues_epoll_control(epoll.raw, EPOLL_CTL_MOD, descriptor, interest, tag)
    }

    func unregister(_ descriptor: Int32, source: any EventSource) {
        stopPolling(source)
        guard registration(of: descriptor) != nil else { return }
        registrations[Int(descriptor)] = nil
        _ = dues_epoll_control(epoll.raw, EPOLL_CTL_DEL, descriptor, 0, 0)
    }

    // MARK: Connections

    /// The open connection `id`, for work that comes back from other threads; nil once it is closed.
    package func connection(_ id: UInt64) -> Connection? { connections[id] }

    func adopt(_ make: (UInt64) -> Connection) -> Connection {
        let connection = make(nextConnection)
        nextConnection += 1
        connections[connection.id] = connection
        return connection
    }

    func forget(_ connection: Connection) { connections[connection.id] = nil }

    func markDirty(_ connection: Connection) { dirty.append(connection) }
}

/// What the loop calls when a descriptor is ready.
protocol EventSource: AnyObject {
    /// `events` are epoll's bits.
    func ready(_ events: UInt32, on loop: EventLoop)
}
