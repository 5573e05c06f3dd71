internal import EventLoop
internal import Glibc
internal import JSON
internal import RPC
internal import Synchronization
internal import Transcripts

extension Command {
    /// `dues record`: a proxy that writes transcripts.
    static let record = Command(
        name: "record", summary: "Stand between a client and a server, and write down what passes.",
        operands: "FILE",
        flags: [
            Flag(name: "tcp", placeholder: "HOST:PORT", help: "The server (127.0.0.1:7171)."),
            Flag(name: "unix", placeholder: "PATH", help: "The server's Unix socket, instead."),
            Flag(
                name: "stdio", placeholder: "COMMAND",
                help: "A command that serves on its standard streams, instead;\nthe client is on those of this process."),
            Flag(name: "listen", placeholder: "HOST:PORT", help: "Where clients dial (127.0.0.1:0, a free port)."),
            Flag(name: "title", placeholder: "TEXT", help: "What the transcript is called (FILE)."),
        ],
        discussion: """
            The first connection is written to FILE, each later one to a file of its own beside it (story.jsonl,
            story.2.jsonl, …). Ids, times and tokens that the server makes become matchers and captures, so that dues replay can
            play the file again; keys, secrets and tokens are left out and become ${token} and the like, for --set.

            Where clients dial is said on standard output: {"record":"127.0.0.1:40123","pid":4711}. SIGTERM and Ctrl-C end it.
            With --stdio, standard output is the protocol, and the command ends with its input.
            """
    ) { arguments throws(Failure) in
        guard let path = arguments.operands.first, arguments.operands.count == 1 else { throw .usage("dues record FILE") }
        let title = arguments.value("title") ?? path.split(separator: "/").last.map(String.init) ?? path
        if let command = arguments.value("stdio") {
            for flag in ["tcp", "unix", "listen"] where arguments.has(flag) {
                throw .usage("--\(flag) is for a server that is dialled; --stdio starts one")
            }
            return try recordChild(command, path: path, title: title)
        }
        guard !arguments.has("tcp") || !arguments.has("unix") else {
            throw .usage("--tcp and --unix name different servers: give one")
        }
        let server: RecordedServer =
            if let path = arguments.value("unix") {
                .unix(path)
            } else {
                .tcp(try arguments.address("tcp") ?? ServerConfiguration.defaultTCP)
            }
        let listen = try arguments.address("listen") ?? SocketAddress(host: "127.0.0.1", port: 0)
        guard (try? listen.isLoopback()) == true else {
            throw .usage(
                "whoever dials the recorder speaks to the server: it listens on a loopback address alone, not on \(listen)")
        }
        return try recordDialled(server, listen: listen, path: path, title: title)
    }

    private enum RecordedServer: Sendable {
        case tcp(SocketAddress)
        case unix(String)

        func connect() throws(SystemError) -> LineChannel {
            switch self {
            case .tcp(let address): LineChannel(socket: try address.connect())
            case .unix(let path): LineChannel(socket: try UnixSocket.connect(path))
            }
        }
    }

    private static func recordChild(_ command: String, path: String, title: String) throws(Failure) -> Int32 {
        do {
            let recorder = try Recorder(path: path, title: title)
            let child = try ChildProcess(shell: command)
            // Descriptors 0 and 1 are this process's alone: nothing else in it reads or prints.
            let client = LineChannel(input: Descriptor(owning: dup(0)), output: Descriptor(owning: dup(1)))
            close(0)
            close(1)
            try RecordingProxy(client: client, server: child.channel, recorder: recorder).run()
            try checkWritten([recorder])
            return child.end()
        } catch let failure as Failure {
            throw failure
        } catch {
            throw Failure("\(error)")
        }
    }

    private static func recordDialled(
        _ server: RecordedServer, listen: SocketAddress, path: String, title: String
    ) throws(Failure) -> Int32 {
        Signals.block([SIGTERM, SIGINT])
        do {
            let loop = try EventLoop()
            var recorders: [Recorder] = [try Recorder(path: path, title: title)]
            var count = 0
            let listener = try Listener(socket: try .tcp(listen), on: loop) { newcomer in
                count += 1
                do {
                    if count > 1 {
                        recorders.append(try Recorder(path: numbered(path, count), title: "\(title) (\(count))"))
                    }
                    guard let socket = newcomer.blockingSocket() else { return }
                    let client = LineChannel(socket: socket)
                    let proxy = RecordingProxy(
                        client: client, server: try server.connect(), recorder: recorders[recorders.count - 1])
                    try Thread.start { try? proxy.run() }.detach()
                } catch {
                    StandardError.write("dues: a connection is not recorded: \(error)\n")
                }
            }
            let line: JSONValue = ["record": .string(listener.address.description), "pid": .integer(Int64(getpid()))]
            StandardOutput.write(line.text + "\n")
            let signals = try Signals([SIGTERM, SIGINT], on: loop) { _ in loop.stop() }
            withExtendedLifetime(signals) { loop.run() }
            listener.close()
            try checkWritten(recorders)
            return 0
        } catch let failure as Failure {
            throw failure
        } catch {
            throw Failure("\(error)")
        }
    }

    /// `story.2.jsonl` for the second connection of `story.jsonl`.
    private static func numbered(_ path: String, _ number: Int) -> String {
        guard let dot = path.lastIndex(of: "."), !path[dot...].contains("/") else { return "\(path).\(number)" }
        return "\(path[..<dot]).\(number)\(path[dot...])"
    }

    private static func checkWritten(_ recorders: [Recorder]) throws(Failure) {
        if recorders.contains(where: \.hasFailed) {
            throw Failure("what passed could not be written down whole", status: 74)
        }
    }
}
