/// What crosses from callers' threads to the client's thread.
internal import CCurl
internal import Synchronization

final class ClientInbox: Sendable {
    typealias Completion = @Sendable (Result<HTTPResponse, HTTPClientError>) -> Void

    enum Command: Sendable {
        case start(Submission)
        case refuse(Completion, HTTPClientError)
        case cancel(UInt64)
        /// A part of a task that prefers the client's thread: see `HTTPClientExecutor`.
        case run(UnownedJob)
    }

    struct Submission: Sendable {
        let id: UInt64
        let request: HTTPRequest
        /// On the monotonic clock of `MonotonicTime`.
        let deadline: Int64
        let timeoutMilliseconds: Int64
        let completion: Completion
    }

    private struct State {
        var commands: [Command] = []
        var nextID: UInt64 = 1
        /// Requests accepted and not yet completed.
        var live = 0
        var isClosing = false
        /// Whether the thread is about to wait, or waits: only then a command needs a ring.
        var isResting = false
        /// Set just before the driver is freed; nobody rings it afterwards.
        var isGone = false
    }

    nonisolated(unsafe) let multi: UnsafeMutableRawPointer
    /// Of all calls on it, only `dues_curl_driver_ring` is made here, which may come from any thread.
    nonisolated(unsafe) let driver: OpaquePointer
    private let maximumTransfers: Int
    private let state = Mutex(State())

    /// To be made only where `dues_curl_load` has found libcurl.
    init(maximumTransfers: Int) {
        guard let multi = curl_multi_init() else { preconditionFailure("curl_multi_init fails only without memory") }
        guard let driver = dues_curl_driver_make(multi) else { preconditionFailure("the process is at its limit") }
        self.multi = multi
        self.driver = driver
        self.maximumTransfers = maximumTransfers
    }

    // MARK: Callers' side

    func submit(_ request: HTTPRequest, timeoutMilliseconds: Int64, completion: @escaping Completion) -> UInt64 {
        // A week is more than any call may take, and keeps the arithmetic of deadlines from overflowing.
        let timeout = min(max(timeoutMilliseconds, 0), 7 * 24 * 3_600_000)
        let (id, isGone): (UInt64, Bool) = state.withLock { state in
            let id = state.nextID
            state.nextID += 1
            guard !state.isGone else { return (id, true) }
            if state.live < maximumTransfers {
                state.live += 1
                let submission = Submission(
                    id: id, request: request, deadline: MonotonicTime.milliseconds() + timeout,
                    timeoutMilliseconds: timeout, completion: completion)
                post(.start(submission), &state)
            } else {
                let error = HTTPClientError(
                    kind: .overloaded, message: "\(maximumTransfers) requests are already under way",
                    mayHaveBeenSent: false)
                post(.refuse(completion, error), &state)
            }
            return (id, false)
        }
        if isGone { completion(.failure(Self.shutDown(mayHaveBeenSent: false))) }
        return id
    }

    func cancel(_ id: UInt64) {
        state.withLock { state in
            if !state.isGone { post(.cancel(id), &state) }
        }
    }

    /// Has the client's thread run a part of a task; false where that is gone.
    func run(_ job: UnownedJob) -> Bool {
        state.withLock { state in
            guard !state.isGone else { return false }
            post(.run(job), &state)
            return true
        }
    }

    /// Asks the client's thread to end.
    func close() {
        state.withLock { state in
            guard !state.isGone else { return }
            state.isClosing = true
            if state.isResting { dues_curl_driver_ring(driver) }
        }
    }

    /// One wake-up announces every command posted until the thread takes them; a thread that is awake needs none.
    private func post(_ command: Command, _ state: inout sending State) {
        if state.isResting, state.commands.isEmpty { dues_curl_driver_ring(driver) }
        state.commands.append(command)
    }

    // MARK: The thread's side

    func take() -> (commands: [Command], isClosing: Bool) {
        state.withLock { state in
            let commands = state.commands
            state.commands = []
            state.isResting = false
            return (commands, state.isClosing)
        }
    }

    /// Whether the thread may wait, which it then does, until it is rung or something happens to a transfer.
    func mayRest() -> Bool {
        state.withLock { state in
            state.isResting = state.commands.isEmpty && !state.isClosing
            return state.isResting
        }
    }

    func completed() { state.withLock { $0.live -= 1 } }

    /// Takes the last commands and lets nobody post another, or ring the driver, again.
    func leave() -> [Command] {
        state.withLock { state in
            state.isGone = true
            let commands = state.commands
            state.commands = []
            return commands
        }
    }

    static func shutDown(mayHaveBeenSent: Bool) -> HTTPClientError {
        HTTPClientError(kind: .cancelled, message: "the client was shut down", mayHaveBeenSent: mayHaveBeenSent)
    }
}
