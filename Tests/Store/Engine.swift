import TestSupport
import Testing

@testable import Store

/// The engines that the store's rules hold on: what is asked of one is asked of the other.
enum Engine: String, Sendable, CustomTestStringConvertible {
    case sqlite = "SQLite"
    case postgreSQL = "PostgreSQL"

    /// Those that are there.
    static let all: [Engine] = PostgreSQLServer.isInstalled ? [.sqlite, .postgreSQL] : [.sqlite]

    var testDescription: String { rawValue }
}

/// A new database, which a test has alone.
struct Place {
    let engine: Engine
    /// A path, or an address.
    let path: String

    init(_ engine: Engine) throws {
        self.engine = engine
        switch engine {
        case .sqlite: path = try Scratch.directory() + "/dues.db"
        case .postgreSQL: path = try PostgreSQLServer.shared.get().makeDatabase()
        }
    }

    /// As one more process would open it.
    func open() throws(StoreError) -> SQLStore {
        switch engine {
        case .sqlite: try SQLStore(path: path)
        case .postgreSQL: try SQLStore(PostgreSQLAddress(path))
        }
    }

    /// Runs statements behind the store's back.
    func execute(_ sql: String) throws(StoreError) {
        switch engine {
        case .sqlite: try SQLiteDatabase(path: path, access: .readWrite).execute(sql)
        case .postgreSQL: try PostgreSQLSession(PostgreSQLAddress(path), for: .migrating).execute(sql)
        }
    }
}
