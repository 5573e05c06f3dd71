/// What a handler knows about its call, beyond its params.
package struct CallContext: Sendable {
    package let method: Method
    package let metadata: CallMetadata
    /// When the call's line was complete.
    package let received: ContinuousClock.Instant
    /// When the caller stops waiting; nil for a caller who waits.
    package let deadline: ContinuousClock.Instant?
    /// Where the handler notes what it did upstream.
    package let trace: CallTrace

    package init(
        method: Method, metadata: CallMetadata = CallMetadata(), received: ContinuousClock.Instant,
        deadline: ContinuousClock.Instant? = nil, trace: CallTrace = CallTrace()
    ) {
        self.method = method
        self.metadata = metadata
        self.received = received
        self.deadline = deadline
        self.trace = trace
    }

    /// What the result says about the call in `_meta`; nil unless the caller asked for it.
    var resultMetadata: ResultMetadata? { metadata.verbose ? trace.metadata : nil }
}
