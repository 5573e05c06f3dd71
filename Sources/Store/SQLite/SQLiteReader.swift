/// A read-only connection for one thread: what it reads is what was last committed. What CheckAccess asks at every call is
/// prepared, and told of without a detour.
final class SQLiteReader: SQLReader {
    /// Memory for pages of the database, in KiB: the upper parts of its trees, and what is asked for often. A reader takes
    /// no more than this, however large the database.
    private static let cacheKibibytes = 32 * 1024

    let database: SQLiteDatabase
    private let commits: SQLiteCommits
    var lastChange: Int64
    private let subscriptionsOfCustomer: SQLiteStatement
    private let productsWithFeature: SQLiteStatement

    init(path: String) throws(StoreError) {
        database = try SQLiteDatabase(path: path, access: .readOnly)
        try database.execute("PRAGMA cache_size=-\(Self.cacheKibibytes)")
        subscriptionsOfCustomer = try database.statement(ReaderSQL.subscriptionsOfCustomer)
        productsWithFeature = try database.statement(ReaderSQL.productsWithFeature)
        commits = SQLiteCommits(of: database)
        lastChange = try database.newestChange
    }

    var hasChanged: Bool { commits.hasChanged }

    func noting<Value>(_ body: () throws(StoreError) -> Value) throws(StoreError) -> Value { try commits.noting(body) }

    /// SQLite sorts nothing for this: a left join gives a subscription's items one after the other.
    func subscriptions(ofCustomer id: String) throws(StoreError) -> [SubscriptionRecord.Known] {
        var found = FoundSubscriptions(ofCustomer: id)
        try database.each(subscriptionsOfCustomer, id) { row in found.add(row) }
        return found.sorted
    }

    func products(withFeature name: String) throws(StoreError) -> [String] {
        var products: [String] = []
        try database.each(productsWithFeature, name) { products.append($0.text(0)) }
        return products
    }
}
