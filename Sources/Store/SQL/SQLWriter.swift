internal import Dispatch
internal import Synchronization

/// The one connection that writes. Changes that wait for it at one moment share one commit: one that fails takes nobody along,
/// and none is answered before the commit is on the disk.
final class SQLWriter: Sendable {
    private let queue = DispatchQueue(label: "dues.store.writer")
    /// When the changes that wait are committed, if it is not the queue that sees to it.
    private let schedule: CommitSchedule?
    /// Guards against changes being added while the queue takes those that wait.
    private let waiting = Mutex<[Change]>([])
    private let connection: Connection
    /// Who is told of commits that made changes. Guards against one who joins while the queue tells the others.
    private let listeners = Mutex<[@Sendable () -> Void]>([])

    /// The database, which `queue` alone touches once this object is made.
    private final class Connection: @unchecked Sendable {  // confined to the writer's serial queue
        let database: any SQLConnection
        init(_ database: any SQLConnection) { self.database = database }
    }

    /// What somebody wants to have changed.
    struct Change {
        /// Runs in a transaction, once or more often; answers whether it is to be kept.
        let perform: @Sendable (any SQLConnection) -> Bool
        /// Called after the commit, with its failure if it failed.
        let finish: @Sendable (StoreError?) -> Void
    }

    /// - Parameter connection: the one that writes, of a database that is up to date; nobody else uses it from now on.
    /// - Parameter schedule: nil for a queue of the writer's own.
    init(_ connection: any SQLConnection, schedule: CommitSchedule? = nil) {
        self.connection = Connection(connection)
        self.schedule = schedule
    }

    /// Runs `body` in a transaction and answers what it returns once that is committed.
    func change<Value: Sendable>(
        _ body: @escaping @Sendable (any SQLConnection) throws(StoreError) -> Value
    ) async throws(StoreError) -> Value {
        let result: Result<Value, StoreError> = await withCheckedContinuation { continuation in
            let outcome = Outcome<Value>()
            enqueue(
                Change(
                    perform: { database in
                        let result = Result { () throws(StoreError) in try body(database) }
                        outcome.value.withLock { $0 = result }
                        return (try? result.get()) != nil
                    },
                    finish: { failure in
                        let result = outcome.value.withLock { $0 }
                        if let failure { return continuation.resume(returning: .failure(failure)) }
                        continuation.resume(
                            returning: result ?? .failure(StoreError(.unavailable, "the change did not run")))
                    }))
        }
        return try result.get()
    }

    /// What a change answered, from the moment it ran until its commit.
    private final class Outcome<Value: Sendable>: Sendable {
        let value = Mutex<Result<Value, StoreError>?>(nil)
    }

    /// As `change`, on the caller's thread, which waits for the disk: for the start, when there is nothing else to do.
    func changeNow<Value>(
        _ body: (any SQLConnection) throws(StoreError) -> Value
    ) throws(StoreError) -> Value {
        let database = connection.database
        let result: Result<Value, StoreError> = queue.sync {
            Result { () throws(StoreError) in
                try database.transaction { () throws(StoreError) in try body(database) }
            }
        }
        return try result.get()
    }

    /// Has the connection tidy up, after the changes that wait.
    func tidy() { queue.sync { connection.database.tidy() } }

    /// Has a change made with those that wait.
    func enqueue(_ change: Change) {
        let wasEmpty = waiting.withLock { waiting in
            waiting.append(change)
            return waiting.count == 1
        }
        guard wasEmpty else { return }
        if let schedule { schedule(commitWaiting) } else { queue.async { self.commitWaiting() } }
    }

    /// - Parameter obstacle: why nothing can be committed, where that is known beforehand.
    private func commitWaiting(obstacle: StoreError? = nil) {
        let batch = waiting.withLock { waiting in
            let all = waiting
            waiting = []
            return all
        }
        let failure = obstacle ?? Result { () throws(StoreError) in try commit(batch) }.failure
        for change in batch { change.finish(failure) }
        tellOfChanges()
    }

    func onChanges(_ listener: @escaping @Sendable () -> Void) { listeners.withLock { $0.append(listener) } }

    private func tellOfChanges() {
        guard connection.database.hasMadeChange else { return }
        for listener in listeners.withLock({ $0 }) { listener() }
    }

    /// Nearly always all are to be kept, and need no savepoints, for each of which SQLite would copy the pages that it touches.
    /// Where one is not, all run once more, each in a savepoint of its own.
    private func commit(_ batch: [Change]) throws(StoreError) {
        let database = connection.database
        var isRefused = false
        do throws(StoreError) {
            try database.transaction { () throws(StoreError) in
                isRefused = false
                for change in batch where !change.perform(database) {
                    isRefused = true
                    throw StoreError(.misuse, "a change is not to be kept")
                }
            }
        } catch {
            guard isRefused else { throw error }
            try database.transaction { () throws(StoreError) in
                for change in batch { try database.attempt { change.perform(database) } }
            }
        }
    }
}

/// Who decides when changes are committed: is given the commit, and makes it later, once, or has it fail by a reason. Commits
/// of one store are made one after the other, on one thread.
package typealias CommitSchedule = @Sendable (_ commit: @escaping @Sendable (_ obstacle: StoreError?) -> Void) -> Void

/// Where something is looked up that need not be as new as what is being written.
protocol LookUps: Sendable {
    func lookUp<Value: Sendable>(
        _ body: @escaping @Sendable (any SQLConnection) throws(StoreError) -> Value
    ) async throws(StoreError) -> Value
}

/// Who writes can look up, too.
extension SQLWriter: LookUps {
    func lookUp<Value: Sendable>(
        _ body: @escaping @Sendable (any SQLConnection) throws(StoreError) -> Value
    ) async throws(StoreError) -> Value { try await change(body) }
}

extension Result {
    /// The failure, if it is one.
    fileprivate var failure: Failure? { if case .failure(let failure) = self { failure } else { nil } }
}
