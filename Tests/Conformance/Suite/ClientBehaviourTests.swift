import EventLoop
import Glibc
import JSON
import RPC
import Synchronization
import TestSupport
import Testing

/// What every client does when all is not well, held through its driver to servers that misbehave.
@Suite(.serialized) struct ClientBehaviourTests {
    private typealias Visit = LineServer.Visit

    private static let access: JSONValue = [
        "allowed": true, "reason": "ACTIVE", "status": "active", "subscriptionId": "sub_1", "productId": "prod_1",
        "since": "2026-04-01T00:00:00Z", "periodEnd": .null, "graceEnd": .null, "asOf": .null, "asOfEventId": .null,
    ]
    private static let question: JSONValue = ["customerId": "cus_1", "productId": "prod_1"]
    private static let retryable: JSONValue = ["status": "UNAVAILABLE", "reason": "STRIPE_UNAVAILABLE", "retryable": true]
    private static let canceled = ["subscriptionId": "sub_1"] as JSONValue

    private static func event(_ seq: Int64) -> JSONValue {
        [
            "seq": .integer(seq), "id": .string("evt_\(seq)"), "type": "invoice.paid", "created": "2026-04-16T00:00:02Z",
            "customerId": "cus_1", "subscriptionId": .null, "object": ["id": "in_1", "n": 9_007_199_254_740_993],
        ]
    }

    // MARK: Connections

    @Test(arguments: ClientManifest.able(to: .retries, .reconnection))
    func `it says hello first, with its token, on every connection`(client: ClientManifest) async throws {
        try await offPool {
            let server = try LineServer { visit in
                guard let call = try visit.nextCall(), visit.number > 0 else { return }
                try visit.answer(call, Self.access)
                _ = try visit.next()
            }
            let driver = try Driver(client, server, ["--token", "tok_secret", "--retries", "2"])
            #expect(try driver.call("CheckAccess", Self.question)["result"] == Self.access)
            try driver.end()
            let messages = server.messages
            for visit in 0...1 {
                let first = try #require(messages.first { $0.visit == visit }?.message)
                #expect(first["method"] == "rpc.hello")
                #expect(first["params"]?["authorization"] == "Bearer tok_secret")
                #expect(first["params"]?["protocol"] == 1)
                #expect(first["params"]?["client"]?.stringValue?.hasPrefix("dues-") == true)
            }
            server.stop()
        }
    }

    @Test(arguments: ClientManifest.able(to: .concurrency))
    func `answers in any order find their calls`(client: ClientManifest) async throws {
        try await offPool {
            let server = try LineServer { visit in
                let calls = try (0..<8).compactMap { _ in try visit.nextCall() }
                for call in calls.reversed() {
                    var answer = try #require(Self.access.objectValue)
                    answer["productId"] = call["params"]?["productId"]
                    try visit.answer(call, .object(answer))
                }
                _ = try visit.next()
            }
            let driver = try Driver(client, server)
            let ids = try (0..<8).map {
                try driver.begin("CheckAccess", ["customerId": "cus_1", "productId": .string("prod_\($0)")])
            }
            for (number, id) in ids.enumerated() {
                #expect(try driver.answer(to: id)["result"]?["productId"] == .string("prod_\(number)"))
            }
            try driver.end()
            #expect(Set(server.messages.map(\.visit)) == [0], "one connection serves them all")
            server.stop()
        }
    }

