import EventLoop
import HTTP
import Stripe

/// A Stripe that answers everything alike, over real sockets.
final class ScriptedStripe {
    let client: StripeClient
    private let thread: EventLoopThread
    private let http = HTTPClient()

    init(_ response: HTTPResponse) throws {
        let (thread, address) = try EventLoopThread.start { loop throws(SystemError) in
            try HTTPServer(loop: loop) { $1.respond(response) }.listen(SocketAddress(host: "127.0.0.1", port: 0))
        }
        self.thread = thread
        // A key for tests, which is one by its form alone.
        guard let key = StripeKey("sk_test_scripted") else { preconditionFailure("the key of the test is none") }
        var configuration = StripeConfiguration(secretKey: key, apiBase: "http://\(address)")
        configuration.maximumRetries = 0
        client = StripeClient(configuration, http: http)
    }

    func stop() {
        http.shutdown()
        thread.stop()
    }
}
