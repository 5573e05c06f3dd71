/// Why bytes are not the JSON that this house accepts.
package struct JSONError: Error, Equatable, Sendable, CustomStringConvertible {
    /// Offset in bytes from the start of the text.
    package let offset: Int
    /// One clause for a person: what was found, or what was expected.
    package let problem: String

    package init(offset: Int, problem: String) {
        self.offset = offset
        self.problem = problem
    }

    package var description: String { "\(problem) at byte \(offset)" }
}

/// What kind of value starts at a reader's position.
package enum JSONKind: String, Sendable {
    case object, array, string, number, boolean, null
}
