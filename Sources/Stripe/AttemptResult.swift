/// One attempt's end, read once: what the retry policy needs to know of it, and what the caller gets if it is the last.
internal import HTTP
internal import JSON

struct AttemptResult {
    private let result: Result<HTTPResponse, HTTPClientError>
    private let body: JSONValue?
    private let refusal: StripeRefusal?

    init(_ result: Result<HTTPResponse, HTTPClientError>) {
        self.result = result
        guard case .success(let response) = result else {
            (body, refusal) = (nil, nil)
            return
        }
        body = try? JSONValue(parsing: response.body)
        refusal =
            if (200..<300).contains(response.status) {
                nil
            } else {
                StripeRefusal(response, body)
                    ?? (response.status >= 500 ? StripeRefusal(bodilessServerError: response) : nil)
            }
    }

    var status: Int? { (try? result.get())?.status }
    var requestID: String? { (try? result.get())?.headers["Request-Id"] }

    var outcome: RetryPolicy.Outcome {
        switch result {
        case .failure(let error): .failure(error.kind)
        case .success(let response) where refusal == nil && !isAnswer(response): .garbled
        case .success(let response):
            .response(
                status: response.status, code: refusal?.code, shouldRetry: Self.shouldRetry(response),
                retryAfterMilliseconds: retryAfterMilliseconds)
        }
    }

    /// Whether Stripe says that there are too many calls. A lock, or a limit of one object, says nothing about the others.
    var complainsOfRate: Bool {
        refusal?.category == .rateLimited && refusal?.rateLimitReason != "resource-specific"
    }

    /// How long Stripe wants nobody to call: a limit of one endpoint asks for a pause of its own calls only.
    var pauseForAllMilliseconds: Int64? {
        refusal?.rateLimitReason?.hasPrefix("global") == true ? retryAfterMilliseconds : nil
    }

    /// What the circuit breaker learns. An attempt cut short by its caller's deadline says nothing.
    func verdict(deadlineWasTheLimit: Bool) -> CircuitBreaker.Verdict {
        switch result {
        case .success(let response): response.status >= 500 ? .dead : .alive
        case .failure(let error):
            switch error.kind {
            case .timeout where deadlineWasTheLimit: .unknown
            case .connect, .timeout, .tls, .connectionLost, .protocolError: .dead
            case .responseTooLarge: .alive
            case .cancelled, .overloaded, .invalidRequest: .unknown
            }
        }
    }

    /// Whether this attempt leaves it open if Stripe did what was asked.
    var mayHaveBeenExecuted: Bool {
        switch result {
        case .failure(let error): error.mayHaveBeenSent
        // Who finds the key in use has asked for the same thing before, and is perhaps being served.
        case .success(let response):
            refusal == nil || response.status >= 500 || refusal?.category == .idempotencyKeyInUse
        }
    }

    /// - Parameters:
    ///   - mayHaveBeenExecuted: of this attempt or one before it.
    ///   - deadlineWasTheLimit: whether this attempt's time was what the caller's deadline had left.
    func finish(
        attempts: Int, milliseconds: Int64, mayHaveBeenExecuted: Bool, deadlineWasTheLimit: Bool
    ) throws(StripeError) -> StripeReply {
        switch result {
        case .failure(let error):
            throw StripeError(
                Self.kind(error, deadlineWasTheLimit: deadlineWasTheLimit), attempts: attempts,
                mayHaveBeenExecuted: mayHaveBeenExecuted)
        case .success(let response):
            if let body, isAnswer(response) {
                return StripeReply(
                    value: body, requestID: requestID, attempts: attempts,
                    isReplayed: response.headers["Idempotent-Replayed"] == "true",
                    date: response.headers["Date"].flatMap(HTTPDate.unixSeconds), milliseconds: milliseconds)
            }
            throw StripeError(
                refusal.map { .refused($0) } ?? .garbled("HTTP status \(response.status) without Stripe's JSON"),
                attempts: attempts, requestID: requestID,
                retryAfterMilliseconds: retryAfterMilliseconds,
                mayHaveBeenExecuted: mayHaveBeenExecuted)
        }
    }

    private func isAnswer(_ response: HTTPResponse) -> Bool {
        (200..<300).contains(response.status) && body?.kind == .object
    }

    private static func kind(_ error: HTTPClientError, deadlineWasTheLimit: Bool) -> StripeError.Kind {
        switch error.kind {
        case .timeout where deadlineWasTheLimit: .deadline
        case .connect, .timeout, .tls, .connectionLost: .unreachable(error.message)
        case .protocolError, .responseTooLarge: .garbled(error.message)
        case .cancelled: .cancelled
        case .overloaded: .overloaded(error.message)
        case .invalidRequest: .invalidRequest(error.message)
        }
    }

    private static func shouldRetry(_ response: HTTPResponse) -> Bool? {
        switch response.headers["Stripe-Should-Retry"] {
        case "true": true
        case "false": false
        default: nil
        }
    }

    /// `Retry-After` in seconds. Its other form, a date, is not one that Stripe sends.
    var retryAfterMilliseconds: Int64? {
        guard case .success(let response) = result,
            let seconds = response.headers["Retry-After"].flatMap({ Int64($0) }), (0...86_400).contains(seconds)
        else { return nil }
        return seconds * 1000
    }
}
