internal import Glibc

/// Where the answers stand, by the hash of their question: open addressing, one word a slot, at most three quarters full. A
/// removal closes the gap that it leaves, so that there is nothing to clean up later.
struct AnswerIndex {
    private(set) var count = 0
    /// The hash above, the place below; 0 where nothing is.
    private var slots = Slots(count: 1024)

    private var mask: Int { slots.count - 1 }

    /// Words of memory that the system has set to 0, and gives only when they are used.
    private final class Slots {
        let count: Int
        private let words: UnsafeMutablePointer<UInt64>

        init(count: Int) {
            self.count = count
            guard let memory = calloc(count, MemoryLayout<UInt64>.stride) else { fatalError("memory is short") }
            words = memory.bindMemory(to: UInt64.self, capacity: count)
        }

        deinit { free(words) }

        /// `number` is below `count`: callers mask it.
        subscript(number: Int) -> UInt64 {
            get { words[number] }
            set { words[number] = newValue }
        }
    }

    /// Makes room for `count` places at once, since growing takes a moment.
    mutating func reserve(_ count: Int) {
        var wanted = slots.count
        while count * 4 > wanted * 3 { wanted *= 2 }
        if wanted > slots.count { grow(to: wanted) }
    }

    /// A look at the slots where a hash may be, one after the other.
    struct Search {
        fileprivate let hash: UInt32
        fileprivate var slot: Int
    }

    func search(_ hash: UInt32) -> Search { Search(hash: hash, slot: Int(hash) & mask) }

    /// The next place under the hash.
    func next(_ search: inout Search) -> AnswerPlace? {
        while slots[search.slot] != 0 {
            let word = slots[search.slot]
            search.slot = (search.slot + 1) & mask
            if Self.hash(word) == search.hash { return Self.place(word) }
        }
        return nil
    }

    mutating func insert(hash: UInt32, place: AnswerPlace) {
        if (count + 1) * 4 > slots.count * 3 { grow(to: slots.count * 2) }
        put(Self.word(hash, place))
        count += 1
    }

    mutating func remove(hash: UInt32, place: AnswerPlace) {
        let wanted = Self.word(hash, place)
        var slot = Int(hash) & mask
        while slots[slot] != wanted {
            if slots[slot] == 0 { return }
            slot = (slot + 1) & mask
        }
        count -= 1
        // What stands behind moves up, unless it would come before the slot that its hash asks for.
        var gap = slot
        var next = (slot + 1) & mask
        while slots[next] != 0 {
            let home = Int(Self.hash(slots[next])) & mask
            if (next - home) & mask >= (next - gap) & mask {
                slots[gap] = slots[next]
                gap = next
            }
            next = (next + 1) & mask
        }
        slots[gap] = 0
    }

    private mutating func put(_ word: UInt64) {
        var slot = Int(Self.hash(word)) & mask
        while slots[slot] != 0 { slot = (slot + 1) & mask }
        slots[slot] = word
    }

    private mutating func grow(to count: Int) {
        let old = slots
        slots = Slots(count: count)
        for number in 0..<old.count where old[number] != 0 { put(old[number]) }
    }

    // MARK: Words

    /// Blocks are counted from 1 here, so that no word is 0: 16 bits of block, 16 bits of offset in steps of 16 bytes.
    private static func word(_ hash: UInt32, _ place: AnswerPlace) -> UInt64 {
        UInt64(hash) << 32 | UInt64(place.block + 1) << 16 | UInt64(place.offset / 16)
    }

    private static func hash(_ word: UInt64) -> UInt32 { UInt32(truncatingIfNeeded: word >> 32) }

    private static func place(_ word: UInt64) -> AnswerPlace {
        AnswerPlace(block: Int(word >> 16 & 0xFFFF) - 1, offset: Int(word & 0xFFFF) * 16)
    }
}

/// Where an answer stands: the number of its block, and how far into it, a multiple of 16.
struct AnswerPlace: Equatable {
    /// As many as a slot of the index can tell apart.
    static let maximumBlocks = 1 << 16 - 1

    let block: Int
    let offset: Int
}

/// A hash of bytes: words folded in by a multiplication each, whose halves are mixed (as wyhash does). The seeds are chosen at
/// random, so that nobody can choose questions that collide.
struct AnswerHash: Sendable {
    private let start = UInt64.random(in: .min ... .max) | 1
    private let salt = UInt64.random(in: .min ... .max)

    func callAsFunction(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
        var state = start ^ UInt64(bytes.count)
        var offset = 0
        while offset + 8 <= bytes.count {
            state = Self.mix(bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self) ^ salt, state)
            offset += 8
        }
        var rest: UInt64 = 0
        while offset < bytes.count {
            rest = rest << 8 | UInt64(bytes[offset])
            offset += 1
        }
        return UInt32(truncatingIfNeeded: Self.mix(rest ^ salt, state))
    }

    private static func mix(_ word: UInt64, _ state: UInt64) -> UInt64 {
        let product = word.multipliedFullWidth(by: state)
        return product.high ^ product.low
    }
}
