/// A failed call: what went wrong, and all that a caller needs to act on it.
package import JSON

package struct RPCError: Error, Sendable, Equatable {
    package var status: Status
    /// The constant that programs act on. Listed in the schema of the method.
    package var reason: String
    /// The JSON-RPC error code.
    package var code: Int
    /// One sentence for a person. Holds no secret.
    package var message: String
    /// Whether the same call may succeed later.
    package var retryable: Bool
    /// How long to wait before trying again, where the server knows.
    package var retryAfterMilliseconds: Int64?
    /// The object that the error is about, where a program would go on with it (the subscription that is there already).
    package var subjectId: String?
    /// Every violation of the message's schema, in the order of the message.
    package var violations: [Violation]
    /// What Stripe said, where Stripe refused.
    package var stripe: StripeRefusal?
    /// Whether the call may have had its effect all the same. Not on the wire: it decides what `retryable` says there.
    package var mayHaveTakenEffect = false

    /// `retryable` is the reason's own unless given.
    package init(
        _ reason: Reason, _ message: String, violations: [Violation] = [], stripe: StripeRefusal? = nil,
        retryAfterMilliseconds: Int64? = nil, retryable: Bool? = nil, subjectId: String? = nil
    ) {
        status = reason.status
        self.reason = reason.name
        code = reason.code
        self.message = message
        self.retryable = retryable ?? reason.retryable
        self.retryAfterMilliseconds = retryAfterMilliseconds
        self.subjectId = subjectId
        self.violations = violations
        self.stripe = stripe
    }
}

// MARK: On the wire

extension RPCError {
    /// Writes the JSON-RPC error object: code, message, data.
    package func write(into writer: inout JSONWriter) {
        writer.beginObject()
        writer.member("code", Int64(code))
        writer.member("message", message)
        writer.key("data")
        writer.beginObject()
        writer.member("status", status.name)
        writer.member("reason", reason)
        writer.member("retryable", retryable)
        writer.memberIfPresent("retryAfterMs", retryAfterMilliseconds)
        writer.memberIfPresent("subjectId", subjectId)
        if !violations.isEmpty { writer.member("violations", violations) }
        writer.memberIfPresent("stripe", stripe)
        writer.endObject()
        writer.endObject()
    }

    /// Reads an error object as a client meets it, from whatever server: what is missing or strange becomes the
    /// nearest thing that is known.
    package init(json: JSONValue) {
        let data = json["data"]
        let code = json["code"]?.integerValue.flatMap(Int.init(exactly:))
        let status = data?["status"]?.stringValue.flatMap(Status.init(name:)) ?? code.flatMap(Status.init(code:))
        let reason = data?["reason"]?.stringValue ?? Reason.unspecified.name
        self.init(
            Reason(name: reason, status: status ?? .unknown, code: code),
            json["message"]?.stringValue ?? "The peer gave an error without a message.",
            violations: (data?["violations"]?.arrayValue ?? []).map(Violation.init(json:)),
            stripe: data?["stripe"].flatMap(StripeRefusal.init(json:)),
            retryAfterMilliseconds: data?["retryAfterMs"]?.integerValue,
            retryable: data?["retryable"]?.boolValue, subjectId: data?["subjectId"]?.stringValue)
    }
}
