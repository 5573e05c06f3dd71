import EventLoop
import Glibc
import JSON
import RPC
import Synchronization
import TestSupport
import Testing

/// Several servers behind one database, and those who use them: each goes to the next server where one does not answer.
final class Fleet: Sendable {
    let database: String
    let sandbox: Sandbox
    private let servers: Mutex<[Server]>
    private let next = Atomic<Int>(0)

    struct Server: @unchecked Sendable {  // a process is signalled from the test's own thread alone
        let process: DuesProcess
        var tcp: SocketAddress { process.tcp }
        var http: String { process.http }
    }

    /// The Stripe of them all.
    struct Sandbox: @unchecked Sendable {  // touched at the start and at the end
        let process: SandboxProcess
    }

    init(_ count: Int, database: String) throws {
        self.database = database
        let sandbox = Sandbox(process: try SandboxProcess())
        self.sandbox = sandbox
        servers = Mutex(try (0..<count).map { _ in try Self.start(database, sandbox) })
    }

    private static func start(_ database: String, _ sandbox: Sandbox) throws -> Server {
        Server(
            process: try DuesProcess(
                ["--stripe-base", sandbox.process.url, "--db", database],
                environment: [
                    "STRIPE_SECRET_KEY": sandbox.process.secretKey, "STRIPE_WEBHOOK_SECRET": DuesProcess.webhookSecret,
                ]))
    }

    subscript(_ number: Int) -> Server { servers.withLock { $0[number % $0.count] } }

    /// One after the other.
    private var any: Server { self[next.add(1, ordering: .relaxed).oldValue] }

    /// Ends one as a power failure would.
    func kill(_ number: Int) { self[number].process.kill() }

    /// Starts another in the place of one that was killed.
    func restart(_ number: Int) throws {
        let server = try Self.start(database, sandbox)
        servers.withLock { $0[number] = server }
    }

    func signal(_ number: Int, _ signal: Int32) { self[number].process.child.signal(signal) }

    func stop() {
        for server in servers.withLock(\.self) { server.process.stop() }
        sandbox.process.stop()
    }

    // MARK: Clients

    /// Milliseconds after which a client goes to another server.
    static let patience: Int64 = 3000

    /// Sends a call to one server, whose answer comes on the channel.
    func send(_ method: String, _ params: JSONValue, to server: Server) throws -> LineChannel {
        let channel = LineChannel(socket: try server.tcp.connect())
        let call: JSONValue = ["jsonrpc": "2.0", "id": 1, "method": .string(method), "params": params]
        try channel.send(call.bytes)
        return channel
    }

    /// One answer of one server; nil where there is none.
    func ask(
        _ method: String, _ params: JSONValue, of server: Server, patience: Int64 = Fleet.patience
    ) -> JSONValue? {
        let line = try? send(method, params, to: server).receive(timeoutMilliseconds: patience)
        return line.flatMap { try? JSONValue(parsing: $0) }
    }

    /// Calls until there is an answer that stays, and answers it: the result, or the reason of the refusal.
    func call(_ method: String, _ params: JSONValue) throws -> JSONValue {
        let deadline = EventLoop.monotonicMilliseconds() + 60_000
        var last: JSONValue?
        while EventLoop.monotonicMilliseconds() < deadline {
            last = ask(method, params, of: any)
            if let result = last?["result"] { return result }
            if let reason = last?["error"]?["data"]?["reason"], last?["error"]?["data"]?["retryable"] == false {
                return reason
            }
            usleep(20_000)
        }
        throw SystemError(call: "no server answers \(method): \(last?.text ?? "silence")", code: ETIMEDOUT)
    }

    /// Delivers an event as Stripe does, again and again until a server has answered 200.
    func deliver(_ payload: [UInt8], by web: Web) throws {
        let deadline = EventLoop.monotonicMilliseconds() + 60_000
        while EventLoop.monotonicMilliseconds() < deadline {
            let signature = Web.signature(payload, secret: DuesProcess.webhookSecret, at: Int64(time(nil)))
            let answer = try? web.deliver(
                payload, to: any.http, signature: signature, timeoutMilliseconds: Self.patience)
            if answer?.status == 200 { return }
            usleep(20_000)
        }
        throw SystemError(call: "no server takes an event", code: ETIMEDOUT)
    }

    /// Watches until `isEnough` says so, at one server after the other; answers the ids of the events in the order in which they
    /// came, each with its customer.
    func watch(
        startingAt number: Int, until isEnough: @Sendable (Int) -> Bool
    ) throws -> [(seq: Int64, id: String, customer: String)] {
        var seen: [(seq: Int64, id: String, customer: String)] = []
        var number = number
        let deadline = EventLoop.monotonicMilliseconds() + 90_000
        while !isEnough(seen.count), EventLoop.monotonicMilliseconds() < deadline {
            defer { number += 1 }
            let cursor: JSONValue = ["after": .integer(seen.last?.seq ?? 0)]
            guard let channel = try? send("WatchEvents", cursor, to: self[number]) else {
                usleep(20_000)
                continue
            }
            while !isEnough(seen.count), let line = try? channel.receive(timeoutMilliseconds: 1500) {
                let message = try JSONValue(parsing: line)
                guard let value = message["params"]?["value"] else {
                    // Only a server whose database is away may end a stream.
                    #expect(message["error"]?["data"]?["retryable"] == true, "\(message.text)")
                    break
                }
                seen.append(
                    (
                        try #require(value["seq"]?.integerValue), value["id"]?.stringValue ?? "",
                        value["customerId"]?.stringValue ?? ""
                    ))
            }
        }
        return seen
    }
}
