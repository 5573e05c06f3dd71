internal import Contract

/// The errors that the engine itself answers, before and around the methods.
extension RPCError {
    static func unknownMethod(_ name: String) -> RPCError {
        let close = name.utf8.count <= 64 ? closeMethod(name.lowercased()) : nil
        let hint = close.map { "; did you mean \"\($0)\"?" } ?? "; rpc.discover lists what there is"
        return RPCError(.methodNotFound, "there is no method \"\(Excerpt.of(name, scalars: 64))\"\(hint)")
    }

    private static func closeMethod(_ name: String) -> String? {
        Method.allCases.lazy.map(\.rawValue).first { $0.lowercased() == name }
    }

    static let shuttingDown = RPCError(.shuttingDown, "the server is shutting down: call another, or call again")

    static let batchAnswerTooLong = RPCError(
        .answerTooLong, "the answers of this batch are too long together: ask in smaller batches")

    /// The server ends before the call does.
    static var cutOff: RPCError {
        var error = RPCError(.shuttingDown, "the server is shutting down before the call has ended")
        error.mayHaveTakenEffect = true
        return error
    }

    static func streamDeadlinePassed(afterMilliseconds milliseconds: Int64) -> RPCError {
        RPCError(.deadlinePassed, "the stream's deadline of \(milliseconds) ms passed")
    }

    static func deadlinePassed(afterMilliseconds milliseconds: Int64, _ call: CallContext) -> RPCError {
        if call.trace.isWaitingForTurn {
            return RPCError(.waitingForTurn, "the deadline of \(milliseconds) ms passed before the call had its turn")
        }
        var error = RPCError(.waitingForStripe, "the deadline of \(milliseconds) ms passed while waiting for Stripe")
        error.mayHaveTakenEffect = true
        return error
    }

    /// The error as the caller of `call` is to see it: what may have happened already is to be called again only under the
    /// idempotency key that makes it happen once.
    func asSeen(by call: CallContext?) -> RPCError {
        guard mayHaveTakenEffect, let call, call.method.scope == .write, call.metadata.idempotencyKey == nil else {
            return self
        }
        var error = self
        error.retryable = false
        return error
    }
}

/// What became of a call: the JSON text of its result, or its error.
typealias Outcome = Result<[UInt8], RPCError>

extension Outcome {
    var failure: RPCError? { if case .failure(let error) = self { error } else { nil } }
}

extension CallRecord {
    /// `failure` is nil for a result, `context` for a call that did not get as far, and for one that was answered at once.
    init(_ request: RPCRequest, _ failure: RPCError?, _ context: CallContext?, traceparent: String? = nil) {
        method = Excerpt.of(request.method, scalars: 64)
        status = failure?.status.name ?? "OK"
        reason = failure?.reason
        let duration = context?.received.duration(to: .now).components
        milliseconds = duration.map { $0.seconds * 1000 + $0.attoseconds / 1_000_000_000_000_000 } ?? 0
        self.traceparent = traceparent ?? context?.metadata.traceparent
        requestIDs = context?.trace.metadata.stripeRequestIds ?? []
    }
}

extension Reason {
    /// The client's own: no answer came, so that what became of the call is unknown.
    static let serverUnreachable = Reason(name: "SERVER_UNREACHABLE", status: .unavailable, retryable: true)
}
