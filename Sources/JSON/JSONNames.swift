/// The names that an object's members may have, looked up by their bytes without making a string of each key.
package struct JSONNames: Sendable {
    /// At most 64, so that a cursor can remember in one word which of them it has seen.
    private let names: [Name]

    /// A name, with its first bytes as a word: most names are told apart by one comparison.
    private struct Name: Sendable {
        let text: StaticString
        let head: UInt64
        let mask: UInt64

        init(_ text: StaticString) {
            self.text = text
            let count = min(text.utf8CodeUnitCount, 8)
            head = (0..<count).reduce(0) { $0 | UInt64(text.utf8Start[$1]) << (8 * UInt64($1)) }
            mask = count == 8 ? .max : 1 << (8 * UInt64(count)) - 1
        }
    }

    package init(_ names: [StaticString]) {
        precondition(names.count <= 64, "an object has at most 64 named members")
        self.names = names.map(Name.init)
    }

    package subscript(_ index: Int) -> StaticString { names[index].text }
    package var indices: Range<Int> { names.indices }

    /// The index of the name that has exactly these bytes.
    package func index(of bytes: UnsafeRawBufferPointer) -> Int? {
        let head = Self.head(of: bytes)
        for index in names.indices where names[index].head == head {
            let name = names[index]
            if name.text.utf8CodeUnitCount == bytes.count, Self.isTail(of: name, in: bytes, at: 0) { return index }
        }
        return nil
    }

    private static func head(of bytes: UnsafeRawBufferPointer) -> UInt64 {
        if bytes.count >= 8 { return UInt64(littleEndian: bytes.loadUnaligned(as: UInt64.self)) }
        return bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }

    /// The index of the name that stands at `position` of `bytes`, a quote after it; nil where there is none, or where it is
    /// too near the end, or spelled with escapes. Members mostly come in the order of their names: `guess` is looked at
    /// first.
    @inline(__always)
    func index(quotedIn bytes: UnsafeRawBufferPointer, at position: Int, guess: Int) -> Int? {
        guard position + 8 <= bytes.count else { return nil }
        let head = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: position, as: UInt64.self))
        if guess < names.count, stands(guess, head, bytes, position) { return guess }
        return names.indices.first { stands($0, head, bytes, position) }
    }

    @inline(__always)
    private func stands(_ index: Int, _ head: UInt64, _ bytes: UnsafeRawBufferPointer, _ position: Int) -> Bool {
        let name = names[index]
        guard head & name.mask == name.head else { return false }
        let count = name.text.utf8CodeUnitCount
        let end = position + count
        guard end < bytes.count, bytes[end] == UInt8(ascii: "\"") else { return false }
        return Self.isTail(of: name, in: bytes, at: position)
    }

    /// Whether what comes after the head of `name` stands in `bytes`, where the name begins at `position`.
    private static func isTail(of name: Name, in bytes: UnsafeRawBufferPointer, at position: Int) -> Bool {
        var offset = 8
        while offset < name.text.utf8CodeUnitCount {
            guard name.text.utf8Start[offset] == bytes[position + offset] else { return false }
            offset += 1
        }
        return true
    }
}

/// A member's key, as `JSONReader.nextMember` finds it.
package enum JSONMember: Sendable, Equatable {
    /// The index of the name among those that were asked for.
    case known(Int)
    case unknown(String)
}
