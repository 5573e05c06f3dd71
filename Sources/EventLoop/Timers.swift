/// Names a timer of an `EventLoop`, to cancel it.
package struct TimerToken: Hashable, Sendable {
    fileprivate let number: UInt64
}

/// Pending timers: a binary heap by deadline, ties in the order of their making.
struct TimerQueue {
    private var heap: [Entry] = []
    private var actions: [TimerToken: () -> Void] = [:]
    private var nextNumber: UInt64 = 1

    private struct Entry {
        let deadline: Int64
        let token: TimerToken
        func isBefore(_ other: Entry) -> Bool { (deadline, token.number) < (other.deadline, other.token.number) }
    }

    mutating func add(deadline: Int64, _ action: @escaping () -> Void) -> TimerToken {
        let token = TimerToken(number: nextNumber)
        nextNumber += 1
        actions[token] = action
        insert(Entry(deadline: deadline, token: token))
        return token
    }

    private mutating func insert(_ entry: Entry) {
        heap.append(entry)
        var child = heap.count - 1
        while child > 0, heap[child].isBefore(heap[(child - 1) / 2]) {
            heap.swapAt(child, (child - 1) / 2)
            child = (child - 1) / 2
        }
    }

    /// The entry stays in the heap until it comes to the top, or until too many like it are there.
    mutating func cancel(_ token: TimerToken) {
        actions[token] = nil
        guard heap.count > 2 * actions.count + 64 else { return }
        let kept = heap.filter { actions[$0.token] != nil }
        heap = []
        for entry in kept { insert(entry) }
    }

    /// The deadline of the first timer that still has an action.
    var nextDeadline: Int64? {
        mutating get {
            dropCancelled()
            return heap.first?.deadline
        }
    }

    /// Removes and returns the action of the first timer that is due.
    mutating func popDue(at now: Int64) -> (() -> Void)? {
        dropCancelled()
        guard let first = heap.first, first.deadline <= now else { return nil }
        removeFirst()
        return actions.removeValue(forKey: first.token)
    }

    private mutating func dropCancelled() {
        while let first = heap.first, actions[first.token] == nil { removeFirst() }
    }

    private mutating func removeFirst() {
        heap.swapAt(0, heap.count - 1)
        heap.removeLast()
        var parent = 0
        while true {
            var smallest = parent
            for child in [2 * parent + 1, 2 * parent + 2] where child < heap.count && heap[child].isBefore(heap[smallest]) {
                smallest = child
            }
            if smallest == parent { return }
            heap.swapAt(parent, smallest)
            parent = smallest
        }
    }
}
