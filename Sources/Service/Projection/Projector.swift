package import Store
package import Stripe
internal import Billing
internal import JSON
internal import Synchronization

/// Turns journal entries and Stripe's answers into the mirror's rows: the rules decide, and where only Stripe can tell which
/// of two versions is newer, Stripe is asked.
package final class Projector: Sendable {
    private let store: any Store
    private let stripe: StripeClient
    private let health: Health
    private let clock: @Sendable () -> Int64
    private let log: ServiceLog
    /// Wakes the loop: there is something in the journal. One waiting signal is as good as many.
    private let wakeUps = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingNewest(1))

    package init(
        store: any Store, stripe: StripeClient, health: Health, clock: @escaping @Sendable () -> Int64, log: @escaping ServiceLog
    ) {
        self.store = store
        self.stripe = stripe
        self.health = health
        self.clock = clock
        self.log = log
    }

    /// There is something new in the journal.
    package func wake() { wakeUps.continuation.yield() }

    /// Works until its task is cancelled: first off what an earlier process left, then whatever comes.
    package func run() async {
        wake()
        var pauseMilliseconds: Int64 = 250
        for await _ in wakeUps.stream {
            if await projectWaiting() {
                pauseMilliseconds = 250
            } else {
                // Stripe or the store is not there: what waits is tried again, less and less often.
                health.projectorFailed("events wait for Stripe or the store")
                try? await Task.sleep(for: .milliseconds(pauseMilliseconds))
                pauseMilliseconds = min(pauseMilliseconds * 2, 30_000)
                wake()
            }
        }
    }

    /// Projects every waiting event once, oldest first; false if one of them has to wait longer.
    private func projectWaiting() async -> Bool {
        var last: Int64 = 0
        var isComplete = true
        while !Task.isCancelled {
            guard let batch = try? await store.waitingEvents(after: last, limit: 100) else { return false }
            guard let end = batch.last else { break }
            last = end.sequence
            for event in batch {
                do {
                    try await project(event)
                } catch {
                    isComplete = false
                    log(.warning, "event \(event.id) (\(event.type)) waits: \(error)")
                }
            }
        }
        return isComplete
    }

    // MARK: Events

    private func project(_ entry: JournalEvent) async throws {
        guard let event = (try? JSONValue(parsing: entry.payload)).flatMap(StripeEvent.init),
            var object = MirrorObject(event.object)
        else { return try await store.markProjected(sequence: entry.sequence, at: clock()) }
        let kind = Observation.kind(ofType: entry.type)
        // A canceled subscription is an object that ended, not one that is gone: Stripe still answers it.
        if kind == .deleted, object.kind != .subscriptions { object.isDeleted = true }
        let basis = EventBasis(sequence: entry.sequence, id: entry.id, created: entry.created, kind: kind, now: clock())
        switch try await store.project(object, from: basis) {
        case .applied, .skipped: break
        case .fetch(let version, _):
            try await settle(object, version: version, because: (entry.sequence, entry.id))
        }
        await completeProducts(of: object)
    }

    /// Asks Stripe for the object and writes the answer, again if somebody else wrote the row meanwhile.
    private func settle(
        _ object: MirrorObject, version: Int64, because event: (sequence: Int64, id: String)?
    ) async throws {
        var version = version
        for _ in 0..<10 {
            let (found, reply) = try await fetch(object)
            let basis = ReplyBasis(version: version, reply: reply, settles: event, now: clock())
            guard case .fetch(let newer, _) = try await store.project(found, from: basis) else { return }
            version = newer
        }
        throw StoreError(.unavailable, "\(object.id) changes faster than it can be read")
    }

    /// The object as Stripe has it now; one that Stripe does not know (any more) is gone.
    private func fetch(_ object: MirrorObject) async throws(StripeError) -> (MirrorObject, StripeReply?) {
        do throws(StripeError) {
            let reply = try await object.kind.fetch(object.id, from: stripe)
            guard let found = MirrorObject(reply.value) else {
                throw StripeError(.garbled("not one of \(object.kind.rawValue)"), attempts: reply.attempts)
            }
            return (found, reply)
        } catch {
            guard case .resourceMissing = error.refusal?.category else { throw error }
            var gone = object
            gone.isDeleted = true
            return (gone, nil)
        }
    }

    // MARK: Answers

    /// Brings an object that a call has just answered into the mirror. `version` is the row's from before the call.
    func observe(_ reply: StripeReply, version: Int64) async throws(StoreError) {
        guard let object = MirrorObject(reply.value) else { return }
        let basis = ReplyBasis(version: version, reply: reply, settles: nil, now: clock())
        if case .fetch(let newer, _) = try await store.project(object, from: basis) {
            do {
                try await settle(object, version: newer, because: nil)
            } catch let error as StoreError {
                throw error
            } catch {
                // Somebody wrote the row during the call: an event, whose own projection asks Stripe until it knows.
                log(.info, "\(object.id) is left to its events: \(error)")
            }
        }
        await completeProducts(of: object)
    }

    /// Access may be asked for by feature, and features stand on products: those of a subscription are in the mirror too.
    private func completeProducts(of object: MirrorObject) async {
        guard case .subscription(let subscription) = object.record,
            let unknown = try? await store.unknownProducts(of: subscription.items.map(\.product))
        else { return }
        for id in Set(unknown) {
            guard let reply = try? await stripe.retrieveProduct(id).reply, let product = MirrorObject(reply.value) else { continue }
            // A row that appeared meanwhile came from an event, and is as good.
            _ = try? await store.project(product, from: ReplyBasis(version: 0, reply: reply, settles: nil, now: clock()))
        }
    }
}

extension ReplyBasis {
    /// Nil for the reply means that Stripe does not know the object: that was true until now, by our own clock.
    fileprivate init(version: Int64, reply: StripeReply?, settles: (sequence: Int64, id: String)?, now: Int64) {
        let known = KnownInterval.answer(date: reply?.date ?? now, milliseconds: reply?.milliseconds ?? 0)
        self.init(version: version, from: known.from, until: known.until, settles: settles, now: now)
    }
}
