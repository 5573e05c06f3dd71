internal import Contract
internal import EventLoop
internal import HTTP
internal import RPC
internal import Service
internal import Store

/// What the loops that serve calls share, and how each makes a server of its own of it.
struct RPCParts: Sendable {
    let store: SQLStore
    let billing: BillingService
    /// By which Stripe is called.
    let http: HTTPClient
    let keeper: IdempotencyKeeper
    let health: Health
    let identity: ServerIdentity
    let access: AccessQuestions
    let answers: SharedAnswers
    let warmer: AnswerWarmer
    let limits: RPCLimits
    /// Nil where nobody is asked for a token.
    let tokens: TokenTable?
    let log: Log
    private let counts = RPCCounts()
    private let limiter = SharedLimiter()

    init(
        _ configuration: ServerConfiguration, limits: RPCLimits, store: SQLStore, billing: BillingService,
        http: HTTPClient, health: Health,
        clock: @escaping @Sendable () -> Int64
    ) throws(Failure) {
        self.store = store
        self.billing = billing
        self.http = http
        self.health = health
        self.limits = limits
        keeper = IdempotencyKeeper(store: store, health: health, clock: clock)
        identity = ServerIdentity(version: Dues.version, mode: configuration.mode, limits: HelloLimits(limits))
        access = AccessQuestions(graceSeconds: configuration.graceSeconds, clock: clock)
        answers = SharedAnswers(bytes: configuration.answerBytes, loops: configuration.loops)
        warmer = AnswerWarmer(answers, store: store, access: access)
        log = configuration.log
        tokens = if let path = configuration.tokensPath { try Tokens.read(path) } else { nil }
    }

    /// The server of `loop`, with a reader of its own; to be called on the loop's thread.
    func server(on loop: EventLoop, helpers: [LoopOwned<RPCServer>] = []) throws(StoreError) -> RPCServer {
        let tlsFailures = SparseLog(log)
        let server = RPCServer(
            loop: loop,
            local: LocalService(
                reader: try store.reader(), access: access, answers: answers, warmer: warmer, health: health,
                identity: identity),
            upstream: billing, limits: limits, executor: { [http] in http.executor }, keeper: keeper,
            gatekeeper: tokens.map { tokens in
                Gatekeeper(tokens: tokens, limiter: limiter) { [log] peer in log(.warning, "wrong-token", ["peer": peer]) }
            },
            counts: counts, helpers: helpers, recordsLookUps: log.level == .debug, onCall: { [log] call in log.note(call) },
            onTLSFailure: { peer, reason in
                tlsFailures(.warning, "tls-failed", ["peer": peer, "because": reason], now: loop.now)
            })
        store.onChanges(server.newsForStreams)
        return server
    }

    /// Starts `count` loops on threads of their own, each with its server.
    func startHelpers(_ count: Int) throws -> [(thread: EventLoopThread, server: LoopOwned<RPCServer>)] {
        try (0..<count).map { _ in
            let (thread, server) = try EventLoopThread.start { loop throws(SystemError) in
                Result { () throws(StoreError) in LoopOwned(try self.server(on: loop), of: loop) }
            }
            return (thread, try server.get())
        }
    }
}

extension HelloLimits {
    fileprivate init(_ limits: RPCLimits) {
        self.init(
            lineBytes: Int64(limits.lineBytes), inFlightCalls: Int64(limits.callsPerConnection),
            batchLength: Int64(limits.batchLength), outputBytes: Int64(limits.outputHighWaterBytes),
            idleSeconds: (limits.idleMilliseconds ?? 0) / 1000)
    }
}

extension Log {
    /// Changes and failures are worth a line to everybody, look-ups to those who ask for it.
    fileprivate func note(_ call: CallRecord) {
        let isLookUp = Method(rawValue: call.method)?.scope != .write
        self(
            isLookUp && call.reason == nil ? .debug : .info, "call",
            [
                "method": call.method, "status": call.status, "reason": call.reason, "ms": String(call.milliseconds),
                "stripe": call.requestIDs.isEmpty ? nil : call.requestIDs.joined(separator: ","),
                "traceparent": call.traceparent,
            ])
    }
}
