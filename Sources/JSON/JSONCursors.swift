/// Where a reader stands inside an object: whether a member was read, and the keys seen, which must not come again.
package struct JSONObjectCursor {
    var isFirst = true
    /// Which of the names given to `nextMember` were there: bit n for the name at index n.
    package private(set) var known: UInt64 = 0
    /// The name that comes next if members come in the order of their names.
    private(set) var guess = 0
    /// Where the first keys stand in the text, those written as they are meant: most objects need no more, and then nothing
    /// is allocated. Empty as soon as there are `others`.
    private var plain = InlineArray<8, Range<Int>>(repeating: 0..<0)
    private var plainCount = 0
    private var others: OtherKeys?

    /// Keys of which one was spelled with escapes, or which are many.
    private final class OtherKeys {
        var few: [String] = []
        var many: Set<[UInt8]> = []

        /// False if `key` was there before. Compared by bytes: Swift's `==` on strings would take two spellings of one
        /// accented letter for the same key, which no other reader does.
        func insert(_ key: String) -> Bool {
            if few.count < 16 {
                if few.contains(where: { $0.utf8.elementsEqual(key.utf8) }) { return false }
                few.append(key)
                return true
            }
            if many.isEmpty { many = Set(few.map { Array($0.utf8) }) }
            return many.insert(Array(key.utf8)).inserted
        }
    }

    /// False if the name at `index` was there before.
    @inline(__always)
    mutating func insert(known index: Int) -> Bool {
        guess = index + 1
        defer { known |= 1 << index }
        return known & (1 << index) == 0
    }

    /// False if the key at `range` of `bytes`, which has no escapes, was there before.
    mutating func insert(_ range: Range<Int>, of bytes: UnsafeRawBufferPointer) -> Bool {
        guard others == nil, plainCount < plain.count else { return insert(Self.text(range, bytes), of: bytes) }
        for index in 0..<plainCount where Self.areEqual(plain[index], range, bytes) { return false }
        plain[plainCount] = range
        plainCount += 1
        return true
    }

    /// False if `key` was there before.
    mutating func insert(_ key: String, of bytes: UnsafeRawBufferPointer) -> Bool {
        let keys = others ?? OtherKeys()
        others = keys
        for index in 0..<plainCount { keys.few.append(Self.text(plain[index], bytes)) }
        plainCount = 0
        return keys.insert(key)
    }

    private static func text(_ range: Range<Int>, _ bytes: UnsafeRawBufferPointer) -> String {
        String(decoding: bytes[range], as: UTF8.self)
    }

    private static func areEqual(_ left: Range<Int>, _ right: Range<Int>, _ bytes: UnsafeRawBufferPointer) -> Bool {
        guard left.count == right.count else { return false }
        for offset in 0..<left.count where bytes[left.lowerBound + offset] != bytes[right.lowerBound + offset] {
            return false
        }
        return true
    }
}

/// Where a reader stands inside an array.
package struct JSONArrayCursor {
    var isFirst = true
}
