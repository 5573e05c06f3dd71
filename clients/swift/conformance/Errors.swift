import DuesClient
import JSON

/// What no client can be asked.
struct NotUnderstood: Error {}

extension Error {
    /// An error object, as the client told it.
    var json: JSONValue {
        switch self {
        case let error as DuesError: error.object
        case is CancellationError:
            Self.object(
                -32001, "The caller has cancelled the call.", ["status": "CANCELLED", "reason": "CALLER_CANCELLED"])
        default: Self.object(-32603, "The driver does not understand this.", ["status": "INTERNAL", "reason": "DRIVER"])
        }
    }

    private static func object(_ code: Int64, _ message: String, _ data: JSONObject) -> JSONValue {
        var data = data
        data["retryable"] = false
        return ["code": .integer(code), "message": .string(message), "data": .object(data)]
    }
}

extension DuesError {
    fileprivate var object: JSONValue {
        let data = JSONObject(present: [
            ("status", status), ("reason", reason), ("retryable", isRetryable), ("retryAfterMs", retryAfter?.milliseconds),
            ("subjectId", subjectId), ("violations", violations.isEmpty ? nil : violations), ("stripe", stripe),
        ])
        return ["code": .integer(code), "message": .string(message), "data": .object(data)]
    }
}

extension DuesError.Violation: JSONWritable {
    var json: JSONValue {
        ["pointer": .string(pointer), "rule": .string(rule), "message": .string(message)]
    }
}

extension DuesError.StripeRefusal: JSONWritable {
    var json: JSONValue {
        JSONObject(present: [
            ("type", type), ("code", code), ("declineCode", declineCode), ("param", param), ("requestId", requestId),
            ("docUrl", docUrl), ("httpStatus", httpStatus),
        ]).json
    }
}
