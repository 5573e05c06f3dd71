import Contract
import EventLoop
import Glibc
import HTTP
import JSON
import RPC
import TestSupport
import Testing

@Suite struct WebhookTests {
    private static let secret = DuesProcess.webhookSecret

    private static func event(_ id: String) -> [UInt8] {
        let event: JSONValue = [
            "id": .string(id), "object": "event", "type": "balance.available", "created": 1_700_000_000,
            "data": ["object": ["object": "balance", "available": []]],
        ]
        return Array(event.prettyText.utf8)
    }

    private static func server(_ directory: String) throws -> DuesProcess {
        try DuesProcess(
            ["--stripe-base", "http://127.0.0.1:1", "--db", "sqlite:\(directory)/dues.db"],
            environment: ["STRIPE_SECRET_KEY": "sk_test_webhooks", "STRIPE_WEBHOOK_SECRET": "whsec_older, \(secret)"])
    }

    @Test func `only what Stripe signed now is taken, once, and the rest leaves no trace`() async throws {
        try await offPool {
            let server = try Self.server(try Scratch.directory())
            let web = Web()
            let payload = Self.event("evt_1")
            let now = Int64(time(nil))
            let forged: [(String, String?)] = [
                ("wrong", Web.signature(payload, secret: "whsec_other", at: now)), ("missing", nil), ("empty", ""),
                ("garbled", "v1"), ("stale", Web.signature(payload, secret: Self.secret, at: now - 302)),
                ("future", Web.signature(payload, secret: Self.secret, at: now + 302)),
                ("of another payload", Web.signature(Self.event("evt_2"), secret: Self.secret, at: now)),
            ]
            for (name, signature) in forged {
                #expect(try web.deliver(payload, to: server.http, signature: signature).status == 400, "\(name)")
            }
            for (isDuplicate, secret) in [(false, Self.secret), (true, Self.secret), (true, "whsec_older")] {
                let signature = Web.signature(payload, secret: secret, at: now)
                let (status, answer) = try web.deliver(payload, to: server.http, signature: signature)
                #expect(status == 200)
                #expect(answer["duplicate"] == .bool(isDuplicate))
            }
            let text = Array("not an event".utf8)
            let signed = Web.signature(text, secret: Self.secret, at: now)
            #expect(try web.deliver(text, to: server.http, signature: signed).status == 400)
            #expect(try web.send(HTTPRequest(method: "GET", target: server.http + "/webhook")).status == 405)
            #expect(try web.send(HTTPRequest(method: "POST", target: server.http + "/other")).status == 404)
            server.stop()
        }
    }

    @Test func `health over HTTP is what rpc health says`() async throws {
        try await offPool {
            let server = try Self.server(try Scratch.directory())
            let web = Web()
            let answer = try web.send(HTTPRequest(method: "GET", target: server.http + "/healthz"))
            #expect(answer.status == 200)
            #expect(try JSONValue(parsing: answer.body)["status"] == "SERVING")
            #expect(try web.send(HTTPRequest(method: "HEAD", target: server.http + "/healthz")).status == 200)
            #expect(try web.send(HTTPRequest(method: "POST", target: server.http + "/healthz")).status == 405)
            // Nobody listens where Stripe is looked for.
            #expect(throws: RPCError.self) { try server.client().call("CreateCustomer", ["email": "ada@example.com"]) }
            let metrics = try web.send(HTTPRequest(method: "GET", target: server.http + "/metrics"))
            let page = String(decoding: metrics.body, as: UTF8.self)
            #expect(
                metrics.status == 200 && metrics.headers["Content-Type"]?.hasPrefix("text/plain; version=0.0.4") == true)
            for line in [
                "dues_serving 0.0", #"dues_check_serving{check="stripe"} 0.0"#, #"dues_check_serving{check="store"} 1.0"#,
                #"dues_stripe_requests_total{mode="write"} 3.0"#,
                #"dues_stripe_retries_total{reason="notConnected"} 2.0"#,
                #"dues_stripe_in_flight{mode="read"} 0.0"#, #"dues_stripe_breaker{state="closed"} 1.0"#,
                "# TYPE dues_stripe_requests_total counter",
            ] {
                #expect(page.split(separator: "\n").contains(line[...]), "\(line) is not in:\n\(page)")
            }
            #expect(try web.send(HTTPRequest(method: "POST", target: server.http + "/metrics")).status == 405)
            // Without a secret no webhook can be believed.
            let deaf = try DuesProcess(
                ["--db", "sqlite:\(try Scratch.directory())/dues.db"],
                environment: ["STRIPE_SECRET_KEY": "sk_test_deaf", "STRIPE_WEBHOOK_SECRET": ""])
            let sick = try web.send(HTTPRequest(method: "GET", target: deaf.http + "/healthz"))
            #expect(sick.status == 503)
            #expect(try JSONValue(parsing: sick.body)["checks"]?["webhooks"]?["status"] == "NOT_SERVING")
            deaf.stop()
            server.stop()
        }
    }

    @Test func `an event by RPC is the same event as by HTTP`() async throws {
        try await offPool {
            let server = try Self.server(try Scratch.directory())
            let payload = Self.event("evt_1")
            let signature = Web.signature(payload, secret: Self.secret, at: Int64(time(nil)))
            #expect(try Web().deliver(payload, to: server.http, signature: signature).status == 200)
            let params: JSONValue = [
                "payload": .string(String(decoding: payload, as: UTF8.self)), "signature": .string(signature),
            ]
            let answer = try server.client().call("IngestWebhook", params)
            #expect(answer["eventId"] == "evt_1")
            #expect(answer["duplicate"] == true)
            server.stop()
        }
    }

    @Test func `no event that was answered 200 is missing after kill -9`() async throws {
        try await offPool {
            let directory = try Scratch.directory()
            var answered: [Int] = []
            for round in 0..<5 {
                let server = try Self.server(directory)
                let killer = try Thread.start { [pid = server.child.pid] in
                    usleep(150_000 + useconds_t(round) * 37_000)
                    kill(pid, SIGKILL)
                }
                let web = Web()
                for number in (round * 1000)..<(round * 1000 + 1000) {
                    let payload = Self.event("evt_\(number)")
                    let signature = Web.signature(payload, secret: Self.secret, at: Int64(time(nil)))
                    guard let answer = try? web.deliver(payload, to: server.http, signature: signature) else { break }
                    if answer.status == 200 { answered.append(number) }
                }
                killer.join()
            }
            #expect(answered.count > 10, "some must have been answered, or nothing was tested")
            let server = try Self.server(directory)
            let web = Web()
            for number in answered {
                let payload = Self.event("evt_\(number)")
                let signature = Web.signature(payload, secret: Self.secret, at: Int64(time(nil)))
                let (status, answer) = try web.deliver(payload, to: server.http, signature: signature)
                #expect(status == 200 && answer["duplicate"] == true, "evt_\(number) was answered and is gone")
            }
            server.stop()
        }
    }
}
