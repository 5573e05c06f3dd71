internal import Contract

/// The errors that the engine itself answers, before and around the methods.
extension RPCError {
    static func unknownMethod(_ name: String) -> RPCError {
        let known = Method.allCases.map(\.rawValue)
        let close = known.first { $0.lowercased() == name.lowercased() }
        let hint = close.map { "; did you mean \"\($0)\"?" } ?? "; rpc.discover lists what there is"
        return RPCError(.methodNotFound, "there is no method \"\(name.prefix(64))\"\(hint)")
    }

    static func deadlinePassed(afterMilliseconds milliseconds: Int64) -> RPCError {
        RPCError(.waitingForStripe, "the deadline of \(milliseconds) ms passed while waiting for Stripe")
    }
}

extension CallRecord {
    init(_ request: RPCRequest, _ outcome: Outcome, _ context: CallContext?) {
        method = String(request.method.prefix(64))
        switch outcome {
        case .success:
            status = "OK"
            reason = nil
        case .failure(let error):
            status = error.status.name
            reason = error.reason
        }
        milliseconds = context.map { Int64($0.received.duration(to: .now) / .milliseconds(1)) } ?? 0
        traceparent = context?.metadata.traceparent
        requestIDs = context?.trace.metadata.stripeRequestIds ?? []
    }
}

extension Reason {
    /// The client's own: no answer came, so that what became of the call is unknown.
    static let serverUnreachable = Reason(name: "SERVER_UNREACHABLE", status: .unavailable, retryable: true)
}
