/// What falls due when, soonest first: a binary heap. Entries that are no longer true stay until they come to the top; who
/// keeps the times tells them apart.
struct DueQueue {
    struct Entry {
        let time: Int64
        let kind: ObjectKind
        /// The object's place in its kind's order of creation.
        let ordinal: Int
        /// The kind's place among those that fall due at the same instant.
        private let place: Int

        init(time: Int64, kind: ObjectKind, ordinal: Int) {
            self.time = time
            self.kind = kind
            self.ordinal = ordinal
            place = kind.duePlace
        }

        /// Ties are settled by kind and age, never by the order of a hash table, so that a replay runs the same.
        func isBefore(_ other: Entry) -> Bool {
            (time, place, ordinal) < (other.time, other.place, other.ordinal)
        }
    }

    private var heap: [Entry] = []

    var first: Entry? { heap.first }

    mutating func insert(_ entry: Entry) {
        heap.append(entry)
        var child = heap.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard heap[child].isBefore(heap[parent]) else { return }
            heap.swapAt(child, parent)
            child = parent
        }
    }

    mutating func removeFirst() {
        heap.swapAt(0, heap.count - 1)
        heap.removeLast()
        var parent = 0
        while true {
            var least = parent
            for child in [2 * parent + 1, 2 * parent + 2] where child < heap.count && heap[child].isBefore(heap[least]) {
                least = child
            }
            guard least != parent else { return }
            heap.swapAt(parent, least)
            parent = least
        }
    }
}
