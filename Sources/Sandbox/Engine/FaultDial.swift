import HTTP
import JSON

/// Bad days by chance: each kind of trouble with its rate. What happens is drawn from a seed, so that the same calls in
/// the same order meet the same trouble again.
struct FaultDial {
    enum Trouble: String, CaseIterable {
        // Of requests.
        case errors, latency
        case errorsAfterEffect = "errors_after_effect"
        case lockTimeouts = "lock_timeouts"
        case rateLimits = "rate_limits"
        // Of deliveries.
        case delays, drops, duplicates, reorderings
    }

    static let table =
        "seed:int latency_ms:int delay_seconds:int rates:{"
        + Trouble.allCases.map { "\($0.rawValue):num" }.joined(separator: " ") + "}"

    private let rates: [Trouble: Double]
    private let seed: Int64
    private var random: SandboxRandom
    private let latencyMilliseconds: Int64
    private let delaySeconds: Int64

    init(_ params: JSONObject) throws(APIFailure) {
        var rates: [Trouble: Double] = [:]
        for (name, value) in params.object("rates") {
            guard let trouble = Trouble(rawValue: name), let rate = value.doubleValue, (0...1).contains(rate) else {
                throw .invalid("A rate is from 0 to 1.", param: "rates[\(name)]")
            }
            rates[trouble] = rate
        }
        try Account.check(params, "latency_ms", in: 0...600_000)
        try Account.check(params, "delay_seconds", in: 1...2_592_000)
        self.rates = rates
        seed = params.integer("seed") ?? 1
        random = SandboxRandom(seed: UInt64(bitPattern: seed))
        latencyMilliseconds = params.integer("latency_ms") ?? 1000
        delaySeconds = params.integer("delay_seconds") ?? 60
    }

    var json: JSONValue {
        var shown: JSONObject = [:]
        for trouble in Trouble.allCases { shown[trouble.rawValue] = .number(String(rates[trouble] ?? 0)) }
        return [
            "object": "sandbox.fault_dial", "delay_seconds": .integer(delaySeconds),
            "latency_ms": .integer(latencyMilliseconds), "rates": .object(shown), "seed": .integer(seed),
        ]
    }

    /// Whether a trouble happens this time. One that has no rate draws nothing, so that it does not move the others.
    private mutating func happens(_ trouble: Trouble) -> Bool {
        guard let rate = rates[trouble], rate > 0 else { return false }
        return Double(random.next() >> 11) * 0x1p-53 < rate
    }

    // MARK: Requests

    /// What happens to a request of the API: at most one error, and besides it the answer may be late. Readings are not
    /// locked out, and have no effect after which they could fail.
    mutating func fault(for request: HTTPRequest) -> Fault? {
        guard request.path.hasPrefix("/v1/") else { return nil }
        var fault = Fault()
        if happens(.latency) { fault.delayMilliseconds = latencyMilliseconds }
        let writes = request.method != "GET"
        if happens(.rateLimits) {
            fault.failure = .rateLimited
        } else if writes, happens(.lockTimeouts) {
            fault.failure = .lockTimeout
        } else if happens(.errors) {
            fault.failure = .unknownError
        } else if writes, happens(.errorsAfterEffect) {
            fault.failure = .unknownError
            fault.isAfterEffect = true
        }
        return fault.failure == nil && fault.delayMilliseconds == 0 ? nil : fault
    }

    // MARK: Deliveries

    mutating func fate() -> DeliveryFate {
        var fate = DeliveryFate()
        fate.isDropped = happens(.drops)
        if happens(.duplicates) { fate.copies = 2 }
        if happens(.reorderings) { fate.holdMilliseconds = 200 + Int64(random.next() % 1800) }
        if happens(.delays) { fate.holdMilliseconds = delaySeconds * 1000 }
        return fate
    }
}

/// What is to happen to a delivery on its way.
package struct DeliveryFate: Equatable, Sendable {
    /// Nobody will ever get it.
    var isDropped = false
    /// How often it arrives.
    var copies = 1
    /// How long it is held back, while later ones overtake it.
    var holdMilliseconds: Int64 = 0
}

extension APIFailure {
    /// docs.stripe.com/rate-limits.
    static let rateLimited: APIFailure = {
        var failure = APIFailure(
            429, "Request rate limit exceeded. Learn more about rate limits here https://stripe.com/docs/rate-limits.",
            code: "rate_limit")
        failure.headers = [("Stripe-Rate-Limited-Reason", "global-rate")]
        return failure
    }()

    static let lockTimeout: APIFailure = {
        var failure = APIFailure(
            429,
            "This object cannot be accessed right now because another API request or Stripe process is currently accessing "
                + "it. If you see this error intermittently, retry the request.", code: "lock_timeout")
        failure.headers = [("Stripe-Should-Retry", "true")]
        return failure
    }()

    static let unknownError: APIFailure = {
        var failure = APIFailure(500, "An unknown error occurred.")
        failure.type = "api_error"
        return failure
    }()
}
