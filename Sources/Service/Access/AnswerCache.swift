/// CheckAccess's answers, by the params as they were written: the same question is mostly asked again before anything about
/// it has changed. One for each loop, which owns it.
///
/// It takes a fixed amount of memory, and an eighth of that for its index: when that is full, what was answered first goes
/// first.
final class AnswerCache {
    private var blocks: [AnswerBlock] = []
    private let maximumBlocks: Int
    /// The block that is being filled; the one after it, round again, is the oldest.
    private var newest = 0
    private var index = AnswerIndex()
    private let hash = AnswerHash()
    /// Counts the changes of each customer, of a few together: an answer from before the last of them is not found.
    private var changes = [UInt32](repeating: 0, count: 1 << 16)

    /// - Parameter bytes: what the answers may take. Below two blocks nothing is kept.
    init(bytes: Int) { maximumBlocks = bytes / AnswerBlock.bytes }

    /// How many answers there are, those included that are not right any more.
    var count: Int { index.count }

    /// Gives `body` the answer to `question` at the time `now`, if it is here.
    func find(_ question: UnsafeRawBufferPointer, now: Int64, _ body: (UnsafeRawBufferPointer) -> Void) -> Bool {
        guard let place = place(of: question, hash(question)) else { return false }
        let entry = blocks[place.block].entry(at: place.offset)
        guard now < entry.validUntil, entry.change == changes[Int(entry.customer)] else { return false }
        body(entry.answer)
        return true
    }

    /// Keeps the answer to a question about `customer`, which is right until `validUntil` in Unix seconds.
    func insert(
        _ question: UnsafeRawBufferPointer, customer: String, validUntil: Int64, answer: UnsafeRawBufferPointer
    ) {
        let customer = number(of: customer)
        let entry = AnswerBlock.Entry(
            validUntil: validUntil, hash: hash(question), customer: customer, change: changes[Int(customer)],
            question: question, answer: answer)
        guard maximumBlocks >= 2, entry.size <= AnswerBlock.bytes else { return }
        if let old = place(of: question, entry.hash) { index.remove(hash: entry.hash, place: old) }
        if blocks.isEmpty { blocks.append(AnswerBlock()) }
        if !blocks[newest].hasRoom(for: entry) { advance() }
        let offset = blocks[newest].append(entry)
        index.insert(hash: entry.hash, place: AnswerPlace(block: newest, offset: offset))
    }

    /// Something about `customer` has changed.
    func forget(customer: String) { changes[Int(number(of: customer))] &+= 1 }

    func removeAll() {
        blocks = []
        newest = 0
        index = AnswerIndex()
    }

    private func number(of customer: String) -> UInt16 {
        var customer = customer
        return UInt16(truncatingIfNeeded: customer.withUTF8 { hash(UnsafeRawBufferPointer($0)) })
    }

    private func place(of question: UnsafeRawBufferPointer, _ hash: UInt32) -> AnswerPlace? {
        var search = index.search(hash)
        while let place = index.next(&search) {
            if blocks[place.block].entry(at: place.offset).question.isEqual(to: question) { return place }
        }
        return nil
    }

    /// Goes on with an empty block, in the place of the oldest one where there are as many as may be.
    private func advance() {
        guard blocks.count == maximumBlocks else {
            newest = blocks.count
            blocks.append(AnswerBlock())
            return
        }
        newest = (newest + 1) % maximumBlocks
        blocks[newest].forEach { offset, entry in
            index.remove(hash: entry.hash, place: AnswerPlace(block: newest, offset: offset))
        }
        blocks[newest].removeAll()
    }
}
