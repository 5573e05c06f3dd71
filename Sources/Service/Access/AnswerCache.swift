/// CheckAccess's answers, by the params as they were written: the same question is mostly asked again before anything about
/// it has changed. One for each loop, which owns it; the answers that were made beforehand are all loops'.
///
/// It takes a fixed amount of memory, and beside it an index of at most 22 bytes an answer: when that is full, what was answered
/// first goes first.
final class AnswerCache {
    private let shared: SharedAnswers
    /// First the loop's own, then those that are shared.
    private var blocks: [AnswerBlock?]
    private var index = AnswerIndex()
    /// The loop's own block that is being filled; the one after it, round again, is the oldest.
    private var newest = 0
    /// How many of the shared blocks were taken over.
    private var adopted = 0
    /// The round that those are of.
    private var round = 0

    init(_ shared: SharedAnswers) {
        self.shared = shared
        blocks = Array(repeating: nil, count: shared.ownBlocks + shared.warmedBlocks)
    }

    /// How many answers there are, those included that are not right any more.
    var count: Int { index.count }

    /// Gives `body` the answer to `question` at the time `now`, if it is here.
    func find(_ question: UnsafeRawBufferPointer, now: Int64, _ body: (UnsafeRawBufferPointer) -> Void) -> Bool {
        var search = index.search(shared.hash(question))
        while let place = index.next(&search) {
            guard let entry = entry(at: place), entry.question.isEqual(to: question), isRight(entry, at: now) else {
                continue
            }
            body(entry.answer)
            return true
        }
        return false
    }

    /// Keeps the answer to a question about `customer`, which is right at the times in `valid`, in Unix seconds.
    func insert(
        _ question: UnsafeRawBufferPointer, customer: String, valid: Range<Int64>, answer: UnsafeRawBufferPointer
    ) {
        let customer = shared.number(of: customer)
        let entry = AnswerBlock.Entry(
            valid: valid, hash: shared.hash(question), customer: customer, change: shared.changes(of: customer),
            question: question, answer: answer)
        guard shared.ownBlocks >= 2, entry.fits else { return }
        remove(question, entry.hash)
        if let offset = place(entry) { index.insert(hash: entry.hash, place: AnswerPlace(block: newest, offset: offset)) }
    }

    /// Takes over a block that was made beforehand, if there is a new one: one at a time, since it takes a moment.
    func adoptOne() {
        let (round, block) = shared.block(adopted, ofRound: round)
        if round != self.round { begin(round) }
        guard let block else { return }
        let number = shared.ownBlocks + adopted
        adopted += 1
        blocks[number] = block
        block.forEach { offset, entry in
            if entry.change == shared.changes(of: entry.customer) {
                index.insert(hash: entry.hash, place: AnswerPlace(block: number, offset: offset))
            }
        }
    }

    /// Whether there is anything to adopt.
    var isBehind: Bool { shared.published != SharedAnswers.Published(round: round, blocks: adopted) }

    /// Forgets what an earlier round made.
    private func begin(_ round: Int) {
        self.round = round
        adopted = 0
        for number in shared.ownBlocks..<blocks.count { blocks[number] = nil }
        index = AnswerIndex()
        index.reserve(shared.expectedAnswers)
        for number in 0..<shared.ownBlocks {
            blocks[number]?.forEach { offset, entry in
                index.insert(hash: entry.hash, place: AnswerPlace(block: number, offset: offset))
            }
        }
    }

    // MARK: Places

    private func entry(at place: AnswerPlace) -> AnswerBlock.Entry? { blocks[place.block]?.entry(at: place.offset) }

    private func isRight(_ entry: AnswerBlock.Entry, at now: Int64) -> Bool {
        entry.valid.contains(now) && entry.change == shared.changes(of: entry.customer)
    }

    private func remove(_ question: UnsafeRawBufferPointer, _ hash: UInt32) {
        var search = index.search(hash)
        while let place = index.next(&search) {
            guard let entry = entry(at: place), entry.question.isEqual(to: question) else { continue }
            index.remove(hash: hash, place: place)
            search = index.search(hash)
        }
    }

    /// Writes an entry into the newest block, or into an empty one in the place of the oldest.
    private func place(_ entry: AnswerBlock.Entry) -> Int? {
        if let offset = blocks[newest]?.append(entry) { return offset }
        if blocks[newest] != nil { newest = (newest + 1) % shared.ownBlocks }
        empty(newest)
        let block = AnswerBlock()
        blocks[newest] = block
        return block.append(entry)
    }

    private func empty(_ number: Int) {
        blocks[number]?.forEach { offset, entry in
            index.remove(hash: entry.hash, place: AnswerPlace(block: number, offset: offset))
        }
        blocks[number] = nil
    }
}
