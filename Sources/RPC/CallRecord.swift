/// One finished call, for the log: nothing in it is secret, and no param is in it.
package struct CallRecord: Sendable {
    /// The method as the client wrote it, cut to a length that a log can bear.
    package let method: String
    /// The status name; `OK` for a result.
    package let status: String
    /// The reason of a failure.
    package let reason: String?
    package let milliseconds: Int64
    /// The W3C trace context that the caller gave.
    package let traceparent: String?
    /// What Stripe called the requests that were made.
    package let requestIDs: [String]
}
