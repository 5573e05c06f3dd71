internal import Billing

/// The projection: what events and answers say about Stripe's objects, as rows. It lives for one transaction.
struct Mirror {
    let database: any SQLConnection
    /// Our own time, in Unix seconds.
    let now: Int64

    // MARK: Deciding

    func project(_ news: EventNews) throws(StoreError) -> ProjectionOutcome {
        let event = news.basis
        guard let object = news.object else {
            try close(event.sequence)
            return .skipped(because: "the mirror does not hold it")
        }
        let row = try row(object.kind, object.id)
        let observation = Observation(
            kind: event.kind, created: event.created, status: object.status.map(SubscriptionStatus.init),
            isSameContent: row?.raw == object.raw)
        switch ProjectionRule.decide(observation, against: row?.known) {
        case .apply:
            let source = Source(from: event.created, until: event.created, at: event.created)
            guard let change = try close(event.sequence, by: object, at: source.at) else {
                return .skipped(because: "another process projected it")
            }
            try write(object, over: row, source, change)
            return .applied(version: change)
        case .skip(let reason):
            try close(event.sequence)
            return .skipped(because: reason.rawValue)
        case .fetch(let reason): return .fetch(version: row?.version ?? 0, because: reason.rawValue)
        }
    }

    /// An answer counts if nobody has written the row since Stripe was asked: then it is newer than the row. Otherwise which
    /// of the two is newer cannot be known, and Stripe is to be asked again, unless both say the same.
    func project(_ object: MirrorObject, from reply: ReplyBasis) throws(StoreError) -> ProjectionOutcome {
        let row = try row(object.kind, object.id)
        guard row?.version ?? 0 <= reply.version else {
            if let row, row.raw == object.raw, !row.isDeleted, !object.isDeleted {
                if let settled = reply.settles { try close(settled) }
                return .skipped(because: "the row says the same")
            }
            return .fetch(version: row?.version ?? 0, because: "the row changed while Stripe answered")
        }
        if let row, row.isDeleted, !object.isDeleted {
            if let settled = reply.settles { try close(settled) }
            return .skipped(because: "the object is gone for good")
        }
        if reply.isReview { return try review(object, row, reply) }
        let source = Source(from: reply.from, until: reply.until, at: reply.until)
        let settling =
            if let settled = reply.settles { try close(settled, by: object, at: source.at, answer: reply) } else {
                Int64?.none
            }
        let change =
            if let settling { settling } else { try addChange(by: object, event: nil, at: source.at, answer: reply) }
        try write(object, over: row, source, change)
        return .applied(version: change)
    }

    // MARK: Changes

    /// Closes an event by a change of its own; `object` is what it writes into the mirror, if it does, and `time` the moment of
    /// the change, if not the event's. Answers the change's number; nil, and nothing is done, where the event is closed already.
    @discardableResult
    func close(
        _ sequence: Int64, by object: MirrorObject? = nil, at time: Int64? = nil, answer: ReplyBasis? = nil
    ) throws(StoreError) -> Int64? {
        let found = try database.first(
            "SELECT id, customer, created FROM events WHERE seq = ? AND projected IS NULL", .integer(sequence)
        ) { (id: $0.text(0), customer: $0.optionalText(1), created: $0.integer(2)) }
        guard let found else { return nil }
        let change = try addChange(
            by: object, event: found.id, customer: found.customer, at: time ?? found.created, answer: answer)
        try database.run(
            "UPDATE events SET projected = ?, change = ? WHERE seq = ?", .integer(now), .integer(change), .integer(sequence)
        )
        return change
    }

    /// Answers the number of the new change. Its kind and object are empty where it writes nothing into the mirror; `answer` is
    /// where the object comes from if not from the event.
    func addChange(
        by object: MirrorObject?, event: String?, customer: String? = nil, at: Int64, answer: ReplyBasis?
    ) throws(StoreError) -> Int64 {
        let change = try database.first(
            """
            INSERT INTO changes (kind, object, customer, event, at, written, answer, gone, known_from, known_until)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING seq
            """,
            .text(object?.kind.rawValue ?? ""), .text(object?.id ?? ""), .optional(object?.customer ?? customer),
            .optional(event), .integer(at), .integer(now), .optional(answer == nil ? nil : object?.raw),
            .flag(answer != nil && object?.isDeleted == true), .optional(answer?.from), .optional(answer?.until)
        ) { $0.integer(0) }
        guard let change else { throw StoreError(.corrupt, "a change that was just written is not there") }
        database.hasMadeChange = true
        return change
    }

    // MARK: Rows

    /// What is known about a row, whatever its table.
    struct Row: Equatable {
        let version: Int64
        let knownFrom: Int64
        let knownUntil: Int64
        let isDeleted: Bool
        /// The status, for kinds that have one.
        let status: String?
        let pastDueSince: Int64?
        let raw: String

        var known: KnownRow {
            KnownRow(
                known: KnownInterval(from: knownFrom, until: knownUntil), isDeleted: isDeleted,
                status: status.map(SubscriptionStatus.init))
        }
    }

    func row(_ kind: MirrorKind, _ id: String) throws(StoreError) -> Row? {
        try database.first(kind.statements.select, .text(id)) { row in
            Row(
                version: row.integer(0), knownFrom: row.integer(1), knownUntil: row.integer(2), isDeleted: row.flag(3),
                status: row.optionalText(5), pastDueSince: row.optionalInteger(6), raw: row.text(4))
        }
    }

