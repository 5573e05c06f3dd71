import Glibc
import Store
import Synchronization
import TestSupport
import Testing

@testable import Simulation

/// Thousands of bad days, each made by a seed: whatever is lost, delayed, garbled or cut off, and whoever dies meanwhile, a
/// caller who calls again with the same key as long as it is said to be worth it gets one effect and one answer.
///
/// A failure names its seed: `DUES_SCHEDULE=seed` plays that one alone. `DUES_SCHEDULES` says how many are played.
@Suite struct FaultScheduleTests {
    private static func number(_ name: String) -> UInt64? { getenv(name).flatMap { UInt64(String(cString: $0)) } }

    static let batches: [ClosedRange<UInt64>] = {
        if let seed = number("DUES_SCHEDULE") { return [seed...seed] }
        let count = max(1, number("DUES_SCHEDULES") ?? 1000)
        return stride(from: 1, through: count, by: 500).map { $0...min($0 + 499, count) }
    }()

    @Test(arguments: batches)
    func `every wish is fulfilled once`(seeds: ClosedRange<UInt64>) async throws {
        let folder = try Folder(inMemory: true)
        for seed in seeds {
            let problem = try await offPool { try Self.play(seed, in: folder) }
            if let problem { Issue.record("\(problem)") }
        }
    }

    /// Answers what went wrong, if something did.
    private static func play(_ seed: UInt64, in folder: Folder) throws -> String? {
        let path = try EmptyDatabase.copy(to: folder.path("\(seed).db"))
        defer { EmptyDatabase.remove(path) }
        let scheduler = Scheduler(seed: seed)
        let schedule = try Schedule(seed: seed, scheduler) { World($0, $1, database: path) }
        let problem = Mutex<String?>(nil)
        let played = Result { () throws(Scheduler.Failure) in
            try scheduler.play {
                var schedule = schedule
                do { try await schedule.play() } catch { problem.withLock { $0 = "\(error)" } }
            }
        }
        if case .failure(let failure) = played { problem.withLock { $0 = "\(failure)" } }
        return problem.withLock { $0 }.map { "\($0)\n\(schedule.trace)" }
    }

    /// A tenth of the days: what is decided is the same code's, and what differs is what the engine keeps. A server answers when it
    /// does, so that no scheduler can play these.
    @Test(.enabled(if: PostgreSQLServer.isInstalled))
    func `every wish is fulfilled once on PostgreSQL too`() async throws {
        let store = try SQLStore(PostgreSQLAddress(PostgreSQLServer.shared.get().makeDatabase()))
        let last = Self.batches.last?.upperBound ?? 1
        let seeds = Self.number("DUES_SCHEDULE").map { $0...$0 } ?? 1...max(1, last / 10)
        await withTaskGroup(of: Void.self) { group in
            // Two at a time: one computes while the other waits for the store.
            for lane in 0..<2 {
                group.addTask {
                    for seed in seeds where seed % 2 == lane {
                        do {
                            var schedule = try Schedule(seed: seed, Scheduler(seed: seed)) { World($0, $1, store: store) }
                            do { try await schedule.play() } catch { Issue.record("\(error)\n\(schedule.trace)") }
                        } catch { Issue.record(error) }
                    }
                }
            }
        }
    }
}
