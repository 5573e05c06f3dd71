/// Calls Stripe: writes the request, tries as often as the policy allows, and reads the answer or the refusal.
internal import Crypto
internal import HTTP
internal import JSON

package final class StripeClient: Sendable {
    package enum Method: String, Sendable {
        case get = "GET"
        case post = "POST"
        case delete = "DELETE"

        var mode: UpstreamMode { self == .get ? .read : .write }
    }

    /// One attempt, for logs and health. Holds no parameter, no body and no key.
    package struct Attempt: Sendable {
        package let method: Method
        /// Segments of the path below `/v1`.
        package let path: StripePath
        /// Counted from 1.
        package let number: Int
        /// Nil where there was no answer.
        package let status: Int?
        package let requestID: String?
        package let decision: RetryPolicy.Decision
        /// What the attempt tells about Stripe's health.
        package let verdict: CircuitBreaker.Verdict
    }

    package let configuration: StripeConfiguration
    private let http: any StripeTransport
    private let upstream: UpstreamGuard
    package let clock: SteadyClock
    private let random01: @Sendable () -> Double
    private let observe: @Sendable (Attempt) -> Void

    /// - Parameters:
    ///   - clock: what deadlines are reckoned by, and what is waited by between attempts.
    ///   - random01: a number in 0..<1.
    ///   - observe: told of every attempt; must not block.
    package init(
        _ configuration: StripeConfiguration, http: any StripeTransport, clock: SteadyClock = .system,
        random01: @escaping @Sendable () -> Double = { Double.random(in: 0..<1) },
        observe: @escaping @Sendable (Attempt) -> Void = { _ in }
    ) {
        self.configuration = configuration
        self.http = http
        upstream = UpstreamGuard(configuration, clock)
        self.clock = clock
        self.random01 = random01
        self.observe = observe
    }

    /// Calls `/v1/<path>`. Parameters of GET and DELETE go in the query, those of POST in the body.
    ///
    /// No attempt and no pause goes past `deadline`. Where a pause would, or no turn is left for another attempt, the caller gets
    /// Stripe's own answer instead.
    /// - Throws: what is left after the retries that are due; see `StripeError.Kind`.
    package func call(
        _ method: Method, _ path: StripePath, _ parameters: FormParameters = [:], idempotencyKey: String? = nil,
        deadline: ContinuousClock.Instant? = nil
    ) async throws(StripeError) -> StripeReply {
        let started = clock.now
        let request = try compose(method, path, parameters, idempotencyKey)
        if let wait = upstream.admit() {
            throw StripeError(
                .unreachable("it failed every time lately, and is not asked for now"), attempts: 0,
                retryAfterMilliseconds: wait)
        }
        var attempt = 0
        var mayHaveBeenExecuted = false
        let fail = { (kind: StripeError.Kind, wait: Int64?) in
            self.upstream.giveUp()
            return StripeError(
                kind, attempts: attempt, retryAfterMilliseconds: wait, mayHaveBeenExecuted: mayHaveBeenExecuted)
        }
        var pause: Int64
        switch upstream.reserve(method.mode, patience: patience(until: deadline)) {
        case .taken(let wait): pause = wait
        case .tooLate(let wait):
            throw timeLeft(until: deadline) > 0
                ? fail(.overloaded("the next free turn comes too late"), wait) : fail(.deadline, nil)
        case .tooManyWait(let wait): throw fail(.overloaded("too many calls wait for their turn"), wait)
        }
        while true {
            if pause > 0 { do { try await clock.sleep(for: .milliseconds(pause)) } catch { throw fail(.cancelled, nil) } }
            let timeout = min(timeLeft(until: deadline), configuration.totalTimeoutMilliseconds)
            guard timeout > 0 else { throw fail(.deadline, nil) }
            attempt += 1
            let limited = timeout < configuration.totalTimeoutMilliseconds
            let (result, verdict) = await attemptOnce(request, method.mode, timeoutMilliseconds: timeout, limited: limited)
            let decision = configuration.retryPolicy.decide(result.outcome, attempt: attempt, random01: random01())
            observe(
                Attempt(
                    method: method, path: path, number: attempt, status: result.status, requestID: result.requestID,
                    decision: decision, verdict: verdict))
            mayHaveBeenExecuted = mayHaveBeenExecuted || result.mayHaveBeenExecuted
            guard case .retry(let due, let reason) = decision, timeLeft(until: deadline) > due, !upstream.isOpen,
                case .taken(let wait) = upstream.reserve(method.mode, patience: patience(until: deadline))
            else {
                return try result.finish(
                    attempts: attempt, milliseconds: Self.milliseconds(clock.now - started),
                    mayHaveBeenExecuted: mayHaveBeenExecuted, deadlineWasTheLimit: limited)
            }
            upstream.retries(because: reason)
            pause = max(due, wait)
        }
    }

    /// How the calls fare.
    package var figures: UpstreamFigures { upstream.figures }

    private func attemptOnce(
        _ request: HTTPRequest, _ mode: UpstreamMode, timeoutMilliseconds: Int64, limited: Bool
    ) async -> (AttemptResult, CircuitBreaker.Verdict) {
        let started = clock.now
        upstream.begin(mode)
        let result = AttemptResult(await send(request, timeoutMilliseconds: timeoutMilliseconds))
        let verdict = result.verdict(deadlineWasTheLimit: limited)
        upstream.end(mode, result, verdict, milliseconds: Self.milliseconds(clock.now - started))
        return (result, verdict)
    }

    // MARK: Time

    /// How long a call may wait for its turn, in milliseconds.
    private func patience(until deadline: ContinuousClock.Instant?) -> Int64 {
        min(timeLeft(until: deadline), configuration.totalTimeoutMilliseconds) - 1
    }

    /// Milliseconds until `deadline`, rounded down; a very long time where there is none.
    private func timeLeft(until deadline: ContinuousClock.Instant?) -> Int64 {
        deadline.map { Self.milliseconds($0 - clock.now) } ?? .max
    }

    private static func milliseconds(_ duration: Duration) -> Int64 {
        let (seconds, attoseconds) = duration.components
        return seconds &* 1000 &+ attoseconds / 1_000_000_000_000_000
    }

    // MARK: Request

    private func send(
        _ request: HTTPRequest, timeoutMilliseconds: Int64
    ) async -> Result<HTTPResponse, HTTPClientError> {
        do throws(HTTPClientError) {
            return .success(try await http.send(request, timeoutMilliseconds: timeoutMilliseconds))
        } catch {
            return .failure(error)
        }
    }

    private func compose(
        _ method: Method, _ path: StripePath, _ parameters: FormParameters, _ idempotencyKey: String?
    ) throws(StripeError) -> HTTPRequest {
        guard let encodedPath = path.encoded else {
            throw StripeError(.invalidRequest("an id in the path is empty or made of dots"), attempts: 0)
        }
        let form: String
        do throws(FormEncoder.UnwritableName) {
            form = try FormEncoder.encode(parameters)
        } catch {
            throw StripeError(.invalidRequest("a parameter's name \(error.problem)"), attempts: 0)
        }
        var headers: HTTPHeaders = [
            "Authorization": "Bearer \(configuration.secretKey.exposedSecret)",
            "Stripe-Version": StripeAPI.version,
            "User-Agent": configuration.userAgent,
            "Accept": "application/json",
        ]
        if let account = configuration.account { headers.add("Stripe-Account", account) }
        let url = configuration.apiBase + encodedPath
        guard method == .post else {
            return HTTPRequest(
                method: method.rawValue, target: form.isEmpty ? url : "\(url)?\(form)", headers: headers)
        }
        headers.add("Content-Type", "application/x-www-form-urlencoded")
        headers.add("Idempotency-Key", try checked(idempotencyKey ?? Self.freshIdempotencyKey()))
        return HTTPRequest(method: method.rawValue, target: url, headers: headers, body: Array(form.utf8))
    }

    private func checked(_ key: String) throws(StripeError) -> String {
        let isFine =
            !key.isEmpty && key.utf8.count <= StripeAPI.maximumIdempotencyKeyLength
            && key.utf8.allSatisfy { (0x20...0x7E).contains($0) }
        guard isFine else {
            throw StripeError(
                .invalidRequest("an idempotency key is 1 to 255 printable ASCII characters"), attempts: 0)
        }
        return key
    }

    /// A random UUID (RFC 9562, version 4).
    package static func freshIdempotencyKey() -> String {
        var bytes = randomBytes(16)
        bytes[6] = bytes[6] & 0x0F | 0x40
        bytes[8] = bytes[8] & 0x3F | 0x80
        return Encoding.uuid(bytes)
    }
}
