import Contract
import EventLoop
import Glibc
import JSON
import RPC
import TestSupport
import Testing

/// Calls that come twice, at once, or at the wrong moment, on the real binary.
@Suite struct RobustnessTests {
    @Test func `a refused call with an idempotency key is refused again, not carried out`() async throws {
        try await offPool {
            let server = try DuesProcess()
            let story = Story(try server.client(), sandbox: server.sandbox)
            try story.listPlans()
            try story.signUp()
            try story.subscribe()
            let again: JSONValue = [
                "customerId": .string(story.customer), "lookupKey": "basic", "_meta": ["idempotencyKey": "again"],
            ]
            for _ in 0..<3 {
                let error = #expect(throws: RPCError.self) { try story.client.call("CreateSubscription", again) }
                #expect(error?.reason == "DUPLICATE_SUBSCRIPTION")
            }
            try story.pay()
            try story.enter()
            let preview = try story.client.call(
                "PreviewChange", ["subscriptionId": .string(story.subscription), "lookupKey": "premium"])
            _ = try story.client.call("UpdatePlan", ["subscriptionId": .string(story.subscription), "quantity": 2])
            for _ in 0..<3 {
                let error = #expect(throws: RPCError.self) {
                    try story.client.call(
                        "UpdatePlan", ["quote": preview["quote"] ?? .null, "_meta": ["idempotencyKey": "by the quote"]])
                }
                #expect(error?.reason == "QUOTE_CHANGED")
            }
            server.stop()
        }
    }

    @Test func `of many subscriptions asked for at once a customer gets one`() async throws {
        try await offPool {
            let server = try DuesProcess()
            let story = Story(try server.client(), sandbox: server.sandbox)
            try story.listPlans()
            try story.signUp()
            let channel = LineChannel(socket: try server.tcp.connect())
            for id in 1...12 {
                let call: JSONValue = [
                    "jsonrpc": "2.0", "id": .integer(Int64(id)), "method": "CreateSubscription",
                    "params": ["customerId": .string(story.customer), "lookupKey": "basic"],
                ]
                try channel.send(call.bytes)
            }
            let answers = try (1...12).map { _ in
                try JSONValue(parsing: try #require(try channel.receive(timeoutMilliseconds: 20_000)))
            }
            #expect(answers.count { $0["result"] != nil } == 1)
            #expect(answers.count { $0["error"]?["data"]?["reason"] == "DUPLICATE_SUBSCRIPTION" } == 11)
            server.stop()
        }
    }

    @Test func `the same call with one idempotency key at once has one effect and one answer`() async throws {
        try await offPool {
            let server = try DuesProcess()
            let channel = LineChannel(socket: try server.tcp.connect())
            let atOnce = { (method: String, params: JSONValue) in
                for id in 1...8 {
                    let call: JSONValue = [
                        "jsonrpc": "2.0", "id": .integer(Int64(id)), "method": .string(method), "params": params,
                    ]
                    try channel.send(call.bytes)
                }
                let answers = try (1...8).map { _ in
                    try JSONValue(parsing: try #require(try channel.receive(timeoutMilliseconds: 20_000)))
                }
                let first = try #require(answers[0]["result"], "\(answers[0].text)")
                #expect(answers.allSatisfy { $0["result"] == first }, "\(answers.map(\.text))")
                return first
            }
            let customer = try atOnce(
                "CreateCustomer", ["email": "ada@example.com", "_meta": ["idempotencyKey": "a customer at once"]])
            _ = try atOnce(
                "CreateSubscription",
                [
                    "customerId": customer["customerId"] ?? .null, "lookupKey": "basic",
                    "_meta": ["idempotencyKey": "a subscription at once"],
                ])
            let api = SandboxAPI(server.sandbox)
            for list in ["/v1/customers", "/v1/subscriptions?status=all"] {
                #expect(try api.get(list)["data"]?.arrayValue?.count == 1, "\(list)")
            }
            server.stop()
        }
    }

    /// Killed somewhere between the intent, Stripe's effect, and the record of it.
    @Test func `a subscription that kill -9 cuts off is finished by the next call with its key, once`() async throws {
        try await offPool {
            let stripe = try ChildProcess([DuesProcess.binary, "sandbox", "--http", "127.0.0.1:0"])
            let keys = try JSONValue(parsing: try #require(try stripe.channel.receive(timeoutMilliseconds: 10_000)))
            let base = try #require(keys["sandbox"]?.stringValue)
            let flags = ["--stripe-base", base, "--db", "sqlite:\(try Scratch.directory())/dues.db"]
            let environment = [
                "STRIPE_SECRET_KEY": try #require(keys["secretKey"]?.stringValue), "STRIPE_WEBHOOK_SECRET": "whsec_unused",
            ]
            for round in 0..<8 {
                let first = try DuesProcess(flags, environment: environment)
                let customer = try first.client().call("CreateCustomer", [:])["customerId"] ?? .null
                let params: JSONValue = [
                    "customerId": customer, "lookupKey": "basic", "_meta": ["idempotencyKey": .string("round \(round)")],
                ]
                let call: JSONValue = ["jsonrpc": "2.0", "id": 1, "method": "CreateSubscription", "params": params]
                let channel = LineChannel(socket: try first.tcp.connect())
                try channel.send(call.bytes)
                usleep(useconds_t(round * 5000))
                first.kill()
                let second = try DuesProcess(flags, environment: environment)
                let created = try second.client().call("CreateSubscription", params)
                #expect(try second.client().call("CreateSubscription", params) == created)
                let all = try SandboxAPI(base).get("/v1/subscriptions?status=all&customer=\(customer.stringValue ?? "")")
                #expect(all["data"]?.arrayValue?.count == 1, "killed after \(round * 5) ms")
                #expect(all["data"]?[0]?["id"] == created["subscriptionId"])
                second.kill()
            }
            stripe.signal(SIGTERM)
            #expect(stripe.wait(timeoutMilliseconds: 10_000) == 0)
        }
    }

    @Test func `a browser's request to the port is refused, and nothing in it is carried out`() async throws {
        try await offPool {
            let server = try DuesProcess()
            let channel = LineChannel(socket: try server.tcp.connect())
            let call = #"{"jsonrpc":"2.0","id":1,"method":"CreateCustomer","params":{"email":"eve@example.com"}}"#
            try channel.sendRaw(
                Array("POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: text/plain\r\n\r\n\(call)\n".utf8))
            let answer = try JSONValue(parsing: try #require(try channel.receive(timeoutMilliseconds: 10_000)))
            #expect(answer["error"]?["code"] == -32700)
            #expect(try channel.receive(timeoutMilliseconds: 10_000) == nil, "the connection is closed")
            server.stop()
        }
    }

    @Test func `with Stripe gone calls fail as UNAVAILABLE, writes without a key not to be repeated blindly`() async throws
    {
        try await offPool {
            let directory = try Scratch.directory()
            let server = try DuesProcess(
                ["--stripe-base", "http://127.0.0.1:1", "--db", "sqlite:\(directory)/dues.db"],
                environment: ["STRIPE_SECRET_KEY": "sk_test_gone", "STRIPE_WEBHOOK_SECRET": "whsec_x"])
            let client = try server.client()
            let error = #expect(throws: RPCError.self) { try client.call("CreateCustomer", [:]) }
            #expect(error?.reason == "STRIPE_UNAVAILABLE" && error?.status == .unavailable)
            #expect(error?.retryable == true, "nothing was sent: nobody listened")
            #expect(try client.call("rpc.health")["status"] == "NOT_SERVING")
            #expect(try client.call("CheckAccess", ["customerId": "cus_1", "productId": "prod_1"])["allowed"] == false)
            server.stop()
        }
    }

    @Test func `a deadline is kept, and a write that may have happened is not called retryable`() async throws {
        try await offPool {
            // Nothing is ever accepted from this socket's backlog: a Stripe that hangs.
            let loop = try EventLoop()
            let hanging = try Listener(SocketAddress(host: "127.0.0.1", port: 0), on: loop) { _ in }
            let directory = try Scratch.directory()
            let server = try DuesProcess(
                ["--stripe-base", "http://\(hanging.address)", "--db", "sqlite:\(directory)/dues.db"],
                environment: ["STRIPE_SECRET_KEY": "sk_test_hangs", "STRIPE_WEBHOOK_SECRET": "whsec_x"])
            let client = try server.client()
            for (params, retryable) in [
                (["_meta": ["timeoutMs": 150]] as JSONValue, false),
                (["_meta": ["timeoutMs": 150, "idempotencyKey": "k"]], true),
            ] {
                let error = #expect(throws: RPCError.self) { try client.call("CreateCustomer", params) }
                #expect(error?.status == .deadlineExceeded && error?.reason == "WAITING_FOR_STRIPE")
                #expect(error?.retryable == retryable)
            }
            #expect(try client.call("rpc.health")["status"] == "SERVING", "a short deadline says nothing about Stripe")
            server.stop()
            hanging.close()
        }
    }

    @Test func `a host that never reads standard error is served all the same`() async throws {
        try await offPool {
            let words = "exec \(DuesProcess.binary) stdio --sandbox --log debug"
            // The pipe's reader sleeps; when this test has ended it goes with the shell.
            let child = try ChildProcess(["/bin/bash", "-c", "\(words) 2> >(exec sleep 8 >/dev/null 2>&1)"])
            let call = Array(#"{"jsonrpc":"2.0","id":1,"method":"NoSuchMethodOfThisLength"}"#.utf8)
            for _ in 0..<3000 {
                try child.channel.send(call)
                #expect(try child.channel.receive(timeoutMilliseconds: 10_000) != nil)
            }
            child.channel.finishSending()
            #expect(child.wait(timeoutMilliseconds: 10_000) == 0)
        }
    }

    @Test func `no secret is in the log`() async throws {
        try await offPool {
            let directory = try Scratch.directory()
            let server = try ChildProcess([
                "/bin/sh", "-c",
                "exec \(DuesProcess.binary) serve --sandbox --log debug --tcp 127.0.0.1:0 --http 127.0.0.1:0 --sandbox-http 127.0.0.1:0"
                    + " 2>\(directory)/log",
            ])
            let handshake = try JSONValue(parsing: try #require(try server.channel.receive(timeoutMilliseconds: 10_000)))
            let tcp = try #require(handshake["tcp"]?.stringValue.flatMap(SocketAddress.init))
            let story = Story(try RPCClient(tcp), sandbox: try #require(handshake["sandbox"]?.stringValue))
            for step in Story.steps { try step.play(story) }
            _ = try? story.client.call(
                "Cancel", ["subscriptionId": "x\r\n2026 error forged", "_meta": ["authorization": "Bearer t0ken"]])
            server.signal(SIGTERM)
            #expect(server.wait(timeoutMilliseconds: 15_000) == 0)
            let log = try Scratch.text(of: "\(directory)/log")
            #expect(log.contains("method=CreateSubscription status=OK"))
            for secret in ["_secret_", "sk_test", "whsec_", "t0ken", "ada@example.com", "dq1."] {
                #expect(!log.contains(secret), "\(secret)")
            }
            #expect(log.split(separator: "\n").allSatisfy { $0.hasPrefix("20") && !$0.contains("error forged") })
        }
    }
}
