import Sandbox
import Synchronization
import TestSupport

@testable import Service

/// Carries Stripe's events to the service: late, twice, in any order, or not at all until Stripe sends them again.
final class Postman: Sendable {
    private let world: World
    private let host: Host
    /// Whether Stripe gives up on some, which are then to be found in its list of events.
    private let losesSome: Bool
    /// Guards nothing that happens at once, since the scheduler has one thread.
    private let random: Mutex<Seeded>
    private let state = Mutex(State())

    private struct State {
        var accepted: Set<String> = []
        var problems: [String] = []
    }

    init(_ world: World, _ host: Host, seed: UInt64, losesSome: Bool) {
        self.losesSome = losesSome
        self.world = world
        self.host = host
        random = Mutex(Seeded(seed))
    }

    /// Events that were answered 200.
    var accepted: Set<String> { state.withLock { $0.accepted } }
    var problems: [String] { state.withLock { $0.problems } }

    private func draw(_ bound: UInt64) -> UInt64 { random.withLock { $0.next() % bound } }

    /// Runs until its task is cancelled.
    func run() async {
        await withDiscardingTaskGroup { group in
            for await delivery in world.stripe.deliveries.stream {
                // What Stripe sends twice for no reason.
                let copies = draw(6) == 0 && !host.isCalm ? 2 : 1
                for _ in 0..<copies { group.addTask { await self.carry(delivery) } }
            }
            group.cancelAll()
        }
    }

    /// How long the next try takes to come: mostly a moment, at times much longer; Stripe waits longer after each failure.
    private func delay(afterFailures failures: Int) -> Int64 {
        if host.isCalm { return failures == 0 ? Int64(draw(50)) : 1000 }
        let usual: Int64 =
            switch draw(10) {
            case 0...5: Int64(draw(700))
            case 6...8: Int64(draw(8000))
            default: Int64(draw(600_000))
            }
        return failures == 0 ? usual : usual + min(3_600_000, 1000 << Int64(min(failures, 12)))
    }

    private func carry(_ delivery: EventDelivery) async {
        var failures = 0
        while !Task.isCancelled {
            await pause(delay(afterFailures: failures))
            guard let webhook = world.stripe.webhook(delivery, secret: PlayedProcess.webhookSecret) else { return }
            // Lost on the way there.
            let isLost = draw(8) == 0 && !host.isCalm
            let isAccepted = isLost ? false : await deliver(webhook)
            // Lost on the way back: Stripe does not know that it was taken.
            if isAccepted, host.isCalm || draw(8) != 0 { return world.stripe.acknowledge(delivery) }
            failures += 1
            if losesSome, failures > 1, draw(4) == 0 { return world.stripe.abandon(delivery) }
        }
    }

    /// What the endpoint does with one delivery; true for a 200 that arrives.
    private func deliver(_ webhook: (id: String, body: [UInt8], signature: String)) async -> Bool {
        guard let process = host.current else { return false }
        await pause(Int64(draw(50)))
        let caller = Caller("webhook \(webhook.id.suffix(8))", seed: draw(.max), faults: 0, deaths: host.isCalm ? 0 : 3)
        let result = await Caller.$current.withValue(caller) {
            await Result { () async throws(WebhookIngest.Refusal) in
                try await process.webhooks.ingest(payload: webhook.body, signature: webhook.signature)
            }
        }
        guard !process.life.isOver else { return false }
        switch result {
        case .success(let receipt):
            world.stripe.note("\(caller.name): \(receipt.type) is taken\(receipt.isDuplicate ? " again" : "")")
            state.withLock { _ = $0.accepted.insert(receipt.eventID) }
            return true
        case .failure(.store): world.stripe.note("\(caller.name): 503")
        case .failure(let refusal):
            state.withLock { $0.problems.append("the event \(webhook.id) was refused: \(refusal)") }
        }
        return false
    }

    private func pause(_ milliseconds: Int64) async { await world.scheduler.pause(milliseconds: milliseconds) }
}

extension Result {
    fileprivate init(_ body: () async throws(Failure) -> Success) async {
        do throws(Failure) { self = .success(try await body()) } catch { self = .failure(error) }
    }
}
