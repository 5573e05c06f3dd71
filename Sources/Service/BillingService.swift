internal import Contract
internal import JSON
package import Store
package import Stripe

/// The methods that talk to Stripe or wait for the store: one file each in `Methods/`, over what they share here.
package final class BillingService: UpstreamMethods {
    let stripe: StripeClient
    let store: any Store
    let projector: Projector
    private let health: Health
    let webhooks: WebhookIngest
    let quotes: QuoteSeal
    let turns: Turns
    let clock: @Sendable () -> Int64

    package init(
        stripe: StripeClient, store: any Store, projector: Projector, webhooks: WebhookIngest, quotes: QuoteSeal,
        health: Health, clock: @escaping @Sendable () -> Int64
    ) {
        self.stripe = stripe
        self.store = store
        self.projector = projector
        self.health = health
        self.webhooks = webhooks
        self.quotes = quotes
        self.clock = clock
        turns = Turns("customer", shared: store.locks)
        health.watch { [stripe, turns] in
            Health.Upstream(figures: stripe.figures, waitingForTurn: turns.waiting)
        }
    }

    // MARK: Stripe

    /// What a request to Stripe is sent with: the caller's deadline and, for a call that may be repeated, a key that is the
    /// same in every attempt. `step` tells the requests of one call apart.
    func options(_ call: CallContext, step: String) -> StripeCallOptions {
        StripeCallOptions(idempotencyKey: call.run.map { "\($0.stripeKey)-\(step)" }, deadline: call.deadline)
    }

    /// Asks Stripe, notes what that took, and turns a failure into the wire's.
    func ask<Object>(
        _ call: CallContext, _ question: () async throws(StripeError) -> StripeAnswer<Object>
    ) async throws(RPCError) -> StripeAnswer<Object> {
        do throws(StripeError) {
            let answer = try await question()
            call.trace.note(attempts: answer.reply.attempts, answer.reply.requestID, answer.reply.milliseconds)
            return answer
        } catch {
            call.trace.note(attempts: error.attempts, error.requestID, 0)
            throw RPCError(error)
        }
    }

    /// As `ask`, for a request whose answer is an object of the mirror: it learns of it before the caller does. `id` is nil for
    /// an object that the request creates.
    func askAndMirror<Object>(
        _ call: CallContext, _ kind: MirrorKind, _ id: String?,
        _ question: () async throws(StripeError) -> StripeAnswer<Object>
    ) async throws(RPCError) -> StripeAnswer<Object> {
        let version = try await health.lookedUp { () async throws(StoreError) -> Int64 in
            guard let id else { return 0 }
            return try await store.version(of: kind, id: id)
        }
        let answer = try await ask(call, question)
        await projector.observe(answer.reply, version: version)
        return answer
    }

    /// As `askAndMirror`, for the request of a call that changes something. A call that may be repeated notes its `order` first,
    /// so that a repetition sends the same again, and knows that what it finds may be its own doing.
    func change<Object>(
        _ call: CallContext, _ kind: MirrorKind, _ id: String?, order: JSONValue = [:],
        _ request: () async throws(StripeError) -> StripeAnswer<Object>
    ) async throws(RPCError) -> StripeAnswer<Object> {
        try await change(call, order: order) { () async throws(RPCError) in
            try await askAndMirror(call, kind, id, request)
        }
    }

    /// As above, for whatever changes something.
    func change<Value>(
        _ call: CallContext, order: JSONValue = [:], _ body: () async throws(RPCError) -> Value
    ) async throws(RPCError) -> Value {
        guard try await mark(call, begun: order.bytes) else {
            throw RPCError(.conflict, "another server has taken this call over")
        }
        do throws(RPCError) {
            try await Turns.confirm()
            return try await body()
        } catch {
            // What an earlier attempt may have done is not undone by how this one failed; and who is told to come again comes
            // with the same order.
            let isOver = !error.mayHaveTakenEffect && !error.retryable && call.run?.isRepeated != true
            if isOver { _ = try await mark(call, begun: nil) }
            throw error
        }
    }

    /// False where this attempt at the call is not the last one any more.
    private func mark(_ call: CallContext, begun: [UInt8]?) async throws(RPCError) -> Bool {
        guard let run = call.run, let key = call.metadata.idempotencyKey else { return true }
        return try await health.stored { () async throws(StoreError) in
            try await store.mark(intent: key, attempt: run.attempt, begun: begun)
        }
    }

    /// What an earlier attempt at this call was about to send, if it may have had its effect.
    func begunOrder(_ call: CallContext) -> JSONValue? {
        call.run?.begun.flatMap { try? JSONValue(parsing: $0) }
    }

    /// Runs `body` when no other call changes this subscription's customer.
    func inTurn<Value>(
        ofSubscription id: String, _ call: CallContext, _ body: () async throws(RPCError) -> Value
    ) async throws(RPCError) -> Value {
        let customer = try await health.lookedUp { () async throws(StoreError) in
            try await store.customer(ofSubscription: id)
        }
        return try await inTurn(of: customer ?? id, call, body)
    }

    /// Runs `body` when no other call changes this customer.
    func inTurn<Value>(
        of customer: String, _ call: CallContext, _ body: () async throws(RPCError) -> Value
    ) async throws(RPCError) -> Value {
        call.trace.isWaitingForTurn = true
        return try await turns.hold(customer) { () async throws(RPCError) in
            call.trace.isWaitingForTurn = false
            return try await body()
        }
    }
}

extension CallTrace {
    fileprivate func note(attempts: Int, _ requestID: String?, _ milliseconds: Int64) {
        // Only the last attempt has an answer that tells its id; the time is that of all.
        for _ in 1..<max(1, attempts) { noteAttempt(requestId: nil, milliseconds: 0) }
        if attempts > 0 { noteAttempt(requestId: requestID, milliseconds: milliseconds) }
    }
}
