/// Reading, whatever the engine: what a reader answers, from what its connection answers.
protocol SQLReader: StoreReader, AnyObject {
    associatedtype Database: SQLConnection
    var database: Database { get }
    /// The number of the last change that `changes()` told of.
    var lastChange: Int64 { get set }
    /// Takes note of what is committed, if `body`, which looks at it, succeeds. What is committed meanwhile counts as new.
    func noting<Value>(_ body: () throws(StoreError) -> Value) throws(StoreError) -> Value
}

/// The queries of readers, as all engines understand them.
enum ReaderSQL {
    /// Asks for no order. What order the items need is made of the few there are; those of one subscription come one after the
    /// other.
    static let subscriptionsOfCustomer = """
        SELECT s.id, s.status, s.created, s.cancel_at, s.ended_at, s.trial_end, s.past_due_since, s.known_until,
            c.event, i.position, i.id, i.price, i.product, i.quantity, i.period_start, i.period_end
        FROM subscriptions s
        LEFT JOIN changes c ON c.seq = s.version
        LEFT JOIN subscription_items i ON i.subscription = s.id
        WHERE s.customer = ? AND s.deleted = 0
        """
    static let productsWithFeature = "SELECT product FROM product_features WHERE feature = ?"
    static let closedEvents = "SELECT change, type FROM events WHERE change BETWEEN ? AND ? ORDER BY change"
    static let closedEventsOfCustomer =
        "SELECT change, type FROM events WHERE change BETWEEN ? AND ? AND customer = ? ORDER BY change"

    /// Changes that are listed one by one.
    static let listedChanges = 10_000
}

extension SQLReader {
    package func changes() throws(StoreError) -> StoreChanges {
        try noting { () throws(StoreError) in
            var customers: Set<String> = []
            var products = false
            let found = try database.rows(
                "SELECT seq, kind, customer FROM changes WHERE seq > ? ORDER BY seq LIMIT ?", .integer(lastChange),
                .integer(Int64(ReaderSQL.listedChanges))
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
            let isListed = found.count < ReaderSQL.listedChanges && newest >= lastChange
            lastChange = isListed ? found.last ?? lastChange : newest
            return isListed ? .some(customers: customers, products: products) : .everything
        }
    }

    package func subscriptions(
        afterCustomer id: String, limit: Int
    ) throws(StoreError) -> [CustomersSubscriptions] {
        let customers = try database.rows(
            "SELECT DISTINCT customer FROM subscriptions WHERE customer > ? ORDER BY customer LIMIT ?", .text(id),
            .integer(Int64(limit))
        ) { $0.text(0) }
        var found: [CustomersSubscriptions] = []
        for customer in customers { found.append((customer, try subscriptions(ofCustomer: customer))) }
        return found
    }

    package func countOfSubscriptions() throws(StoreError) -> Int {
        try database.first("SELECT count(*) FROM subscriptions") { Int($0.integer(0)) } ?? 0
    }

    package func isEntitled(_ customer: String, to feature: String) throws(StoreError) -> Bool? {
        try database.first(
            """
            SELECT f.feature FROM entitlements e LEFT JOIN entitled_features f ON f.customer = e.id AND f.feature = ?
            WHERE e.id = ? AND e.deleted = 0
            """, .text(feature), .text(customer)
        ) { $0.optionalText(0) != nil }
    }

    // MARK: Changes

    package func newestChange() throws(StoreError) -> Int64 { try database.newestChange }

    package func newestSweptChange() throws(StoreError) -> Int64 {
        try database.mark(of: SweptRows.walk) ?? 0
    }

    package func closedEvents(
        in range: ClosedRange<Int64>, ofCustomer customer: String?
    ) throws(StoreError) -> [(change: Int64, type: String)] {
        let read = { (row: any SQLRow) in (change: row.integer(0), type: row.text(1)) }
        let first = SQLValue.integer(range.lowerBound)
        let last = SQLValue.integer(range.upperBound)
        guard let customer else { return try database.rows(ReaderSQL.closedEvents, first, last, read: read) }
        return try database.rows(ReaderSQL.closedEventsOfCustomer, first, last, .text(customer), read: read)
    }

    package func closedEvent(ofChange change: Int64) throws(StoreError) -> JournalEvent? {
        try database.first(
            "SELECT \(JournalEvent.columns) FROM events WHERE change = ?", .integer(change), read: JournalEvent.init(_:))
    }
}

/// A customer's subscriptions, put together from the rows of `ReaderSQL.subscriptionsOfCustomer`.
struct FoundSubscriptions {
    let customer: String
    private var found: [SubscriptionRecord.Known] = []
    private var positions: [Int64] = []

    init(ofCustomer customer: String) { self.customer = customer }

    /// Those that were found, by id.
    var sorted: [SubscriptionRecord.Known] { found.count > 1 ? found.sorted { $0.id < $1.id } : found }

    mutating func add(_ row: some SQLRow) {
        if found.last?.id != row.text(0) {
            found.append(subscription(of: row))
            positions = []
        }
        guard let position = row.optionalInteger(9) else { return }
        let place = positions.firstIndex { $0 > position } ?? positions.count
        positions.insert(position, at: place)
        found[found.count - 1].record.items.insert(item(of: row), at: place)
    }

    private func subscription(of row: some SQLRow) -> SubscriptionRecord.Known {
        SubscriptionRecord.Known(
            id: row.text(0),
            record: SubscriptionRecord(
                customer: customer, status: row.text(1), created: row.integer(2), cancelAt: row.optionalInteger(3),
                endedAt: row.optionalInteger(4), trialEnd: row.optionalInteger(5), items: []),
            pastDueSince: row.optionalInteger(6), knownUntil: row.integer(7), event: row.optionalText(8))
    }

    private func item(of row: some SQLRow) -> SubscriptionRecord.Item {
        SubscriptionRecord.Item(
            id: row.text(10), price: row.text(11), product: row.text(12), quantity: row.optionalInteger(13),
            periodStart: row.optionalInteger(14), periodEnd: row.optionalInteger(15))
    }
}