    /// For which seconds of Stripe's clock a row's content is certain.
    struct Source {
        let from: Int64
        let until: Int64
        /// The moment of the change, for its readers.
        let at: Int64
    }

    /// Writes the row; `version` is its change. What the object does not say stays as it is.
    func write(
        _ object: MirrorObject, over row: Row?, _ source: Source, _ version: Int64
    ) throws(StoreError) {
        try database.run(
            object.unsaid.isEmpty ? object.kind.statements.upsert : object.kind.upsert(except: object.unsaid),
            [
                .text(object.id), .integer(version), .integer(source.from), .integer(source.until), .flag(object.isDeleted),
                .text(object.raw),
            ] + object.values)
        try writeParts(of: object, over: row, source)
    }

    private func writeParts(of object: MirrorObject, over row: Row?, _ source: Source) throws(StoreError) {
        switch object.record {
        case .subscription(let subscription):
            let since = subscription.status == "past_due" ? row?.pastDueSince ?? source.at : nil
            if since != row?.pastDueSince {
                try database.run(
                    "UPDATE subscriptions SET past_due_since = ? WHERE id = ?", .optional(since), .text(object.id))
            }
            guard !object.unsaid.contains("items") else { break }
            try database.run("DELETE FROM subscription_items WHERE subscription = ?", .text(object.id))
            _ = try database.run(
                """
                INSERT INTO subscription_items (subscription, position, id, price, product, quantity, period_start, period_end)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?)
                """,
                each: subscription.items.enumerated().map { position, item in
                    [
                        .text(object.id), .integer(Int64(position)), .text(item.id), .text(item.price), .text(item.product),
                        .optional(item.quantity), .optional(item.periodStart), .optional(item.periodEnd),
                    ]
                })
        case .product(_, _, let features):
            guard !object.unsaid.contains("features") else { break }
            try database.run("DELETE FROM product_features WHERE product = ?", .text(object.id))
            _ = try database.run(
                "INSERT INTO product_features (feature, product) VALUES (?, ?)",
                each: Set(features).map { [.text($0), .text(object.id)] })
        case .entitlements(let features):
            guard !object.unsaid.contains("features") else { break }
            try database.run("DELETE FROM entitled_features WHERE customer = ?", .text(object.id))
            _ = try database.run(
                "INSERT INTO entitled_features (customer, feature) VALUES (?, ?)",
                each: Set(features).map { [.text(object.id), .text($0)] })
        case .customer, .price, .invoice, .paymentMethod: break
        }
    }
}

/// How an object's record becomes the columns of its table.
extension MirrorObject {
    fileprivate var status: String? {
        if case .subscription(let subscription) = record { subscription.status } else { nil }
    }

    /// What is in its kind's `columns`.
    var values: [SQLValue] {
        switch record {
        case .customer(let email, let name): [.optional(email), .optional(name)]
        case .subscription(let subscription):
            [
                .text(subscription.customer), .text(subscription.status), .integer(subscription.created),
                .optional(subscription.cancelAt), .optional(subscription.endedAt), .optional(subscription.trialEnd),
            ]
        case .product(let name, let isActive, _): [.optional(name), .flag(isActive)]
        case .price(let product, let lookupKey, let isActive):
            [.optional(product), .optional(lookupKey), .flag(isActive)]
        case .invoice(let invoice):
            [
                .optional(invoice.customer), .optional(invoice.subscription), .optional(invoice.status),
                .optional(invoice.amountDue), .optional(invoice.amountPaid), .optional(invoice.currency),
            ]
        case .paymentMethod(let customer, let type): [.optional(customer), .optional(type)]
        case .entitlements(let features): [.integer(Int64(features.count))]
        }
    }
}

extension MirrorKind {
    /// The columns of its table beside those that all have; each is called as the member of Stripe's object is.
    var columns: [String] {
        switch self {
        case .customers: ["email", "name"]
        case .subscriptions: ["customer", "status", "created", "cancel_at", "ended_at", "trial_end"]
        case .products: ["name", "active"]
        case .prices: ["product", "lookup_key", "active"]
        case .invoices: ["customer", "subscription", "status", "amount_due", "amount_paid", "currency"]
        case .paymentMethods: ["customer", "type"]
        case .entitlements: ["count"]
        }
    }

    /// What is run for every row, put together once.
    fileprivate struct Statements {
        let select: String
        /// Writes a row of which everything is said.
        let upsert: String
    }

    fileprivate var statements: Statements { Self.statements[self] ?? Statements(self) }

    private static let statements = Dictionary(uniqueKeysWithValues: allCases.map { ($0, Statements($0)) })

    /// Writes a row; one that is there keeps what it has in the columns that are `unsaid`.
    fileprivate func upsert(except unsaid: Set<String>) -> String {
        let shared = ["version", "known_from", "known_until", "deleted", "raw"]
        let updates = (shared + columns.filter { !unsaid.contains($0) }).map { "\($0) = excluded.\($0)" }
        let all = ["id"] + shared + columns
        return """
            INSERT INTO \(rawValue) (\(all.joined(separator: ", ")))
            VALUES (\(all.map { _ in "?" }.joined(separator: ", ")))
            ON CONFLICT (id) DO UPDATE SET \(updates.joined(separator: ", "))
            """
    }
}

extension MirrorKind.Statements {
    fileprivate init(_ kind: MirrorKind) {
        let status = kind == .subscriptions ? "status, past_due_since" : "NULL, NULL"
        select =
            "SELECT version, known_from, known_until, deleted, raw, \(status) FROM \(kind.rawValue) WHERE id = ?"
        upsert = kind.upsert(except: [])
    }
}
