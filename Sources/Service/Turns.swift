internal import Contract
internal import Synchronization

/// Calls that change one customer, or are one call made twice, run one after the other, in the order in which they came: what
/// one looks up before it acts stays true until it has acted.
final class Turns: Sendable {
    /// Calls that may wait under one key. More than that is somebody in a loop.
    private static let maximumWaiting = 100

    /// Guards against calls that come, end and are cancelled at once.
    private let state = Mutex(State())

    private struct State {
        /// Those who wait, by key; a key with an entry is held by somebody.
        var waiting: [String: [Waiter]] = [:]
        var nextNumber: UInt64 = 1
    }

    private struct Waiter {
        let number: UInt64
        let continuation: CheckedContinuation<Bool, Never>
    }

    /// Calls that wait, over all keys.
    var waiting: Int { state.withLock { $0.waiting.values.reduce(0) { $0 + $1.count } } }

    /// As below, with a note to the call's trace that it waits.
    func hold<Value>(
        _ key: String, _ call: CallContext, _ body: () async throws(RPCError) -> Value
    ) async throws(RPCError) -> Value {
        call.trace.isWaitingForTurn = true
        return try await hold(key) { () async throws(RPCError) in
            call.trace.isWaitingForTurn = false
            return try await body()
        }
    }

    /// Runs `body` while nobody else runs under `key`. Throws TOO_MANY_CALLS where too many wait, CALLER_CANCELLED where the
    /// caller did not want to wait any longer.
    func hold<Value>(_ key: String, _ body: () async throws(RPCError) -> Value) async throws(RPCError) -> Value {
        try await take(key)
        defer { release(key) }
        return try await body()
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
