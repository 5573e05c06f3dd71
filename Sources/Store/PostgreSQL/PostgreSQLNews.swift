internal import Dispatch
internal import Glibc
internal import Synchronization

/// What all who read here know of commits: a count of them, whoever made them. Other processes' are heard of on a connection that
/// listens, on a thread of its own; this process's count at once.
final class PostgreSQLNews: Sendable {
    private let count = Atomic<UInt64>(1)
    private let isListening = Atomic(false)
    /// The server's process of the connection that writes here, whose commits are known already.
    private let writer = Atomic<Int32>(0)
    private let isStopped = Atomic(false)
    /// Guards against one who joins while the others are told.
    private let listeners = Mutex<[@Sendable () -> Void]>([])

    /// How long a lost connection may go unnoticed.
    static let heartbeatMilliseconds: Int64 = 2000

    /// The number of the last commit that is known of; nil where some may be unknown.
    var latest: UInt64? {
        let count = count.load(ordering: .acquiring)
        return isListening.load(ordering: .acquiring) ? count : nil
    }

    /// The number to be remembered by those who are about to look.
    var current: UInt64 { count.load(ordering: .acquiring) }

    /// This process is about to commit a change, on the connection of this process of the server's.
    func expect(from writer: Int32) { self.writer.store(writer, ordering: .releasing) }

    /// This process has committed a change.
    func committed() { count.add(1, ordering: .releasing) }

    /// Calls `listener` after commits of other processes.
    func onChanges(_ listener: @escaping @Sendable () -> Void) { listeners.withLock { $0.append(listener) } }

    // MARK: Listening

    /// Listens until `stop()`.
    func listen(at address: PostgreSQLAddress) {
        // A thread for good, which dispatch lends.
        DispatchQueue(label: "dues.store.news").async { [self] in
            var pause: useconds_t = 50_000
            while !isStopped.load(ordering: .acquiring) {
                do throws(StoreError) {
                    let session = try PostgreSQLSession(address, for: .listening)
                    try session.execute("LISTEN \(PostgreSQLConnection.channel)")
                    pause = 50_000
                    // What came before is not heard of any more.
                    hear()
                    isListening.store(true, ordering: .releasing)
                    try hearAll(session)
                } catch {
                    isListening.store(false, ordering: .releasing)
                    hear()
                    usleep(pause)
                    pause = min(pause * 2, 1_000_000)
                }
            }
        }
    }

    /// Has the thread end, within the time of a heartbeat.
    func stop() { isStopped.store(true, ordering: .releasing) }

    private func hearAll(_ session: PostgreSQLSession) throws(StoreError) {
        while !isStopped.load(ordering: .acquiring) {
            let senders = try session.notifications(waitingAtMost: Self.heartbeatMilliseconds)
            if senders.contains(where: { $0 != writer.load(ordering: .acquiring) }) { hear() }
            if senders.isEmpty, !isStopped.load(ordering: .acquiring) {
                do throws(PostgreSQLFailure) { try session.exchange([.init(sql: "SELECT true")]) } catch {
                    throw error.error
                }
            }
        }
    }

    private func hear() {
        count.add(1, ordering: .releasing)
        for listener in listeners.withLock({ $0 }) { listener() }
    }
}
