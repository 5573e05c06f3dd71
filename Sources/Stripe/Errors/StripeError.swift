/// Why a call to Stripe has no result. Its description holds no key, no client secret and no parameter's value.
package struct StripeError: Error, Sendable, Equatable {
    package let kind: Kind
    /// Attempts made; 0 where nothing was sent.
    package let attempts: Int
    /// `Request-Id` of the last answer, for Stripe's support and Dashboard.
    package let requestID: String?
    /// How long Stripe asks to be left alone.
    package let retryAfterMilliseconds: Int64?
    /// Whether Stripe could have acted on the call. With the same idempotency key it is safe to call again.
    package let mayHaveBeenExecuted: Bool

    package enum Kind: Sendable, Equatable {
        /// Stripe answered, with an error.
        case refused(StripeRefusal)
        /// No answer: no connection, a lost one, or none within an attempt's time.
        case unreachable(String)
        /// An answer that is not Stripe's JSON, or lacks what it must have.
        case garbled(String)
        /// The caller's deadline passed first.
        case deadline
        /// The caller's task was cancelled, or the HTTP client shut down.
        case cancelled
        /// Our own client is full; nothing was sent.
        case overloaded(String)
        /// The call cannot be written down (an empty id, a bracket in a metadata key); nothing was sent.
        case invalidRequest(String)
    }

    package init(
        _ kind: Kind, attempts: Int, requestID: String? = nil, retryAfterMilliseconds: Int64? = nil,
        mayHaveBeenExecuted: Bool = false
    ) {
        self.kind = kind
        self.attempts = attempts
        self.requestID = requestID
        self.retryAfterMilliseconds = retryAfterMilliseconds
        self.mayHaveBeenExecuted = mayHaveBeenExecuted
    }

    /// What Stripe said, where it said something.
    package var refusal: StripeRefusal? { if case .refused(let refusal) = kind { refusal } else { nil } }
}

extension StripeError: CustomStringConvertible, CustomReflectable {
    package var description: String {
        let what: String =
            switch kind {
            case .refused(let refusal): refusal.description
            case .unreachable(let problem): "Stripe could not be reached: \(problem)"
            case .garbled(let problem): "Stripe's answer could not be read: \(problem)"
            case .deadline: "the deadline passed while waiting for Stripe"
            case .cancelled: "the call to Stripe was cancelled"
            case .overloaded(let problem): "too many calls to Stripe: \(problem)"
            case .invalidRequest(let problem): "the call to Stripe cannot be made: \(problem)"
            }
        return what + " (" + (requestID.map { "\($0), " } ?? "") + "attempts: \(attempts))"
    }

    package var customMirror: Mirror { Mirror(self, children: ["error": description]) }
}
