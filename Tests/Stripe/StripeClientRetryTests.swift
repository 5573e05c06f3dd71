/// Calls that do not go well at first: what is tried again, how, and what is left in the end.
internal import HTTP
internal import JSON
internal import Stripe
internal import TestSupport
internal import Testing

@Suite struct StripeClientRetryTests {
    struct Trouble: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let steps: [SocketServer.Step]
        let reason: RetryPolicy.Reason
        let mayHaveBeenExecuted: Bool
    }

    static let passing = [
        Trouble(
            testDescription: "409", steps: [.refusal(409)], reason: .conflict, mayHaveBeenExecuted: false),
        Trouble(
            testDescription: "429 lock timeout", steps: [.refusal(429, code: "lock_timeout")], reason: .lockTimeout,
            mayHaveBeenExecuted: false),
        Trouble(
            testDescription: "429 rate limit", steps: [.refusal(429, code: "rate_limit")], reason: .rateLimited,
            mayHaveBeenExecuted: false),
        Trouble(
            testDescription: "400 with Stripe-Should-Retry",
            steps: [.refusal(400, headers: ["Stripe-Should-Retry: true"])], reason: .stripeSaidRetry,
            mayHaveBeenExecuted: false),
        Trouble(testDescription: "500", steps: [.refusal(500)], reason: .serverError, mayHaveBeenExecuted: true),
        Trouble(
            testDescription: "502 of a load balancer", steps: [.reply(502, body: "<html>bad gateway</html>")],
            reason: .serverError, mayHaveBeenExecuted: true),
        Trouble(testDescription: "reset", steps: [.reset], reason: .connectionLost, mayHaveBeenExecuted: true),
        Trouble(testDescription: "closed", steps: [.close], reason: .connectionLost, mayHaveBeenExecuted: true),
        Trouble(
            testDescription: "cut short", steps: [.send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"), .close],
            reason: .connectionLost, mayHaveBeenExecuted: true),
        Trouble(
            testDescription: "200 that is no JSON", steps: [.reply(body: "{")], reason: .garbled,
            mayHaveBeenExecuted: true),
        Trouble(
            testDescription: "200 that is no object", steps: [.reply(body: "[]")], reason: .garbled,
            mayHaveBeenExecuted: true),
        Trouble(
            testDescription: "400 that is no JSON", steps: [.reply(400, body: "Bad")], reason: .garbled,
            mayHaveBeenExecuted: true),
        Trouble(
            testDescription: "redirect", steps: [.reply(302, headers: ["Location: http://127.0.0.1:1/"])],
            reason: .garbled, mayHaveBeenExecuted: true),
        Trouble(
            testDescription: "not HTTP", steps: [.send("hello\r\n\r\n"), .close], reason: .garbled,
            mayHaveBeenExecuted: true),
    ]

    @Test(arguments: passing)
    func `trouble that passes is got over with the same key and the same bytes`(_ trouble: Trouble) async throws {
        let harness = try Harness { request in
            request.number == 0 ? trouble.steps : [.reply(headers: ["Request-Id: req_ok"], body: #"{"id":"cus_1"}"#)]
        }
        let reply = try await harness.client.call(.post, ["customers"], ["email": "a"])
        #expect(reply.attempts == 2)
        #expect(reply.requestID == "req_ok")
        #expect(harness.pauses == [250])
        let requests = harness.server.received
        #expect(requests.count == 2)
        #expect(requests[0].header("Idempotency-Key") == requests[1].header("Idempotency-Key"))
        #expect(requests[0].body == requests[1].body)
        #expect(
            harness.attempts.map(\.decision) == [
                .retry(afterMilliseconds: 250, because: trouble.reason), .stop(because: .answered),
            ])
        #expect(harness.attempts.map(\.number) == [1, 2])
    }

    @Test(arguments: passing)
    func `trouble that stays is reported as what it was`(_ trouble: Trouble) async throws {
        let harness = try Harness { _ in trouble.steps }
        let error = try #require(
            await #expect(throws: StripeError.self) { try await harness.client.call(.post, ["customers"]) })
        #expect(error.attempts == 3)
        #expect(harness.pauses == [250, 500])
        #expect(error.mayHaveBeenExecuted == trouble.mayHaveBeenExecuted)
        #expect(harness.attempts.last?.decision == .stop(because: .attemptsExhausted))
        switch (error.kind, trouble.reason) {
        case (.refused(let refusal), .conflict): #expect(refusal.category == .conflict)
        case (.refused(let refusal), .lockTimeout): #expect(refusal.category == .lockTimeout)
        case (.refused(let refusal), .rateLimited): #expect(refusal.category == .rateLimited)
        case (.refused(let refusal), .stripeSaidRetry): #expect(refusal.category == .invalidRequest)
        case (.refused(let refusal), .serverError): #expect(refusal.category == .serverError)
        case (.unreachable, .connectionLost), (.garbled, .garbled): break
        default: Issue.record("\(error)")
        }
    }

    @Test(arguments: [400, 401, 402, 403, 404, 424])
    func `a refusal is final at once`(status: Int) async throws {
        let harness = try Harness { _ in [.refusal(status, code: "some_code", message: "Because.")] }
        let error = await #expect(throws: StripeError.self) { try await harness.client.call(.post, ["customers"]) }
        #expect(error?.attempts == 1)
        #expect(error?.requestID == "req_\(status)")
        #expect(error?.refusal?.httpStatus == status)
        #expect(error?.refusal?.code == "some_code")
        #expect(error?.refusal?.message == "Because.")
        #expect(error?.mayHaveBeenExecuted == false)
        #expect(harness.pauses.isEmpty)
    }

    @Test func `Stripe's word that it is no use ends it`() async throws {
        let harness = try Harness { _ in [.refusal(500, headers: ["Stripe-Should-Retry: false"])] }
        let error = await #expect(throws: StripeError.self) { try await harness.client.call(.get, ["x"]) }
        #expect(error?.attempts == 1)
        #expect(error?.mayHaveBeenExecuted == true)
    }

    @Test func `a pause that Stripe asks for is kept, and one that is too long is handed on`() async throws {
        let kept = try Harness { $0.number == 0 ? [.refusal(429, headers: ["Retry-After: 2"])] : [.reply(body: "{}")] }
        _ = try await kept.client.call(.get, ["x"])
        #expect(kept.pauses == [2250])
        let handedOn = try Harness { _ in
            [.refusal(429, code: "rate_limit", headers: ["Retry-After: 31", "Stripe-Rate-Limited-Reason: endpoint-rate"])]
        }
        let error = await #expect(throws: StripeError.self) { try await handedOn.client.call(.get, ["x"]) }
        #expect(error?.retryAfterMilliseconds == 31_000)
        #expect(error?.refusal?.rateLimitReason == "endpoint-rate")
        #expect(error?.attempts == 1)
    }

    @Test(arguments: ["", "soon", "-1", "1.5", "Sun, 06 Nov 1994 08:49:37 GMT", "99999999999999999999"])
    func `a pause that cannot be read is none`(value: String) async throws {
        let harness = try Harness {
            $0.number == 0 ? [.refusal(429, headers: ["Retry-After: \(value)"])] : [.reply(body: "{}")]
        }
        _ = try await harness.client.call(.get, ["x"])
        #expect(harness.pauses == [250])
    }

    @Test func `nobody listening is unreachable, and surely nothing was done`() async throws {
        let port = SocketServer.closedPort()
        let harness = try Harness(configure: { $0.apiBase = "http://127.0.0.1:\(port)" }) { _ in [] }
        let error = await #expect(throws: StripeError.self) { try await harness.client.call(.post, ["customers"]) }
        guard case .unreachable? = error?.kind else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(error?.attempts == 3)
        #expect(error?.mayHaveBeenExecuted == false)
    }

    @Test func `silence ends an attempt after its time, and the next one may be answered`() async throws {
        let harness = try Harness(configure: { $0.totalTimeoutMilliseconds = 1000 }) {
            $0.number == 0 ? [.hang] : [.reply(body: "{}")]
        }
        let reply = try await harness.client.call(.get, ["x"])
        #expect(reply.attempts == 2)
        #expect(reply.milliseconds >= 1000)
        #expect(harness.attempts.first?.decision == .retry(afterMilliseconds: 250, because: .timedOut))
    }

    @Test func `the deadline ends an attempt that is under way, and is no fault of Stripe's`() async throws {
        let harness = try Harness { _ in [.hang] }
        let started = ContinuousClock.now
        let error = await #expect(throws: StripeError.self) {
            try await harness.client.call(.post, ["customers"], deadline: started + .milliseconds(200))
        }
        #expect(error?.kind == .deadline)
        #expect(error?.mayHaveBeenExecuted == true)
        #expect(ContinuousClock.now - started >= .milliseconds(190))
    }

    @Test func `a deadline that has passed sends nothing`() async throws {
        let harness = try Harness { _ in [.reply(body: "{}")] }
        let error = await #expect(throws: StripeError.self) {
            try await harness.client.call(.get, ["x"], deadline: ContinuousClock.now - .seconds(1))
        }
        #expect(error?.kind == .deadline)
        #expect(error?.attempts == 0)
        #expect(error?.mayHaveBeenExecuted == false)
        #expect(harness.server.received.isEmpty)
    }

    @Test func `no pause is begun that would outlast the deadline: the caller gets Stripe's own answer`() async throws {
        let harness = try Harness { _ in [.refusal(429, code: "lock_timeout", headers: ["Retry-After: 20"])] }
        let error = await #expect(throws: StripeError.self) {
            try await harness.client.call(.get, ["x"], deadline: ContinuousClock.now + .seconds(10))
        }
        #expect(error?.refusal?.category == .lockTimeout)
        #expect(error?.retryAfterMilliseconds == 20_000)
        #expect(harness.pauses.isEmpty)
    }

    @Test func `cancelling the task ends a call in its attempt and in its pause`() async throws {
        let hanging = try Harness { _ in [.hang] }
        let inAttempt = Task { try await hanging.client.call(.get, ["x"]) }
        while hanging.server.received.isEmpty { try await Task.sleep(for: .milliseconds(5)) }
        inAttempt.cancel()
        #expect(await #expect(throws: StripeError.self) { try await inAttempt.value }?.kind == .cancelled)

        let pausing = try Harness(sleep: { _ in try await Task.sleep(for: .seconds(60)) }) { _ in [.refusal(500)] }
        let inPause = Task { try await pausing.client.call(.get, ["x"]) }
        while pausing.pauses.isEmpty { try await Task.sleep(for: .milliseconds(5)) }
        inPause.cancel()
        let error = await #expect(throws: StripeError.self) { try await inPause.value }
        #expect(error?.kind == .cancelled)
        #expect(error?.attempts == 1)
        #expect(error?.mayHaveBeenExecuted == true)
    }

    @Test func `no error repeats the key or the parameters`() async throws {
        for steps in [[SocketServer.Step.reset], [.reply(body: "{")], [.refusal(402)], [.send("x\r\n\r\n"), .close]] {
            let harness = try Harness { _ in steps }
            let error = await #expect(throws: StripeError.self) {
                try await harness.client.call(.get, ["customers", "cus_hidden"], ["email": "hidden"])
            }
            var text = "\(String(describing: error)) \(String(reflecting: error))"
            dump(error, to: &text)
            #expect(!text.contains("hidden") && !text.contains(Harness.key), "\(text)")
        }
    }
}
