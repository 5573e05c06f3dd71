import Crypto
import HTTP

/// The first answers of idempotency keys (docs.stripe.com/api/idempotent_requests): kept for 24 hours, given again for
/// the same request, refused for another one.
struct IdempotencyStore {
    struct Answer {
        let fingerprint: [UInt8]
        let status: Int
        let body: [UInt8]
        let requestID: String
        let storedAt: Int64
    }

    private var answers: [String: Answer] = [:]
    /// Keys in order of storing, so that old ones are found without a search.
    private var order: [String] = []
    private var forgotten = 0

    static let lifetime: Int64 = 24 * 3600

    /// The stored answer of `key`, if there is one for this very request.
    func replay(_ key: String, _ request: HTTPRequest, now: Int64) throws(APIFailure) -> Answer? {
        guard key.utf8.count <= 255 else {
            throw .invalid("Idempotency keys can be at most 255 characters long.")
        }
        guard let answer = answers[key], answer.storedAt + Self.lifetime > now else { return nil }
        guard answer.fingerprint == Self.fingerprint(request) else {
            var failure = APIFailure.invalid(
                "Keys for idempotent requests can only be used with the same parameters they were first used with. Try "
                    + "using a key other than '\(key)' if you meant to execute a different request.")
            failure.type = "idempotency_error"
            throw failure
        }
        return answer
    }

    mutating func store(_ key: String, _ request: HTTPRequest, _ response: HTTPResponse, requestID: String, now: Int64) {
        while forgotten < order.count, let old = answers[order[forgotten]], old.storedAt + Self.lifetime <= now {
            answers[order[forgotten]] = nil
            forgotten += 1
        }
        if forgotten > 1_000, forgotten * 2 > order.count {
            order.removeFirst(forgotten)
            forgotten = 0
        }
        answers[key] = Answer(
            fingerprint: Self.fingerprint(request), status: response.status, body: response.body, requestID: requestID,
            storedAt: now)
        order.append(key)
    }

    /// Of the method, the path and the parameters in any order.
    private static func fingerprint(_ request: HTTPRequest) -> [UInt8] {
        let pairs = FormNode.pairs(request.query.utf8) + FormNode.pairs(request.body)
        let lines = pairs.map { "\($0.name)\u{0}\($0.value)" }.sorted()
        return Digest.sha256(([request.method, request.path] + lines).joined(separator: "\u{1}").utf8)
    }
}
