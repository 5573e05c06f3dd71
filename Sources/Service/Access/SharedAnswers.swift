internal import Synchronization

/// What the loops' caches of answers have in common: which customers have changed, and the blocks of answers that were made
/// for all of them beforehand.
package final class SharedAnswers: Sendable {
    /// Blocks for answers that are made beforehand, in all, and blocks for those that each loop makes when it is asked.
    let warmedBlocks: Int
    let ownBlocks: Int
    let hash = AnswerHash()

    /// Counts the changes of each customer, of a few together: an answer from before the last of them is not right any more.
    private let changes = Counters()
    private let allChanges = Atomic<UInt64>(0)
    /// How many blocks were published so far.
    private let published = Atomic<Int>(0)
    /// Guards the newest blocks, `warmedBlocks` at most, against being taken while they are added to.
    private let blocks = Mutex<[AnswerBlock]>([])
    /// About how many answers there will be.
    private let expected = Atomic<Int>(0)

    private final class Counters: @unchecked Sendable {  // atomics at a fixed address
        let pointer = UnsafeMutablePointer<Atomic<UInt32>>.allocate(capacity: 1 << 16)
        init() { for number in 0..<(1 << 16) { (pointer + number).initialize(to: Atomic(0)) } }
        deinit { pointer.deallocate() }
    }

    /// - Parameters:
    ///   - bytes: what answers may take, in all; three quarters of it are for those made beforehand.
    ///   - loops: how many loops have a cache.
    package init(bytes: Int, loops: Int = 1) {
        let blocks = min(bytes / AnswerBlock.bytes, AnswerPlace.maximumBlocks)
        ownBlocks = blocks / 4 / max(1, loops)
        warmedBlocks = ownBlocks < 2 ? 0 : blocks - blocks / 4
    }

    // MARK: Changes

    /// The customer's number, which some share.
    func number(of customer: String) -> UInt16 {
        var customer = customer
        return UInt16(truncatingIfNeeded: customer.withUTF8 { hash(UnsafeRawBufferPointer($0)) })
    }

    /// How often customers of this number have changed.
    func changes(of number: UInt16) -> UInt32 { changes.pointer[Int(number)].load(ordering: .relaxed) }

    /// How often anything has.
    var changesInAll: UInt64 { allChanges.load(ordering: .sequentiallyConsistent) }

    /// Something about `customer` has changed: answers that were read before are not right any more.
    func forget(customer: String) { forget(number: Int(number(of: customer))) }

    func forgetAll() { for number in 0..<(1 << 16) { forget(number: number) } }

    private func forget(number: Int) {
        allChanges.add(1, ordering: .sequentiallyConsistent)
        changes.pointer[number].add(1, ordering: .sequentiallyConsistent)
    }

    // MARK: Blocks

    /// How many blocks were published so far.
    var publishedCount: Int { published.load(ordering: .acquiring) }

    /// About how many answers the blocks will hold together.
    var expectedAnswers: Int {
        get { expected.load(ordering: .relaxed) }
        set { expected.store(newValue, ordering: .relaxed) }
    }

    func publish(_ block: AnswerBlock) {
        blocks.withLock { blocks in
            if blocks.count == warmedBlocks { blocks.removeFirst() }
            blocks.append(block)
        }
        published.add(1, ordering: .releasing)
    }

    /// The block of this number, counted from 0; nil where it has made room for others.
    func block(_ number: Int) -> AnswerBlock? {
        blocks.withLock { blocks in
            let first = publishedCount - blocks.count
            return blocks.indices.contains(number - first) ? blocks[number - first] : nil
        }
    }
}
