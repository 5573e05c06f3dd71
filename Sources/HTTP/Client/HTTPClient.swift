/// An HTTP client: libcurl's multi interface on one thread of its own.
///
/// Connections are kept and reused, and shared by HTTP/2 where TLS negotiates it. Redirects are not followed, bodies
/// are not decompressed, cookies and the environment's proxies do not exist. libcurl sends a request once more by
/// itself where a reused connection turns out to be dead before any byte of an answer: callers give requests that must
/// not happen twice an idempotency key.
internal import CCurl
internal import Glibc
internal import Synchronization

package final class HTTPClient: Sendable {
    private let inbox: ClientInbox
    private let thread: pthread_t
    /// Whether the thread was joined. Held while joining: of two threads that shut down, one joins and the other waits.
    private let joined = Mutex(false)

    package init(_ configuration: HTTPClientConfiguration = HTTPClientConfiguration()) {
        inbox = ClientInbox(maximumTransfers: configuration.maximumTransfers)
        thread = CurlEngine.startThread(inbox: inbox, configuration: configuration)
    }

    deinit {
        inbox.close()
        // The last reference may die in a completion, on the very thread that would be waited for.
        if onOwnThread { pthread_detach(thread) } else { join() }
    }

    /// Sends `request`, whose target is a whole URL, and calls `completion` exactly once: on the client's thread (which
    /// it must not block), or on the caller's where the client is already shut down.
    /// - Parameter timeoutMilliseconds: from this call to the last byte of the answer, waiting for a connection included.
    @discardableResult
    package func start(
        _ request: HTTPRequest, timeoutMilliseconds: Int64,
        completion: @escaping @Sendable (Result<HTTPResponse, HTTPClientError>) -> Void
    ) -> HTTPTransfer {
        HTTPTransfer(
            id: inbox.submit(request, timeoutMilliseconds: timeoutMilliseconds, completion: completion), inbox: inbox)
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
        inbox.close()
        if !onOwnThread { join() }
    }

    private var onOwnThread: Bool { pthread_equal(pthread_self(), thread) != 0 }

    private func join() {
        joined.withLock { joined in
            if !joined { pthread_join(thread, nil) }
            joined = true
        }
    }
}

/// One request under way.
package struct HTTPTransfer: Sendable {
    let id: UInt64
    let inbox: ClientInbox

    /// Stops the transfer; its completion is called with `.cancelled`. Does nothing once it is answered.
    package func cancel() { inbox.cancel(id) }
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
