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

    /// Keys that are more than a few, or of which one was spelled with escapes. Compared by bytes: Swift's `==` on strings would
    /// take two spellings of one accented letter for the same key, which no other reader does.
    private final class OtherKeys {
        /// Where they stand in the text, as long as to look through them is cheaper than a set.
        var plain: [Range<Int>] = []
        var all: Set<[UInt8]> = []

        static let fewer = 64
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
        if others == nil, plainCount < plain.count {
            for index in 0..<plainCount where Self.areEqual(plain[index], range, bytes) { return false }
            plain[plainCount] = range
            plainCount += 1
            return true
        }
        let keys = moveToOthers()
        guard keys.all.isEmpty, keys.plain.count < OtherKeys.fewer else { return insert(bytes[range], into: keys, of: bytes) }
        for earlier in keys.plain where Self.areEqual(earlier, range, bytes) { return false }
        keys.plain.append(range)
        return true
    }

    /// False if `key` was there before.
    mutating func insert(_ key: String, of bytes: UnsafeRawBufferPointer) -> Bool {
        insert(key.utf8, into: moveToOthers(), of: bytes)
    }

    private mutating func moveToOthers() -> OtherKeys {
        if let others { return others }
        let keys = OtherKeys()
        keys.plain.reserveCapacity(4 * plain.count)
        for index in 0..<plainCount { keys.plain.append(plain[index]) }
        plainCount = 0
        others = keys
        return keys
    }

    private func insert(
        _ key: some Collection<UInt8>, into keys: OtherKeys, of bytes: UnsafeRawBufferPointer
    ) -> Bool {
        for range in keys.plain { keys.all.insert(Array(bytes[range])) }
        keys.plain = []
        return keys.all.insert(Array(key)).inserted
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
