import Contract
import EventLoop
import Glibc
import JSON
import RPC
import TestSupport
import Testing

/// What Stripe does, and what becomes of it on the wire: statuses, deadlines and cancellation, on the real binary.
@Suite struct UpstreamTests {
    struct Row: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let steps: [SocketServer.Step]
        let code: Int64
        let data: JSONValue

        /// `stripe` is what error.data.stripe is to hold; nil for none of it.
        init(
            _ name: String, _ steps: [SocketServer.Step], _ code: Int64, _ status: String, _ reason: String,
            retryable: Bool = false, retryAfter: Int64? = nil, violations: JSONValue? = nil, stripe: JSONValue? = nil
        ) {
            testDescription = name
            self.steps = steps
            self.code = code
            var data: JSONObject = [
                "status": .string(status), "reason": .string(reason), "retryable": .bool(retryable),
            ]
            data["retryAfterMs"] = retryAfter.map { .integer($0) }
            data["violations"] = violations
            data["stripe"] = stripe
            self.data = .object(data)
        }
    }

    /// An answer that Stripe does not want repeated, so that no row waits for retries.
    private static func refusal(_ status: Int, _ error: String, _ headers: String...) -> [SocketServer.Step] {
        let fields = ["Request-Id: req_1", "Stripe-Should-Retry: false"] + headers
        return [.reply(status, headers: fields, body: "{\"error\":{\(error)}}")]
    }

    /// PROTOCOL section 4, the second table, in its order.
    static let rows = [
        Row(
            "resource_missing, 404",
            refusal(
                404,
                #""type":"invalid_request_error","code":"resource_missing","message":"No such subscription: 'sub_1'","param":"id""#
            ),
            -32005, "NOT_FOUND", "NO_SUCH_SUBSCRIPTION",
            stripe: [
                "type": "invalid_request_error", "code": "resource_missing", "param": "id", "requestId": "req_1",
                "httpStatus": 404,
            ]),
        Row(
            "resource_missing, 400 on a parameter",
            refusal(400, #""code":"resource_missing","message":"No such price: 'price_1'","param":"items[0][price]""#),
            -32005, "NOT_FOUND", "NO_SUCH_PRICE",
            stripe: ["code": "resource_missing", "param": "items[0][price]", "requestId": "req_1", "httpStatus": 400]),
        Row(
            "a declined card",
            refusal(
                402,
                #""type":"card_error","code":"card_declined","decline_code":"insufficient_funds","message":"m","doc_url":"https://stripe.com/d""#
            ),
            -32009, "FAILED_PRECONDITION", "CARD_DECLINED",
            stripe: [
                "type": "card_error", "code": "card_declined", "declineCode": "insufficient_funds", "requestId": "req_1",
                "docUrl": "https://stripe.com/d", "httpStatus": 402,
            ]),
        Row(
            "a card that needs its holder",
            refusal(402, #""type":"card_error","code":"authentication_required","message":"m""#),
            -32009, "FAILED_PRECONDITION", "AUTHENTICATION_REQUIRED",
            stripe: ["type": "card_error", "code": "authentication_required", "requestId": "req_1", "httpStatus": 402]),
        Row(
            "an expired card", refusal(402, #""type":"card_error","code":"expired_card","message":"m""#), -32009,
            "FAILED_PRECONDITION", "CARD_EXPIRED",
            stripe: ["type": "card_error", "code": "expired_card", "requestId": "req_1", "httpStatus": 402]),
        Row(
            "another 400", refusal(400, #""type":"invalid_request_error","message":"Bad.","param":"customer""#), -32602,
            "INVALID_ARGUMENT", "STRIPE_REFUSED",
            violations: [["pointer": "/customerId", "rule": "stripe", "message": "Bad."]],
            stripe: ["type": "invalid_request_error", "param": "customer", "requestId": "req_1", "httpStatus": 400]),
        Row(
            "another 400, on a parameter of the server's own", refusal(400, #""message":"Bad.","param":"expand""#), -32602,
            "INVALID_ARGUMENT", "STRIPE_REFUSED", stripe: ["param": "expand", "requestId": "req_1", "httpStatus": 400]),
        Row(
            "an idempotency error", refusal(400, #""type":"idempotency_error","message":"m""#), -32006, "ALREADY_EXISTS",
            "IDEMPOTENCY_MISMATCH", stripe: ["type": "idempotency_error", "requestId": "req_1", "httpStatus": 400]),
        Row(
            "401", refusal(401, #""message":"Invalid API Key provided: sk_test_****""#), -32603, "INTERNAL",
            "STRIPE_KEY_REJECTED", stripe: ["requestId": "req_1", "httpStatus": 401]),
        Row(
            "401, a key that was revoked",
            refusal(401, #""code":"api_key_expired","message":"Expired API Key provided: sk_test_scripted""#), -32603,
            "INTERNAL", "STRIPE_KEY_REJECTED", stripe: ["code": "api_key_expired", "requestId": "req_1", "httpStatus": 401]),
        Row(
            "403", refusal(403, #""message":"The key may not do this""#), -32603, "INTERNAL", "STRIPE_KEY_REJECTED",
            stripe: ["requestId": "req_1", "httpStatus": 403]),
        Row(
            "409", refusal(409, #""message":"m""#), -32010, "ABORTED", "CONFLICT", retryable: true,
            stripe: ["requestId": "req_1", "httpStatus": 409]),
        Row(
            "409, the key in use", refusal(409, #""code":"idempotency_key_in_use","message":"m""#), -32010, "ABORTED",
            "CONFLICT", retryable: true,
            stripe: ["code": "idempotency_key_in_use", "requestId": "req_1", "httpStatus": 409]),
        Row(
            "a length that is too long", [.send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}"), .close], -32014,
            "UNAVAILABLE", "STRIPE_UNAVAILABLE", retryable: true),
        Row(
            "a length that is too short", [.send("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n{}")], -32014, "UNAVAILABLE",
            "STRIPE_GARBLED", retryable: true),
        Row(
            "a redirect", [.reply(307, headers: ["Location: https://api.stripe.com/"])], -32014, "UNAVAILABLE",
            "STRIPE_GARBLED", retryable: true),
        Row(
            "429", refusal(429, #""code":"rate_limit","message":"m""#, "Retry-After: 7"), -32008, "RESOURCE_EXHAUSTED",
            "RATE_LIMITED", retryable: true, retryAfter: 7000,
            stripe: ["code": "rate_limit", "requestId": "req_1", "httpStatus": 429]),
        Row(
            "429, without its time", refusal(429, #""message":"m""#), -32008, "RESOURCE_EXHAUSTED", "RATE_LIMITED",
            retryable: true, retryAfter: 1000, stripe: ["requestId": "req_1", "httpStatus": 429]),
        Row(
            "429 on a lock", refusal(429, #""code":"lock_timeout","message":"m""#), -32008, "RESOURCE_EXHAUSTED",
            "LOCK_TIMEOUT", retryable: true, retryAfter: 1000,
            stripe: ["code": "lock_timeout", "requestId": "req_1", "httpStatus": 429]),
        Row(
            "500", refusal(500, #""type":"api_error","message":"m""#), -32014, "UNAVAILABLE", "STRIPE_UNAVAILABLE",
            retryable: true, stripe: ["type": "api_error", "requestId": "req_1", "httpStatus": 500]),
        Row(
            "503 of something in between",
            [.reply(503, headers: ["Stripe-Should-Retry: false"], body: "<html>busy</html>")], -32014, "UNAVAILABLE",
            "STRIPE_UNAVAILABLE", retryable: true, stripe: ["httpStatus": 503]),
        Row("a garbled answer", [.reply(body: "<html>")], -32014, "UNAVAILABLE", "STRIPE_GARBLED", retryable: true),
        Row(
            "an answer that is cut off", [.send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"), .close], -32014,
            "UNAVAILABLE", "STRIPE_UNAVAILABLE", retryable: true),
        Row(
            "no HTTP at all", [.send("220 mail.example.com ESMTP\r\n"), .close], -32014, "UNAVAILABLE", "STRIPE_GARBLED",
            retryable: true),
        Row("a reset", [.reset], -32014, "UNAVAILABLE", "STRIPE_UNAVAILABLE", retryable: true),
    ]

    /// A call of which one row is the answer: the subscription's id is the row's number.
    private static func look(_ row: Int, _ metadata: String = "{}") -> String {
        #"{"jsonrpc":"2.0","id":\#(row),"method":"GetSubscription","params":{"subscriptionId":"sub_\#(row)","_meta":\#(metadata)}}"#
    }

    @Test func `every answer of Stripe's has its status, code, reason and details`() async throws {
        try await offPool {
            let server = try ScriptedServer { request in
                let number = request.requestLine.split(separator: "sub_").last?.prefix { $0.isNumber }
                return number.flatMap { Int($0) }.map { Self.rows[$0].steps } ?? [.close]
            }
            let channel = LineChannel(socket: try server.process.tcp.connect())
            for (number, row) in Self.rows.enumerated() {
                let answer = try channel.ask(Self.look(number))
                #expect(answer["id"] == .integer(Int64(number)))
                #expect(answer["error"]?["code"] == .integer(row.code), "\(row)")
                #expect(answer["error"]?["data"] == row.data, "\(row): \(answer.text)")
                #expect(answer["error"]?["message"]?.stringValue?.contains("sk_test") == false)
            }
            server.stop()
        }
    }

    @Test func `a rejected key makes health NOT_SERVING, until Stripe takes it again`() async throws {
        try await offPool {
            let server = try ScriptedServer { request in
                request.requestLine.contains("sub_401")
                    ? Self.refusal(401, #""message":"m""#) : Self.refusal(404, #""message":"m""#)
            }
            let channel = LineChannel(socket: try server.process.tcp.connect())
            let health = #"{"jsonrpc":"2.0","id":"h","method":"rpc.health"}"#
            #expect(try channel.ask(health)["result"]?["status"] == "SERVING")
            _ = try channel.ask(Self.look(401))
            let rejected = try channel.ask(health)["result"]
            #expect(rejected?["status"] == "NOT_SERVING")
            #expect(rejected?["checks"]?["stripe"]?["status"] == "NOT_SERVING")
            #expect(rejected?["checks"]?["stripe"]?["lastError"]?.stringValue?.contains("key") == true)
            #expect(rejected?["checks"]?["stripe"]?["ageMs"]?.integerValue != nil)
            #expect(rejected?["checks"]?["store"]?["status"] == "SERVING")
            _ = try channel.ask(Self.look(404))
            #expect(try channel.ask(health)["result"]?["status"] == "SERVING")
            server.stop()
        }
    }

    @Test func `a Stripe that fails every time is not asked for a while, and the caller is told for how long`() async throws
    {
        try await offPool {
            let server = try ScriptedServer { _ in [.reply(500, headers: ["Stripe-Should-Retry: false"], body: "{}")] }
            let channel = LineChannel(socket: try server.process.tcp.connect())
            for number in 1...8 { #expect(try channel.ask(Self.look(number))["error"]?["code"] == -32014) }
            #expect(server.stripe.received.count == 8)
            let began = EventLoop.monotonicMilliseconds()
            let data = try channel.ask(Self.look(9))["error"]?["data"]
            #expect(data?["status"] == "UNAVAILABLE" && data?["reason"] == "STRIPE_UNAVAILABLE")
            #expect(data?["retryable"] == true)
            #expect((1...5000).contains(data?["retryAfterMs"]?.integerValue ?? 0))
            #expect(EventLoop.monotonicMilliseconds() - began < 4000 && server.stripe.received.count == 8)
            #expect(try channel.ask(Calls.access(10))["result"] != nil, "what needs no Stripe goes on")
            server.stop()
        }
    }

    // MARK: The way to Stripe

    @Test func `requests name the service and the connected account, and go by the proxy`() async throws {
        try await offPool {
            // A proxy of HTTP is asked with the whole URL.
            let proxy = SocketServer { _ in [.reply(body: #"{"id":"cus_1","object":"customer","created":1}"#)] }
            let flags = ["--stripe-account", "acct_1", "--stripe-proxy", proxy.base]
            let server = try DuesProcess(
                ["--stripe-base", "http://stripe.test", "--db", "sqlite:\(try Scratch.directory())/dues.db"] + flags,
                environment: ["STRIPE_SECRET_KEY": "rk_test_restricted"])
            let channel = LineChannel(socket: try server.tcp.connect())
            let answer = try channel.ask(#"{"jsonrpc":"2.0","id":1,"method":"CreateCustomer","params":{}}"#)
            #expect(answer["result"]?["customerId"] == "cus_1", "\(answer.text)")
            let request = try #require(proxy.received.first { $0.requestLine.hasPrefix("POST") })
            #expect(request.requestLine.hasPrefix("POST http://stripe.test/v1/customers "))
            #expect(request.header("Stripe-Account") == "acct_1")
            #expect(request.header("Authorization") == "Bearer rk_test_restricted")
            #expect(request.header("User-Agent")?.hasPrefix("Dues/0.") == true)
            server.stop()
            proxy.stop()
        }
    }

    @Test func `flags that cannot be meant are refused`() async throws {
        try await offPool {
            for (flags, reason) in [
                (["--stripe-account", "1"], "acct_"), (["--stripe-proxy", "nowhere"], "--stripe-proxy must be"),
                (["--stripe-ca", "/nonexistent"], "cannot be read"),
            ] {
                let run = try CommandRun(["serve"] + flags, environment: ["STRIPE_SECRET_KEY": "sk_test_1"])
                #expect(run.status == 64 && run.errors.contains(reason), "\(flags): \(run.errors)")
            }
        }
    }

    @Test(.enabled(if: Certificates.canBeMade, "\(Certificates.whyNot)"))
    func `a Stripe that cannot be trusted is unavailable at once, and gets no key`() async throws {
        try await offPool {
            let certificates = try Certificates.shared.get()
            for name in ["house-server", "house-expired", "house-elsewhere", "stranger-server"] {
                let stripe = SocketServer(tls: try certificates.server(name)) { _ in
                    [.reply(body: #"{"id":"cus_1","object":"customer","created":1}"#)]
                }
                let server = try DuesProcess(
                    [
                        "--stripe-base", stripe.base, "--stripe-ca", certificates.authority(), "--db",
                        "sqlite:\(try Scratch.directory())/dues.db",
                    ], environment: ["STRIPE_SECRET_KEY": "sk_test_untrusting"])
                let channel = LineChannel(socket: try server.tcp.connect())
                let answer = try channel.ask(#"{"jsonrpc":"2.0","id":1,"method":"CreateCustomer","params":{}}"#)
                if name == "house-server" {
                    #expect(answer["result"]?["customerId"] == "cus_1", "\(answer.text)")
                } else {
                    let data = answer["error"]?["data"]
                    #expect(
                        data?["reason"] == "STRIPE_UNAVAILABLE" && data?["retryable"] == true, "\(name): \(answer.text)")
                    #expect(stripe.connections == 1 && stripe.received.isEmpty, "\(name)")
                }
                server.stop()
                stripe.stop()
            }
        }
    }

    // MARK: Deadlines

    /// What Stripe does while the deadline comes, and how the call ends.
    static let slow: [(name: String, steps: [SocketServer.Step], reasons: Set<String>)] = [
        ("says nothing", [.hang], ["WAITING_FOR_STRIPE"]),
        ("does not finish", [.send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"), .hang], ["WAITING_FOR_STRIPE"]),
        ("fails again and again", [.reply(500, body: "{}")], ["WAITING_FOR_STRIPE", "STRIPE_UNAVAILABLE"]),
        (
            "asks for patience", [.reply(429, headers: ["Retry-After: 5"], body: "{}")],
            ["WAITING_FOR_STRIPE", "RATE_LIMITED", "STRIPE_GARBLED"]
        ),
    ]

    @Test(arguments: slow.indices, [1, 40, 400])
    func `no attempt and no pause goes past the deadline`(index: Int, timeout: Int64) async throws {
        try await offPool {
            let (name, steps, reasons) = Self.slow[index]
            let server = try ScriptedServer { _ in steps }
            let channel = LineChannel(socket: try server.process.tcp.connect())
            let began = EventLoop.monotonicMilliseconds()
            let error = try channel.ask(Self.look(1, "{\"timeoutMs\":\(timeout)}"))["error"]
            let took = EventLoop.monotonicMilliseconds() - began
            #expect(took < timeout + 4000, "Stripe \(name): \(took) ms")
            let reason = try #require(error?["data"]?["reason"]?.stringValue)
            #expect(reasons.contains(reason), "Stripe \(name)")
            if reason == "WAITING_FOR_STRIPE" {
                #expect(took >= timeout - 1 && error?["code"] == -32004)
                #expect(error?["message"]?.stringValue?.contains("Stripe") == true)
            }
            let attempts = server.stripe.received.count
            if reasons == ["WAITING_FOR_STRIPE"], attempts > 0 {
                #expect(server.clientsLeave(1), "the request is abandoned")
            }
            usleep(300_000)
            #expect(server.stripe.received.count == attempts, "nothing is tried any more")
            server.stop()
        }
    }

    @Test func `a deadline that passes while another call changes the customer says so`() async throws {
        try await offPool {
            let server = try ScriptedServer { _ in [.hang] }
            let channel = LineChannel(socket: try server.process.tcp.connect())
            let cancel = { (id: Int, timeout: Int) in
                #"{"jsonrpc":"2.0","id":\#(id),"method":"Cancel","params":{"subscriptionId":"sub_1","_meta":{"timeoutMs":\#(timeout)}}}"#
            }
            try channel.send(cancel(1, 1500))
            #expect(eventually { server.stripe.received.count == 1 })
            let second = try channel.ask(cancel(2, 50))
            #expect(second["id"] == 2 && second["error"]?["code"] == -32004)
            #expect(second["error"]?["data"]?["reason"] == "WAITING_FOR_TURN")
            #expect(second["error"]?["data"]?["retryable"] == true, "nothing was sent to Stripe")
            let first = try channel.answer()
            #expect(first["id"] == 1 && first["error"]?["data"]?["reason"] == "WAITING_FOR_STRIPE")
            #expect(server.stripe.received.count == 1)
            server.stop()
        }
    }

    // MARK: Cancellation

    @Test(arguments: slow.indices)
    func `a call that is taken back stops its request to Stripe, and has one answer`(index: Int) async throws {
        try await offPool {
            let (name, steps, _) = Self.slow[index]
            let server = try ScriptedServer { _ in steps }
            let channel = LineChannel(socket: try server.process.tcp.connect())
            try channel.send(Self.look(1))
            #expect(eventually { !server.stripe.received.isEmpty })
            let began = EventLoop.monotonicMilliseconds()
            let cancel = #"{"jsonrpc":"2.0","method":"rpc.cancel","params":{"id":1}}"#
            let answer = try channel.ask(cancel)
            #expect(answer["id"] == 1 && answer["error"]?["code"] == -32001, "Stripe \(name): \(answer.text)")
            #expect(answer["error"]?["data"]?["reason"] == "CALLER_CANCELLED")
            #expect(EventLoop.monotonicMilliseconds() - began < 4000)
            if case .hang? = steps.last { #expect(server.clientsLeave(1), "the socket is closed") }
            let attempts = server.stripe.received.count
            try channel.send(cancel)
            usleep(300_000)
            #expect(server.stripe.received.count == attempts, "nothing is tried any more")
            #expect(try channel.ask(#"{"jsonrpc":"2.0","id":2,"method":"rpc.health"}"#)["id"] == 2, "one answer, no other")
            server.stop()
        }
    }

    @Test func `a client that goes away does not take its change along`() async throws {
        try await offPool {
            let server = try ScriptedServer { _ in
                [.pause(milliseconds: 300), .reply(body: #"{"id":"cus_1","object":"customer","created":1}"#)]
            }
            let params = #""params":{"_meta":{"idempotencyKey":"once"}}"#
            let call = #"{"jsonrpc":"2.0","id":1,"method":"CreateCustomer",\#(params)}"#
            do {
                let channel = LineChannel(socket: try server.process.tcp.connect())
                try channel.send(call)
                #expect(eventually { server.stripe.received.count == 1 })
            }
            let channel = LineChannel(socket: try server.process.tcp.connect())
            #expect(
                try eventually { try channel.ask(call)["result"]?["customerId"] == "cus_1" }, "the answer was kept")
            let changes = server.stripe.received.filter { $0.requestLine.hasPrefix("POST") }
            #expect(Set(changes.map { $0.header("Idempotency-Key") }).count == 1, "Stripe does it once")
            server.stop()
        }
    }
}
