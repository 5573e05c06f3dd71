/// A read-only connection for one thread: what it reads is what was last committed.
final class SQLiteReader: StoreReader {
    /// Memory for pages of the database, in KiB: the upper parts of its trees, and what is asked for often. A reader takes
    /// no more than this, however large the database.
    private static let cacheKibibytes = 32 * 1024

    /// Changes that are listed one by one.
    private static let listedChanges = 10_000

    private let database: SQLiteDatabase
    private let commits: SQLiteCommits
    /// The number of the last change that `changes()` told of.
    private var lastChange: Int64
    private let subscriptionsOfCustomer: SQLiteStatement
    private let productsWithFeature: SQLiteStatement

    init(path: String) throws(StoreError) {
        database = try SQLiteDatabase(path: path, access: .readOnly)
        try database.execute("PRAGMA cache_size=-\(Self.cacheKibibytes)")
        subscriptionsOfCustomer = try database.statement(Self.subscriptionsOfCustomer)
        productsWithFeature = try database.statement("SELECT product FROM product_features WHERE feature = ?")
        commits = SQLiteCommits(of: database)
        lastChange = try database.newestChange
    }

    var hasChanged: Bool { commits.hasChanged }

    func changes() throws(StoreError) -> StoreChanges {
        try commits.noting { () throws(StoreError) in
            var customers: Set<String> = []
            var products = false
            let found = try database.rows(
                "SELECT seq, kind, customer FROM changes WHERE seq > ? ORDER BY seq LIMIT ?", .integer(lastChange),
                .integer(Int64(Self.listedChanges))
            ) { row -> Int64 in
                switch MirrorKind(rawValue: row.text(1)) {
                case .subscriptions: if let customer = row.optionalText(2) { customers.insert(customer) }
                case .products: products = true
                default: break
                }
                return row.integer(0)
            }
            let newest = try database.newestChange
            // A database that was put back to an earlier state goes on from there, with the same numbers for other changes.
            let isListed = found.count < Self.listedChanges && newest >= lastChange
            lastChange = isListed ? found.last ?? lastChange : newest
            return isListed ? .some(customers: customers, products: products) : .everything
        }
    }

    /// Asks for no order, which would cost a sorter at every call: a left join gives a subscription's items one after the
    /// other, and what order they need is made of the few there are.
    static let subscriptionsOfCustomer = """
        SELECT s.id, s.status, s.created, s.cancel_at, s.ended_at, s.trial_end, s.past_due_since, s.known_until,
            c.event, i.position, i.id, i.price, i.product, i.quantity, i.period_start, i.period_end
        FROM subscriptions s
        LEFT JOIN changes c ON c.seq = s.version
        LEFT JOIN subscription_items i ON i.subscription = s.id
        WHERE s.customer = ? AND s.deleted = 0
        """

    func subscriptions(ofCustomer id: String) throws(StoreError) -> [SubscriptionRecord.Known] {
        var found: [SubscriptionRecord.Known] = []
        var positions: [Int64] = []
        try database.each(subscriptionsOfCustomer, id) { row in
            if found.last?.id != row.text(0) {
                found.append(subscription(of: row, customer: id))
                positions = []
            }
            guard let position = row.optionalInteger(9) else { return }
            let place = positions.firstIndex { $0 > position } ?? positions.count
            positions.insert(position, at: place)
            found[found.count - 1].record.items.insert(item(of: row), at: place)
        }
        if found.count > 1 { found.sort { $0.id < $1.id } }
        return found
    }

    func subscriptions(afterCustomer id: String, limit: Int) throws(StoreError) -> [CustomersSubscriptions] {
        let customers = try database.rows(
            "SELECT DISTINCT customer FROM subscriptions WHERE customer > ? ORDER BY customer LIMIT ?", .text(id),
            .integer(Int64(limit))
        ) { $0.text(0) }
        var found: [CustomersSubscriptions] = []
        for customer in customers { found.append((customer, try subscriptions(ofCustomer: customer))) }
        return found
    }

    func countOfSubscriptions() throws(StoreError) -> Int {
        try database.first("SELECT count(*) FROM subscriptions") { Int($0.integer(0)) } ?? 0
    }

    private func subscription(of row: SQLiteRow, customer: String) -> SubscriptionRecord.Known {
        SubscriptionRecord.Known(
            id: row.text(0),
            record: SubscriptionRecord(
                customer: customer, status: row.text(1), created: row.integer(2), cancelAt: row.optionalInteger(3),
                endedAt: row.optionalInteger(4), trialEnd: row.optionalInteger(5), items: []),
            pastDueSince: row.optionalInteger(6), knownUntil: row.integer(7), event: row.optionalText(8))
    }

    private func item(of row: SQLiteRow) -> SubscriptionRecord.Item {
        SubscriptionRecord.Item(
            id: row.text(10), price: row.text(11), product: row.text(12), quantity: row.optionalInteger(13),
            periodStart: row.optionalInteger(14), periodEnd: row.optionalInteger(15))
    }

    func products(withFeature name: String) throws(StoreError) -> [String] {
        var products: [String] = []
        try database.each(productsWithFeature, name) { products.append($0.text(0)) }
        return products
    }

    func isEntitled(_ customer: String, to feature: String) throws(StoreError) -> Bool? {
        try database.first(
            """
            SELECT f.feature FROM entitlements e LEFT JOIN entitled_features f ON f.customer = e.id AND f.feature = ?
            WHERE e.id = ? AND e.deleted = 0
            """, .text(feature), .text(customer)
        ) { $0.optionalText(0) != nil }
    }

    // MARK: Changes

    func newestChange() throws(StoreError) -> Int64 { try database.newestChange }

    func newestSweptChange() throws(StoreError) -> Int64 {
        try database.mark(of: SweptRows.walk) ?? 0
    }

    static let closedEvents = "SELECT change, type FROM events WHERE change BETWEEN ? AND ? ORDER BY change"
    static let closedEventsOfCustomer =
        "SELECT change, type FROM events WHERE change BETWEEN ? AND ? AND customer = ? ORDER BY change"

    func closedEvents(
        in range: ClosedRange<Int64>, ofCustomer customer: String?
    ) throws(StoreError) -> [(change: Int64, type: String)] {
        let read = { (row: any SQLRow) in (change: row.integer(0), type: row.text(1)) }
        let first = SQLValue.integer(range.lowerBound)
        let last = SQLValue.integer(range.upperBound)
        guard let customer else { return try database.rows(Self.closedEvents, first, last, read: read) }
        return try database.rows(Self.closedEventsOfCustomer, first, last, .text(customer), read: read)
    }

    func closedEvent(ofChange change: Int64) throws(StoreError) -> JournalEvent? {
        try database.first(
            "SELECT \(JournalEvent.columns) FROM events WHERE change = ?", .integer(change), read: JournalEvent.init(_:))
    }
}
