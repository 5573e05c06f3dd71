internal import JSON

/// What a call may be given beside its params.
public struct CallOptions: Sendable {
    /// How long the call may take, over all its attempts. The server keeps it; the client itself waits a second longer.
    public var timeout: Duration?
    /// Calls with the same key change something once only, also after a crash. A changing call without one gets a random one.
    public var idempotencyKey: String?
    /// W3C trace context, which appears in the server's log of this call.
    public var traceparent: String?
    /// `Bearer TOKEN`, for this call alone.
    public var authorization: String?
    /// Whether the result's `callMetadata` shall say what the server did.
    public var isVerbose: Bool

    public init(
        timeout: Duration? = nil, idempotencyKey: String? = nil, traceparent: String? = nil,
        authorization: String? = nil, isVerbose: Bool = false
    ) {
        self.timeout = timeout
        self.idempotencyKey = idempotencyKey
        self.traceparent = traceparent
        self.authorization = authorization
        self.isVerbose = isVerbose
    }

    /// `params` with these options as their `_meta`, over what stands there. Params that are no object have no room for them.
    func put(into params: JSONValue, timeLeft: Duration?) -> JSONValue {
        guard case .object(var object) = params else { return params }
        var meta = object["_meta"]?.objectValue ?? [:]
        if let timeLeft { meta["timeoutMs"] = .integer(max(1, timeLeft.milliseconds)) }
        if let idempotencyKey { meta["idempotencyKey"] = .string(idempotencyKey) }
        if let traceparent { meta["traceparent"] = .string(traceparent) }
        if let authorization { meta["authorization"] = .string(authorization) }
        if isVerbose { meta["verbose"] = true }
        if !meta.isEmpty { object["_meta"] = .object(meta) }
        return .object(object)
    }
}

extension CallOptions: CustomStringConvertible, CustomReflectable {
    /// Without the authorization, which is a secret.
    public var description: String {
        "CallOptions(timeout: \(timeout as Any), idempotencyKey: \(idempotencyKey as Any), traceparent: "
            + "\(traceparent as Any), authorization: \(authorization == nil ? "nil" : "…"), isVerbose: \(isVerbose))"
    }

    public var customMirror: Mirror { Mirror(self, children: [(label: nil, value: description)]) }
}

extension Duration {
    /// In whole milliseconds, rounded down.
    package var milliseconds: Int64 { components.seconds * 1000 + components.attoseconds / 1_000_000_000_000_000 }
}
