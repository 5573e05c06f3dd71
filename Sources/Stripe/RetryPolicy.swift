/// Whether a call to Stripe is tried again, after how long, and why: a pure function.
///
/// Repeating is safe for every method here: GET changes nothing, POST carries an Idempotency-Key, and whoever deletes
/// knows that a 404 after a second attempt may be the first one's success.
package import HTTP

package struct RetryPolicy: Sendable, Equatable {
    /// Attempts after the first one. Stripe's SDKs default to 2.
    package var maximumRetries = 2
    /// The longest pause before the first retry; it doubles with each further one.
    package var baseMilliseconds: Int64 = 500
    package var capMilliseconds: Int64 = 5000
    /// Where Stripe asks for a longer pause than this, the caller is told rather than kept waiting.
    package var retryAfterCapMilliseconds: Int64 = 30_000

    package init() {}

    package enum Outcome: Sendable, Equatable {
        /// - shouldRetry: the header `Stripe-Should-Retry`.
        /// - retryAfterMilliseconds: the header `Retry-After`.
        case response(status: Int, code: String?, shouldRetry: Bool?, retryAfterMilliseconds: Int64?)
        /// A response whose body is not Stripe's JSON.
        case garbled
        case failure(HTTPClientError.Kind)
    }

    package enum Decision: Sendable, Equatable {
        case retry(afterMilliseconds: Int64, because: Reason)
        case stop(because: Reason)
    }

    package enum Reason: String, Sendable {
        case answered, refused, stripeSaidRetry, stripeSaidStop, conflict, lockTimeout, rateLimited, serverError
        case notConnected, connectionLost, timedOut, garbled
        case noTrust, cancelled, overloaded, responseTooLarge, invalidRequest
        case attemptsExhausted, retryAfterTooLong
    }

    /// - Parameters:
    ///   - attempt: attempts made so far, this one included.
    ///   - random01: a number in 0..<1 that spreads callers who failed together ("full jitter").
    package func decide(_ outcome: Outcome, attempt: Int, random01: @autoclosure () -> Double) -> Decision {
        let (worthwhile, reason) = assess(outcome)
        guard worthwhile else { return .stop(because: reason) }
        guard attempt <= maximumRetries else { return .stop(because: .attemptsExhausted) }
        let jittered = Int64(random01() * Double(ceiling(attempt)))
        guard case .response(_, _, _, let asked?) = outcome else {
            return .retry(afterMilliseconds: jittered, because: reason)
        }
        guard asked <= retryAfterCapMilliseconds else { return .stop(because: .retryAfterTooLong) }
        // Never earlier than asked, and not all at the same moment.
        return .retry(afterMilliseconds: asked + jittered, because: reason)
    }

    private func ceiling(_ attempt: Int) -> Int64 {
        // Past sixteen doublings any base is over any cap, and a longer shift could overflow.
        min(capMilliseconds, baseMilliseconds << Int64(min(max(attempt, 1), 16) - 1))
    }

    private func assess(_ outcome: Outcome) -> (worthwhile: Bool, Reason) {
        switch outcome {
        case .response(200..<300, _, _, _): (false, .answered)
        case .response(_, _, false?, _): (false, .stripeSaidStop)
        // Both are told apart by their names, also where Stripe says itself that they pass.
        case .response(429, "lock_timeout", _, _): (true, .lockTimeout)
        case .response(429, _, _, _), .response(_, "rate_limit", _, _): (true, .rateLimited)
        case .response(_, _, true?, _): (true, .stripeSaidRetry)
        case .response(409, _, _, _): (true, .conflict)
        case .response(500..., _, _, _): (true, .serverError)
        case .response: (false, .refused)
        case .garbled: (true, .garbled)
        case .failure(let kind): assess(kind)
        }
    }

    private func assess(_ kind: HTTPClientError.Kind) -> (worthwhile: Bool, Reason) {
        switch kind {
        case .connect: (true, .notConnected)
        case .connectionLost: (true, .connectionLost)
        case .timeout: (true, .timedOut)
        case .protocolError: (true, .garbled)
        // A certificate that is not trusted now will not be trusted in a second; Stripe's SDKs stop here too.
        case .tls: (false, .noTrust)
        case .cancelled: (false, .cancelled)
        case .overloaded: (false, .overloaded)
        case .responseTooLarge: (false, .responseTooLarge)
        case .invalidRequest: (false, .invalidRequest)
        }
    }
}
