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
    /// How many rounds there were, above, and how many blocks of the last one were published, below.
    private let progress = Atomic<UInt64>(0)
    /// Guards the blocks of the last round, `warmedBlocks` at most, against being taken while they are added to.
    private let blocks = Mutex<[AnswerBlock]>([])
    /// About how many answers there will be.
    private let expected = Atomic<Int>(0)

    private final class Counters: @unchecked Sendable {  // atomics at a fixed address
        let pointer = UnsafeMutablePointer<Atomic<UInt32>>.allocate(capacity: 1 << 16)
        init() { for number in 0..<(1 << 16) { (pointer + number).initialize(to: Atomic(0)) } }
        deinit { pointer.deallocate() }
    }

    /// - Parameters:
    ///   - bytes: what answers may take, in all; three quarters of it are for those made beforehand. Each loop has two MiB at
    ///     least, unless it is 0.
    ///   - loops: how many loops have a cache.
    package init(bytes: Int, loops: Int = 1) {
        let blocks = min(bytes / AnswerBlock.bytes, AnswerPlace.maximumBlocks)
        // Two at least, so that there is one to fill when the other makes room.
        ownBlocks = blocks == 0 ? 0 : max(2, blocks / 4 / max(1, loops))
        warmedBlocks = max(0, blocks - ownBlocks * max(1, loops))
    }

    // MARK: Changes

    /// The customer's number, which some share.
    func number(of customer: String) -> UInt16 {
        var customer = customer
        return UInt16(truncatingIfNeeded: customer.withUTF8 { hash(UnsafeRawBufferPointer($0)) })
    }

    /// How often customers of this number have changed.
    func changes(of number: UInt16) -> UInt32 { changes.pointer[Int(number)].load(ordering: .acquiring) }

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

    struct Published: Equatable {
        var round: Int
        var blocks: Int
    }

    /// What there is to be taken over.
    var published: Published {
        let progress = progress.load(ordering: .acquiring)
        return Published(round: Int(progress >> 32), blocks: Int(progress & 0xFFFF_FFFF))
    }

    /// About how many answers the blocks will hold together.
    var expectedAnswers: Int { expected.load(ordering: .relaxed) }

    /// Begins another round, of about `count` answers: what the last one made is given up.
    func beginRound(expecting count: Int) {
        // The smallest answers take this much.
        expected.store(min(count, warmedBlocks * AnswerBlock.bytes / 256), ordering: .relaxed)
        blocks.withLock { blocks in
            blocks = []
            progress.store(UInt64(published.round + 1) << 32, ordering: .releasing)
        }
    }

    func publish(_ block: AnswerBlock) {
        blocks.withLock { blocks in
            blocks.append(block)
            progress.add(1, ordering: .releasing)
        }
    }

    /// The round that is on, and its block of this number, counted from 0: the first one where another round is on than the
    /// caller's; nil where there is none yet.
    func block(_ number: Int, ofRound round: Int) -> (round: Int, block: AnswerBlock?) {
        blocks.withLock { blocks in
            let current = published.round
            let wanted = current == round ? number : 0
            return (current, blocks.indices.contains(wanted) ? blocks[wanted] : nil)
        }
    }
}
