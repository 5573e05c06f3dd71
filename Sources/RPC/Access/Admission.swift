internal import Contract
internal import JSON

/// What the client of one connection may do (PROTOCOL section 7). The token of a call counts before that of the connection,
/// which rpc.hello gives.
struct Admission {
    /// Nil where nobody is asked for a token.
    let gatekeeper: Gatekeeper?
    /// Who rpc.hello said the client is.
    private var identity: Identity?

    init(_ gatekeeper: Gatekeeper?) { self.gatekeeper = gatekeeper }

    /// Whether the client may call `method`, whatever the call says.
    func allows(_ method: Method) -> Bool {
        guard gatekeeper != nil, let scope = method.scope else { return true }
        return identity?.scopes.contains(scope) ?? false
    }

    /// What the caller may do, if that is enough for `method`. `peer` is who tries, `now` in milliseconds of a clock that never
    /// goes back. Throws UNAUTHENTICATED, PERMISSION_DENIED, or that the peer has been wrong too often.
    mutating func scopes(
        for method: Method, _ metadata: CallMetadata, params: Span<UInt8>, peer: @autoclosure () -> String, now: Int64
    ) throws(RPCError) -> Set<Scope> {
        guard let gatekeeper else { return Scope.all }
        var caller = identity
        if let authorization = metadata.authorization {
            caller = try gatekeeper.identify(authorization, peer: peer(), now: now)
        } else if method == .rpcHello, let authorization = Self.authorization(ofHello: params) {
            caller = try gatekeeper.identify(authorization, peer: peer(), now: now)
            identity = caller
        }
        guard let scope = method.scope else { return caller?.scopes ?? [] }
        guard let caller else {
            throw RPCError(.tokenRequired, "this server asks for a token: give it by rpc.hello, or in _meta.authorization")
        }
        guard caller.scopes.contains(scope) else {
            throw RPCError(.scopeRequired, "\(method.rawValue) needs the scope \(scope.rawValue), which the token has not")
        }
        return caller.scopes
    }

    private static func authorization(ofHello params: Span<UInt8>) -> String? {
        (try? JSONValue(parsing: params.bytes))?["authorization"]?.stringValue
    }
}
