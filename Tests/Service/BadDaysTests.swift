import Contract
import Stripe
import TestSupport
import Testing

@testable import Service

/// Stripe's bad days, a row a day: what is left of a call, what the wire says of it, how often it was tried, and that every
/// attempt was the same call, so that it has one effect.
@Suite struct BadDaysTests {
    /// What a call came to.
    enum End: String, Sendable {
        case refused, unreachable, garbled, deadline

        /// Status and reason on the wire where it is Stripe's fault.
        var ofStripe: String { self == .garbled ? "UNAVAILABLE STRIPE_GARBLED" : "UNAVAILABLE STRIPE_UNAVAILABLE" }
    }

    struct Day: Sendable, CustomTestStringConvertible {
        let testDescription: String
        /// What a connection meets before anything is read of it.
        var opening: [SocketServer.Step] = []
        /// What a request meets.
        var steps: [SocketServer.Step] = []
        var attempts = 3
        let end: End
        /// Status and reason on the wire.
        let wire: String
        /// Whether Stripe could have done what was asked; nil where it depends on how far a dying connection got.
        var mayHaveBeenExecuted: Bool? = true
        var retryAfterMilliseconds: Int64?
    }

    private static func day(
        _ name: String, _ steps: SocketServer.Step..., end: End = .unreachable, attempts: Int = 3
    ) -> Day {
        Day(testDescription: name, steps: steps, attempts: attempts, end: end, wire: end.ofStripe)
    }

    private static func opening(_ name: String, _ steps: SocketServer.Step..., end: End = .unreachable) -> Day {
        Day(testDescription: name, opening: steps, end: end, wire: end.ofStripe, mayHaveBeenExecuted: nil)
    }

