import TestSupport
import Testing

@testable import Store

/// A new database, which a test has alone, and may open as often as it likes.
struct Place {
    let engine: Engine
    /// A path, or an address.
    let path: String

    init(_ engine: Engine) throws {
        self.engine = engine
        path = try NewDatabase(engine).path
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
