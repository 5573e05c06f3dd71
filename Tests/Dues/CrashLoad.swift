import EventLoop
import Glibc
import JSON
import RPC
import Synchronization
import TestSupport
import Testing

/// Work for a server that is going to be killed, and what it has promised so far: events that it took in, and calls with keys
/// that it answered.
final class CrashLoad: Sendable {
    /// Guards against the threads of the load, which all write here.
    private let state = Mutex(State())

    private struct State {
        var number = 0
        var isOver = false
        var promised = Promises()
    }

    struct Promises {
        /// Events that were answered.
        var events: Set<String> = []
        /// The answers of calls, by their idempotency keys.
        var answers: [String: String] = [:]
        /// Calls that were sent and not answered: they may have had their effect, or not.
        var unanswered: Set<String> = []
    }

    var promises: Promises { state.withLock { $0.promised } }

    /// Sends as much as `server` takes until `stop`, over HTTP and over TCP at once; what fails is somebody else's worry.
    func run(at server: DuesProcess) throws -> [Thread] {
        state.withLock { $0.isOver = false }
        let http = server.http
        let tcp = server.tcp
        return try [
            Thread.start { try? self.deliver(to: http) }, Thread.start { try? self.deliver(to: http) },
            Thread.start { try? self.call(tcp, batch: 8) { self.event() } },
            Thread.start { try? self.call(tcp, batch: 4) { self.customer() } },
        ]
    }

    func stop(_ threads: [Thread]) {
        state.withLock { $0.isOver = true }
        for thread in threads { thread.join() }
    }

    private var isOver: Bool { state.withLock { $0.isOver } }

    private func next() -> Int {
        state.withLock { state in
            state.number += 1
            return state.number
        }
    }

    private static func signed(_ number: Int) -> (payload: [UInt8], signature: String) {
        let event: JSONValue = [
            "id": .string("evt_\(number)"), "object": "event", "type": "charge.succeeded", "created": 1_700_000_000,
            "data": ["object": ["id": .string("ch_\(number)"), "object": "charge", "customer": "cus_1"]],
        ]
        let signature = Web.signature(event.bytes, secret: DuesProcess.webhookSecret, at: Int64(time(nil)))
        return (event.bytes, signature)
    }

    private func deliver(to http: String) throws {
        let web = Web()
        while !isOver {
            let number = next()
            let (payload, signature) = Self.signed(number)
            guard try web.deliver(payload, to: http, signature: signature).status == 200 else { return }
            state.withLock { _ = $0.promised.events.insert("evt_\(number)") }
        }
    }

    private struct Call {
        let method: Method
        let params: JSONValue
        /// The event's id, or the idempotency key.
        let name: String

        enum Method: String { case ingest = "IngestWebhook", create = "CreateCustomer" }
    }

    private func event() -> Call {
        let number = next()
        let (payload, signature) = Self.signed(number)
        let text = JSONValue.string(String(decoding: payload, as: UTF8.self))
        return Call(
            method: .ingest, params: ["payload": text, "signature": .string(signature)], name: "evt_\(number)")
    }

    private func customer() -> Call {
        let key = "key \(next())"
        return Call(method: .create, params: Self.customerParams(key), name: key)
    }

    static func customerParams(_ key: String) -> JSONValue {
        ["metadata": ["key": .string(key)], "_meta": ["idempotencyKey": .string(key)]]
    }

    /// Sends some calls, reads their answers, and goes on.
    private func call(_ tcp: SocketAddress, batch: Int, _ make: () -> Call) throws {
        let channel = LineChannel(socket: try tcp.connect())
        while !isOver {
            let calls = (0..<batch).map { _ in make() }
            for (index, call) in calls.enumerated() {
                if call.method == .create { state.withLock { _ = $0.promised.unanswered.insert(call.name) } }
                let line: JSONValue = [
                    "jsonrpc": "2.0", "id": .integer(Int64(index)), "method": .string(call.method.rawValue),
                    "params": call.params,
                ]
                try channel.send(line.bytes)
            }
            for _ in calls {
                guard let line = try channel.receive(timeoutMilliseconds: 10_000) else { return }
                let answer = try JSONValue(parsing: line)
                guard let index = answer["id"]?.integerValue, let result = answer["result"] else { continue }
                note(calls[Int(index)], result)
            }
        }
    }

    private func note(_ call: Call, _ result: JSONValue) {
        switch call.method {
        case .ingest: state.withLock { _ = $0.promised.events.insert(call.name) }
        case .create: note(answer: result.text, of: call.name)
        }
    }

    func note(answer: String, of key: String) {
        state.withLock { state in
            state.promised.unanswered.remove(key)
            state.promised.answers[key] = answer
        }
    }
}
