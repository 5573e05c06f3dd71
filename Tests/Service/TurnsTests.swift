import Contract
import Synchronization
import Testing

@testable import Service

@Suite struct TurnsTests {
    /// Counts who is inside, by key, and remembers the most that were.
    private final class Gauge: Sendable {
        private let state = Mutex<(inside: [String: Int], most: Int)>(([:], 0))

        var most: Int { state.withLock(\.most) }
        func enter(_ key: String) {
            state.withLock { state in
                state.inside[key, default: 0] += 1
                state.most = max(state.most, state.inside[key] ?? 0)
            }
        }
        func leave(_ key: String) { state.withLock { $0.inside[key, default: 0] -= 1 } }
    }

    @Test func `one key is held by one at a time, others are free`() async throws {
        let turns = Turns()
        let gauge = Gauge()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<60 {
                group.addTask {
                    let key = "key\(number % 3)"
                    try await turns.hold(key) { () async throws(RPCError) in
                        gauge.enter(key)
                        await Task.yield()
                        gauge.leave(key)
                    }
                }
            }
            try await group.waitForAll()
        }
        #expect(gauge.most == 1)
    }

    @Test func `who fails gives the turn on`() async throws {
        let turns = Turns()
        for _ in 0..<3 {
            await #expect(throws: RPCError.self) {
                try await turns.hold("k") { () async throws(RPCError) in throw RPCError(.internalError, "failed") }
            }
        }
        #expect(try await turns.hold("k") { () async throws(RPCError) in 7 } == 7)
    }

    @Test func `who is cancelled while waiting leaves the queue, and the next one comes`() async throws {
        let turns = Turns()
        let (entered, enter) = AsyncStream<Void>.makeStream()
        let (released, release) = AsyncStream<Void>.makeStream()
        let holder = Task {
            try await turns.hold("k") { () async throws(RPCError) in
                enter.yield()
                for await _ in released { break }
            }
        }
        for await _ in entered { break }
        let cancelled = Task { try await turns.hold("k") { () async throws(RPCError) in 1 } }
        let patient = Task { try await turns.hold("k") { () async throws(RPCError) in 2 } }
        cancelled.cancel()
        await #expect(throws: RPCError.self) { try await cancelled.value }
        release.yield()
        #expect(try await patient.value == 2)
        try await holder.value
    }
}
