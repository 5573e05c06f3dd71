import Contract
import JSON
import Synchronization
import TestSupport

@testable import Service
@testable import Store

/// Who looks on while everything goes wrong: reads the stream of events on from where it was, whatever process answers, and
/// asks for access again and again.
final class Watcher: Sendable {
    private let world: World
    private let host: Host
    /// Guards nothing that happens at once, since the scheduler has one thread.
    private let state: Mutex<State>

    private struct State {
        var random: Seeded
        var cursor: Int64 = 0
        var seen: [(change: Int64, event: String)] = []
        var problems: [String] = []
        /// What stands in the mirror, read beside the service.
        var mirror: SQLiteReader?
    }

    init(_ world: World, _ host: Host, seed: UInt64) {
        self.world = world
        self.host = host
        state = Mutex(State(random: Seeded(seed)))
    }

    /// The events that the stream gave, in its order.
    var seen: [(change: Int64, event: String)] { state.withLock { $0.seen } }
    var problems: [String] { state.withLock { $0.problems } }

    /// Runs until its task is cancelled.
    func run() async {
        var patience: UInt64 = 2000
        while (try? await world.scheduler.sleep(milliseconds: draw(patience))) != nil {
            let known = seen.count
            look()
            // Most of a month nothing happens.
            patience = seen.count > known ? 2000 : min(2 * patience, 86_400_000)
        }
    }

    private func draw(_ bound: UInt64) -> Int64 { state.withLock { Int64($0.random.next() % bound) } }

    func look() {
        guard let process = host.current else { return }
        do {
            let (values, after) = try process.events(after: state.withLock { $0.cursor })
            state.withLock { state in
                state.seen += values.map { ($0.seq, $0.id) }
                state.cursor = after
            }
            try askForAccess(process)
        } catch {
            state.withLock { $0.problems.append("a reader is told \(error)") }
        }
    }

    /// What is answered by heart is what would be answered in earnest.
    private func askForAccess(_ process: PlayedProcess) throws {
        let mirrored = try state.withLock { state in
            let mirror = try state.mirror ?? SQLiteReader(path: world.database)
            state.mirror = mirror
            return try mirror.subscriptions(afterCustomer: "", limit: 10)
        }
        for (customer, known) in mirrored {
            for product in Set(known.flatMap(\.record.items).map(\.product)).sorted() {
                let question: JSONValue = ["customerId": .string(customer), "productId": .string(product)]
                let (answer, byHeart) = try process.checkAccess(question)
                let questions = AccessQuestions(graceSeconds: Simulation.graceSeconds, clock: { self.world.stripe.now })
                let fresh = questions.decide(anyOf: [product], known).result.reason.rawValue
                guard byHeart, answer["reason"]?.stringValue != fresh else { continue }
                state.withLock {
                    $0.problems.append(
                        "\(customer) is \(answer["reason"]?.stringValue ?? "") by heart, and \(fresh) in earnest")
                }
            }
        }
    }
}
