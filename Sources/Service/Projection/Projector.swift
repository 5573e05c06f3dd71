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
        store: any Store, stripe: StripeClient, health: Health, clock: @escaping @Sendable () -> Int64,
        log: @escaping ServiceLog
    ) {
        self.store = store
        self.stripe = stripe
        self.health = health
        self.clock = clock
        self.log = log
    }

    /// There is something new in the journal.
    package func wake() { wakeUps.continuation.yield() }

    /// What waits for another try: events that only Stripe can settle, and products that only Stripe can tell of.
    private struct Backlog {
        /// The place in the journal up to which every event was looked at.
        var seen: Int64 = 0
        /// Events that could not be projected, by their place, with the tries so far and the time of the next one.
        var stuck: [Int64: (tries: Int, next: ContinuousClock.Instant)] = [:]
        /// Subscriptions whose products may be missing from the mirror; nil among them stands for all.
        var incomplete: Set<String?> = [nil]
        var nextProducts = ContinuousClock.now

        var isEmpty: Bool { stuck.isEmpty && incomplete.isEmpty }
        var next: ContinuousClock.Instant? { (stuck.values.map(\.next) + (incomplete.isEmpty ? [] : [nextProducts])).min() }
    }

    /// Works until its task is cancelled: first off what an earlier process left, then whatever comes. An event that has to
    /// wait holds up nobody else's.
    package func run() async {
        var backlog = Backlog()
        wake()
        for await _ in wakeUps.stream {
            let isRead = await projectNew(&backlog)
            await retryStuck(&backlog)
            await completeProducts(&backlog)
            if backlog.isEmpty, isRead { health.projectionIsCurrent() } else { health.projectionWaits() }
            let next = isRead ? backlog.next : .now + .seconds(1)
            if let next {
                Task { [wakeUps] in
                    try? await Task.sleep(until: next)
                    wakeUps.continuation.yield()
                }
            }
        }
    }

    /// Projects what the journal has got; false where it cannot be read.
    private func projectNew(_ backlog: inout Backlog) async -> Bool {
        while !Task.isCancelled {
            guard let batch = try? await store.waitingEvents(after: backlog.seen, limit: 100) else { return false }
            guard let last = batch.last else { return true }
            for event in batch { await attempt(event, &backlog) }
            backlog.seen = last.sequence
        }
        return true
    }

    private func retryStuck(_ backlog: inout Backlog) async {
        for sequence in backlog.stuck.filter({ $0.value.next <= .now }).keys.sorted() where !Task.isCancelled {
            guard let found = try? await store.waitingEvents(after: sequence - 1, limit: 1) else { return }
            if let event = found.first, event.sequence == sequence {
                await attempt(event, &backlog)
            } else {
                backlog.stuck[sequence] = nil
            }
        }
    }

    private func attempt(_ event: JournalEvent, _ backlog: inout Backlog) async {
        do {
            let object = try await project(event)
            backlog.stuck[event.sequence] = nil
            if let object, object.kind == .subscriptions { backlog.incomplete.insert(object.id) }
        } catch {
            let tries = (backlog.stuck[event.sequence]?.tries ?? 0) + 1
            backlog.stuck[event.sequence] = (tries, .now + Self.pause(afterTries: tries))
            log(.warning, "event \(event.id) (\(event.type)) waits: \(error)")
        }
    }

    /// A quarter of a second, doubled with every try, up to half a minute.
    private static func pause(afterTries tries: Int) -> Duration { .milliseconds(min(30_000, 250 << min(tries - 1, 10))) }

    /// Access may be asked for by feature, and features stand on products: those of live subscriptions are in the mirror too.
    private func completeProducts(_ backlog: inout Backlog) async {
        guard backlog.nextProducts <= .now else { return }
        do {
            for subscription in backlog.incomplete {
                for id in try await store.missingProducts(ofSubscription: subscription) { try await mirrorProduct(id) }
                backlog.incomplete.remove(subscription)
            }
        } catch {
            backlog.nextProducts = .now + .seconds(5)
            log(.warning, "products wait: \(error)")
        }
    }

    private func mirrorProduct(_ id: String) async throws {
        let reply = try await stripe.retrieveProduct(id).reply
        guard let product = MirrorObject(reply.value) else { return }
        // A row that appeared meanwhile came from an event, and is as good.
        _ = try await store.project(product, from: ReplyBasis(version: 0, reply: reply, settles: nil, now: clock()))
    }

    // MARK: Events

    /// Answers what the event was about; nil for what the mirror does not hold.
    private func project(_ entry: JournalEvent) async throws -> MirrorObject? {
        guard let event = (try? JSONValue(parsing: entry.payload)).flatMap(StripeEvent.init),
            let object = MirrorObject(event)
        else {
            try await store.markProjected(sequence: entry.sequence, at: clock())
            return nil
        }
        if object.isPartial || event.related != nil || event.isOfOlderShape {
            let version = try await store.version(of: object.kind, id: object.id)
            try await settle(object, version: version, because: entry.sequence)
            return object
        }
        let basis = EventBasis(
            sequence: entry.sequence, created: entry.created, kind: Observation.kind(ofType: entry.type), now: clock())
        switch try await store.project(object, from: basis) {
        case .applied, .skipped, .corrected: break
        case .fetch(let version, _):
            try await settle(object, version: version, because: entry.sequence)
        }
        return object
    }

    /// Asks Stripe for the object and writes the answer, again if somebody else wrote the row meanwhile.
    @discardableResult
    private func settle(
        _ object: MirrorObject, version: Int64, because event: Int64?, isReview: Bool = false,
        deadline: ContinuousClock.Instant? = nil
    ) async throws -> ProjectionOutcome {
        var version = version
        for _ in 0..<10 {
            let (found, reply) = try await fetch(object, deadline)
            let basis = ReplyBasis(version: version, reply: reply, settles: event, isReview: isReview, now: clock())
            let outcome = try await store.project(found, from: basis)
            guard case .fetch(let newer, _) = outcome else { return outcome }
            version = newer
        }
        throw StoreError(.unavailable, "\(object.id) changes faster than it can be read")
    }

    /// The object as Stripe has it now; one that Stripe does not know (any more) is gone.
    private func fetch(
        _ object: MirrorObject, _ deadline: ContinuousClock.Instant?
    ) async throws(StripeError) -> (MirrorObject, StripeReply?) {
        do throws(StripeError) {
            let reply = try await object.kind.fetch(object.id, from: stripe, StripeCallOptions(deadline: deadline))
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
    ///
    /// It cannot fail the call, whose effect is there: what the mirror does not learn now it learns from the events.
    func observe(_ reply: StripeReply, version: Int64) async {
        guard let object = MirrorObject(reply.value) else { return }
        // The caller waits.
        let deadline = ContinuousClock.now + .seconds(5)
        do {
            // A replayed answer tells what was, and not what is.
            if reply.isReplayed {
                try await settle(object, version: version, because: nil, deadline: deadline)
                return
            }
            let basis = ReplyBasis(version: version, reply: reply, settles: nil, now: clock())
            if case .fetch(let newer, _) = try await store.project(object, from: basis) {
                try await settle(object, version: newer, because: nil, deadline: deadline)
            }
        } catch {
            log(.warning, "\(object.id) is left to its events: \(error)")
        }
    }
}

// MARK: Reviews

extension Projector {
    /// Compares a row with an object of a list that Stripe gave when `newestChange` was the newest; answers what was wrong.
    func review(
        _ raw: JSONValue, _ reply: StripeReply, newestChange: Int64, _ deadline: ContinuousClock.Instant?
    ) async throws -> Correction? {
        guard let object = MirrorObject(raw) else { return nil }
        guard !object.isPartial else { return try await review(object.kind, object.id, deadline) }
        let basis = ReplyBasis(version: newestChange, reply: reply, settles: nil, isReview: true, now: clock())
        let outcome = try await store.project(object, from: basis)
        guard case .fetch(let newer, _) = outcome else { return outcome.drift }
        return try await settle(object, version: newer, because: nil, isReview: true, deadline: deadline).drift
    }

    /// Compares a row with the object that Stripe has now; answers what was wrong.
    func review(_ kind: MirrorKind, _ id: String, _ deadline: ContinuousClock.Instant?) async throws -> Correction? {
        let version = try await store.version(of: kind, id: id)
        let object = MirrorObject(unknown: kind, id: id)
        return try await settle(object, version: version, because: nil, isReview: true, deadline: deadline).drift
    }
}

extension ProjectionOutcome {
    fileprivate var drift: Correction? { if case .corrected(let drift) = self { drift } else { nil } }
}

extension ReplyBasis {
    /// Nil for the reply means that Stripe does not know the object: that was true until now, by our own clock.
    fileprivate init(version: Int64, reply: StripeReply?, settles: Int64?, isReview: Bool = false, now: Int64) {
        let known = KnownInterval.answer(date: reply?.date ?? now, milliseconds: reply?.milliseconds ?? 0)
        self.init(
            version: version, from: known.from, until: known.until, settles: settles, isReview: isReview, now: now)
    }
}
