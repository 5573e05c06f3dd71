import Glibc
import Store
import TestSupport
import Testing

@testable import Service

/// Thousands of bad days, each made by a seed: whatever is lost, delayed, garbled or cut off, and whoever dies meanwhile, a
/// caller who calls again with the same key as long as it is said to be worth it gets one effect and one answer.
///
/// A failure names its seed: `DUES_SCHEDULE=seed` plays that one alone. `DUES_SCHEDULES` says how many are played.
@Suite struct FaultScheduleTests {
    private static func number(_ name: String) -> UInt64? { getenv(name).flatMap { UInt64(String(cString: $0)) } }

    /// The seeds of one store: as many as it stays small with.
    static let batches: [ClosedRange<UInt64>] = {
        if let seed = number("DUES_SCHEDULE") { return [seed...seed] }
        let count = max(1, number("DUES_SCHEDULES") ?? 1000)
        return stride(from: 1, through: count, by: 500).map { $0...min($0 + 499, count) }
    }()

    @Test(arguments: batches)
    func `every wish is fulfilled once`(seeds: ClosedRange<UInt64>) async throws {
        let folder = try Folder(inMemory: true)
        await Self.play(seeds, try SQLStore(path: folder.path("dues.db")))
        withExtendedLifetime(folder) {}
    }

    /// A tenth of the days: what is decided is the same code's, and what differs is what the engine keeps.
    @Test(.enabled(if: PostgreSQLServer.isInstalled))
    func `every wish is fulfilled once on PostgreSQL too`() async throws {
        let database = try PostgreSQLServer.shared.get().makeDatabase()
        let last = Self.batches.last?.upperBound ?? 1
        let seeds = Self.number("DUES_SCHEDULE").map { $0...$0 } ?? 1...max(1, last / 10)
        await Self.play(seeds, try SQLStore(PostgreSQLAddress(database)))
    }

    private static func play(_ seeds: ClosedRange<UInt64>, _ store: SQLStore) async {
        await withTaskGroup(of: Void.self) { group in
            // Two at a time: one computes while the other waits for the store.
            for lane in 0..<2 {
                group.addTask {
                    for seed in seeds where seed % 2 == lane {
                        var schedule = Schedule(seed: seed, store)
                        do { try await schedule.play() } catch { Issue.record("\(error)\n\(schedule.trace)") }
                    }
                }
            }
        }
    }
}
