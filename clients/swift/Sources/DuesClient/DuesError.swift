internal import JSON

/// Why a call has no result. `reason` is a constant to act on; `message` is for a person.
public struct DuesError: Error, Sendable, Equatable, CustomStringConvertible {
    /// gRPC's name of what went wrong, such as NOT_FOUND.
    public let status: String
    /// The error's code on the wire.
    public let code: Int64
    /// A constant to act on, such as NO_SUCH_CUSTOMER.
    public let reason: String
    /// A sentence for a person.
    public let message: String
    /// Whether the same call may succeed later.
    public let isRetryable: Bool
    /// How long to wait before that, where the server knows.
    public let retryAfter: Duration?
    /// The id of what the error is about, such as the subscription that there is already.
    public let subjectId: String?
    /// Every place of the params that breaks the method's schema.
    public let violations: [Violation]
    /// What Stripe said, where Stripe refused.
    public let stripe: StripeRefusal?

    /// One place of a call's params that breaks the method's schema.
    public struct Violation: Sendable, Equatable {
        /// JSON Pointer (RFC 6901) from params; empty for params themselves.
        public let pointer: String
        /// The keyword of JSON Schema that is broken, or the name of a rule across members.
        public let rule: String
        /// What must be, and what was found.
        public let message: String
    }

    /// What Stripe's error object said (https://docs.stripe.com/api/errors).
    public struct StripeRefusal: Sendable, Equatable {
        /// card_error, invalid_request_error, idempotency_error or api_error.
        public let type: String?
        public let code: String?
        /// The bank's reason, where a card was declined.
        public let declineCode: String?
        /// Stripe's name of the parameter that it refused.
        public let param: String?
        /// Stripe's id of the request (req_…), which their support asks for.
        public let requestId: String?
        public let docUrl: String?
        public let httpStatus: Int64?
    }

    public var description: String { "\(status) \(reason): \(message)" }

    /// Reads the error object of an answer.
    init(_ error: JSONValue) {
        let data = error["data"] ?? [:]
        code = error["code"]?.integerValue ?? 0
        message = error["message"]?.stringValue ?? ""
        status = data["status"]?.stringValue ?? "UNKNOWN"
        reason = data["reason"]?.stringValue ?? "UNSPECIFIED"
        isRetryable = data["retryable"]?.boolValue ?? false
        retryAfter = data["retryAfterMs"]?.integerValue.map { .milliseconds($0) }
        subjectId = data["subjectId"]?.stringValue
        violations = (data["violations"]?.arrayValue ?? []).map { violation in
            let text = { (name: String) in violation[name]?.stringValue ?? "" }
            return Violation(pointer: text("pointer"), rule: text("rule"), message: text("message"))
        }
        stripe = data["stripe"]?.objectValue.map { said in
            let text = { (name: String) in said[name]?.stringValue }
            return StripeRefusal(
                type: text("type"), code: text("code"), declineCode: text("declineCode"), param: text("param"),
                requestId: text("requestId"), docUrl: text("docUrl"), httpStatus: said["httpStatus"]?.integerValue)
        }
    }
}

// MARK: The client's own

extension DuesError {
    /// The reason of a call whose outcome is unknown, because the connection was lost or could not be made.
    public static let connectionLost = "CONNECTION_LOST"
    /// The reason of a call for which the server was silent a second past the deadline.
    public static let noAnswer = "NO_ANSWER"

    private init(_ status: String, _ code: Int64, _ reason: String, _ message: String, isRetryable: Bool = false) {
        self.init([
            "code": .integer(code), "message": .string(message),
            "data": ["status": .string(status), "reason": .string(reason), "retryable": .bool(isRetryable)],
        ])
    }

    static func connectionLost(_ why: String) -> DuesError {
        DuesError("UNAVAILABLE", -32014, connectionLost, "The connection is lost: \(why).", isRetryable: true)
    }

    static let silence = DuesError(
        "DEADLINE_EXCEEDED", -32004, noAnswer, "The server gave no answer in time.", isRetryable: true)

    static let isClosed = DuesError("UNAVAILABLE", -32014, connectionLost, "The client is closed.")

    /// As a server says of lines that are too long for it.
    static let lineTooLong = DuesError(
        "RESOURCE_EXHAUSTED", -32600, "LINE_TOO_LONG", "The call is longer than a line may be, 1 MiB.")
}
