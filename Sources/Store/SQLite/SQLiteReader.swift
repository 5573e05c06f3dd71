/// A read-only connection for one thread: what it reads is what was last committed.
final class SQLiteReader: StoreReader {
    private let database: SQLiteDatabase

    init(path: String) throws(StoreError) { database = try SQLiteDatabase(path: path, access: .readOnly) }

    func subscriptions(ofCustomer id: String) throws(StoreError) -> [SubscriptionRecord.Known] {
        let rows = try database.rows(
            """
            SELECT s.id, s.status, s.created, s.cancel_at, s.ended_at, s.trial_end, s.past_due_since, s.known_until,
                c.event, i.id, i.price, i.product, i.quantity, i.period_start, i.period_end
            FROM subscriptions s
            LEFT JOIN changes c ON c.seq = s.version
            LEFT JOIN subscription_items i ON i.subscription = s.id
            WHERE s.customer = ? AND s.deleted = 0 ORDER BY s.id, i.position
            """, .text(id)
        ) { row in (subscription(of: row, customer: id), item(of: row)) }
        var found: [SubscriptionRecord.Known] = []
        for (subscription, item) in rows {
            if found.last?.id != subscription.id { found.append(subscription) }
            if let item { found[found.count - 1].record.items.append(item) }
        }
        return found
    }

    private func subscription(of row: SQLRow, customer: String) -> SubscriptionRecord.Known {
        SubscriptionRecord.Known(
            id: row.text(0),
            record: SubscriptionRecord(
                customer: customer, status: row.text(1), created: row.integer(2), cancelAt: row.optionalInteger(3),
                endedAt: row.optionalInteger(4), trialEnd: row.optionalInteger(5), items: []),
            pastDueSince: row.optionalInteger(6), knownUntil: row.integer(7), event: row.optionalText(8))
    }

    private func item(of row: SQLRow) -> SubscriptionRecord.Item? {
        guard let id = row.optionalText(9) else { return nil }
        return SubscriptionRecord.Item(
            id: id, price: row.text(10), product: row.text(11), quantity: row.optionalInteger(12),
            periodStart: row.optionalInteger(13), periodEnd: row.optionalInteger(14))
    }

    func products(withFeature name: String) throws(StoreError) -> [String] {
        try database.rows("SELECT product FROM product_features WHERE feature = ?", .text(name)) { $0.text(0) }
    }
}
