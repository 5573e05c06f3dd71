/// What a method that runs on the loop's own thread knows about its call, beyond its params.
package struct LocalContext {
    package let metadata: CallMetadata
    /// What the caller may do.
    package let scopes: Set<Scope>
    /// The params as they were written.
    package let params: [UInt8]

    package init(_ metadata: CallMetadata, scopes: Set<Scope>, params: [UInt8]) {
        self.metadata = metadata
        self.scopes = scopes
        self.params = params
    }

    /// What the result says about the call in `_meta`, which is that nothing happened upstream; nil unless the caller asked.
    package var resultMetadata: ResultMetadata? {
        guard metadata.verbose else { return nil }
        return ResultMetadata(stripeRequestIds: [], attempts: 0, upstreamMilliseconds: 0, replayed: false)
    }
}

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
    /// What the caller may do.
    package var scopes: Set<Scope>
    /// What keeps this call's requests to Stripe the same in every attempt at it; nil for a call that nobody will repeat.
    package var run: IdempotentRun?

    package init(
        method: Method, metadata: CallMetadata = CallMetadata(), received: ContinuousClock.Instant,
        deadline: ContinuousClock.Instant? = nil, trace: CallTrace = CallTrace(),
        scopes: Set<Scope> = Scope.all
    ) {
        self.method = method
        self.metadata = metadata
        self.received = received
        self.deadline = deadline
        self.trace = trace
        self.scopes = scopes
    }

    /// A call that bears an idempotency key, and may be an attempt at one that was begun before.
    package struct IdempotentRun: Sendable {
        /// What the Stripe idempotency keys of this call are made of.
        package let stripeKey: String
        /// What an earlier attempt was about to send, in the method's own JSON, if it may have had its effect: then the same
        /// is to be sent again, whatever would be found if it were looked up anew.
        package let begun: [UInt8]?
        /// Which attempt at the call this is: one that a later one has overtaken begins nothing any more.
        package let attempt: Int64

        package init(stripeKey: String, begun: [UInt8]?, attempt: Int64) {
            self.stripeKey = stripeKey
            self.begun = begun
            self.attempt = attempt
        }

        package var isRepeated: Bool { begun != nil }
    }

    /// What the result says about the call in `_meta`; nil unless the caller asked for it.
    var resultMetadata: ResultMetadata? { metadata.verbose ? trace.metadata : nil }
}

extension Scope {
    /// What somebody may do whom nobody asks for a token.
    package static let all = Set(Scope.allCases)
}
