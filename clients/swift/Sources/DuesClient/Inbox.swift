internal import JSON
internal import Synchronization

/// What comes back for one call, on its way from the connection's thread to the task that waits for it.
final class Inbox: Sendable {
    typealias Outcome = Result<JSONValue, any Error>

    /// The end of a stream whose reader left no room for what came.
    struct ReaderTooSlow: Error {}

    /// The next thing that came.
    enum Arrival {
        case value(JSONValue)
        /// The call's outcome, behind the last value.
        case end(Outcome)
    }

    private struct State {
        var values: [JSONValue] = []
        var end: Outcome?
        var waiter: CheckedContinuation<Void, Never>?
    }

    /// Values of a stream that are kept for a reader who is slow.
    private static let capacity = 256

    let id: Int64
    private let isStream: Bool
    private let state = Mutex(State())

    init(id: Int64, isStream: Bool) {
        self.id = id
        self.isStream = isStream
    }

    var hasEnded: Bool { state.withLock { $0.end != nil } }

    // MARK: The connection's side

    /// False where there is no room for the value.
    func put(_ value: JSONValue) -> Bool {
        guard isStream else { return true }
        let (hasRoom, waiter) = state.withLock { state in
            guard state.values.count < Self.capacity else { return (false, nil as CheckedContinuation<Void, Never>?) }
            state.values.append(value)
            return (true, state.waiter.take())
        }
        waiter?.resume()
        return hasRoom
    }

    /// Nothing comes after this; only the first one counts.
    func end(_ end: Outcome) {
        let waiter = state.withLock { state in
            if state.end == nil { state.end = end }
            return state.waiter.take()
        }
        waiter?.resume()
    }

    // MARK: The task's side

    /// What comes next, if it is there.
    func take() -> Arrival? {
        state.withLock { state in
            state.values.isEmpty ? state.end.map { .end($0) } : .value(state.values.removeFirst())
        }
    }

    /// Waits for what comes next.
    func next() async -> Arrival {
        while true {
            if let arrival = take() { return arrival }
            await withCheckedContinuation { continuation in
                let isHere = state.withLock { state in
                    if !state.values.isEmpty || state.end != nil { return true }
                    state.waiter = continuation
                    return false
                }
                if isHere { continuation.resume() }
            }
        }
    }
}
