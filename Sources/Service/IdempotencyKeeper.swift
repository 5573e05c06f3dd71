package import Contract
internal import Crypto
internal import JSON
internal import RPC
package import Store
internal import Stripe

/// Remembers in the store what calls with an idempotency key did: the intent before Stripe is called, the answer afterwards.
///
/// An intent without an answer is a call that failed, or that a crash cut off: it is made again with the same Stripe keys,
/// so that what Stripe did for it already is not done a second time. Calls that bear one key at once run one after the other:
/// the second finds what the first has done.
package struct IdempotencyKeeper: CallKeeper {
    /// Stripe may forget an idempotency key once it is 24 hours old (https://docs.stripe.com/api/idempotent_requests): a request
    /// that is sent again after that is a new one. An hour is left for the calls themselves.
    private static let stripeRemembersSeconds: Int64 = 23 * 3600

    private let store: any Store
    private let health: Health
    private let clock: @Sendable () -> Int64
    private let turns: Turns

    package init(store: any Store, health: Health, clock: @escaping @Sendable () -> Int64) {
        self.store = store
        self.health = health
        self.clock = clock
        turns = Turns("key", shared: store.locks)
    }

    package func keep(
        _ call: CallContext, params: [UInt8], _ perform: @Sendable (CallContext) async throws(RPCError) -> [UInt8]
    ) async throws(RPCError) -> [UInt8] {
        guard let key = call.metadata.idempotencyKey else { return try await perform(call) }
        return try await turns.hold(key) { () async throws(RPCError) in
            try await keep(call, under: key, params: params, perform)
        }
    }

    private func keep(
        _ call: CallContext, under key: String, params: [UInt8],
        _ perform: @Sendable (CallContext) async throws(RPCError) -> [UInt8]
    ) async throws(RPCError) -> [UInt8] {
        let intent = Intent(
            key: key, method: call.method.rawValue, params: Self.digest(of: params),
            stripeKey: StripeClient.freshIdempotencyKey(), created: clock())
        switch try await health.stored({ () async throws(StoreError) in try await store.begin(intent) }) {
        case .mismatch:
            throw RPCError(
                .idempotencyMismatch, "the idempotency key was used for a call with another method or other params")
        case .done(let reply):
            call.trace.noteReplay()
            return Self.reply(reply, for: call)
        case .open(let stripeKey, let begun, let created, let attempt):
            guard begun == nil || clock() - created < Self.stripeRemembersSeconds else {
                throw RPCError(
                    .outcomeUnknown, "a call with this key was cut off more than 23 hours ago: look up what became of it")
            }
            var call = call
            call.run = .init(stripeKey: stripeKey, begun: begun, attempt: attempt)
            let reply = try await perform(call)
            let answer = Self.withoutMetadata(reply)
            let kept = try await health.stored { () async throws(StoreError) in
                try await store.finish(intent: key, reply: answer)
            }
            // Another process that took this one for dead has answered the call already, out of the same answers of Stripe's.
            return kept == answer ? reply : Self.reply(kept, for: call)
        }
    }

    /// SHA-256 of the params as they are meant: without metadata, whatever the order of members.
    private static func digest(of params: [UInt8]) -> [UInt8] {
        guard case .object(var object)? = try? JSONValue(parsing: params) else { return Digest.sha256([UInt8]()) }
        object["_meta"] = nil
        return Digest.sha256(JSONValue.object(object).sorted.bytes)
    }

    private static func withoutMetadata(_ reply: [UInt8]) -> [UInt8] {
        guard case .object(var object)? = try? JSONValue(parsing: reply), object["_meta"] != nil else { return reply }
        object["_meta"] = nil
        return JSONValue.object(object).bytes
    }

    /// A kept answer, with what this call asked to be told about itself.
    private static func reply(_ kept: [UInt8], for call: CallContext) -> [UInt8] {
        guard call.metadata.verbose, case .object(var object)? = try? JSONValue(parsing: kept) else { return kept }
        var writer = JSONWriter()
        call.trace.metadata.write(into: &writer)
        object["_meta"] = try? JSONValue(parsing: writer.bytes)
        return JSONValue.object(object).bytes
    }
}

extension JSONValue {
    /// The same value with the members of every object in the order of their keys.
    fileprivate var sorted: JSONValue {
        switch self {
        case .array(let elements): .array(elements.map(\.sorted))
        case .object(let object):
            .object(JSONObject(object.members.sorted { $0.key < $1.key }.map { ($0.key, $0.value.sorted) }))
        default: self
        }
    }
}
