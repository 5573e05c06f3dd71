/// What came back from Stripe, and what getting it took.
package import JSON

package struct StripeReply: Sendable, Equatable {
    package var value: JSONValue
    /// `Request-Id`.
    package let requestID: String?
    package let attempts: Int
    /// Whether this is the stored answer to an earlier call with the same idempotency key.
    package let isReplayed: Bool
    /// Stripe's clock when it answered, in Unix seconds, from the Date header field.
    package let date: Int64?
    /// From the call's start to its end, pauses between attempts included.
    package let milliseconds: Int64

    package init(
        value: JSONValue, requestID: String?, attempts: Int, isReplayed: Bool, date: Int64?, milliseconds: Int64
    ) {
        self.value = value
        self.requestID = requestID
        self.attempts = attempts
        self.isReplayed = isReplayed
        self.date = date
        self.milliseconds = milliseconds
    }
}

extension StripeReply: CustomStringConvertible, CustomReflectable {
    /// Without the value, which may hold client secrets.
    package var description: String {
        "\(requestID ?? "no request id"), attempts: \(attempts), \(milliseconds) ms" + (isReplayed ? ", replayed" : "")
    }
    package var customMirror: Mirror { Mirror(self, children: ["reply": description]) }
}

/// A typed object and the reply that it came in.
package struct StripeAnswer<Object: Sendable>: Sendable {
    package let object: Object
    package let reply: StripeReply
}

/// What a caller may say about one call beyond its parameters.
package struct StripeCallOptions: Sendable {
    /// For POST; a fresh one is made where it is nil. At most 255 printable ASCII characters.
    package var idempotencyKey: String?
    /// The call ends here, whatever it is doing.
    package var deadline: ContinuousClock.Instant?

    package init(idempotencyKey: String? = nil, deadline: ContinuousClock.Instant? = nil) {
        self.idempotencyKey = idempotencyKey
        self.deadline = deadline
    }
}
