/// Why the store could not do what it was asked. SQL arguments never appear in it: they may hold what is private.
package struct StoreError: Error, Sendable, Equatable, CustomStringConvertible {
    package enum Kind: Sendable, Equatable {
        /// Another process holds the database, or it could not be opened or written just now.
        case unavailable
        /// Others changed a row again and again meanwhile.
        case contended
        /// The database was made by a newer version of this program.
        case newerDatabase
        /// The database does not hold what it should.
        case corrupt
        /// The statement itself was refused: a mistake of this program.
        case misuse
    }

    package let kind: Kind
    /// What the engine said, and about what.
    package let message: String

    package init(_ kind: Kind, _ message: String) {
        self.kind = kind
        self.message = message
    }

    package var description: String { message }
}
