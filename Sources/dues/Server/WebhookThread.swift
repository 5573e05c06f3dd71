internal import EventLoop
internal import HTTP
internal import Service
internal import Synchronization

/// What is served over HTTP (webhooks, health, metrics), on a loop and a thread of its own: a burst of events holds up no call.
struct WebhookThread: Sendable {
    /// Where it listens: at the address that it was given, else at the first inherited socket.
    let address: SocketAddress?
    private let thread: EventLoopThread
    private let server: LoopOwned<HTTPServer>
    /// Nil until `serve`: what the endpoint is made of needs the port's number first. Guards against requests meanwhile.
    private let endpoint: Endpoint

    private final class Endpoint: Sendable {
        let webhooks = Mutex<WebhookEndpoint?>(nil)
    }

    /// Milliseconds that webhooks which are being committed get once everything else has ended.
    private static let graceMilliseconds: Int64 = 1000

    /// Starts listening; nil where there is nothing to listen on.
    static func start(
        _ address: SocketAddress?, _ inherited: [InheritedSockets.Socket], health: Health
    ) throws(SystemError) -> WebhookThread? {
        guard address != nil || !inherited.isEmpty else { return nil }
        let endpoint = Endpoint()
        let (healthEndpoint, metricsEndpoint) = (HealthEndpoint(health), MetricsEndpoint(health))
        let (thread, started) = try EventLoopThread.start { loop throws(SystemError) in
            let server = HTTPServer(loop: loop) { request, responder in
                switch request.path {
                case HealthEndpoint.path: healthEndpoint.handle(request, responder)
                case MetricsEndpoint.path: metricsEndpoint.handle(request, responder)
                default:
                    guard let webhooks = endpoint.webhooks.withLock(\.self) else {
                        return responder.respond(WebhookEndpoint.notReady)
                    }
                    webhooks.handle(request, responder)
                }
            }
            for socket in inherited { try server.listen(try socket.take()) }
            let bound: SocketAddress? = if let address { try server.listen(address) } else { inherited.first?.tcp }
            return (address: bound, server: LoopOwned(server, of: loop))
        }
        return WebhookThread(address: started.address, thread: thread, server: started.server, endpoint: endpoint)
    }

    /// Has webhooks taken in from now on.
    func serve(_ webhooks: WebhookEndpoint) { endpoint.webhooks.withLock { $0 = webhooks } }

    /// Takes no further requests, and finishes those that are there.
    func drain() { server.post { $0.drain() } }

    /// Calls `action`, on this thread, once every answer has left after `drain()`, or its time is over.
    func whenIdle(_ action: @escaping @Sendable () -> Void) {
        server.post { $0.whenIdle(withinMilliseconds: Self.graceMilliseconds, action) }
    }

    /// Ends the thread; what has not left is dropped.
    func stop() { thread.stop() }
}
