import Contract
import Crypto
import EventLoop
import Glibc
import HTTP
import JSON
import RPC
import TestSupport
import Testing
import Transcripts

/// A server in some setting, reached in some way, for as long as this lives.
final class Surroundings {
    /// How a server is reached.
    enum Transport: String, CaseIterable, CustomTestStringConvertible {
        case memory, stdio, tcp, tls, unix
        var testDescription: String { rawValue }
    }

    let target: ReplayTarget
    /// What a driver of a client is given to reach the server.
    let flags: [String]
    private(set) var variables = Variables()
    /// The real binary, where it is not started by each transcript.
    private let process: DuesProcess?
    private let scripted: ScriptedServer?
    private let inProcess: InProcessServer?

    init(_ setting: Corpus.Setting, over transport: Transport) throws {
        let directory = try Scratch.directory()
        let socket = "\(directory)/dues.sock"
        if setting == .scripted {
            let server = try ScriptedServer(over: transport, unixPath: socket)
            (process, inProcess, scripted) = (nil, nil, server)
            target = try server.target(over: transport, unixPath: socket)
            flags = ["--tcp", server.address.description]
            variables["failures"] = .string(server.control)
            return
        }
        scripted = nil
        // A fault that a transcript orders is for its own calls, and not for a look at the events.
        let words = try Self.flags(of: setting, directory) + ["--poll-seconds", "0"]
        setenv("STRIPE_WEBHOOK_SECRET", DuesProcess.webhookSecret, 1)
        switch transport {
        case .memory:
            let server = try InProcessServer(["--sandbox", "--sandbox-http", "127.0.0.1:0"] + words)
            (process, inProcess) = (nil, server)
            target = .custom { () throws(SystemError) in .init(try server.connect()) }
            flags = []
            variables["sandbox"] = .string(server.sandbox)
        case .stdio:
            (process, inProcess) = (nil, nil)
            let sandbox = "127.0.0.1:\(try DuesProcess.freePort())"
            let command = [DuesProcess.binary, "stdio", "--log", "error", "--sandbox", "--sandbox-http", sandbox] + words
            target = .custom { () throws(SystemError) in
                let child = try ChildProcess(command)
                // Its first answer says that its sandbox listens.
                try child.channel.send(#"{"jsonrpc":"2.0","id":"ready","method":"rpc.health"}"#.utf8)
                _ = try child.channel.receive(timeoutMilliseconds: 20_000)
                return .init(child.channel, child: child)
            }
            flags = []
            variables["sandbox"] = .string("http://\(sandbox)")
        case .tcp, .tls, .unix:
            let certificates = transport == .tls ? try Certificates.shared.get() : nil
            let server = try DuesProcess(["--sandbox", "--unix", socket] + words + (certificates?.flags ?? []))
            (process, inProcess) = (server, nil)
            target = transport == .unix ? .unix(path: socket) : .tcp(server.tcp, try certificates?.client())
            flags = ["--tcp", server.tcp.description]
            variables["sandbox"] = .string(server.sandbox)
        }
        describe(setting)
    }

    func stop() {
        process?.stop()
        inProcess?.stop()
        scripted?.stop()
    }

    // MARK: Settings

    private static let tokens = ["reader": "read", "writer": "read\",\"write", "ingester": "ingest"]

    private static func flags(of setting: Corpus.Setting, _ directory: String) throws -> [String] {
        switch setting {
        case .sandbox, .alone, .scripted: return []
        case .tight: return ["--max-calls", "1", "--max-streams", "1", "--max-line", "4096", "--max-batch", "2"]
        case .tokens, .guesser, .strangers:
            let lines = tokens.map { name, scopes in
                let digest = Encoding.hexadecimal(Digest.sha256(Array("token of the \(name)".utf8.filter { $0 != 32 })))
                return "{\"name\":\"\(name)\",\"sha256\":\"\(digest)\",\"scopes\":[\"\(scopes)\"]}\n"
            }
            try Scratch.write(lines.joined(), to: "\(directory)/tokens")
            return ["--tokens", "\(directory)/tokens"]
        }
    }

    /// What transcripts may call by name: tokens, and events as Stripe would sign them.
    private func describe(_ setting: Corpus.Setting) {
        for name in Self.tokens.keys { variables[name] = .string("tokenofthe\(name)") }
        let event: JSONValue = [
            "id": "evt_of_the_corpus", "object": "event", "type": "balance.available", "created": 1_700_000_000,
            "data": ["object": ["object": "balance", "available": []]],
        ]
        let now = Int64(time(nil))
        for (name, payload, age) in [
            ("event", event.text, 0), ("stale", event.text, 3600), ("noEvent", #"{"id":"evt_none"}"#, 0),
        ] as [(String, String, Int64)] {
            variables["\(name)Payload"] = .string(payload)
            variables["\(name)Signature"] = .string(
                Web.signature(Array(payload.utf8), secret: DuesProcess.webhookSecret, at: now - age))
        }
    }
}

extension Certificates {
    /// For a server of ours.
    var flags: [String] {
        let identity = identity("house-server")
        return ["--tls-cert", identity.certificateChainFile, "--tls-key", identity.keyFile]
    }
}

/// The engine with scripted methods, in this process.
final class ScriptedServer {
    let address: SocketAddress
    /// Where failures are ordered.
    let control: String
    private let thread: EventLoopThread
    private let connect: @Sendable () throws(SystemError) -> LineChannel

    init(over transport: Surroundings.Transport, unixPath: String) throws {
        let failures = Failures()
        let tls = transport == .tls ? try Certificates.shared.get().server() : nil
        let (thread, started) = try EventLoopThread.start { loop throws(SystemError) in
            let server = RPCServer(
                loop: loop, local: ScriptedLocal(failures), upstream: ScriptedUpstream(failures: failures))
            let any = SocketAddress(host: "127.0.0.1", port: 0)
            let address = try server.listen(any, tls: tls.map { tls in { tls } })
            try server.listen(.unix(unixPath, mode: 0o600))
            let control = HTTPServer(loop: loop) { request, responder in
                let words = request.path.split(separator: "/").map(String.init)
                let method = words.first.flatMap(Method.init(rawValue:))
                let reason = Reason.all.first { $0.name == words.last }
                if let method, let reason { failures.order(method, reason) }
                responder.respond(HTTPResponse(status: method == nil || reason == nil ? 404 : 200))
            }
            return (LoopOwned(server, of: loop), address, try control.listen(any))
        }
        self.thread = thread
        address = started.1
        control = "http://\(started.2)"
        connect = { () throws(SystemError) in try MemoryChannel.connect(to: started.0) }
    }

    func target(over transport: Surroundings.Transport, unixPath: String) throws -> ReplayTarget {
        switch transport {
        case .memory, .stdio: .custom { [connect] () throws(SystemError) in .init(try connect()) }
        case .tcp: .tcp(address, nil)
        case .tls: .tcp(address, try Certificates.shared.get().client())
        case .unix: .unix(path: unixPath)
        }
    }

    func stop() { thread.stop() }
}
