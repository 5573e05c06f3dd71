/// Why bytes are not the JSON that this house accepts.
public struct JSONError: Error, Equatable, Sendable, CustomStringConvertible {
    /// Offset in bytes from the start of the text.
    public let offset: Int
    /// One clause for a person: what was found, or what was expected.
    public let problem: String

    public init(offset: Int, problem: String) {
        self.offset = offset
        self.problem = problem
    }

    public var description: String { "\(problem) at byte \(offset)" }
}

/// What kind of value starts at a reader's position.
public enum JSONKind: String, Sendable {
    case object, array, string, number, boolean, null
}