    private static func refused(
        _ name: String, _ status: Int, _ error: String, _ headers: [String] = [], attempts: Int = 1, as wire: String,
        executed: Bool = false, after: Int64? = nil
    ) -> Day {
        let reply = SocketServer.Step.reply(
            status, headers: ["Request-Id: req_1"] + headers, body: #"{"error":{\#(error)}}"#)
        return Day(
            testDescription: name, steps: [reply], attempts: attempts, end: .refused, wire: wire,
            mayHaveBeenExecuted: executed, retryAfterMilliseconds: after)
    }

    private static let customer = #"{"id":"cus_1","object":"customer","created":1}"#
    private static let good = SocketServer.Step.reply(headers: ["Request-Id: req_ok"], body: customer)
    private static func head(_ fields: String...) -> String {
        (["HTTP/1.1 200 OK"] + fields).map { $0 + "\r\n" }.joined() + "\r\n"
    }

    // MARK: The table

    static let connections = [
        opening("reset before the request", .reset),
        opening("closed before the request", .close),
        opening("a greeting that is not HTTP", .send("220 mail.example.com ESMTP\r\n"), .close, end: .garbled),
        day("reset before the answer", .reset),
        day("closed before the answer", .close),
        day("reset in the status line", .send("HTTP/1.1 2"), .reset),
        day("closed in the status line", .send("HTTP/1.1 2"), .close),
        day("reset in the header", .send("HTTP/1.1 200 OK\r\nContent-Le"), .reset),
        day("closed in the header", .send("HTTP/1.1 200 OK\r\nContent-Length: 46\r\n"), .close),
        day("reset after the header", .send(head("Content-Length: 46")), .reset),
        day("closed after the header", .send(head("Content-Length: 46")), .close),
        day("reset in the body", .send(head("Content-Length: 46") + customer.dropLast(9)), .reset),
        day("a body that is cut short", .send(head("Content-Length: 46") + customer.dropLast(9)), .close),
        day(
            "a chunk that is cut short", .send(head("Transfer-Encoding: chunked") + "2e\r\n" + customer.dropLast(9)), .close
        ),
        day(
            "a last chunk that does not come",
            .send(head("Transfer-Encoding: chunked") + "2e\r\n" + customer + "\r\n"), .close),
        day("a body that ends with its connection, too early", .send(head() + customer.dropLast(9)), .close, end: .garbled),
    ]

    static let lengths = [
        day("a length that is too long", .send(head("Content-Length: 47") + customer), .close),
        day("a length that is too short", .send(head("Content-Length: 45") + customer), end: .garbled),
        day("a length of nothing", .send(head("Content-Length: 0") + customer), end: .garbled),
        day("a length that is no number", .send(head("Content-Length: many") + customer), .close, end: .garbled),
        day("a length below nothing", .send(head("Content-Length: -46") + customer), .close, end: .garbled),
        day(
            "a length beyond all numbers", .send(head("Content-Length: 99999999999999999999") + customer.dropLast(9)),
            .close,
            end: .garbled),
        day(
            "a length beyond all bounds", .send(head("Content-Length: 99999999999") + customer), .close),
    ]

    static let garbage = [
        day("a page", .reply(body: "<html>Welcome to the hotel's network</html>"), end: .garbled),
        day("nothing", .reply(body: ""), end: .garbled),
        day("no content", .send("HTTP/1.1 204 No Content\r\n\r\n"), end: .garbled),
        day("a list", .reply(body: "[\(customer)]"), end: .garbled),
        day("null", .reply(body: "null"), end: .garbled),
        day("half an object", .reply(body: String(customer.dropLast(9))), end: .garbled),
        day("an object and a half", .reply(body: customer + customer.dropLast(9)), end: .garbled),
        day(
            "bytes that are no text", .send(head("Content-Length: 8")), .sendBytes([0x7B, 0xFF, 0xFE, 0, 1, 2, 3, 0x7D]),
            end: .garbled),
        day(
            "another version of HTTP", .send("HTTP/9.9 200 OK\r\nContent-Length: 46\r\n\r\n" + customer), .close,
            end: .garbled),
        day("no HTTP", .send("hello\r\n\r\n"), .close, end: .garbled),
        // What is JSON, and an answer, is not asked for again: it would be the same once more.
        day("another object", .reply(body: #"{"object":"list","data":[]}"#), end: .garbled, attempts: 1),
        day("an object whose id is none", .reply(body: #"{"id":17,"object":"customer"}"#), end: .garbled, attempts: 1),
        day("an error page", .reply(400, body: "<html>Bad Request</html>"), end: .garbled),
        day("an error that is none", .reply(404, body: #"{"message":"no route"}"#), end: .garbled),
    ]

    static let refusals = [
        refused(
            "500", 500, #""type":"api_error","message":"m""#, attempts: 3, as: "UNAVAILABLE STRIPE_UNAVAILABLE",
            executed: true),
        refused(
            "500 that Stripe would give again", 500, #""type":"api_error","message":"m""#, ["Stripe-Should-Retry: false"],
            as: "UNAVAILABLE STRIPE_UNAVAILABLE", executed: true),
        day("502 of something in between", .reply(502, body: "<html>bad gateway</html>"), end: .refused),
        day("503 without a word", .reply(503), end: .refused),
        refused(
            "409, the key in use", 409, #""type":"idempotency_error","code":"idempotency_key_in_use","message":"m""#,
            attempts: 3, as: "ABORTED CONFLICT", executed: true),
        refused("409", 409, #""message":"m""#, attempts: 3, as: "ABORTED CONFLICT"),
        refused(
            "429, too many", 429, #""code":"rate_limit","message":"m""#, ["Retry-After: 2"], attempts: 3,
            as: "RESOURCE_EXHAUSTED RATE_LIMITED", after: 2000),
        refused(
            "429, a lock", 429, #""code":"lock_timeout","message":"m""#, ["Stripe-Should-Retry: true"], attempts: 3,
            as: "RESOURCE_EXHAUSTED LOCK_TIMEOUT", after: 1000),
        refused(
            "400, an idempotency error", 400, #""type":"idempotency_error","message":"m""#,
            as: "ALREADY_EXISTS IDEMPOTENCY_MISMATCH"),
        refused(
            "401, a key that was revoked", 401, #""message":"Expired API Key provided: sk_test_****1234""#,
            as: "INTERNAL STRIPE_KEY_REJECTED"),
        refused("403", 403, #""message":"m""#, as: "INTERNAL STRIPE_KEY_REJECTED"),
        refused(
            "402", 402, #""type":"card_error","code":"card_declined","decline_code":"do_not_honor","message":"m""#,
            as: "FAILED_PRECONDITION CARD_DECLINED"),
    ]

    @Test(arguments: connections + lengths + garbage + refusals)
    func `a bad day that lasts is reported as what it was`(_ day: Day) async throws {
        let stage = Stage(opening: { _ in day.opening }) { _ in day.steps }
        defer { stage.stop() }
        let error = try #require(await #expect(throws: StripeError.self) { try await stage.createCustomer() })
        expect(error, day)
        #expect(error.attempts == day.attempts)
        #expect(stage.pauses.count == day.attempts - 1)
        // Those whose connection dies at once are not heard.
        if day.opening.isEmpty { #expect(stage.server.received.count == day.attempts) }
        stage.expectOneCall()
    }

    @Test(arguments: (connections + lengths + garbage + refusals).filter { $0.attempts > 1 })
    func `a bad day that passes leaves one call`(_ day: Day) async throws {
        let stage = Stage(opening: { $0 == 0 ? day.opening : [] }) { request in
            request.number == 0 && day.opening.isEmpty ? day.steps : [Self.good]
        }
        defer { stage.stop() }
        let answer = try await stage.createCustomer()
        #expect(answer.object.id == "cus_1" && answer.reply.requestID == "req_ok")
        #expect(answer.reply.attempts == 2)
        #expect(stage.pauses.count == 1)
        stage.expectOneCall()
    }

    private func expect(_ error: StripeError, _ day: Day) {
        let end: End? =
            switch error.kind {
            case .refused: .refused
            case .unreachable: .unreachable
            case .garbled: .garbled
            case .deadline: .deadline
            case .cancelled, .overloaded, .invalidRequest: nil
            }
        #expect(end == day.end, "\(error)")
        if let expected = day.mayHaveBeenExecuted { #expect(error.mayHaveBeenExecuted == expected, "\(error)") }
        let wire = RPCError(error)
        #expect("\(wire.status.name) \(wire.reason)" == day.wire, "\(error)")
        #expect(wire.retryAfterMilliseconds == day.retryAfterMilliseconds)
        #expect(wire.mayHaveTakenEffect == error.mayHaveBeenExecuted)
        #expect(!"\(error) \(wire.message)".contains("of_a_bad_day") && !wire.message.contains("sk_"))
    }

    @Test func `nobody listens`() async throws {
        let stage = Stage(configure: { $0.apiBase = "http://127.0.0.1:\(SocketServer.closedPort())" }) { _ in [] }
        defer { stage.stop() }
        let error = try #require(await #expect(throws: StripeError.self) { try await stage.createCustomer() })
        var day = Self.day("")
        day.mayHaveBeenExecuted = false
        expect(error, day)
        #expect(error.attempts == 3)
    }

    @Test(arguments: [301, 302, 303, 307, 308])
    func `nobody is followed elsewhere, key in hand`(status: Int) async throws {
        let elsewhere = SocketServer { _ in [Self.good] }
        defer { elsewhere.stop() }
        let stage = Stage { _ in [.reply(status, headers: ["Location: \(elsewhere.base)/v1/customers"])] }
        defer { stage.stop() }
        let error = try #require(await #expect(throws: StripeError.self) { try await stage.createCustomer() })
        expect(error, Self.day("", end: .garbled))
        #expect(error.attempts == 3 && stage.server.received.count == 3)
        #expect(elsewhere.connections == 0)
        stage.expectOneCall()
    }

    @Test func `what comes after a lost answer does not make it unsaid`() async throws {
        for later in [SocketServer.Step.refusal(429), .refusal(409), .refusal(400), .refusal(401)] {
            let stage = Stage { [$0.number == 0 ? .reset : later] }
            defer { stage.stop() }
            let error = try #require(await #expect(throws: StripeError.self) { try await stage.createCustomer() })
            #expect(error.mayHaveBeenExecuted && RPCError(error).mayHaveTakenEffect, "\(error)")
        }
    }

    @Test func `words before the answer are none`() async throws {
        let stage = Stage { _ in
            [.send("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"), Self.good]
        }
        defer { stage.stop() }
        #expect(try await stage.createCustomer().reply.attempts == 1)
    }

    @Test func `what follows an answer that is too long is no answer to the next call`() async throws {
        let stage = Stage { request in
            request.number == 0
                ? [
                    .send(
                        Self.head("Content-Length: 46") + Self.customer + Self.head("Content-Length: 11") + #"{"id":"no"}"#)
                ]
                : [Self.good]
        }
        defer { stage.stop() }
        for _ in 0..<2 { #expect(try await stage.createCustomer().object.id == "cus_1") }
    }

    // MARK: Slow days

    /// A byte at a time.
    private static func dribble(_ text: String, everyMilliseconds pause: Int) -> [SocketServer.Step] {
        text.utf8.flatMap { [.sendBytes([$0]), .pause(milliseconds: pause)] }
    }

    private static let whole = head("Content-Length: 46") + customer

    @Test(
        arguments: [
            ("silence", []), ("silence in the header", [.send("HTTP/1.1 200 OK\r\nContent-")]),
            ("silence after the header", [.send(head("Content-Length: 46"))]),
            ("silence in the body", [.send(head("Content-Length: 46") + customer.dropLast(9))]),
            ("a length that is too long", [.send(head("Content-Length: 47") + customer)]),
            ("bytes that come too slowly", dribble(whole, everyMilliseconds: 50)),
        ] as [(String, [SocketServer.Step])])
    func `an attempt has its time, and the next one is the same call`(name: String, steps: [SocketServer.Step]) async throws
    {
        let stage = Stage(configure: { $0.totalTimeoutMilliseconds = 400 }) {
            $0.number < 2 ? steps + [.hang] : [Self.good]
        }
        defer { stage.stop() }
        let answer = try await stage.createCustomer()
        #expect(answer.reply.attempts == 3 && answer.reply.milliseconds >= 800)
        stage.expectOneCall()
    }

    @Test(arguments: [[], dribble(whole, everyMilliseconds: 50)])
    func `the caller's deadline ends it, whatever comes`(steps: [SocketServer.Step]) async throws {
        let stage = Stage { _ in steps + [.hang] }
        defer { stage.stop() }
        let began = ContinuousClock.now
        let error = try #require(
            await #expect(throws: StripeError.self) { try await stage.createCustomer(deadline: began + .milliseconds(300)) }
        )
        #expect((.milliseconds(290)...(.milliseconds(2000))).contains(ContinuousClock.now - began))
        expect(error, Day(testDescription: "", end: .deadline, wire: "DEADLINE_EXCEEDED WAITING_FOR_STRIPE"))
        #expect(error.attempts == 1 && stage.server.received.count == 1)
    }

    @Test func `an answer that comes byte by byte in time is one`() async throws {
        let stage = Stage { _ in Self.dribble(Self.whole, everyMilliseconds: 1) }
        defer { stage.stop() }
        let answer = try await stage.createCustomer(deadline: .now + .seconds(20))
        #expect(answer.object.id == "cus_1" && answer.reply.attempts == 1)
    }
}
