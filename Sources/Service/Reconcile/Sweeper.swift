package import Store

/// Lets go of what has been kept long enough: events of the journal, and the answers of calls with idempotency keys.
package struct Sweeper: Sendable {
    /// How long a call may be made again with its key.
    package static let intentDays: Int64 = 30
    /// Rows that one transaction lets go of, so that nobody waits for long.
    private static let batch = 500
    private static let intervalSeconds: Int64 = 3600

    private let store: any Store
    private let journalDays: Int64
    private let clock: @Sendable () -> Int64
    private let log: ServiceLog

    /// - Parameter journalDays: how long an event is kept after it arrived; longer than Stripe keeps it, or it would come again.
    package init(
        store: any Store, journalDays: Int64, clock: @escaping @Sendable () -> Int64, log: @escaping ServiceLog
    ) {
        self.store = store
        self.journalDays = journalDays
        self.clock = clock
        self.log = log
    }

    /// Sweeps every hour until its task is cancelled.
    package func run() async {
        while !Task.isCancelled {
            do { try await sweep() } catch { log(.warning, "what is old is let go of later: \(error)") }
            do { try await Task.sleep(for: .seconds(Self.intervalSeconds)) } catch { return }
        }
    }

    /// Sweeps once. An event that still waits to be projected stays, however old it is.
    package func sweep() async throws(StoreError) {
        let now = clock()
        var swept = SweptRows()
        repeat {
            swept = try await store.sweep(
                changesBefore: now - journalDays * 86_400, intentsBefore: now - Self.intentDays * 86_400, limit: Self.batch)
        } while !Task.isCancelled && swept != SweptRows()
    }
}