    @Test(arguments: ClientManifest.able(to: .retries))
    func `a call that was lost is made again with the same key, and a refused hello is an error`(
        client: ClientManifest
    ) async throws {
        try await offPool {
            let server = try LineServer { visit in
                guard let call = try visit.nextCall(), visit.number > 0 else { return }
                try visit.fail(call, -32005, ["status": "NOT_FOUND", "reason": "NO_SUCH_SUBSCRIPTION", "retryable": false])
                _ = try visit.next()
            }
            let driver = try Driver(client, server, ["--retries", "2"])
            #expect(try driver.call("Cancel", Self.canceled)["error"]?["data"]?["reason"] == "NO_SUCH_SUBSCRIPTION")
            try driver.end()
            let keys = server.calls("Cancel").map { $0["params"]?["_meta"]?["idempotencyKey"] ?? .null }
            try #require(keys.count == 2)
            #expect(keys[0] == keys[1])
            #expect(keys[0].stringValue?.utf8.count ?? 0 >= 22)
            server.stop()

            let strict = try LineServer { visit in
                guard let hello = try visit.next() else { return }
                let data: JSONValue = ["status": "UNAUTHENTICATED", "reason": "TOKEN_UNKNOWN", "retryable": false]
                try visit.fail(hello, -32016, data)
                _ = try visit.next()
            }
            let refused = try Driver(client, strict, ["--token", "tok_wrong"])
            let answer = try refused.call("CheckAccess", Self.question)
            #expect(answer["error"]?["code"] == -32016)
            #expect(answer["error"]?["data"]?["reason"] == "TOKEN_UNKNOWN")
            #expect(!answer.text.contains("tok_wrong"))
            try refused.end()
            strict.stop()
        }
    }

    @Test(arguments: ClientManifest.able(to: .reconnection))
    func `without retries a lost connection is an error, and the next call dials again`(client: ClientManifest) async throws
    {
        try await offPool {
            let server = try LineServer { visit in
                guard let call = try visit.nextCall() else { return }
                // A garbled line is as good as none: whatever comes behind it cannot be believed.
                if visit.number == 0 { return try visit.channel.send("{oops".utf8) }
                if visit.number == 1 { return }
                try visit.answer(call, Self.access)
                _ = try visit.next()
            }
            let driver = try Driver(client, server)
            for _ in 0..<2 {
                let lost = try driver.call("CheckAccess", Self.question)["error"]
                #expect(lost?["code"] == -32014)
                #expect(lost?["data"]?["reason"] == "CONNECTION_LOST")
                #expect(lost?["data"]?["retryable"] == true)
            }
            #expect(try driver.call("CheckAccess", Self.question)["result"] == Self.access)
            try driver.end()
            server.stop()
        }
    }

    @Test(arguments: ClientManifest.able(to: .concurrency))
    func `closing finishes what is in flight`(client: ClientManifest) async throws {
        try await offPool {
            let ended = Mutex(false)
            let server = try LineServer { visit in
                guard let call = try visit.nextCall() else { return }
                usleep(300_000)
                try visit.answer(call, Self.access)
                if try visit.next() == nil { ended.withLock { $0 = true } }
            }
            let driver = try Driver(client, server)
            let id = try driver.begin("CheckAccess", Self.question)
            driver.finishInput()
            #expect(try driver.answer(to: id)["result"] == Self.access)
            try driver.end()
            #expect(eventually { ended.withLock { $0 } }, "the server sees the end of its input")
            server.stop()
        }
    }

    // MARK: Calls

    @Test(arguments: ClientManifest.able(to: .retries))
    func `what may be repeated is, after the pause that the server asks for`(client: ClientManifest) async throws {
        try await offPool {
            let server = try LineServer { visit in
                var calls: [String: Int] = [:]
                while let call = try visit.nextCall() {
                    let method = call["method"]?.stringValue ?? ""
                    calls[method, default: 0] += 1
                    var data = try #require(Self.retryable.objectValue)
                    data["retryAfterMs"] = 400
                    if calls[method] == 1 {
                        try visit.fail(call, -32014, .object(data))
                    } else {
                        try visit.answer(call, Self.access)
                    }
                }
            }
            let driver = try Driver(client, server, ["--retries", "2"])
            let begun = EventLoop.monotonicMilliseconds()
            #expect(try driver.call("CheckAccess", Self.question)["result"] == Self.access)
            #expect(EventLoop.monotonicMilliseconds() - begun >= 400)
            // What a call that no client knows does is anybody's guess: it is made once.
            let unknown = try driver.call("NoSuchMethod")
            #expect(unknown["error"]?["data"]?["reason"] == "STRIPE_UNAVAILABLE")
            #expect(unknown["error"]?["data"]?["retryAfterMs"] == 400)
            try driver.end()
            #expect(server.calls("CheckAccess").count == 2)
            #expect(server.calls("NoSuchMethod").count == 1)
            server.stop()
        }
    }

