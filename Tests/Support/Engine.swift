internal import Testing

/// The engines that the store's rules hold on: what is asked of one is asked of the other.
package enum Engine: String, Sendable, CustomTestStringConvertible {
    case sqlite = "SQLite"
    case postgreSQL = "PostgreSQL"

    /// Those that are there.
    package static let all: [Engine] = PostgreSQLServer.isInstalled ? [.sqlite, .postgreSQL] : [.sqlite]

    package var testDescription: String { rawValue }
}

/// A new database, which a test has alone.
package struct NewDatabase: Sendable {
    /// Its path, or its address at a server.
    package let path: String
    /// As `--db` names it.
    package let name: String

    /// - Parameter folder: where a file goes; one of its own where that is nil.
    package init(_ engine: Engine, in folder: Folder? = nil) throws {
        switch engine {
        case .sqlite:
            path = try folder?.path("dues.db") ?? Scratch.directory() + "/dues.db"
            name = "sqlite:\(path)"
        case .postgreSQL:
            path = try PostgreSQLServer.shared.get().makeDatabase()
            name = path
        }
    }
}
