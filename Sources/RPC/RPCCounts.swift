internal import Synchronization

/// What the servers of all loops count and know together: a limit "in all" is one, and so is the end.
package final class RPCCounts: Sendable {
    /// Open connections.
    let connections = Count()
    /// Calls whose tasks have not ended, whether or not anybody still waits for their answers.
    let calls = Count()

    private let ending = Atomic(false)

    package init() {}

    /// Whether nothing more is taken.
    var isEnding: Bool { ending.load(ordering: .relaxed) }

    func end() { ending.store(true, ordering: .relaxed) }

    final class Count: Sendable {
        private let count = Atomic(0)

        var value: Int { count.load(ordering: .relaxed) }

        func add() { count.add(1, ordering: .relaxed) }

        /// Counts one more, unless there are `most` already; answers whether it did.
        func add(upTo most: Int) -> Bool {
            var seen = value
            while seen < most {
                let attempt = count.weakCompareExchange(expected: seen, desired: seen + 1, ordering: .relaxed)
                if attempt.exchanged { return true }
                seen = attempt.original
            }
            return false
        }

        func remove() { count.subtract(1, ordering: .relaxed) }
    }
}
