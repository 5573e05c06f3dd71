/// Whether values are the same to the byte, the order of members included: stricter than equality, and quick to tell of values
/// that share their memory.
extension JSONValue {
    package func isExactly(_ other: JSONValue) -> Bool {
        switch self {
        case .null: if case .null = other { true } else { false }
        case .bool(let mine): if case .bool(let other) = other { mine == other } else { false }
        case .integer(let mine): if case .integer(let other) = other { mine == other } else { false }
        case .number(let mine): if case .number(let other) = other { JSONObject.isSame(mine, other) } else { false }
        case .string(let mine): if case .string(let other) = other { JSONObject.isSame(mine, other) } else { false }
        case .array(let mine): if case .array(let other) = other { Self.areExactly(mine, other) } else { false }
        case .object(let mine): if case .object(let other) = other { mine.isExactly(other) } else { false }
        }
    }

    private static func areExactly(_ left: [JSONValue], _ right: [JSONValue]) -> Bool {
        guard left.count == right.count else { return false }
        for position in 0..<left.count where !left[position].isExactly(right[position]) { return false }
        return true
    }
}

extension JSONObject {
    /// Unsafe because it looks at where the members are: those in the same place of memory are the same.
    package func isExactly(_ other: JSONObject) -> Bool {
        guard count == other.count else { return false }
        return members.withUnsafeBufferPointer { mine in
            other.members.withUnsafeBufferPointer { other in
                if mine.baseAddress == other.baseAddress { return true }
                for position in 0..<mine.count {
                    guard Self.isSame(mine[position].key, other[position].key),
                        mine[position].value.isExactly(other[position].value)
                    else { return false }
                }
                return true
            }
        }
    }
}
