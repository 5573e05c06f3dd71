import Contract
import Store
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

    // MARK: Among processes

    /// The locks of one process among others that share them.
    private struct Locks: SharedLocks {
        /// Who holds a key, by the number of the process.
        final class Table: Sendable {
            let holders = Mutex<[String: Int]>([:])
        }

        let process: Int
        let table: Table

        func take(_ key: String) async throws(StoreError) -> SharedLock? {
            let isMine = table.holders.withLock { holders in
                if holders[key] == nil { holders[key] = process }
                return holders[key] == process
            }
            return isMine ? SharedLock(key: key, session: process) : nil
        }

        func isHeld(_ lock: SharedLock) async -> Bool { table.holders.withLock { $0[lock.key] == process } }

        func release(_ lock: SharedLock) {
            table.holders.withLock { holders in if holders[lock.key] == process { holders[lock.key] = nil } }
        }
    }

    @Test func `processes take turns, by kind of key`() async throws {
        let table = Locks.Table()
        let gauge = Gauge()
        let turns = (0..<3).map { Turns("customer", shared: Locks(process: $0, table: table)) }
        let other = Turns("key", shared: Locks(process: 9, table: table))
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<30 {
                group.addTask {
                    try await turns[number % 3].hold("k") { () async throws(RPCError) in
                        gauge.enter("k")
                        await Task.yield()
                        #expect((try? await other.hold("k") { () async throws(RPCError) in 1 }) == 1)
                        gauge.leave("k")
                    }
                }
            }
            try await group.waitForAll()
        }
        #expect(gauge.most == 1)
        #expect(table.holders.withLock { $0.isEmpty })
    }

    @Test func `who has lost a turn is told before it does what cannot be undone`() async throws {
        let table = Locks.Table()
        let turns = Turns("customer", shared: Locks(process: 1, table: table))
        try await turns.hold("k") { () async throws(RPCError) in
            try await Turns.confirm()
            table.holders.withLock { $0["customer k"] = 2 }
            do throws(RPCError) {
                try await Turns.confirm()
                Issue.record("it was not told")
            } catch {
                #expect(error.reason == "CONFLICT" && error.retryable)
            }
        }
        #expect(table.holders.withLock { $0["customer k"] } == 2, "what is another's is left to it")
        try await Turns.confirm()
    }

    @Test func `what fails out of turn is to be called again, unless it may have had its effect`() async throws {
        let table = Locks.Table()
        let turns = Turns("customer", shared: Locks(process: 1, table: table))
        for (isLost, mayHaveTakenEffect) in [(false, false), (true, false), (true, true)] {
            let error = await #expect(throws: RPCError.self) {
                try await turns.hold("k") { () async throws(RPCError) in
                    if isLost { table.holders.withLock { $0["customer k"] = 2 } }
                    var error = RPCError(.duplicateSubscription, "there is one already")
                    error.mayHaveTakenEffect = mayHaveTakenEffect
                    throw error
                }
            }
            #expect(error?.reason == (isLost ? "CONFLICT" : "DUPLICATE_SUBSCRIPTION"))
            #expect(error?.mayHaveTakenEffect == mayHaveTakenEffect)
            table.holders.withLock { $0 = [:] }
        }
    }

    @Test func `who is cancelled while another process has the turn waits no longer`() async throws {
        let table = Locks.Table()
        table.holders.withLock { $0["customer k"] = 2 }
        let turns = Turns("customer", shared: Locks(process: 1, table: table))
        let waiting = Task { try await turns.hold("k") { () async throws(RPCError) in 1 } }
        try await Task.sleep(for: .milliseconds(20))
        waiting.cancel()
        let error = await #expect(throws: RPCError.self) { try await waiting.value }
        #expect(error?.reason == "CALLER_CANCELLED")
    }
}
