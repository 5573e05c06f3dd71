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
    private let steady: SteadyClock
    private let log: ServiceLog
    /// Wakes the loop: there is something in the journal. One waiting signal is as good as many.
    private let wakeUps = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingNewest(1))
    /// Events that this process writes into the journal: where others share it, theirs are their business. Guards against
    /// deliveries that come while events are looked at.
    private let own = Mutex<[String: ContinuousClock.Instant]>([:])
    private let isShared: Bool
    /// How often there was something new in the journal.
    private let arrivals = Atomic<Int>(0)

    /// Seconds after which an event is anybody's: whoever wrote it down has not got to it, and may be dead.
    private static let leftoverSeconds: Int64 = 5
    /// Events that are read at once, and may share a change: nobody else's waits long for it. At a server every statement takes
    /// its time.
    private var eventsAtOnce: Int { isShared ? 8 : 32 }
    /// For how long an event may wait while others come: less than until it is a leftover.
    private static let secondsOfBurst: Int64 = 4
    /// For how long it is remembered whose an event is: it is anybody's long before.
    private static let memoryOfOwn: Duration = .seconds(60)

    package init(
        store: any Store, stripe: StripeClient, health: Health, clock: @escaping @Sendable () -> Int64,
        steady: SteadyClock = .system, log: @escaping ServiceLog
    ) {
        self.store = store
        self.stripe = stripe
        self.health = health
        self.clock = clock
        self.steady = steady
        self.log = log
        isShared = store.locks != nil
    }

    /// These events are about to be written into the journal here.
    package func expect(_ ids: [String]) {
        guard isShared else { return }
        own.withLock { own in for id in ids { own[id] = steady.now } }
    }

    /// There is something new in the journal.
    package func wake() {
        arrivals.add(1, ordering: .relaxed)
        wakeUps.continuation.yield()
    }

    /// Works until its task is cancelled: first off what an earlier process left, then whatever comes. An event that has to
    /// wait holds up nobody else's.
    package func run() async {
        wake()
        await withDiscardingTaskGroup { group in
            var backlog = ProjectionBacklog(now: steady.now)
            for await _ in wakeUps.stream {
                var hasStore = await projectNew(&backlog)
                if isShared, hasStore { hasStore = await projectLeftovers(&backlog) }
                hasStore = await retryStuck(&backlog) && hasStore
                await completeProducts(&backlog)
                if backlog.isEmpty, hasStore { health.projectionIsCurrent() } else { health.projectionWaits() }
                let now = steady.now
                var next = hasStore ? backlog.next : now + .seconds(1)
                if isShared { next = min(next ?? backlog.nextLook, backlog.nextLook) }
                // One that is set already for this time or before is enough.
                guard let next, backlog.alarm.map({ $0 <= now || next < $0 }) ?? true else { continue }
                backlog.alarm = next
                group.addTask { [steady, wakeUps] in
                    try? await steady.sleep(until: next)
                    wakeUps.continuation.yield()
                }
            }
            group.cancelAll()
        }
    }

    /// Projects what the journal has got; false where the store is not to be had.
    private func projectNew(_ backlog: inout ProjectionBacklog) async -> Bool {
        while !Task.isCancelled {
            let (began, arrived) = (steady.now, arrivals.load(ordering: .relaxed))
            guard let batch = try? await store.waitingEvents(after: backlog.seen, limit: eventsAtOnce) else { return false }
            guard let first = batch.first, let last = batch.last else { return true }
            var due = batch
            if isShared {
                let ids = own.withLock { own in Set(batch.map(\.id).filter { own[$0] != nil }) }
                // Events of one customer are shown in the order in which they came, wherever they came.
                let customers = Set(batch.filter { ids.contains($0.id) }.compactMap(\.customer))
                for customer in customers {
                    guard await projectEarlier(of: customer, before: first.sequence, &backlog) else { return false }
                }
                due = batch.filter { ids.contains($0.id) || $0.customer.map(customers.contains) == true }
            }
            guard await attempt(due, &backlog) else { return false }
            if isShared { own.withLock { own in for event in due { own[event.id] = nil } } }
            backlog.seen = last.sequence
            // Stripe waits for its answers: while more comes than can be projected, most of the time is theirs, for some seconds.
            let isBurst = batch.count == eventsAtOnce && arrivals.load(ordering: .relaxed) != arrived
            if isBurst, last.received > clock() - Self.secondsOfBurst {
                try? await steady.sleep(for: began.duration(to: steady.now) * 3)
            }
        }
        return true
    }

    /// Projects what other processes have not got to of a customer's; false where the store is not to be had.
    private func projectEarlier(of customer: String, before end: Int64, _ backlog: inout ProjectionBacklog) async -> Bool {
        var seen: Int64 = 0
        while !Task.isCancelled {
            let found = try? await store.waitingEvents(
                ofCustomer: customer, after: seen, before: end, limit: eventsAtOnce)
            guard let earlier = found else { return false }
            guard let last = earlier.last else { return true }
            guard await attempt(earlier, &backlog) else { return false }
            seen = last.sequence
        }
        return false
    }

    /// Projects what the journal has held for some time already, whoever wrote it down; false where the store is not to be had.
    private func projectLeftovers(_ backlog: inout ProjectionBacklog) async -> Bool {
        let now = steady.now
        guard backlog.nextLook <= now else { return true }
        own.withLock { own in own = own.filter { $0.value.duration(to: now) < Self.memoryOfOwn } }
        let isOld = { [now = clock()] (event: JournalEvent) in event.received <= now - Self.leftoverSeconds }
        while !Task.isCancelled {
            guard let batch = try? await store.waitingEvents(after: backlog.looked, limit: eventsAtOnce) else {
                return false
            }
            let old = batch.prefix(while: isOld)
            guard let last = old.last else { break }
            guard await attempt(Array(old), &backlog) else { return false }
            backlog.looked = last.sequence
        }
        backlog.haveLooked(now: steady.now)
        return true
    }

    /// Tries what is due again; false where the store is not to be had.
    private func retryStuck(_ backlog: inout ProjectionBacklog) async -> Bool {
        for sequence in backlog.due(at: steady.now) where !Task.isCancelled {
            guard let found = try? await store.waitingEvents(after: sequence - 1, limit: 1) else { return false }
            if let event = found.first, event.sequence == sequence {
                guard await attempt(event, &backlog) else { return false }
            } else {
                backlog.forget(sequence)
            }
        }
        return true
    }

    /// Projects events one after the other, those that need no answer of Stripe's in one change; those that wait for another try
    /// are not among them. False where the store is not to be had: see `attempt`.
    private func attempt(_ events: [JournalEvent], _ backlog: inout ProjectionBacklog) async -> Bool {
        let due = events.filter { !backlog.isStuck($0) }.map { (event: $0, reading: EventReading($0, now: clock())) }
        var rest = due[...]
        while let next = rest.first {
            let plain = rest.prefix { $0.reading.isWhole }.map(\.reading.news)
            var done = 0
            do throws(StoreError) {
                done = try await store.project(plain).count { $0.isDone }
            } catch {
                // Else one of them cannot be written. Which one is found where each goes by itself.
                guard error.kind != .unavailable else {
                    log(.warning, "event \(next.event.id) (\(next.event.type)) waits for the store: \(error)")
                    return false
                }
            }
            for news in plain.prefix(done) { backlog.note(news.object) }
            rest = rest.dropFirst(done)
            if done > 0, done == plain.count { continue }
            if let alone = rest.popFirst(), await !attempt(alone.event, &backlog) { return false }
        }
        return true
    }

    /// Projects an event, or notes that it waits for something of its own, such as an answer of Stripe's. False where it is the
    /// store that is not to be had, so that nothing can be projected: whatever comes after the event waits with it, and the order
    /// stays.
    private func attempt(_ event: JournalEvent, _ backlog: inout ProjectionBacklog) async -> Bool {
        do {
            let object = try await project(EventReading(event, now: clock()))
            backlog.forget(event.sequence)
            backlog.note(object)
        } catch let error as StoreError where error.kind == .unavailable {
            log(.warning, "event \(event.id) (\(event.type)) waits for the store: \(error)")
            return false
        } catch {
            backlog.postpone(event, now: steady.now)
            log(.warning, "event \(event.id) (\(event.type)) waits: \(error)")
        }
        return true
    }

    /// Access may be asked for by feature, and features stand on products: those of live subscriptions are in the mirror too.
    private func completeProducts(_ backlog: inout ProjectionBacklog) async {
        guard backlog.nextProducts <= steady.now else { return }
        do {
            guard let incomplete = backlog.incomplete else {
                try await mirrorProducts(ofSubscriptions: nil)
                backlog.incomplete = []
                return
            }
            var rest = incomplete.sorted()[...]
            while !rest.isEmpty {
                try await mirrorProducts(ofSubscriptions: Array(rest.prefix(100)))
                backlog.incomplete?.subtract(rest.prefix(100))
                rest = rest.dropFirst(100)
            }
        } catch {
            backlog.nextProducts = steady.now + .seconds(5)
            log(.warning, "products wait: \(error)")
        }
    }

    private func mirrorProducts(ofSubscriptions ids: [String]?) async throws {
        for id in try await store.missingProducts(ofSubscriptions: ids).sorted() {
            // One that Stripe does not know leaves a tombstone: nobody is to wait for it.
            let (product, reply) = try await fetch(MirrorObject(unknown: .products, id: id), nil)
            // A row that appeared meanwhile came from an event, and is as good.
            _ = try await store.project(product, from: ReplyBasis(version: 0, reply: reply, settles: nil, now: clock()))
        }
    }

    // MARK: Events

    /// Answers what the event was about; nil for what the mirror does not hold.
    private func project(_ reading: EventReading) async throws -> MirrorObject? {
        if reading.isWhole, try await store.project([reading.news]).first?.isDone == true { return reading.news.object }
        guard let object = reading.news.object else { return nil }
        let version = try await store.version(of: object.kind, id: object.id)
        try await settle(object, version: version, because: reading.news.basis.sequence)
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
        throw StoreError(.contended, "\(object.id) changes faster than it can be read")
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
        let deadline = steady.now + .seconds(5)
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
    fileprivate var isDone: Bool { if case .fetch = self { false } else { true } }
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
