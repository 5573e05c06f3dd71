internal import EventLoop
internal import Glibc
internal import JSON

extension Command {
    /// `dues serve`: the service on TCP.
    static let serve = Command(
        name: "serve", summary: "Serve JSON-RPC lines on TCP, and Stripe's webhooks on HTTP.",
        flags: [
            Flag(
                name: "tcp", placeholder: "HOST:PORT", help: "Where calls arrive (127.0.0.1:7171). Port 0 picks a free one."
            )
        ]
            + ServerConfiguration.flags,
        discussion: """
            Once everything listens, one line of JSON on standard output says where:
              {"dues":1,"pid":4711,"tcp":"127.0.0.1:7171","unix":null,"http":"127.0.0.1:7172","sandbox":null}
            SIGTERM finishes what is in flight and ends with status 0.

            Under systemd Type=notify, Type=notify-reload and WatchdogSec work, and sockets that it has opened are served: one
            named http takes webhooks, all others take calls.

            \(ServerConfiguration.environmentHelp)
            """
    ) { arguments throws(Failure) in
        Signals.block([SIGTERM, SIGINT, SIGHUP])
        let server = try Server(try ServerConfiguration(arguments, isStdio: false))
        try server.listen()
        StandardOutput.write(server.addresses.handshake.text + "\n")
        try server.run()
        return 0
    }
}

extension Server.Addresses {
    /// PROTOCOL section 9, and every inherited socket where there are some.
    fileprivate var handshake: JSONValue {
        let text = { (address: SocketAddress?) -> JSONValue in address.map { .string($0.description) } ?? .null }
        var handshake: JSONObject = [
            "dues": 1, "pid": .integer(Int64(getpid())), "tcp": text(tcp), "unix": unix.map { .string($0) } ?? .null,
            "http": text(http), "sandbox": sandbox.map { .string("http://\($0)") } ?? .null,
        ]
        if !inherited.isEmpty { handshake["inherited"] = .array(inherited.map { .string($0.description) }) }
        return .object(handshake)
    }
}
