internal import EventLoop
internal import Glibc
internal import Sandbox

/// A sandbox on a loop and a thread of its own, so that it is as far from the server as Stripe is: an HTTP call away.
enum SandboxThread {
    /// What a started sandbox says of itself.
    struct Started: Sendable {
        let address: SocketAddress
        let secretKey: String
        let publishableKey: String
        let webhookSecret: String
    }

    static func start(
        _ configuration: SandboxConfiguration, at address: SocketAddress
    ) throws(Failure) -> (thread: EventLoopThread, started: Started) {
        do throws(SystemError) {
            let (thread, started) = try EventLoopThread.start { loop throws(SystemError) in
                let server = try SandboxServer(loop: loop, configuration: configuration)
                return Started(
                    address: try server.listen(address), secretKey: server.secretKey, publishableKey: server.publishableKey,
                    webhookSecret: server.webhookSecret)
            }
            return (thread, started)
        } catch {
            throw Failure("the sandbox cannot start: \(error)")
        }
    }
}
