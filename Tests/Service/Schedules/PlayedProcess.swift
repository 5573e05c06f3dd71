import Contract
import HTTP
import JSON
import RPC
import Store
import Stripe
import Synchronization
import TestSupport

@testable import Service

/// Who calls: whatever befalls a call is drawn from numbers of its caller's own, so that a seed says the same whoever comes
/// first.
final class Caller: Sendable {
    @TaskLocal static var current: Caller?

    let name: String
    private let faults: UInt64
    private let deaths: UInt64
    private let random: Mutex<Seeded>

    /// - Parameters:
    ///   - faults: how many in a hundred of its attempts at Stripe go wrong.
    ///   - deaths: how many in a thousand of what its process does are the last that it does.
    init(_ name: String, seed: UInt64, faults: UInt64, deaths: UInt64) {
        self.name = name
        self.faults = faults
        self.deaths = deaths
        random = Mutex(Seeded(seed))
    }

    enum Death { case before, after }

    func drawFault() -> Fault { random.withLock { Fault.drawn(by: &$0, percent: faults) } }

    func drawDeath() -> Death? {
        random.withLock { random in
            guard random.next() % 1000 < deaths else { return nil }
            return random.next() % 2 == 0 ? .before : .after
        }
    }
}

/// A process of the service, over a store that outlives it, in front of a Stripe on bad days.
final class PlayedProcess: Sendable {
    let life = Life()
    private let billing: BillingService
    private let keeper: IdempotencyKeeper
    private let stripe: FaultyStripe

    /// The way to Stripe: the dead send nothing, and are told nothing.
    private struct Transport: StripeTransport {
        let stripe: FaultyStripe
        let life: Life

        func send(
            _ request: HTTPRequest, timeoutMilliseconds: Int64
        ) async throws(HTTPClientError) -> HTTPResponse {
            let death = Caller.current?.drawDeath()
            if death == .before { life.end() }
            guard !life.isOver else { throw Self.gone }
            let fault = Caller.current?.drawFault() ?? Fault()
            if death == .after { life.end() }
            let result = Result { () throws(HTTPClientError) in try stripe.attempt(request, fault) }
            guard !life.isOver else { throw Self.gone }
            return try result.get()
        }

        private static let gone = HTTPClientError(kind: .cancelled, message: "the process is dead", mayHaveBeenSent: true)
    }

    init(_ store: any Store, _ stripe: FaultyStripe) {
        self.stripe = stripe
        guard let key = StripeKey("sk_test_of_a_schedule") else { preconditionFailure("the key of the test is none") }
        var configuration = StripeConfiguration(secretKey: key, apiBase: FaultyStripe.base)
        // Its pauses are of the wall clock, by which nothing here takes any time.
        configuration.circuitBreaker = CircuitBreaker(threshold: .max)
        let client = StripeClient(
            configuration, http: Transport(stripe: stripe, life: life), sleep: { _ in await Task.yield() },
            random01: { 0.5 })
        let store = MortalStore(store: store, life: life)
        let health = Health()
        let clock = { @Sendable [stripe] in stripe.now }
        let projector = Projector(store: store, stripe: client, health: health, clock: clock, log: { _, _ in })
        let webhooks = WebhookIngest(store: store, secrets: [], projector: projector, health: health, clock: clock)
        billing = BillingService(
            stripe: client, store: store, projector: projector, webhooks: webhooks,
            quotes: QuoteSeal(key: [UInt8](repeating: 7, count: 32)), health: health, clock: clock)
        keeper = IdempotencyKeeper(store: store, health: health, clock: clock)
    }

    /// What a caller is told; nil from a process that died meanwhile.
    func call(_ method: Method, _ params: JSONValue, by caller: Caller? = nil) async -> Result<[UInt8], RPCError>? {
        let bytes = params.bytes
        let result: Result<[UInt8], RPCError> = await Caller.$current.withValue(caller) {
            do throws(RPCError) {
                let (metadata, run) = try method.call(bytes.span)
                let context = CallContext(method: method, metadata: metadata, received: .now)
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
            case .success(let answer)?: "answered, \(answer.count) bytes"
            case .failure(let error)?: "\(error.reason): \(error.message)"
            case nil: "dead"
            }
        stripe.note("\(caller?.name ?? "in good order"): \(what)")
        return told
    }
}
