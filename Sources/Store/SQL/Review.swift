internal import JSON

/// Whether rows are as Stripe has their objects.
extension Mirror {
    /// Confirms the row, or corrects it and takes down what was wrong. Nothing was wrong where nothing is decided from what
    /// differs: Stripe tells of some members in no event, and the catalogue is mirrored as far as it is used.
    func review(_ object: MirrorObject, _ row: Row?, _ reply: ReplyBasis) throws(StoreError) -> ProjectionOutcome {
        guard let row else {
            guard !object.isDeleted else { return .skipped(because: "nobody knows the object") }
            let isCatalogue = object.kind == .products || object.kind == .prices
            return try correct(object, nil, reply, isCatalogue ? nil : .missing)
        }
        let members = try differences(of: object, from: row)
        if !members.isEmpty {
            return try correct(object, row, reply, object.isDeleted ? .gone : .different, members)
        }
        if row.raw != object.raw, !object.isDeleted { return try correct(object, row, reply, nil) }
        try database.run(
            "UPDATE \(object.kind.rawValue) SET known_until = ? WHERE id = ? AND known_until < ?", .integer(reply.until),
            .text(object.id), .integer(reply.until))
        return .skipped(because: "the row is right")
    }

    /// Writes the row; with a verdict, what was wrong too.
    private func correct(
        _ object: MirrorObject, _ row: Row?, _ reply: ReplyBasis, _ verdict: Correction.Verdict?, _ members: [String] = []
    ) throws(StoreError) -> ProjectionOutcome {
        let change = try addChange(by: object, event: nil, at: reply.until, answer: reply)
        try write(object, over: row, Source(from: reply.from, until: reply.until, at: reply.until), change)
        guard let verdict else { return .applied(version: change) }
        let correction = Correction(
            change: change, kind: object.kind, object: object.id, customer: object.customer, verdict: verdict,
            members: verdict == .different ? members : [])
        try takeDown(correction, object, at: reply.until)
        return .corrected(correction)
    }

    /// The members from which something is decided, and in which the object and its row differ, in the order of the alphabet. A
    /// tombstone says nothing but that it is one.
    private func differences(of object: MirrorObject, from row: Row) throws(StoreError) -> [String] {
        guard row.isDeleted == object.isDeleted else { return ["deleted"] }
        guard !object.isDeleted else { return [] }
        let parts = try hasSameParts(object) ? [] : [object.partsMember]
        return (try differingColumns(object) + parts).sorted()
    }

    private func differingColumns(_ object: MirrorObject) throws(StoreError) -> [String] {
        let columns = object.kind.columns
        let found = try database.first(
            "SELECT \(columns.joined(separator: ", ")) FROM \(object.kind.rawValue) WHERE id = ?", .text(object.id)
        ) { row in
            zip(columns.indices, object.values).map { index, value in row.holds(value, at: Int32(index)) }
        }
        return zip(columns, found ?? []).filter { name, isSame in !isSame && !object.unsaid.contains(name) }.map(\.0)
    }

    private func hasSameParts(_ object: MirrorObject) throws(StoreError) -> Bool {
        switch object.record {
        case .subscription(let subscription):
            guard !object.unsaid.contains("items") else { return true }
            let items = try database.rows(
                """
                SELECT id, price, product, quantity, period_start, period_end FROM subscription_items WHERE subscription = ?
                ORDER BY position
                """, .text(object.id)
            ) { row in
                SubscriptionRecord.Item(
                    id: row.text(0), price: row.text(1), product: row.text(2), quantity: row.optionalInteger(3),
                    periodStart: row.optionalInteger(4), periodEnd: row.optionalInteger(5))
            }
            return items == subscription.items
        case .product(_, _, let features):
            let found = try database.rows("SELECT feature FROM product_features WHERE product = ?", .text(object.id)) {
                $0.text(0)
            }
            return object.unsaid.contains("features") || Set(found) == Set(features)
        case .entitlements(let features):
            let found = try database.rows("SELECT feature FROM entitled_features WHERE customer = ?", .text(object.id)) {
                $0.text(0)
            }
            return object.unsaid.contains("features") || Set(found) == Set(features)
        case .customer, .price, .invoice, .paymentMethod: return true
        }
    }

    /// A row of `drift`, and an event of our own, closed by the change, which watchers see like any other.
    private func takeDown(_ correction: Correction, _ object: MirrorObject, at time: Int64) throws(StoreError) {
        let members = JSONValue.array(correction.members.map(JSONValue.string))
        try database.run(
            "INSERT INTO drift (change, found, kind, object, customer, verdict, members) VALUES (?, ?, ?, ?, ?, ?, ?)",
            .integer(correction.change), .integer(now), .text(correction.kind.rawValue), .text(correction.object),
            .optional(correction.customer),
            .text(correction.verdict.rawValue), .text(members.text))
        let id = "drift_\(correction.change)"
        let event: JSONValue = [
            "id": .string(id), "object": "event", "type": .string(Correction.eventType), "created": .integer(time),
            "data": [
                "object": [
                    "object": "dues.drift", "objectType": .string(correction.kind.objectType),
                    "objectId": .string(correction.object),
                    "found": .string(correction.verdict.rawValue), "members": members,
                    "current": (try? JSONValue(parsing: object.raw)) ?? .null,
                ]
            ],
        ]
        try database.run(
            """
            INSERT INTO events (id, type, created, received, customer, subscription, payload, projected, change)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
            """,
            .text(id), .text(Correction.eventType), .integer(time), .integer(now), .optional(correction.customer),
            .optional(correction.kind == .subscriptions ? correction.object : nil), .blob(event.bytes), .integer(now),
            .integer(correction.change))
    }
}

extension MirrorObject {
    /// Stripe's name for what stands in a table of its own.
    fileprivate var partsMember: String {
        switch kind {
        case .subscriptions: "items"
        case .products: "marketing_features"
        default: "entitlements"
        }
    }
}

extension SQLRow {
    fileprivate func holds(_ value: SQLValue, at column: Int32) -> Bool {
        switch value {
        case .integer(let number): optionalInteger(column) == number
        case .text(let text): optionalText(column) == text
        case .blob(let bytes): blob(column) == bytes
        case .null: optionalText(column) == nil
        }
    }
}
