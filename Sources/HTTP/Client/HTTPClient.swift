/// An HTTP client: libcurl's multi interface on one thread of its own, which the first request starts.
///
/// Connections are kept and reused, and shared by HTTP/2 where TLS negotiates it. Redirects are not followed, bodies
/// are not decompressed, cookies and the environment's proxies do not exist. libcurl sends a request once more by
/// itself where a reused connection turns out to be dead before any byte of an answer: callers give requests that must
/// not happen twice an idempotency key.
internal import CCurl
internal import Glibc
internal import Synchronization

package final class HTTPClient: Sendable {
    private let configuration: HTTPClientConfiguration
    /// Guards against two first requests at once.
    private let engine = Mutex(Engine.idle)
    /// Whether the thread was joined. Held while joining: of two threads that shut down, one joins and the other waits.
    private let joined = Mutex(false)

    private enum Engine {
        case idle
        case running(ClientInbox, HTTPClientExecutor, thread: pthread_t)
        case shutDown
    }

    package init(_ configuration: HTTPClientConfiguration = HTTPClientConfiguration()) {
        self.configuration = configuration
    }

    deinit {
        guard case .running(let inbox, _, let thread) = engine.withLock({ $0 }) else { return }
        inbox.close()
        // The last reference may die in a completion, on the very thread that would be waited for.
        if isCurrent(thread) { pthread_detach(thread) } else { join(thread) }
    }

    /// Starts the thread, as the first request would. Throws where libcurl is missing, or after `shutdown`.
    package func prepare() throws(HTTPClientError) { _ = try running() }

    /// For tasks whose work is mostly to send requests and to wait for their answers: on the client's thread, where answers
    /// arrive, they need no other thread to be woken. They must not block it. Nil where there is no such thread.
    package var executor: (any TaskExecutor)? { try? running().executor }

    private func running() throws(HTTPClientError) -> (inbox: ClientInbox, executor: HTTPClientExecutor) {
        try engine.withLock { engine throws(HTTPClientError) in
            switch engine {
            case .running(let inbox, let executor, _): return (inbox, executor)
            case .shutDown: throw ClientInbox.shutDown(mayHaveBeenSent: false)
            case .idle:
                if let problem = dues_curl_load() {
                    let message = "libcurl cannot be used: \(String(cString: problem))"
                    throw HTTPClientError(kind: .connect, message: message, mayHaveBeenSent: false)
                }
                let inbox = ClientInbox(maximumTransfers: configuration.maximumTransfers)
                let executor = HTTPClientExecutor(inbox)
                let thread = CurlEngine.startThread(inbox: inbox, executor: executor, configuration: configuration)
                engine = .running(inbox, executor, thread: thread)
                return (inbox, executor)
            }
        }
    }

    /// Sends `request`, whose target is a whole URL, and calls `completion` exactly once: on the client's thread (which
    /// it must not block), or on the caller's where the client is already shut down.
    /// - Parameter timeoutMilliseconds: from this call to the last byte of the answer, waiting for a connection included.
    @discardableResult
    package func start(
        _ request: HTTPRequest, timeoutMilliseconds: Int64,
        completion: @escaping @Sendable (Result<HTTPResponse, HTTPClientError>) -> Void
    ) -> HTTPTransfer {
        do throws(HTTPClientError) {
            let inbox = try running().inbox
            return HTTPTransfer(
                id: inbox.submit(request, timeoutMilliseconds: timeoutMilliseconds, completion: completion), inbox: inbox)
        } catch {
            completion(.failure(error))
            return HTTPTransfer(id: 0, inbox: nil)
        }
    }

    /// Sends `request` and waits for its whole response. Cancelling the task stops the transfer at once.
    package func send(
        _ request: HTTPRequest, timeoutMilliseconds: Int64
    ) async throws(HTTPClientError) -> HTTPResponse {
        let handoff = CancellationHandoff()
        let result = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                handoff.began(
                    start(request, timeoutMilliseconds: timeoutMilliseconds) { continuation.resume(returning: $0) })
            }
        } onCancel: {
            handoff.cancel()
        }
        return try result.get()
    }

    /// Finishes nothing: what is in flight fails with `.cancelled`, as does what is started later. Returns when the
    /// thread is gone, save where a completion calls it; then the thread ends after that completion.
    package func shutdown() {
        let before = engine.withLock { engine in
            let before = engine
            if case .idle = engine { engine = .shutDown }
            return before
        }
        guard case .running(let inbox, _, let thread) = before else { return }
        inbox.close()
        if !isCurrent(thread) { join(thread) }
    }

    private func isCurrent(_ thread: pthread_t) -> Bool { pthread_equal(pthread_self(), thread) != 0 }

    private func join(_ thread: pthread_t) {
        joined.withLock { joined in
            if !joined { pthread_join(thread, nil) }
            joined = true
        }
    }
}

/// One request under way.
package struct HTTPTransfer: Sendable {
    let id: UInt64
    /// Nil where it failed before it began.
    let inbox: ClientInbox?

    /// Stops the transfer; its completion is called with `.cancelled`. Does nothing once it is answered.
    package func cancel() { inbox?.cancel(id) }
}

/// Brings a task's cancellation to its transfer, whichever of the two comes first.
private final class CancellationHandoff: Sendable {
    private enum State {
        case waiting
        case began(HTTPTransfer)
        case cancelled
    }

    /// Guards against a cancellation between the start of the transfer and the moment its handle is known.
    private let state = Mutex(State.waiting)

    func began(_ transfer: HTTPTransfer) {
        let late = state.withLock { state in
            if case .cancelled = state { return true }
            state = .began(transfer)
            return false
        }
        if late { transfer.cancel() }
    }

    func cancel() {
        let transfer: HTTPTransfer? = state.withLock { state in
            defer { state = .cancelled }
            if case .began(let transfer) = state { return transfer }
            return nil
        }
        transfer?.cancel()
    }
}
