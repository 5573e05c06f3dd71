/// The names that an object's members may have, looked up by their bytes without making a string of each key.
package struct JSONNames: Sendable {
    /// At most 64, so that a cursor can remember in one word which of them it has seen.
    private let names: [StaticString]

    package init(_ names: [StaticString]) {
        precondition(names.count <= 64, "an object has at most 64 named members")
        self.names = names
    }

    package subscript(_ index: Int) -> StaticString { names[index] }
    package var indices: Range<Int> { names.indices }

    /// The index of the name that has exactly these bytes.
    package func index(of bytes: UnsafeRawBufferPointer) -> Int? {
        search: for index in names.indices where names[index].utf8CodeUnitCount == bytes.count {
            let name = names[index].utf8Start
            for offset in bytes.indices where name[offset] != bytes[offset] { continue search }
            return index
        }
        return nil
    }
}

/// A member's key, as `JSONReader.nextMember` finds it.
package enum JSONMember: Sendable, Equatable {
    /// The index of the name among those that were asked for.
    case known(Int)
    case unknown(String)
}
