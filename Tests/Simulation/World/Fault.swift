import HTTP
import JSON
import TestSupport

/// What becomes of one attempt.
struct Fault: CustomStringConvertible {
    enum Answer {
        /// What Stripe says.
        case whole
        /// An error in its place.
        case status(Int, type: String, code: String?, headers: HTTPHeaders)
        /// What is no answer, with the status of one.
        case garbled(Int, String)
        case none(HTTPClientError.Kind, isSent: Bool)
    }

    var answer = Answer.whole
    /// Whether Stripe does what it was asked.
    var hasEffect = true
    /// Whether Stripe does it after everybody has given up.
    var comesLate = false
    /// How long it takes.
    var milliseconds: Int64 = 0

    var description: String { "\(hasEffect ? "done" : comesLate ? "to be done" : "not done"), answer \(answer)" }

    /// None in most cases; in `percent` of a hundred some trouble or other.
    static func drawn(by random: inout Seeded, percent: UInt64) -> Fault {
        guard random.next() % 100 < percent else { return Fault() }
        var fault = Fault(hasEffect: random.next() % 2 == 0)
        switch random.next() % 17 {
        case 0: return Fault(answer: .none(.connect, isSent: false), hasEffect: false)
        case 1, 2, 3: fault.answer = .none(.connectionLost, isSent: true)
        case 4, 5:
            fault.answer = .none(.timeout, isSent: true)
            fault.milliseconds = 3000
        case 6: return Fault(answer: .none(.timeout, isSent: true), hasEffect: false, comesLate: true)
        case 7: fault.answer = .none(.protocolError, isSent: true)
        case 8: fault.answer = .garbled(200, "{\"id\":")
        case 9: fault.answer = .garbled(random.next() % 2 == 0 ? 200 : 400, "<html>Bad Gateway</html>")
        case 10: fault.answer = error(429, "rate_limit", random.next() % 2 == 0 ? ["Retry-After": "1"] : [:])
        case 11: fault.answer = error(429, "lock_timeout", ["Stripe-Should-Retry": "true"])
        case 12: fault.answer = error(409, "idempotency_key_in_use")
        case 13: fault.answer = error(500, nil, random.next() % 2 == 0 ? ["Stripe-Should-Retry": "false"] : [:])
        case 14: fault.answer = .garbled(503, "")
        // The caller takes the call back.
        case 15: fault.answer = .none(.cancelled, isSent: true)
        default:
            fault.hasEffect = true
            fault.milliseconds = 2000
        }
        return fault
    }

    private static func error(_ status: Int, _ code: String?, _ headers: HTTPHeaders = [:]) -> Answer {
        .status(status, type: status == 500 ? "api_error" : "invalid_request_error", code: code, headers: headers)
    }

    func result(_ done: HTTPResponse?) -> Result<HTTPResponse, HTTPClientError> {
        switch answer {
        case .whole:
            guard let done else { preconditionFailure("Stripe answers what it has not done") }
            return .success(done)
        case .status(let status, let type, let code, let headers):
            var error: JSONObject = ["type": .string(type), "message": "A bad day."]
            error["code"] = code.map { .string($0) }
            return .success(
                HTTPResponse(status: status, headers: headers, body: JSONValue.object(["error": .object(error)]).bytes))
        case .garbled(let status, let text): return .success(HTTPResponse(status: status, body: Array(text.utf8)))
        case .none(let kind, let isSent):
            return .failure(HTTPClientError(kind: kind, message: "a bad day", mayHaveBeenSent: isSent))
        }
    }
}
