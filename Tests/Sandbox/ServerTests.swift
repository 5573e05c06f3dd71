import Crypto
import EventLoop
import Glibc
import HTTP
import JSON
import Synchronization
import Testing

@testable import Sandbox

/// The sandbox over sockets: requests in, signed events out, and the same again after it ended.
@Suite struct Server {
    /// An endpoint that fails the first requests and keeps the others.
    private final class Receiver: Sendable {
        struct Received: Sendable {
            let signature: String
            let body: [UInt8]
        }

        let state = Mutex<(failures: Int, received: [Received])>((0, []))

        init(failures: Int) { state.withLock { $0.failures = failures } }

        func take(_ request: HTTPRequest) -> Int {
            state.withLock { state in
                if state.failures > 0 {
                    state.failures -= 1
                    return 500
                }
                state.received.append(
                    Received(signature: request.headers["Stripe-Signature"] ?? "", body: request.body))
                return 200
            }
        }

        /// Waits until `count` events have come, at most ten seconds.
        func wait(for count: Int) async throws -> [Received] {
            for _ in 0..<1000 {
                let received = state.withLock { $0.received }
                if received.count >= count { return received }
                try await Task.sleep(for: .milliseconds(10))
            }
            return state.withLock { $0.received }
        }
    }

    private static func listen(_ receiver: Receiver) throws -> (EventLoopThread, SocketAddress) {
        try EventLoopThread.start { loop throws(SystemError) in
            let server = HTTPServer(loop: loop) { request, responder in
                responder.respond(HTTPResponse(status: receiver.take(request)))
            }
            return try server.listen(SocketAddress(host: "127.0.0.1", port: 0))
        }
    }

    private struct Started: Sendable {
        let address: SocketAddress
        let key: String
        let webhookSecret: String
    }

    private static func start(_ configuration: SandboxConfiguration) throws -> (EventLoopThread, Started) {
        try EventLoopThread.start { loop throws(SystemError) in
            let server = try SandboxServer(loop: loop, configuration: configuration)
            let address = try server.listen(SocketAddress(host: "127.0.0.1", port: 0))
            return Started(address: address, key: server.secretKey, webhookSecret: server.webhookSecret)
        }
    }

    private func call(
        _ client: HTTPClient, _ started: Started, _ method: String, _ path: String, _ form: String = ""
    ) async throws -> JSONValue {
        let request = HTTPRequest(
            method: method, target: "http://\(started.address)\(path)",
            headers: ["Authorization": "Bearer \(started.key)"], body: Array(form.utf8))
        let response = try await client.send(request, timeoutMilliseconds: 10_000)
        return try JSONValue(parsing: response.body)
    }

    @Test func `what was answered and what was not delivered outlive the process`() async throws {
        let path = "/tmp/dues-sandbox-test-\(getpid())-\(UInt64.random(in: 0...UInt64.max))"
        defer { unlink(path) }
        let receiver = Receiver(failures: 2)
        let (endpoint, address) = try Self.listen(receiver)
        defer { endpoint.stop() }
        let client = HTTPClient()
        defer { client.shutdown() }
        var configuration = SandboxConfiguration()
        configuration.stateFile = path
        configuration.strictKeys = true
        configuration.webhookURL = "http://\(address)/hook"

        let (first, started) = try Self.start(configuration)
        let customer = try await call(client, started, "POST", "/v1/customers", "name=Jenny")
        let id = try #require(customer["id"]?.stringValue)
        let received = try await receiver.wait(for: 1)
        #expect(received.count == 1, "it came after two failures")
        let event = try JSONValue(parsing: received[0].body)
        #expect(event.at("data.object.id") == .string(id))
        let time = try #require(Int64(received[0].signature.dropFirst(2).prefix { $0 != "," }))
        #expect(
            received[0].signature
                == WebhookRequest.signature(secret: started.webhookSecret, body: received[0].body, time: time))

        receiver.state.withLock { $0.failures = .max }
        let second = try await call(client, started, "POST", "/v1/customers", "name=Mary")
        first.stop()
        receiver.state.withLock { $0.failures = 0 }

        configuration.seed &+= 1
        let (again, restarted) = try Self.start(configuration)
        defer { again.stop() }
        #expect(restarted.key == started.key, "the keys are the file's")
        #expect(try await call(client, restarted, "GET", "/v1/customers/\(id)") == customer)
        let all = try await receiver.wait(for: 2)
        let last = try JSONValue(parsing: try #require(all.last).body)
        #expect(last.at("data.object.id") == second["id"])
    }