    @Test(arguments: ClientManifest.able(to: .retries))
    func `what would not help is not repeated, and what does not fit into the time neither`(
        client: ClientManifest
    ) async throws {
        try await offPool {
            let server = try LineServer { visit in
                while let call = try visit.nextCall() {
                    var data = try #require(Self.retryable.objectValue)
                    if call["method"] == "GetSubscription" {
                        data["retryable"] = false
                    } else {
                        data["retryAfterMs"] = 60_000
                    }
                    try visit.fail(call, -32014, .object(data))
                }
            }
            let driver = try Driver(client, server, ["--retries", "2"])
            let begun = EventLoop.monotonicMilliseconds()
            let final = try driver.call("GetSubscription", ["subscriptionId": "sub_1"])
            #expect(final["error"]?["data"]?["retryable"] == false)
            var question = try #require(Self.question.objectValue)
            question["_meta"] = ["timeoutMs": 5000]
            let late = try driver.call("CheckAccess", .object(question))
            #expect(late["error"]?["data"]?["reason"] == "STRIPE_UNAVAILABLE")
            #expect(EventLoop.monotonicMilliseconds() - begun < 4000, "no pause that leads nowhere")
            try driver.end()
            #expect(server.calls("GetSubscription").count == 1 && server.calls("CheckAccess").count == 1)
            server.stop()
        }
    }

    @Test(arguments: ClientManifest.able(to: .deadlines))
    func `a silent server is given up a second after the deadline, and told so`(client: ClientManifest) async throws {
        try await offPool {
            let server = try LineServer { visit in while try visit.nextCall() != nil {} }
            let driver = try Driver(client, server, ["--retries", "2"])
            var question = try #require(Self.question.objectValue)
            question["_meta"] = ["timeoutMs": 300]
            let begun = EventLoop.monotonicMilliseconds()
            let error = try driver.call("CheckAccess", .object(question))["error"]
            let elapsed = EventLoop.monotonicMilliseconds() - begun
            #expect(error?["code"] == -32004)
            #expect(error?["data"]?["reason"] == "NO_ANSWER")
            #expect(elapsed >= 1000 && elapsed < 8000, "\(elapsed) ms")
            #expect(eventually { server.calls("rpc.cancel").count == 1 })
            let call = try #require(server.calls("CheckAccess").first)
            #expect((1...300).contains(call["params"]?["_meta"]?["timeoutMs"]?.integerValue ?? 0))
            #expect(server.calls("rpc.cancel").first?["params"]?["id"] == call["id"])
            #expect(server.calls("CheckAccess").count == 1)
            try driver.end()
            server.stop()
        }
    }

    @Test(arguments: ClientManifest.able(to: .cancellation))
    func `who cancels is answered at once, and the server is told`(client: ClientManifest) async throws {
        try await offPool {
            let server = try LineServer { visit in while try visit.nextCall() != nil {} }
            let driver = try Driver(client, server)
            let id = try driver.begin("CheckAccess", Self.question)
            #expect(eventually { server.calls("CheckAccess").count == 1 })
            try driver.cancel(id)
            let error = try driver.answer(to: id)["error"]
            #expect(error?["code"] == -32001)
            #expect(error?["data"]?["reason"] == "CALLER_CANCELLED")
            #expect(eventually { server.calls("rpc.cancel").count == 1 })
            #expect(server.calls("rpc.cancel").first?["params"]?["id"] == server.calls("CheckAccess").first?["id"])
            try driver.end()
            server.stop()
        }
    }

