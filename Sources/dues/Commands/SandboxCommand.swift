internal import EventLoop
internal import Glibc
internal import JSON
internal import Sandbox

/// 2026-01-01T00:00:00Z, where the clock of a sandbox with a seed stands at first.
private let seededTime: Int64 = 1_767_225_600

extension Command {
    /// `dues sandbox`: Stripe's stand-in alone.
    static let sandbox = Command(
        name: "sandbox", summary: "Run the offline stand-in for Stripe alone.",
        flags: [
            Flag(
                name: "http", placeholder: "HOST:PORT", help: "Where it listens (127.0.0.1:7173). Port 0 picks a free one."),
            Flag(
                name: "webhook", placeholder: "URL",
                help: "Where its signed events go, such as http://127.0.0.1:7172/webhook."),
            Flag(name: "state", placeholder: "FILE", help: "Keep its state in a file, across restarts."),
            Flag(
                name: "seed", placeholder: "N",
                help: "Make every id and time the same in every run: the clock stands at 2026-01-01 until it is advanced."),
            Flag(name: "strict-keys", help: "Take only the secret key that it prints, not every sk_test_…."),
        ],
        discussion: """
            One line of JSON on standard output says where it listens, and its keys:
              {"sandbox":"http://127.0.0.1:7173","secretKey":"sk_test_…","publishableKey":"pk_test_…","webhookSecret":"whsec_…","pid":4711}
            A browser shows there what is in it, with buttons that move its clock and let payments fail.
            STRIPE_WEBHOOK_SECRET sets the secret that its events are signed with; otherwise it makes one.
            """
    ) { arguments throws(Failure) in
        Signals.block([SIGTERM, SIGINT, SIGHUP])
        let address = try arguments.address("http") ?? SocketAddress(host: "127.0.0.1", port: 7173)
        guard (try? address.isLoopback()) == true else {
            throw .usage(
                "the sandbox takes everybody for its owner: it listens on a loopback address alone, not on \(address)")
        }
        var configuration = SandboxConfiguration()
        configuration.webhookURL = arguments.value("webhook")
        configuration.stateFile = arguments.value("state")
        if let seed = try arguments.integer("seed", in: 0...Int.max) {
            configuration.seed = UInt64(seed)
            configuration.standsAt = seededTime
        }
        configuration.strictKeys = arguments.has("strict-keys")
        if let secret = getenv("STRIPE_WEBHOOK_SECRET").map({ String(cString: $0) }), !secret.isEmpty {
            configuration.webhookSecret = secret
        }
        let (thread, started) = try SandboxThread.start(configuration, at: address)
        let line: JSONValue = [
            "sandbox": .string("http://\(started.address)"), "secretKey": .string(started.secretKey),
            "publishableKey": .string(started.publishableKey), "webhookSecret": .string(started.webhookSecret),
            "pid": .integer(Int64(getpid())),
        ]
        StandardOutput.write(line.text + "\n")
        do throws(SystemError) {
            let loop = try EventLoop()
            let signals = try Signals([SIGTERM, SIGINT], on: loop) { _ in loop.stop() }
            withExtendedLifetime(signals) { loop.run() }
        } catch {
            throw Failure("\(error)")
        }
        thread.stop()
        return 0
    }
}
