/// Calls that Stripe answers at once: what is sent, and what is brought back.
internal import JSON
internal import Stripe
internal import TestSupport
internal import Testing

@Suite struct StripeClientTests {
    @Test func `a POST carries key, version, form and an idempotency key`() async throws {
        let harness = try Harness(configure: { $0.account = "acct_1" }) { _ in
            [
                .reply(
                    headers: ["Request-Id: req_1", "Date: Sun, 06 Nov 1994 08:49:37 GMT"],
                    body: #"{"id":"cus_1","object":"customer"}"#)
            ]
        }
        let reply = try await harness.client.call(
            .post, ["customers"], ["email": "a+b@c.d", "metadata": ["k": "v w"]], idempotencyKey: "key-1")
        let request = try #require(harness.server.received.first)
        #expect(request.requestLine == "POST /v1/customers HTTP/1.1")
        #expect(request.header("Authorization") == "Bearer \(Harness.key)")
        #expect(request.header("Stripe-Version") == "2026-10-28.endive")
        #expect(request.header("Stripe-Account") == "acct_1")
        #expect(request.header("Content-Type") == "application/x-www-form-urlencoded")
        #expect(request.header("Idempotency-Key") == "key-1")
        #expect(request.header("User-Agent")?.hasPrefix("Dues/") == true)
        #expect(String(decoding: request.body, as: UTF8.self) == "email=a%2Bb%40c.d&metadata[k]=v%20w")
        #expect(reply.value == ["id": "cus_1", "object": "customer"])
        #expect(reply.requestID == "req_1")
        #expect(reply.date == 784_111_777)
        #expect(reply.attempts == 1)
        #expect(!reply.isReplayed)
        #expect(reply.milliseconds >= 0)
    }

    @Test(arguments: [StripeClient.Method.get, .delete])
    func `parameters of GET and DELETE stand in the query, and no idempotency key is sent`(
        method: StripeClient.Method
    ) async throws {
        let harness = try Harness { _ in [.reply(body: "{}")] }
        _ = try await harness.client.call(method, ["prices", "a/b"], ["expand": ["data.product"]], idempotencyKey: "key")
        _ = try await harness.client.call(method, ["prices"])
        let requests = harness.server.received
        #expect(requests[0].requestLine == "\(method.rawValue) /v1/prices/a%2Fb?expand[0]=data.product HTTP/1.1")
        #expect(requests[1].requestLine == "\(method.rawValue) /v1/prices HTTP/1.1")
        for request in requests {
            #expect(request.header("Idempotency-Key") == nil)
            #expect(request.header("Content-Type") == nil)
            #expect(request.body.isEmpty)
        }
    }

    @Test func `a POST without a key gets a fresh UUID each time`() async throws {
        let harness = try Harness { _ in [.reply(body: "{}")] }
        for _ in 0..<20 { _ = try await harness.client.call(.post, ["customers"]) }
        let keys = harness.server.received.compactMap { $0.header("Idempotency-Key") }
        #expect(Set(keys).count == 20)
        for key in keys {
            let groups = key.split(separator: "-")
            #expect(groups.map(\.count) == [8, 4, 4, 4, 12], "\(key)")
            #expect(key.allSatisfy { $0 == "-" || ($0.isHexDigit && !$0.isUppercase) }, "\(key)")
            #expect(groups.count == 5 && groups[2].hasPrefix("4") && "89ab".contains(groups[3].prefix(1)), "\(key)")
        }
    }

    @Test func `a replayed answer says so`() async throws {
        let harness = try Harness { _ in [.reply(headers: ["Idempotent-Replayed: true"], body: "{}")] }
        #expect(try await harness.client.call(.post, ["customers"], idempotencyKey: "k").isReplayed)
    }

    @Test(
        arguments: [
            ("an empty id", ["customers", ""], [:], "k"),
            ("an id that climbs", ["customers", ".."], [:], "k"),
            ("a bracket in metadata", ["customers"], ["metadata": ["a[b]": "c"]], "k"),
            ("an empty idempotency key", ["customers"], [:], ""),
            ("a long idempotency key", ["customers"], [:], String(repeating: "k", count: 256)),
            ("a line break in it", ["customers"], [:], "k\r\nX: y"),
            ("a letter outside ASCII", ["customers"], [:], "ké"),
        ] as [(String, StripePath, FormParameters, String)])
    func `what cannot be written down is refused before anything is sent`(
        name: String, path: StripePath, form: FormParameters, key: String
    ) async throws {
        let harness = try Harness { _ in [.reply(body: "{}")] }
        let error = await #expect(throws: StripeError.self) {
            try await harness.client.call(.post, path, form, idempotencyKey: key)
        }
        guard case .invalidRequest? = error?.kind else {
            Issue.record("\(name): \(String(describing: error))")
            return
        }
        #expect(error?.attempts == 0)
        #expect(error?.mayHaveBeenExecuted == false)
        #expect(harness.server.received.isEmpty)
    }

    @Test func `an idempotency key of the longest length is sent`() async throws {
        let harness = try Harness { _ in [.reply(body: "{}")] }
        let key = String(repeating: "k", count: 255)
        _ = try await harness.client.call(.post, ["customers"], idempotencyKey: key)
        #expect(harness.server.received.first?.header("Idempotency-Key") == key)
    }

    @Test func `integers beyond a Double's precision arrive exactly`() async throws {
        let harness = try Harness { _ in [.reply(body: #"{"amount":9007199254740993,"least":-9223372036854775808}"#)] }
        let value = try await harness.client.call(.get, ["x"]).value
        #expect(value["amount"]?.integerValue == 9_007_199_254_740_993)
        #expect(value["least"]?.integerValue == .min)
    }
}
