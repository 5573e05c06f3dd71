/// A connection for one thread, a loop's, which cannot wait: what is not answered soon is not answered, and connections are made
/// elsewhere.
final class PostgreSQLReader: SQLReader {
    let database: PostgreSQLConnection
    var lastChange: Int64
    private let news: PostgreSQLNews
    /// What was known when somebody last looked.
    private var seen: UInt64

    init(_ address: PostgreSQLAddress, _ news: PostgreSQLNews) throws(StoreError) {
        self.news = news
        database = PostgreSQLConnection(address, for: .reading)
        seen = news.current
        try database.connect()
        lastChange = try database.newestChange
    }

    var hasChanged: Bool { news.latest != seen }

    func noting<Value>(_ body: () throws(StoreError) -> Value) throws(StoreError) -> Value {
        let current = news.current
        let value = try body()
        seen = current
        return value
    }

    /// A join may come in any order here, unless one is asked for.
    private static let subscriptionsOfCustomer = ReaderSQL.subscriptionsOfCustomer + " ORDER BY s.id"

    func subscriptions(ofCustomer id: String) throws(StoreError) -> [SubscriptionRecord.Known] {
        var found = FoundSubscriptions(ofCustomer: id)
        try database.run(Self.subscriptionsOfCustomer, [.text(id)]) { row in found.add(row) }
        return found.sorted
    }

    func products(withFeature name: String) throws(StoreError) -> [String] {
        try database.rows(ReaderSQL.productsWithFeature, .text(name)) { $0.text(0) }
    }

    /// As the server reckons: to count them all would take longer than a loop has.
    func countOfSubscriptions() throws(StoreError) -> Int {
        try database.first("SELECT reltuples::bigint FROM pg_class WHERE oid = 'subscriptions'::regclass") {
            max(0, Int($0.integer(0)))
        } ?? 0
    }
}
