internal import EventLoop
internal import Glibc
internal import RPC

extension Command {
    /// `dues stdio`: the service for a host that spawns it.
    static let stdio = Command(
        name: "stdio", summary: "Serve JSON-RPC lines on standard input and output.",
        flags: [Flag(name: "tcp", placeholder: "HOST:PORT", help: "Serve TCP too. Nothing listens on TCP unless told.")]
            + ServerConfiguration.flags,
        discussion: """
            Standard output carries protocol lines and nothing else; the log goes to standard error. At the end of standard
            input, and at SIGTERM, what is in flight is answered, and the process ends with status 0. Nothing listens but what
            is told to, by --tcp, --http or --sandbox-http; with --sandbox alone, the sandbox and its webhooks meet on ports of
            127.0.0.1 that the system picks.

            \(ServerConfiguration.environmentHelp)
            """
    ) { arguments throws(Failure) in
        Signals.block([SIGTERM, SIGINT, SIGHUP])
        do {
            let streams = try StandardStreams()
            let server = try Server(try ServerConfiguration(arguments, isStdio: true))
            try server.listen()
            server.rpc.serve(trusted: try streams.connect(on: server.loop)) { server.end() }
            try server.run()
            return 0
        } catch let failure as Failure {
            throw failure
        } catch {
            throw Failure("\(error)")
        }
    }
}
