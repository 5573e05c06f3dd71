internal import Contract
internal import Store
internal import Synchronization

/// Calls that change one customer, or are one call made twice, run one after the other, in the order in which they came: what
/// one looks up before it acts stays true until it has acted. Where several processes share the store, they take turns too.
final class Turns: Sendable {
    /// Calls that may wait under one key. More than that is somebody in a loop.
    private static let maximumWaiting = 100

    /// Guards against calls that come, end and are cancelled at once.
    private let state = Mutex(State())

    /// What the keys are, to the other processes.
    private let kind: String
    private let shared: (any SharedLocks)?

    /// The turns of the call that this task is at, which it shares with other processes.
    @TaskLocal private static var held: [Held] = []

    private struct Held: Sendable {
        let lock: SharedLock
        let locks: any SharedLocks
    }

    private struct State {
        /// Those who wait, by key; a key with an entry is held by somebody.
        var waiting: [String: [Waiter]] = [:]
        var nextNumber: UInt64 = 1
    }

    private struct Waiter {
        let number: UInt64
        let continuation: CheckedContinuation<Bool, Never>
    }

    init(_ kind: String = "", shared: (any SharedLocks)? = nil) {
        self.kind = kind
        self.shared = shared
    }

    /// Calls that wait, over all keys.
    var waiting: Int { state.withLock { $0.waiting.values.reduce(0) { $0 + $1.count } } }

    /// Runs `body` while nobody else runs under `key`. Throws TOO_MANY_CALLS where too many wait, CALLER_CANCELLED where the
    /// caller did not want to wait any longer.
    func hold<Value>(_ key: String, _ body: () async throws(RPCError) -> Value) async throws(RPCError) -> Value {
        try await take(key)
        defer { release(key) }
        guard let shared else { return try await body() }
        let lock = try await take("\(kind) \(key)", of: shared)
        defer { shared.release(lock) }
        let result: Result<Value, RPCError> = await Self.$held.withValue(Self.held + [Held(lock: lock, locks: shared)]) {
            do throws(RPCError) { return .success(try await body()) } catch { return .failure(error) }
        }
        // What was found out of turn may be another's doing, also the same call's.
        if case .failure(let error) = result, !error.retryable, !(await shared.isHeld(lock)) {
            throw Self.lost(mayHaveTakenEffect: error.mayHaveTakenEffect)
        }
        return try result.get()
    }

    private static func lost(mayHaveTakenEffect: Bool) -> RPCError {
        var error = RPCError(
            .conflict, "this server was out of touch with its database, and another one has had the turn")
        error.mayHaveTakenEffect = mayHaveTakenEffect
        return error
    }

    /// Throws where a turn of this task's is not its own any more: a process that was stopped for some seconds counts as dead, and
    /// others go on. To be asked before what cannot be undone.
    static func confirm() async throws(RPCError) {
        for turn in held where !(await turn.locks.isHeld(turn.lock)) {
            throw lost(mayHaveTakenEffect: false)
        }
    }

    /// Milliseconds between two tries at what another process has: at first, and later.
    private static let pauses: ClosedRange<Int64> = 2...50

    private func take(_ key: String, of locks: any SharedLocks) async throws(RPCError) -> SharedLock {
        var pause = Self.pauses.lowerBound
        while true {
            do throws(StoreError) {
                if let lock = try await locks.take(key) { return lock }
            } catch {
                throw RPCError(error)
            }
            do { try await Task.sleep(for: .milliseconds(pause)) } catch {
                throw RPCError(.callerCancelled, "the caller took the call back while it waited for its turn")
            }
            pause = min(pause * 2, Self.pauses.upperBound)
        }
    }

    private func take(_ key: String) async throws(RPCError) {
        let number = state.withLock { state -> UInt64? in
            guard (state.waiting[key]?.count ?? 0) < Self.maximumWaiting else { return nil }
            defer { state.nextNumber += 1 }
            return state.nextNumber
        }
        guard let number else {
            throw RPCError(.tooManyCalls, "\(Self.maximumWaiting) calls wait already for what this one would change")
        }
        let isMine = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isFree = state.withLock { state -> Bool? in
                    guard let waiting = state.waiting[key] else {
                        state.waiting[key] = []
                        return true
                    }
                    if Task.isCancelled { return false }
                    state.waiting[key] = waiting + [Waiter(number: number, continuation: continuation)]
                    return nil
                }
                if let isFree { continuation.resume(returning: isFree) }
            }
        } onCancel: {
            let waiter = state.withLock { state -> Waiter? in
                guard let index = state.waiting[key]?.firstIndex(where: { $0.number == number }) else { return nil }
                return state.waiting[key]?.remove(at: index)
            }
            waiter?.continuation.resume(returning: false)
        }
        guard isMine else { throw RPCError(.callerCancelled, "the caller took the call back while it waited for its turn") }
    }

    private func release(_ key: String) {
        let next = state.withLock { state -> Waiter? in
            guard let waiting = state.waiting[key], let first = waiting.first else {
                state.waiting[key] = nil
                return nil
            }
            state.waiting[key] = Array(waiting.dropFirst())
            return first
        }
        next?.continuation.resume(returning: true)
    }
}
