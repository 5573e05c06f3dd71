import Testing

@testable import Service

@Suite struct AnswerCacheTests {
    private func find(_ question: String, in cache: AnswerCache, at now: Int64 = 0) -> String? {
        var found: String?
        _ = Array(question.utf8).withUnsafeBytes { question in
            cache.find(question, now: now) { found = String(decoding: $0, as: UTF8.self) }
        }
        return found
    }

    private func insert(
        _ question: String, _ answer: String, into cache: AnswerCache, customer: String = "cus",
        valid: Range<Int64> = 0 ..< .max
    ) {
        Array(question.utf8).withUnsafeBytes { question in
            Array(answer.utf8).withUnsafeBytes { answer in
                cache.insert(question, customer: customer, valid: valid, answer: answer)
            }
        }
    }

    @Test func `an answer is found by its question until its time comes or its customer changes`() {
        let shared = SharedAnswers(bytes: 8 << 20)
        let cache = AnswerCache(shared)
        #expect(find("q", in: cache) == nil)
        insert("q", "first", into: cache, valid: 5..<10)
        insert("other", "of another", into: cache, customer: "cus_2")
        #expect(find("q", in: cache, at: 9) == "first")
        #expect(find("q", in: cache, at: 4) == nil, "a clock may go back")
        #expect(find("q", in: cache, at: 10) == nil)
        insert("q", "second", into: cache)
        #expect(find("q", in: cache, at: 10) == "second")
        #expect(cache.count == 2)
        shared.forget(customer: "cus")
        #expect(find("q", in: cache) == nil)
        #expect(find("other", in: cache) == "of another")
        insert("q", "", into: cache)
        #expect(find("q", in: cache) == "")
        shared.forgetAll()
        #expect(find("other", in: cache) == nil)
    }

    @Test func `memory stays what it was set to, and the oldest answers go first`() {
        let cache = AnswerCache(SharedAnswers(bytes: 12 << 20))
        let answer = String(repeating: "a", count: 1000)
        for number in 0..<20_000 { insert("question \(number)", answer + "\(number)", into: cache) }
        let kept = (0..<20_000).filter { find("question \($0)", in: cache) == answer + "\($0)" }
        #expect(kept == Array((20_000 - kept.count)..<20_000))
        #expect((2 << 20)...(3 << 20) ~= kept.count * 1056)
        #expect(cache.count == kept.count)
    }

    @Test func `what no block can hold is not kept, and without memory nothing is`() {
        let cache = AnswerCache(SharedAnswers(bytes: 8 << 20))
        insert("q", String(repeating: "a", count: 1 << 20), into: cache)
        #expect(find("q", in: cache) == nil)
        let none = AnswerCache(SharedAnswers(bytes: 0))
        insert("q", "a", into: none)
        #expect(find("q", in: none) == nil)
    }

    private func block(_ question: String, _ answer: String, _ shared: SharedAnswers) throws -> AnswerBlock {
        let block = AnswerBlock()
        let offset = Array(question.utf8).withUnsafeBytes { question in
            Array(answer.utf8).withUnsafeBytes { answer in
                let customer = shared.number(of: "cus")
                return block.append(
                    AnswerBlock.Entry(
                        valid: 0..<100, hash: shared.hash(question), customer: customer,
                        change: shared.changes(of: customer), question: question, answer: answer))
            }
        }
        #expect(offset == 0)
        return block
    }

    @Test func `what one round made goes when the next begins, and the loop's own answers stay`() throws {
        let shared = SharedAnswers(bytes: 16 << 20)
        let cache = AnswerCache(shared)
        insert("own", "mine", into: cache)
        for answer in ["first", "second"] {
            shared.beginRound(expecting: 10)
            shared.publish(try block("q", answer, shared))
            shared.publish(try block("r", answer, shared))
            while cache.isBehind { cache.adoptOne() }
            #expect(find("q", in: cache) == answer)
            #expect(find("r", in: cache) == answer)
            #expect(find("own", in: cache) == "mine")
            #expect(cache.count == 3)
        }
        shared.beginRound(expecting: 10)
        cache.adoptOne()
        #expect(find("q", in: cache) == nil)
        #expect(!cache.isBehind)
    }

    @Test func `however many loops there are, each has blocks of its own`() {
        let shared = SharedAnswers(bytes: 256 << 20, loops: 64)
        #expect(shared.ownBlocks == 2)
        #expect(shared.warmedBlocks == 128)
        #expect(SharedAnswers(bytes: 1 << 20, loops: 2).ownBlocks == 2)
        #expect(SharedAnswers(bytes: 0, loops: 2).ownBlocks == 0)
    }

    @Test(arguments: 1...4)
    func `the index holds what a list would`(seed: UInt64) {
        var random = Seeded(state: seed)
        var index = AnswerIndex()
        var list: [(hash: UInt32, place: AnswerPlace)] = []
        for step in 0..<4000 {
            if list.isEmpty || random.next() % 5 < 3 {
                // Few hashes, so that many stand in each other's way, also around the end of the table.
                let hash = UInt32.max - UInt32(random.next() % 50)
                let place = AnswerPlace(block: step, offset: Int(random.next() % 1000) * 16)
                index.insert(hash: hash, place: place)
                list.append((hash, place))
            } else {
                let gone = list.remove(at: Int(random.next() % UInt64(list.count)))
                index.remove(hash: gone.hash, place: gone.place)
            }
        }
        #expect(index.count == list.count)
        for hash in Set(list.map(\.hash)) {
            var found: [AnswerPlace] = []
            var search = index.search(hash)
            while let place = index.next(&search) { found.append(place) }
            let expected = list.filter { $0.hash == hash }.map(\.place)
            #expect(found.sorted { $0.block < $1.block } == expected.sorted { $0.block < $1.block })
        }
    }

    /// xorshift64*, so that a failure can be had again.
    private struct Seeded: RandomNumberGenerator {
        var state: UInt64
        mutating func next() -> UInt64 {
            state ^= state >> 12
            state ^= state << 25
            state ^= state >> 27
            return state &* 2_685_821_657_736_338_717
        }
    }
}
