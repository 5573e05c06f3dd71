/// When a call is tried again: a row an outcome, the last column the decision.
internal import HTTP
internal import Stripe
internal import Testing

@Suite struct RetryPolicyTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let outcome: RetryPolicy.Outcome
        let attempt: Int
        let random01: Double
        let decision: RetryPolicy.Decision
        var testDescription: String { "\(outcome), attempt \(attempt)" }
    }

    static func row(
        _ status: Int, code: String? = nil, should: Bool? = nil, after: Int64? = nil, attempt: Int = 1,
        random: Double = 0.5, _ decision: RetryPolicy.Decision
    ) -> Case {
        Case(
            outcome: .response(status: status, code: code, shouldRetry: should, retryAfterMilliseconds: after),
            attempt: attempt, random01: random, decision: decision)
    }

    static func row(_ kind: HTTPClientError.Kind, attempt: Int = 1, _ decision: RetryPolicy.Decision) -> Case {
        Case(outcome: .failure(kind), attempt: attempt, random01: 0.5, decision: decision)
    }

    @Test(arguments: [
        row(200, .stop(because: .answered)),
        row(200, should: true, .stop(because: .answered)),
        row(200, after: 5000, .stop(because: .answered)),
        row(302, .stop(because: .refused)),
        row(400, .stop(because: .refused)),
        row(400, should: true, .retry(afterMilliseconds: 250, because: .stripeSaidRetry)),
        row(400, should: false, .stop(because: .stripeSaidStop)),
        row(400, after: 5000, .stop(because: .refused)),
        row(400, attempt: 3, .stop(because: .refused)),
        row(400, code: "rate_limit", .retry(afterMilliseconds: 250, because: .rateLimited)),
        row(400, code: "rate_limit", should: true, .retry(afterMilliseconds: 250, because: .rateLimited)),
        row(401, .stop(because: .refused)),
        row(402, .stop(because: .refused)),
        row(402, should: true, .retry(afterMilliseconds: 250, because: .stripeSaidRetry)),
        row(403, .stop(because: .refused)),
        row(404, .stop(because: .refused)),
        row(409, .retry(afterMilliseconds: 250, because: .conflict)),
        row(409, code: "idempotency_key_in_use", .retry(afterMilliseconds: 250, because: .conflict)),
        row(409, should: true, .retry(afterMilliseconds: 250, because: .stripeSaidRetry)),
        row(409, should: false, .stop(because: .stripeSaidStop)),
        row(409, after: 1000, .retry(afterMilliseconds: 1250, because: .conflict)),
        row(409, attempt: 3, .stop(because: .attemptsExhausted)),
        row(424, .stop(because: .refused)),
        row(429, .retry(afterMilliseconds: 250, because: .rateLimited)),
        row(429, code: "rate_limit", .retry(afterMilliseconds: 250, because: .rateLimited)),
        row(429, code: "rate_limit", should: false, .stop(because: .stripeSaidStop)),
        row(429, code: "rate_limit", attempt: 3, .stop(because: .attemptsExhausted)),
        row(429, code: "lock_timeout", .retry(afterMilliseconds: 250, because: .lockTimeout)),
        // As Stripe sends it.
        row(429, code: "lock_timeout", should: true, .retry(afterMilliseconds: 250, because: .lockTimeout)),
        row(429, code: "lock_timeout", should: true, attempt: 3, .stop(because: .attemptsExhausted)),
        row(429, code: "lock_timeout", should: false, .stop(because: .stripeSaidStop)),
        row(429, code: "lock_timeout", after: 1000, .retry(afterMilliseconds: 1250, because: .lockTimeout)),
        row(429, code: "lock_timeout", attempt: 3, .stop(because: .attemptsExhausted)),
        row(429, should: true, .retry(afterMilliseconds: 250, because: .rateLimited)),
        row(429, code: "rate_limit", should: true, .retry(afterMilliseconds: 250, because: .rateLimited)),
        row(429, should: false, .stop(because: .stripeSaidStop)),
        row(429, should: false, after: 1000, .stop(because: .stripeSaidStop)),
        row(429, after: 2000, .retry(afterMilliseconds: 2250, because: .rateLimited)),
        row(429, after: 30_000, random: 0, .retry(afterMilliseconds: 30_000, because: .rateLimited)),
        row(429, after: 30_001, .stop(because: .retryAfterTooLong)),
        row(429, after: 30_001, attempt: 3, .stop(because: .attemptsExhausted)),
        row(429, should: true, after: 86_400_000, .stop(because: .retryAfterTooLong)),
        row(500, .retry(afterMilliseconds: 250, because: .serverError)),
        row(500, should: true, .retry(afterMilliseconds: 250, because: .stripeSaidRetry)),
        // As Stripe sends it with most: the same key would get the same answer.
        row(500, should: false, .stop(because: .stripeSaidStop)),
        row(502, .retry(afterMilliseconds: 250, because: .serverError)),
        row(503, after: 2000, .retry(afterMilliseconds: 2250, because: .serverError)),
        row(503, after: 30_001, .stop(because: .retryAfterTooLong)),
        row(503, after: 0, .retry(afterMilliseconds: 250, because: .serverError)),
        row(504, random: 0, .retry(afterMilliseconds: 0, because: .serverError)),
        row(500, random: 0.999, .retry(afterMilliseconds: 499, because: .serverError)),
        row(500, attempt: 2, .retry(afterMilliseconds: 500, because: .serverError)),
        row(500, attempt: 3, .stop(because: .attemptsExhausted)),
        row(500, should: true, attempt: 3, .stop(because: .attemptsExhausted)),
        row(599, .retry(afterMilliseconds: 250, because: .serverError)),
        Case(outcome: .garbled, attempt: 1, random01: 0.5, decision: .retry(afterMilliseconds: 250, because: .garbled)),
        Case(outcome: .garbled, attempt: 3, random01: 0.5, decision: .stop(because: .attemptsExhausted)),
        row(.connect, .retry(afterMilliseconds: 250, because: .notConnected)),
        row(.connect, attempt: 2, .retry(afterMilliseconds: 500, because: .notConnected)),
        row(.connect, attempt: 3, .stop(because: .attemptsExhausted)),
        row(.connectionLost, .retry(afterMilliseconds: 250, because: .connectionLost)),
        row(.connectionLost, attempt: 3, .stop(because: .attemptsExhausted)),
        row(.timeout, .retry(afterMilliseconds: 250, because: .timedOut)),
        row(.timeout, attempt: 3, .stop(because: .attemptsExhausted)),
        row(.protocolError, .retry(afterMilliseconds: 250, because: .garbled)),
        row(.protocolError, attempt: 3, .stop(because: .attemptsExhausted)),
        row(.tls, .stop(because: .noTrust)),
        row(.cancelled, .stop(because: .cancelled)),
        row(.overloaded, .stop(because: .overloaded)),
        row(.responseTooLarge, .stop(because: .responseTooLarge)),
        row(.invalidRequest, .stop(because: .invalidRequest)),
    ])
    func `an outcome is decided with its reason`(_ example: Case) {
        let decision = RetryPolicy().decide(example.outcome, attempt: example.attempt, random01: example.random01)
        #expect(decision == example.decision)
    }

    @Test(
        arguments: [(1, 500), (2, 1000), (3, 2000), (4, 4000), (5, 5000), (6, 5000), (40, 5000), (1000, 5000)]
            as [(Int, Int64)])
    func `the longest pause doubles up to its cap`(attempt: Int, ceiling: Int64) {
        var policy = RetryPolicy()
        policy.maximumRetries = .max
        let decision = policy.decide(.failure(.connect), attempt: attempt, random01: 0.999_999)
        #expect(decision == .retry(afterMilliseconds: ceiling - 1, because: .notConnected))
    }

    @Test func `without retries nothing is tried again`() {
        var policy = RetryPolicy()
        policy.maximumRetries = 0
        #expect(policy.decide(.failure(.connect), attempt: 1, random01: 0) == .stop(because: .attemptsExhausted))
    }
}