    @Test func `deliveries follow the orders of the owner`() async throws {
        let receiver = Receiver(failures: 0)
        let (endpoint, address) = try Self.listen(receiver)
        defer { endpoint.stop() }
        let client = HTTPClient()
        defer { client.shutdown() }
        var configuration = SandboxConfiguration()
        configuration.webhookURL = "http://\(address)/hook"
        let (thread, started) = try Self.start(configuration)
        defer { thread.stop() }
        _ = try await call(client, started, "POST", "/v1/customers", "name=Jenny")
        let first = try await receiver.wait(for: 1)
        let id = try #require(try JSONValue(parsing: first[0].body)["id"]?.stringValue)
        _ = try await call(client, started, "POST", "/sandbox/events/\(id)/deliver")
        #expect(
            try await receiver.wait(for: 2).map { try JSONValue(parsing: $0.body)["id"] } == [.string(id), .string(id)])

        receiver.state.withLock { $0.failures = 1000 }
        _ = try await call(client, started, "POST", "/v1/customers", "name=Mary")
        let snapshot = try await call(client, started, "POST", "/sandbox/snapshots")["id"]?.stringValue ?? ""
        receiver.state.withLock { $0.failures = 0 }
        _ = try await call(client, started, "POST", "/sandbox/clock/advance", "seconds=60")
        #expect(try await receiver.wait(for: 3).count == 3)
        _ = try await call(client, started, "POST", "/sandbox/snapshots/\(snapshot)/restore")
        let all = try await receiver.wait(for: 4)
        #expect(all.count == 4 && all[2].body == all[3].body, "what waited at the snapshot comes again, nothing else")
        let events = try await call(client, started, "GET", "/v1/events")
        #expect(events["data"]?.arrayValue?.count == 2)
    }

    @Test func `a seed and a clock that stands give every answer again`() async throws {
        var configuration = SandboxConfiguration()
        configuration.seed = 42
        configuration.standsAt = 1_767_225_600
        let client = HTTPClient()
        defer { client.shutdown() }
        var answers: [[JSONValue]] = []
        for _ in 0..<2 {
            let (thread, started) = try Self.start(configuration)
            var told: [JSONValue] = []
            for (path, form) in [
                ("/v1/customers", "name=Jenny"), ("/sandbox/clock/advance", "by=month"), ("/v1/customers", "name=Mary"),
                ("/sandbox/reset", ""), ("/v1/customers", "name=Jenny"),
            ] {
                told.append(try await call(client, started, "POST", path, form))
                try await Task.sleep(for: .milliseconds(300))
            }
            thread.stop()
            answers.append(told)
        }
        #expect(answers[0] == answers[1])
        #expect(answers[0][0]["created"] == 1_767_225_600)
        #expect(answers[0][1]["now"] == 1_769_904_000)
        #expect(answers[0][0] == answers[0][4], "a reset begins anew")
    }

    @Test func `a delivery that is held back waits for the sandbox's clock, and a dropped one never comes`() async throws {
        let receiver = Receiver(failures: 0)
        let (endpoint, address) = try Self.listen(receiver)
        defer { endpoint.stop() }
        let client = HTTPClient()
        defer { client.shutdown() }
        var configuration = SandboxConfiguration()
        configuration.webhookURL = "http://\(address)/hook"
        let (thread, started) = try Self.start(configuration)
        defer { thread.stop() }
        _ = try await call(client, started, "POST", "/sandbox/faults", "rates[delays]=1&delay_seconds=3600")
        let late = try await call(client, started, "POST", "/v1/customers", "name=Late")
        _ = try await call(client, started, "POST", "/sandbox/faults", "rates[drops]=1")
        _ = try await call(client, started, "POST", "/v1/customers", "name=Dropped")
        _ = try await call(client, started, "POST", "/sandbox/faults", "rates[duplicates]=1")
        let twice = try await call(client, started, "POST", "/v1/customers", "name=Twice")
        #expect(try await receiver.wait(for: 2).count == 2)
        _ = try await call(client, started, "POST", "/sandbox/clock/advance", "seconds=3600")
        let names = try await receiver.wait(for: 3).map { try JSONValue(parsing: $0.body).at("data.object.id") }
        #expect(names == [twice["id"], twice["id"], late["id"]])
        let pending = try await call(client, started, "GET", "/v1/events", "")
        #expect(pending.at("data.1.pending_webhooks") == 1, "nobody has the dropped one")
    }

    @Test func `the front page says what this is, and browsers may ask`() async throws {
        let (thread, started) = try Self.start(SandboxConfiguration())
        defer { thread.stop() }
        let client = HTTPClient()
        defer { client.shutdown() }
        let page = HTTPRequest(method: "GET", target: "http://\(started.address)/")
        let answer = try await client.send(page, timeoutMilliseconds: 10_000)
        #expect(answer.status == 200)
        #expect(String(decoding: answer.body, as: UTF8.self).contains("sk_test_"))
        let preflight = HTTPRequest(method: "OPTIONS", target: "http://\(started.address)/v1/payment_intents/x/confirm")
        let allowed = try await client.send(preflight, timeoutMilliseconds: 10_000)
        #expect(allowed.headers["Access-Control-Allow-Origin"] == "*")
    }
}
