import Contract
import HTTP
import JSON
import RPC
import Store
import Stripe

@testable import Service

/// What the processes of one simulation share: its scheduler and Stripe, the file where the store is, and how bad the days are.
struct World: Sendable {
    let scheduler: Scheduler
    let stripe: FaultyStripe
    /// The file where the store is, which each process opens for itself.
    let database: String
    /// A store that outlives all processes, in place of the file.
    var store: (any Store)?
    /// What comes between a process and the store that outlives it.
    var wrap: @Sendable (any Store) -> any Store = { $0 }
    /// How the disk fares: answers how long a commit takes, and why it fails, if it does.
    var disk: @Sendable () -> (milliseconds: Int64, obstacle: StoreError?) = { (0, nil) }

    init(_ scheduler: Scheduler, _ stripe: FaultyStripe, database: String) {
        self.scheduler = scheduler
        self.stripe = stripe
        self.database = database
    }

    init(_ scheduler: Scheduler, _ stripe: FaultyStripe, store: any Store) {
        self.init(scheduler, stripe, database: "")
        self.store = store
    }

    /// The store as a process sees it. Losing power leaves what was committed, and nothing of what waited for it.
    func openStore(by life: Life) throws -> any Store {
        if let store { return store }
        return try SQLStore(path: database) { [scheduler, disk] commit in
            let (milliseconds, obstacle) = disk()
            scheduler.after(milliseconds: milliseconds) {
                commit(life.isOver ? StoreError(.unavailable, "the process is dead") : obstacle)
            }
        }
    }
}

/// A process of the service, over a store that outlives it, in front of a Stripe on bad days.
final class PlayedProcess: Sendable {
    let life = Life()
    let projector: Projector
    let poller: EventPoller
    let health = Health()
    let webhooks: WebhookIngest
    private let world: World
    private let billing: BillingService
    private let keeper: IdempotencyKeeper
    private let local: OneThread<LocalService>

    /// The way to Stripe: the dead send nothing, and are told nothing.
    private struct Transport: StripeTransport {
        let stripe: FaultyStripe
        let life: Life

        func send(
            _ request: HTTPRequest, timeoutMilliseconds: Int64
        ) async throws(HTTPClientError) -> HTTPResponse {
            let caller = Caller.current
            let death = caller?.drawDeath()
            if death == .before { life.end() }
            guard !life.isOver else { throw Self.gone }
            let fault = caller?.drawFault() ?? Fault()
            if death == .after { life.end() }
            let result: Result<HTTPResponse, HTTPClientError>
            do throws(HTTPClientError) {
                result = .success(
                    try await stripe.attempt(request, fault, by: caller, timeoutMilliseconds: timeoutMilliseconds))
            } catch {
                result = .failure(error)
            }
            guard !life.isOver else { throw Self.gone }
            return try result.get()
        }

        private static let gone = HTTPClientError(kind: .cancelled, message: "the process is dead", mayHaveBeenSent: true)
    }

    /// What belongs to the one thread on which a simulation runs.
    private struct OneThread<Value>: @unchecked Sendable {  // a scheduler has one thread
        let value: Value
    }

    /// The secret under which Stripe signs what it sends here: of this suite alone.
    static let webhookSecret = "whsec_of_a_simulation"

    init(_ world: World, graceSeconds: Int64? = nil) throws {
        self.world = world
        let (scheduler, stripe, life) = (world.scheduler, world.stripe, life)
        guard let key = StripeKey("sk_test_of_a_schedule") else { preconditionFailure("the key of the test is none") }
        let client = StripeClient(
            StripeConfiguration(secretKey: key, apiBase: FaultyStripe.base), http: Transport(stripe: stripe, life: life),
            clock: scheduler.clock, random01: { 0.5 })
        let store = try world.openStore(by: life)
        let mortal = MortalStore(store: world.wrap(store), life: life)
        let clock = { @Sendable [stripe] in stripe.now }
        let log: ServiceLog = { _, what in if !life.isOver { stripe.note("  log: \(what)") } }
        projector = Projector(
            store: mortal, stripe: client, health: health, clock: clock, steady: scheduler.clock, log: log)
        poller = EventPoller(
            store: mortal, stripe: client, projector: projector, health: health, intervalSeconds: 43_200, clock: clock,
            steady: scheduler.clock, log: log)
        webhooks = WebhookIngest(
            store: mortal, secrets: [WebhookSecret(Self.webhookSecret)].compactMap(\.self), projector: projector,
            health: health, clock: clock)
        billing = BillingService(
            stripe: client, store: mortal, projector: projector, webhooks: webhooks,
            quotes: QuoteSeal(key: [UInt8](repeating: 7, count: 32)), health: health, clock: clock)
        keeper = IdempotencyKeeper(store: mortal, health: health, clock: clock)
        let limits = HelloLimits(lineBytes: 1, inFlightCalls: 1, batchLength: 1, outputBytes: 1, idleSeconds: 0)
        local = OneThread(
            value: LocalService(
                reader: try store.reader(), access: AccessQuestions(graceSeconds: graceSeconds, clock: clock),
                answers: SharedAnswers(bytes: 8 << 20), health: health,
                identity: ServerIdentity(version: "0", mode: .test, limits: limits)))
    }

    /// What a caller is told; nil from a process that died meanwhile.
    func call(
        _ method: Method, _ params: JSONValue, by caller: Caller? = nil, timeoutMilliseconds: Int64? = nil
    ) async -> Result<[UInt8], RPCError>? {
        let bytes = params.bytes
        let now = world.scheduler.clock.now
        let result: Result<[UInt8], RPCError> = await Caller.$current.withValue(caller) {
            do throws(RPCError) {
                let (metadata, run) = try method.call(bytes.span)
                let context = CallContext(
                    method: method, metadata: metadata, received: now,
                    deadline: timeoutMilliseconds.map { now + .milliseconds($0) })
                guard metadata.idempotencyKey != nil else { return .success(try await run(billing, context)) }
                return .success(
                    try await keeper.keep(context, params: bytes) { call throws(RPCError) in try await run(billing, call) })
            } catch {
                return .failure(error)
            }
        }
        let told = life.isOver ? nil : result
        let what =
            switch told {
            case .success?: "answered"
            case .failure(let error)?: "\(error.reason): \(error.message)"
            case nil: "dead"
            }
        world.stripe.note("\(caller?.name ?? "in good order"): \(method.rawValue): \(what)")
        return told
    }

    /// Asks a local method as the engine does: by heart first, then in earnest.
    func checkAccess(_ params: JSONValue) throws -> (answer: JSONValue, byHeart: Bool) {
        let params = params.bytes
        var writer = JSONWriter()
        let byHeart = local.value.recall(params.span, into: &writer)
        if !byHeart {
            try Method.checkAccess.answer(
                params.span, by: local.value,
                admitting: { LocalContext($0, scopes: Scope.all, params: params) }, into: &writer)
        }
        return (try JSONValue(parsing: writer.bytes), byHeart)
    }

    /// The closed events after a change, until there is no more, and where to go on.
    func events(after change: Int64) throws -> (values: [WatchEventsValue], after: Int64) {
        let stream = try local.value.watchEvents(
            WatchEventsParams(after: change), CallContext(method: .watchEvents, received: .now))
        var values: [WatchEventsValue] = []
        while true {
            switch try stream.next() {
            case .value(let value): values.append(value)
            case .searching: continue
            case .caughtUp: return (values, stream.result.after)
            }
        }
    }
}
