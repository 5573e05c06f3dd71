/// The clock by which calls and retries wait: it never goes back, and how its time passes is its owner's affair.
package struct SteadyClock: Sendable {
    private let read: @Sendable () -> ContinuousClock.Instant
    private let wait: @Sendable (Duration) async throws -> Void

    /// - Parameter sleep: returns after a while; throws where the task is cancelled.
    package init(
        now: @escaping @Sendable () -> ContinuousClock.Instant = { .now },
        sleep: @escaping @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) }
    ) {
        read = now
        wait = sleep
    }

    /// The machine's.
    package static let system = SteadyClock()

    package var now: ContinuousClock.Instant { read() }

    package func sleep(for duration: Duration) async throws { try await wait(duration) }

    /// Returns at once where the time has come already.
    package func sleep(until time: ContinuousClock.Instant) async throws {
        let left = time - now
        if left > .zero { try await wait(left) }
    }
}