    @Test(arguments: ClientManifest.installed)
    func `nothing that the server says is lost or rounded, and what is new does no harm`(
        client: ClientManifest
    ) async throws {
        try await offPool {
            let plan: JSONValue = [
                "priceId": "price_1", "productId": "prod_1", "lookupKey": .null, "name": "Größe \u{1F600}",
                "description": .null,
                "active": true, "unitAmount": 9_007_199_254_740_993, "currency": "usd", "interval": "fortnight",
                "intervalCount": 1,
                "usageType": "weighed", "metadata": ["a": "b", "": "c"], "features": ["one"],
            ]
            let server = try LineServer { visit in
                while let call = try visit.nextCall() {
                    if call["method"] == "ListPlans" {
                        var new = try #require(plan.objectValue)
                        new["novelty"] = [1, .null]
                        try visit.answer(call, ["plans": [.object(new)], "nextCursor": .null, "novelty": true])
                    } else {
                        let data: JSONValue = [
                            "status": "FAILED_PRECONDITION", "reason": "CARD_DECLINED", "retryable": false,
                            "subjectId": "sub_1",
                            "violations": [["pointer": "/a", "rule": "r", "message": "m"]],
                            "stripe": ["type": "card_error", "declineCode": "insufficient_funds", "httpStatus": 402],
                        ]
                        try visit.fail(call, -32009, data)
                    }
                }
            }
            let driver = try Driver(client, server)
            let listed = try driver.call("ListPlans")["result"]
            for (name, value) in plan.objectValue ?? [:] {
                #expect(listed?["plans"]?.arrayValue?.first?[name] == value, "\(name)")
            }
            #expect(listed?["nextCursor"] == .null)
            let error = try driver.call("Cancel", Self.canceled)["error"]
            #expect(error?["code"] == -32009 && error?["message"] == "So.")
            #expect(error?["data"]?["subjectId"] == "sub_1")
            #expect(error?["data"]?["violations"] == [["pointer": "/a", "rule": "r", "message": "m"]])
            let stripe: JSONValue = ["type": "card_error", "declineCode": "insufficient_funds", "httpStatus": 402]
            #expect(error?["data"]?["stripe"] == stripe)
            try driver.end()
            server.stop()
        }
    }

    // MARK: Streams

    @Test(arguments: ClientManifest.able(to: .streams))
    func `a stream goes on behind its last value after a lost connection, and ends with its result`(
        client: ClientManifest
    ) async throws {
        try await offPool {
            let server = try LineServer { visit in
                guard let call = try visit.nextCall() else { return }
                let after = call["params"]?["after"]?.integerValue
                switch visit.number {
                case 0:
                    try visit.stream(call, seq: 1, Self.event(7))
                    try visit.stream(call, seq: 2, Self.event(9_007_199_254_740_993))
                case 1: try visit.fail(call, -32014, Self.retryable)
                default:
                    try visit.stream(call, seq: 1, Self.event((after ?? 0) + 2))
                    try visit.answer(call, ["after": .integer((after ?? 0) + 5)])
                    _ = try visit.next()
                }
            }
            let driver = try Driver(client, server, ["--retries", "3"])
            let id = try driver.begin("WatchEvents", ["types": ["invoice.*"], "after": 3])
            for seq in [7, 9_007_199_254_740_993, 9_007_199_254_740_995] as [Int64] {
                #expect(try driver.value(of: id) == Self.event(seq))
            }
            #expect(try driver.answer(to: id)["result"]?["after"] == 9_007_199_254_740_998)
            try driver.end()
            let calls = server.calls("WatchEvents")
            #expect(calls.first?["params"]?["after"] == 3)
            #expect(calls.dropFirst().allSatisfy { $0["params"]?["after"] == 9_007_199_254_740_993 })
            #expect(calls.allSatisfy { $0["params"]?["types"] == ["invoice.*"] })
            server.stop()
        }
    }

    @Test(arguments: ClientManifest.able(to: .streams))
    func `a stream that has no place to go on from says so, and one that is left is cancelled`(
        client: ClientManifest
    ) async throws {
        try await offPool {
            let server = try LineServer { visit in
                guard let call = try visit.nextCall(), visit.number > 0 else { return }
                try visit.stream(call, seq: 1, Self.event(7))
                _ = try visit.next()
                _ = try visit.next()
            }
            let driver = try Driver(client, server, ["--retries", "3"])
            let lost = try driver.begin("WatchEvents")
            #expect(try driver.answer(to: lost)["error"]?["data"]?["reason"] == "CONNECTION_LOST")
            let left = try driver.begin("WatchEvents", ["after": 0])
            #expect(try driver.value(of: left) == Self.event(7))
            try driver.cancel(left)
            #expect(try driver.answer(to: left)["error"]?["data"]?["reason"] == "CALLER_CANCELLED")
            #expect(eventually { server.calls("rpc.cancel").count == 1 })
            try driver.end()
            server.stop()
        }
    }
}
