/// What a call with an idempotency key is about to do.
package struct Intent: Sendable, Equatable {
    /// The caller's key.
    package var key: String
    package var method: String
    /// SHA-256 of the params, so that another call with the same key is told from the same call again.
    package var params: [UInt8]
    /// What the keys of this call's requests to Stripe are made of.
    package var stripeKey: String
    /// Unix seconds.
    package var created: Int64

    package init(key: String, method: String, params: [UInt8], stripeKey: String, created: Int64) {
        self.key = key
        self.method = method
        self.params = params
        self.stripeKey = stripeKey
        self.created = created
    }
}

/// What is known about an idempotency key.
package enum IntentState: Sendable, Equatable {
    /// The call is to be made with this Stripe key: it is new, or an earlier attempt did not get to its answer. `begun` is what
    /// such an attempt was about to send, if it may have had its effect; `created` when the key was first seen, in Unix seconds;
    /// `attempt` the number of this attempt, counted from 1.
    case open(stripeKey: String, begun: [UInt8]?, created: Int64, attempt: Int64)
    /// The call was made; this is its answer.
    case done(reply: [UInt8])
    /// The key belongs to a call with another method or other params.
    case mismatch
}
