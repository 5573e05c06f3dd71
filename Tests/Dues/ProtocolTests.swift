import Contract
import EventLoop
import Glibc
import JSON
import RPC
import TestSupport
import Testing

/// PROTOCOL sections 3 and 5 on the real binary: what a call may say of itself, and the methods of the protocol's own.
@Suite struct ProtocolTests {
    // MARK: Metadata

    /// A look-up whose `_meta` is `metadata`.
    private static func look(_ metadata: String) -> String {
        #"{"jsonrpc":"2.0","id":1,"method":"CheckAccess","params":{"customerId":"cus_1","productId":"prod_1","_meta":\#(metadata)}}"#
    }

    private static let longKey = String(repeating: "k", count: 256)

    /// `_meta`, and its violations as `pointer rule`; none where it is right.
    static let metadata: [(text: String, violations: [String])] = [
        ("{}", []), (#"{"timeoutMs":1}"#, []), (#"{"timeoutMs":600000}"#, []),
        (#"{"timeoutMs":0}"#, ["/_meta/timeoutMs minimum"]), (#"{"timeoutMs":-1}"#, ["/_meta/timeoutMs minimum"]),
        (#"{"timeoutMs":600001}"#, ["/_meta/timeoutMs maximum"]),
        (#"{"timeoutMs":9223372036854775807}"#, ["/_meta/timeoutMs maximum"]),
        (#"{"timeoutMs":9223372036854775808}"#, ["/_meta/timeoutMs type"]),
        (#"{"timeoutMs":1.5}"#, ["/_meta/timeoutMs type"]), (#"{"timeoutMs":"1"}"#, ["/_meta/timeoutMs type"]),
        (#"{"timeoutMs":null}"#, ["/_meta/timeoutMs type"]),
        (#"{"idempotencyKey":"k"}"#, []), (#"{"idempotencyKey":""}"#, ["/_meta/idempotencyKey minLength"]),
        (#"{"idempotencyKey":"\#(longKey)"}"#, ["/_meta/idempotencyKey maxLength"]),
        (#"{"idempotencyKey":"ключ"}"#, ["/_meta/idempotencyKey pattern"]),
        (#"{"idempotencyKey":"a\nb"}"#, ["/_meta/idempotencyKey pattern"]),
        (#"{"authorization":"Bearer t0ken"}"#, []), (#"{"authorization":"t0ken"}"#, ["/_meta/authorization pattern"]),
        (#"{"traceparent":"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}"#, []),
        (#"{"traceparent":"00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01"}"#, ["/_meta/traceparent pattern"]),
        (#"{"traceparent":""}"#, ["/_meta/traceparent pattern"]),
        (#"{"verbose":false}"#, []), (#"{"verbose":"yes"}"#, ["/_meta/verbose type"]),
        (#"{"timeout":5}"#, ["/_meta/timeout additionalProperties"]), ("[]", ["/_meta type"]), ("null", ["/_meta type"]),
        (
            #"{"timeoutMs":0,"idempotencyKey":7,"other":1,"verbose":1}"#,
            [
                "/_meta/timeoutMs minimum", "/_meta/idempotencyKey type", "/_meta/other additionalProperties",
                "/_meta/verbose type",
            ]
        ),
    ]

    @Test func `metadata is validated like params, and says nothing unless it is asked to`() async throws {
        try await offPool {
            let server = try DuesProcess()
            let channel = LineChannel(socket: try server.tcp.connect())
            for (text, violations) in Self.metadata {
                let answer = try channel.ask(Self.look(text))
                let found = (answer["error"]?["data"]?["violations"]?.arrayValue ?? []).map { violation in
                    "\(violation["pointer"]?.stringValue ?? "") \(violation["rule"]?.stringValue ?? "")"
                }
                #expect(found == violations, "\(text): \(answer.text)")
                #expect((answer["error"]?["code"] ?? -32602) == -32602)
                #expect((answer["result"] != nil) == violations.isEmpty)
                #expect(answer["result"]?["_meta"] == nil)
            }
            let verbose = try channel.ask(Self.look(#"{"verbose":true}"#))["result"]?["_meta"]
            #expect(verbose?["attempts"] == 0 && verbose?["replayed"] == false && verbose?["stripeRequestIds"] == [])
            server.stop()
        }
    }

    /// What was asked in the same words before may be answered without reading them again: the rest of the line is read all the
    /// same. A line, and its answer in short.
    static let sameWords: [(line: String, code: Int64?)] = [
        (#"{"jsonrpc":"2.0","id":9,"method":"CheckAccess","params":P}"#, nil),
        (#"{"jsonrpc":"2.0","id":09,"method":"CheckAccess","params":P}"#, -32700),
        (#"{"jsonrpc":"2.0","id":,"method":"CheckAccess","params":P}"#, -32700),
        (#"{"jsonrpc":"2.0","id":9.0,"method":"CheckAccess","params":P}"#, -32600),
        (#"{"jsonrpc":"2.0","id":9,"method":"CheckAccess","params":P"#, -32700),
        (#"{"jsonrpc":"2.0","id":9,"method":"CheckAccess","params":P}}"#, -32700),
        (#"{"jsonrpc":"2.0","id":9,"method":"CheckAccess","params":P} }"#, -32700),
        (#"{"jsonrpc":"2.0","id":9,"method":"CheckAccess","params":P,"id":9}"#, -32700),
        (#"{"jsonrpc":"2.0","id":9,"method":"CheckAccess","params":P,"params":P}"#, -32700),
        (#"{"jsonrpc":"2.0","id":9,"method":"checkAccess","params":P}"#, -32601),
        (#"{"jsonrpc":"2.0","id":9,"method":"rpc.hello","params":P}"#, -32602),
        (#"{"jsonrpc":"2.0","id":9,"method":"GetSubscription","params":P}"#, -32602),
        (#"{"jsonrpc":"2.1","id":9,"method":"CheckAccess","params":P}"#, -32600),
        (#"{"jsonrpc":"2.0","id":9,"method":"CheckAccess","params":[P]}"#, -32602),
    ]

    @Test func `a call in the words of an earlier one is read as strictly`() async throws {
        try await offPool {
            let server = try DuesProcess()
            let channel = LineChannel(socket: try server.tcp.connect())
            for (line, code) in Self.sameWords {
                let expected = try channel.ask(Calls.access(9))
                for _ in 0..<20 { #expect(try channel.ask(Calls.access(9)) == expected) }
                let answer = try channel.ask(
                    line.replacing("P", with: #"{"customerId":"cus_1","productId":"prod_1"}"#))
                #expect(answer["error"]?["code"]?.integerValue == code, "\(line)")
                if code == nil { #expect(answer == expected) }
            }
            server.stop()
        }
    }

    @Test func `every violation of a message is listed, with its place`() async throws {
        try await offPool {
            let server = try DuesProcess()
            let params =
                #"{"customerId":7,"items":[{"quantity":1.0},{"quantity":-1,"priceId":""}],"metadata":{"a/b~c":1},"other":2}"#
            let answer = try LineChannel(socket: try server.tcp.connect()).ask(
                #"{"jsonrpc":"2.0","id":1,"method":"CreateSubscription","params":\#(params)}"#)
            let violations = try #require(answer["error"]?["data"]?["violations"]?.arrayValue)
            let pointers = violations.compactMap { $0["pointer"]?.stringValue }
            for pointer in [
                "/customerId", "/items/0/quantity", "/items/1/quantity", "/items/1/priceId", "/metadata/a~1b~0c", "/other",
            ] { #expect(pointers.contains(pointer), "\(answer.text)") }
            #expect(violations.allSatisfy { $0["message"]?.stringValue?.isEmpty == false })
            #expect(violations.allSatisfy { $0["rule"]?.stringValue?.isEmpty == false })
            server.stop()
        }
    }

    @Test func `the trace context is in the log of its call, and in no other line`() async throws {
        try await offPool {
            let log = try Scratch.directory() + "/log"
            let words =
                "exec \(DuesProcess.binary) serve --sandbox --log debug --tcp 127.0.0.1:0 --http 127.0.0.1:0 --sandbox-http 127.0.0.1:0"
            let server = try ChildProcess(["/bin/sh", "-c", "\(words) 2>\(log)"])
            let handshake = try server.channel.answer()
            let tcp = try #require(handshake["tcp"]?.stringValue.flatMap(SocketAddress.init))
            let channel = LineChannel(socket: try tcp.connect())
            let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
            _ = try channel.ask(Self.look(#"{"traceparent":"\#(trace)"}"#))
            _ = try channel.ask(#"{"jsonrpc":"2.0","id":2,"method":"ListPlans"}"#)
            server.signal(SIGTERM)
            #expect(server.wait(timeoutMilliseconds: 15_000) == 0)
            let lines = try Scratch.text(of: log).split(separator: "\n").filter { $0.contains(trace) }
            #expect(lines.count == 1)
            #expect(lines.first?.contains("method=CheckAccess") == true)
        }
    }

    // MARK: rpc.hello, rpc.discover, rpc.health

    @Test func `hello says who answers, what the caller may do, and the limits`() async throws {
        try await offPool {
            let server = try DuesProcess([
                "--sandbox", "--max-line", "4096", "--max-calls", "5", "--max-batch", "6", "--max-output", "8192",
                "--idle-seconds", "90",
            ])
            let channel = LineChannel(socket: try server.tcp.connect())
            let hello = { (params: String) in #"{"jsonrpc":"2.0","id":1,"method":"rpc.hello","params":\#(params)}"# }
            let result = try channel.ask(hello(#"{"client":"test/1","protocol":1}"#))["result"]
            #expect(result?["server"] == "dues" && result?["protocol"] == 1 && result?["mode"] == "sandbox")
            #expect(result?["scopes"] == ["read", "write", "ingest"])
            let limits: JSONValue = [
                "lineBytes": 4096, "inFlightCalls": 5, "batchLength": 6, "outputBytes": 8192, "idleSeconds": 90,
            ]
            #expect(result?["limits"] == limits)
            for version in ["2", "9223372036854775807"] {
                let error = try channel.ask(hello("{\"protocol\":\(version)}"))["error"]
                #expect(error?["code"] == -32009 && error?["data"]?["reason"] == "PROTOCOL_MISMATCH")
                #expect(error?["message"]?.stringValue?.contains(version) == true, "the number is said back exactly")
            }
            #expect(try channel.ask(hello(#"{"protocol":0}"#))["error"]?["code"] == -32602)
            #expect(try channel.ask(hello("{}"))["result"] != nil, "a mismatch does not end the connection")
            server.stop()
        }
    }

    @Test func `discover is what the command line prints`() async throws {
        try await offPool {
            let server = try DuesProcess()
            let answer = try LineChannel(socket: try server.tcp.connect()).ask(
                #"{"jsonrpc":"2.0","id":1,"method":"rpc.discover"}"#)
            let schema = try ChildProcess([DuesProcess.binary, "schema"])
            var text: [UInt8] = []
            while let line = try schema.channel.receive(timeoutMilliseconds: 10_000) { text += line }
            #expect(schema.wait(timeoutMilliseconds: 10_000) == 0)
            let printed = try JSONValue(parsing: text)
            #expect(answer["result"] == printed)
            let methods = (printed["methods"]?.arrayValue ?? []).compactMap { $0["name"]?.stringValue }
            #expect(Set(methods) == Set(Method.allCases.map(\.rawValue)))
            server.stop()
        }
    }

    /// An event that fills the disk, or a call that does.
    private static func filling(_ method: String, _ number: Int) -> JSONValue {
        let ballast = JSONValue.string(String(repeating: "x", count: 4000))
        if method == "CreateCustomer" {
            return ["description": ballast, "_meta": ["idempotencyKey": .string("\(number)")]]
        }
        let payload: JSONValue = [
            "id": .string("evt_\(number)"), "object": "event", "type": "balance.available", "created": 1_700_000_000,
            "data": ["object": ["object": "balance", "note": ballast]],
        ]
        let signature = Web.signature(payload.bytes, secret: DuesProcess.webhookSecret, at: Int64(time(nil)))
        return ["payload": .string(payload.text), "signature": .string(signature)]
    }

    @Test(arguments: ["IngestWebhook", "CreateCustomer"])
    func `a full disk makes health NOT_SERVING; nothing is acknowledged, and look-ups go on`(method: String) async throws {
        try await offPool {
            let stripe = SocketServer { request in
                [.reply(body: #"{"id":"cus_\#(request.number)","object":"customer","created":1}"#)]
            }
            // No file may grow beyond some hundred kilobytes: the write-ahead log reaches that soon.
            let words =
                "trap '' XFSZ; ulimit -f 800; exec \(DuesProcess.binary) serve --poll-seconds 0 --stripe-base \(stripe.base)"
            let flags = "--db sqlite:\(try Scratch.directory())/dues.db --tcp 127.0.0.1:0 --http 127.0.0.1:0 --log error"
            let server = try ChildProcess(
                ["/bin/sh", "-c", "\(words) \(flags) 2>/dev/null"],
                environment: ["STRIPE_SECRET_KEY": "sk_test_1", "STRIPE_WEBHOOK_SECRET": DuesProcess.webhookSecret])
            let tcp = try #require(try server.channel.answer()["tcp"]?.stringValue.flatMap(SocketAddress.init))
            let channel = LineChannel(socket: try tcp.connect())
            let health = #"{"jsonrpc":"2.0","id":"h","method":"rpc.health"}"#
            var refusal: JSONValue?
            for number in 0..<600 where refusal == nil {
                let call: JSONValue = [
                    "jsonrpc": "2.0", "id": 1, "method": .string(method), "params": Self.filling(method, number),
                ]
                refusal = try channel.ask(call.text)["error"]
            }
            #expect(refusal?["data"]?["reason"] == "STORE_UNAVAILABLE" && refusal?["code"] == -32014)
            #expect(refusal?["data"]?["retryable"] == true)
            let sick = try channel.ask(health)["result"]
            #expect(sick?["status"] == "NOT_SERVING" && sick?["checks"]?["store"]?["status"] == "NOT_SERVING")
            #expect(sick?["checks"]?["store"]?["lastError"]?.stringValue?.isEmpty == false)
            #expect(try channel.ask(Self.look("{}"))["result"]?["allowed"] == false)
            server.signal(SIGTERM)
            #expect(server.wait(timeoutMilliseconds: 15_000) == 0)
            stripe.stop()
        }
    }

    @Test func `a server that ends finishes what it has, says NOT_SERVING, refuses the rest, and can be hurried`()
        async throws
    {
        try await offPool {
            let server = try ScriptedServer { _ in [.hang] }
            let channel = LineChannel(socket: try server.process.tcp.connect())
            try channel.send(#"{"jsonrpc":"2.0","id":"slow","method":"ListPlans"}"#)
            #expect(eventually { !server.stripe.received.isEmpty })
            server.process.child.signal(SIGTERM)
            let health = #"{"jsonrpc":"2.0","id":"h","method":"rpc.health"}"#
            #expect(try eventually { try channel.ask(health)["result"]?["status"] == "NOT_SERVING" })
            let refused = try channel.ask(#"{"jsonrpc":"2.0","id":1,"method":"ListPlans"}"#)
            #expect(refused["id"] == 1 && refused["error"]?["data"]?["reason"] == "SHUTTING_DOWN")
            #expect(refused["error"]?["data"]?["retryable"] == true)
            #expect(throws: SystemError.self, "nobody listens any more") { _ = try server.process.client() }
            let cancelled = try channel.ask(#"{"jsonrpc":"2.0","method":"rpc.cancel","params":{"id":"slow"}}"#)
            #expect(cancelled["id"] == "slow" && cancelled["error"]?["code"] == -32001)
            #expect(try channel.receive(timeoutMilliseconds: 10_000) == nil, "the last answer closes the connection")
            #expect(server.process.child.wait(timeoutMilliseconds: 5000) == 0, "without the whole of its grace")
            server.stripe.stop()
        }
    }
}
