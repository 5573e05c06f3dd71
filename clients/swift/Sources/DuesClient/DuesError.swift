internal import JSON

/// Why a call has no result. `reason` is a constant to act on; `message` is for a person.
public struct DuesError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The error's code on the wire.
    public let code: Int64
    /// A sentence for a person.
    public let message: String
    /// All that the server says beside these.
    public let data: ErrorData

    /// gRPC's name of what went wrong, such as NOT_FOUND.
    public var status: String { data.status }
    /// A constant to act on, such as NO_SUCH_CUSTOMER.
    public var reason: String { data.reason }
    /// Whether the same call may succeed later.
    public var isRetryable: Bool { data.retryable }
    /// How long to wait before that, where the server knows.
    public var retryAfter: Duration? { data.retryAfterMilliseconds.map { .milliseconds($0) } }
    /// The id of what the error is about, such as the subscription that there is already.
    public var subjectId: String? { data.subjectId }
    /// Every place of the params that breaks the method's schema.
    public var violations: [Violation] { data.violations ?? [] }
    /// What Stripe said, where Stripe refused.
    public var stripe: StripeRefusal? { data.stripe }

    public var description: String { "\(status) \(reason): \(message)" }

    /// Reads the error object of an answer.
    init(_ error: JSONValue) {
        code = error["code"]?.integerValue ?? 0
        message = error["message"]?.stringValue ?? ""
        data = ErrorData(raw: error["data"]?.objectValue ?? ["status": "UNKNOWN", "reason": "UNSPECIFIED"])
    }
}

// MARK: The client's own

extension DuesError {
    /// The reason of a call whose outcome is unknown, because the connection was lost or could not be made.
    public static let connectionLost = "CONNECTION_LOST"
    /// The reason of a call for which the server was silent a second past the deadline.
    public static let noAnswer = "NO_ANSWER"

    private init(_ status: String, _ code: Int64, _ reason: String, _ message: String, isRetryable: Bool = false) {
        self.code = code
        self.message = message
        data = ErrorData(raw: ["status": .string(status), "reason": .string(reason), "retryable": .bool(isRetryable)])
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
