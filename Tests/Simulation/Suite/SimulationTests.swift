import Synchronization
import TestSupport
import Testing

@testable import Simulation

/// The service under a scheduler that a seed drives. `make simulate` plays thousands of seeds, and here are some.
@Suite struct SimulationTests {
    private static func play(_ seed: UInt64, isCanary: Bool = false) async throws -> Simulation.Outcome {
        try await offPool { try Simulation(seed: seed, isCanary: isCanary).play(in: try Folder(inMemory: true)) }
    }

    /// The seeds, some to a batch, so that a failure does not hide others.
    static let batches = stride(from: UInt64(1), through: 8, by: 4).map { $0...($0 + 3) }

    @Test(arguments: batches)
    func `no event is lost, nothing is done twice, and the mirror ends as Stripe`(seeds: ClosedRange<UInt64>) async throws {
        for seed in seeds {
            let outcome = try await Self.play(seed)
            #expect(outcome.problems.isEmpty, "SEED=\(seed) make simulate: \(outcome.problems.joined(separator: "\n"))")
        }
    }

    @Test func `a seed is one story, to the byte`() async throws {
        let (first, second) = (try await Self.play(1), try await Self.play(1))
        #expect(first.trace == second.trace)
        #expect(first.trace.utf8.count > 1000)
        #expect(try await Self.play(2).trace != first.trace)
    }

    @Test func `a service that takes what comes last for the newest is found out`() async throws {
        for seed in UInt64(1)...100 where try await !Self.play(seed, isCanary: true).problems.isEmpty { return }
        Issue.record("a hundred seeds do not find the mistake: the simulation is blind")
    }

    @Test func `time stands still while anything can run, and then goes on to what is due first`() async throws {
        let scheduler = Scheduler(seed: 1)
        let order = OneByOne()
        try await offPool {
            try scheduler.play {
                await withTaskGroup(of: Void.self) { group in
                    for seconds in [3, 1, 2] as [Int64] {
                        group.addTask {
                            await scheduler.pause(milliseconds: seconds * 1000)
                            order.note("\(seconds) at \(scheduler.milliseconds)")
                        }
                    }
                }
            }
        }
        #expect(order.notes == ["1 at 1000", "2 at 2000", "3 at 3000"])
        #expect(throws: Scheduler.Failure.self) {
            try Scheduler(seed: 1).play { for await _ in AsyncStream<Int>.makeStream().stream {} }
        }
    }

    @Test func `who sleeps is woken when the task is cancelled`() async throws {
        let scheduler = Scheduler(seed: 1)
        try await offPool {
            try scheduler.play {
                await withTaskGroup(of: Void.self) { group in
                    group.addTask { await scheduler.pause(milliseconds: .max / 2) }
                    group.cancelAll()
                }
            }
        }
        #expect(scheduler.milliseconds == 0)
    }
}

/// What tasks note, one after the other.
private final class OneByOne: Sendable {
    private let state = Mutex<[String]>([])
    var notes: [String] { state.withLock { $0 } }
    func note(_ line: String) { state.withLock { $0.append(line) } }
}
