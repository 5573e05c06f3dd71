internal import Glibc

/// A megabyte of answers, one after the other, each with the question. Whoever makes it fills it; once others see it, it does
/// not change.
final class AnswerBlock: @unchecked Sendable {  // filled by one thread, then only read
    static let bytes = 1 << 20

    private let memory = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: 16)
    private var end = 0

    deinit { memory.deallocate() }

    /// How an entry begins; the bytes of the question and of the answer follow.
    private struct Head {
        let validFrom: Int64
        let validUntil: Int64
        let hash: UInt32
        let change: UInt32
        let answerBytes: UInt32
        let questionBytes: UInt16
        let customer: UInt16
    }

    /// An answer. Unsafe because it points to bytes that live elsewhere, in a block or with whoever makes it.
    struct Entry {
        /// The answer is right from the one time, when it was made, to the other, in Unix seconds.
        let valid: Range<Int64>
        /// Of the question.
        let hash: UInt32
        /// Whom it is about, as a number that some customers share.
        let customer: UInt16
        /// The last change of theirs that it knows of.
        let change: UInt32
        let question: UnsafeRawBufferPointer
        let answer: UnsafeRawBufferPointer

        /// Whether a block can hold it.
        var fits: Bool { size <= AnswerBlock.bytes && question.count <= UInt16.max }

        /// What it takes in a block.
        var size: Int { (MemoryLayout<Head>.size + question.count + answer.count + 15) & ~15 }
    }

    /// Adds an entry; answers where it stands, a multiple of 16, or nil where there is no room.
    func append(_ entry: Entry) -> Int? {
        guard end + entry.size <= Self.bytes else { return nil }
        let start = end
        end += entry.size
        let head = Head(
            validFrom: entry.valid.lowerBound, validUntil: entry.valid.upperBound, hash: entry.hash, change: entry.change,
            answerBytes: UInt32(entry.answer.count),
            questionBytes: UInt16(entry.question.count), customer: entry.customer)
        memory.storeBytes(of: head, toByteOffset: start, as: Head.self)
        let question = memory + start + MemoryLayout<Head>.size
        copy(entry.question, to: question)
        copy(entry.answer, to: question + entry.question.count)
        return start
    }

    private func copy(_ bytes: UnsafeRawBufferPointer, to place: UnsafeMutableRawPointer) {
        if let base = bytes.baseAddress { memcpy(place, base, bytes.count) }
    }

    func entry(at offset: Int) -> Entry {
        let head = memory.load(fromByteOffset: offset, as: Head.self)
        let question = memory + offset + MemoryLayout<Head>.size
        return Entry(
            valid: head.validFrom..<head.validUntil, hash: head.hash, customer: head.customer, change: head.change,
            question: UnsafeRawBufferPointer(start: question, count: Int(head.questionBytes)),
            answer: UnsafeRawBufferPointer(start: question + Int(head.questionBytes), count: Int(head.answerBytes)))
    }

    func forEach(_ body: (_ offset: Int, _ entry: Entry) -> Void) {
        var offset = 0
        while offset < end {
            let entry = entry(at: offset)
            body(offset, entry)
            offset += entry.size
        }
    }
}

extension UnsafeRawBufferPointer {
    func isEqual(to other: UnsafeRawBufferPointer) -> Bool {
        guard count == other.count, let left = baseAddress, let right = other.baseAddress else {
            return count == other.count
        }
        return memcmp(left, right, count) == 0
    }
}
