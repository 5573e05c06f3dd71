/// One place where a message is not as it was expected to be.
package struct Difference: Sendable, Equatable, CustomStringConvertible {
    /// JSON Pointer from the message; empty for the message itself.
    package let pointer: String
    package let problem: String

    package init(_ pointer: String, _ problem: String) {
        self.pointer = pointer
        self.problem = problem
    }

    package var description: String { "\(pointer.isEmpty ? "(all)" : pointer): \(problem)" }
}
