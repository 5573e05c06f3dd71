internal import Contract

/// Decides who a caller is, where the server asks for tokens (PROTOCOL section 7). One for each loop, which owns it.
package final class Gatekeeper {
    /// The tokens that open the service; a reloaded file replaces them.
    package var tokens: TokenTable
    private let limiter: SharedLimiter
    private let onFailure: (_ peer: String) -> Void

    /// - Parameters:
    ///   - limiter: shared by the gatekeepers of all loops.
    ///   - onFailure: told of every wrong token, never of the token itself.
    package init(
        tokens: TokenTable, limiter: SharedLimiter = SharedLimiter(),
        onFailure: @escaping (_ peer: String) -> Void = { _ in }
    ) {
        self.tokens = tokens
        self.limiter = limiter
        self.onFailure = onFailure
    }

    /// Whose `authorization` this is. Throws TOKEN_UNKNOWN where it is nobody's, TOO_MANY_ATTEMPTS where `peer` has been wrong
    /// too often to be looked at. `now` is in milliseconds of a clock that never goes back.
    func identify(_ authorization: String, peer: String, now: Int64) throws(RPCError) -> Identity {
        if case .refuse(let wait) = limiter.decide(peer: peer, now: now) {
            throw RPCError(.tooManyAttempts, "too many wrong tokens came from here", retryAfterMilliseconds: wait)
        }
        if let identity = tokens.identify(authorization: authorization) { return identity }
        limiter.failed(peer: peer, now: now)
        onFailure(peer)
        throw RPCError(.tokenUnknown, "the token is not one that this server knows")
    }
}
