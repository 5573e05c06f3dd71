/// The mirror as what its changes leave: made anew in its place, or elsewhere as it was on an earlier day.
extension SQLStore {
    private static let page = 500

    /// The changes after one that wrote into the mirror and whose content is kept, in their order.
    package func ledger(after change: Int64, limit: Int) async throws(StoreError) -> [LedgerEntry] {
        try await writer.change { database throws(StoreError) in try Self.ledger(after: change, limit: limit, database) }
    }

    /// Writes changes of another store's ledger into this one, with their numbers.
    package func replay(_ entries: [(entry: LedgerEntry, object: MirrorObject)]) async throws(StoreError) {
        try await writer.change { database throws(StoreError) -> Void in
            let mirror = Mirror(database: database, now: 0)
            for (entry, object) in entries {
                try database.run(
                    "INSERT INTO changes (seq, kind, object, customer, event, at) VALUES (?, ?, ?, ?, ?, ?)",
                    .integer(entry.change), .text(entry.kind.rawValue), .text(entry.object), .optional(entry.customer),
                    .optional(entry.event), .integer(entry.at))
                try mirror.replay(entry, object)
            }
        }
    }

    /// Makes the mirror anew from the changes whose content is kept, in one transaction, while which nobody else can write. A
    /// row that rests on an older change stays as it is.
    ///
    /// - Parameter object: what an entry's source says; nil where it cannot be read.
    /// - Parameter progress: told now and then how many changes of how many are done.
    package func rebuild(
        at now: Int64, progress: @escaping @Sendable (_ done: Int64, _ all: Int64) -> Void,
        _ object: @escaping @Sendable (LedgerEntry) -> MirrorObject?
    ) async throws(StoreError) -> RebuiltRows {
        try await writer.change { database throws(StoreError) in
            let mirror = Mirror(database: database, now: now)
            let base = max(try database.mark(of: SweptRows.walk) ?? 0, try database.mark(of: "ledger") ?? 0)
            let all = try database.newestChange - base
            let before = try mirror.fingerprints()
            try mirror.clear(after: base)
            var rebuilt = RebuiltRows()
            var last = base
            while true {
                let entries = try Self.ledger(after: last, limit: Self.page, database)
                guard let end = entries.last else { break }
                for entry in entries {
                    rebuilt.changes += 1
                    if let object = object(entry) { try mirror.replay(entry, object) } else { rebuilt.unreadable += 1 }
                }
                last = end.change
                progress(last - base, all)
            }
            try mirror.tellOfDifferences(from: before, &rebuilt)
            return rebuilt
        }
    }

    private static func ledger(
        after change: Int64, limit: Int, _ database: any SQLConnection
    ) throws(StoreError) -> [LedgerEntry] {
        let event = JournalEvent.columns.split(separator: ", ").map { "e.\($0)" }.joined(separator: ", ")
        return try database.rows(
            """
            SELECT \(event), c.seq, c.kind, c.object, c.customer, c.event, c.at, c.answer, c.gone, c.known_from, c.known_until
            FROM changes c LEFT JOIN events e ON e.change = c.seq
            WHERE c.seq > ? AND c.kind <> '' AND (c.answer IS NOT NULL OR e.seq IS NOT NULL) ORDER BY c.seq LIMIT ?
            """, .integer(change), .integer(Int64(limit))
        ) { row -> LedgerEntry? in
            guard let kind = MirrorKind(rawValue: row.text(9)) else { return nil }
            let answer = row.optionalText(14).map { raw in
                LedgerEntry.Source.answer(
                    raw: raw, isGone: row.flag(15), from: row.integer(16), until: row.integer(17))
            }
            return LedgerEntry(
                change: row.integer(8), kind: kind, object: row.text(10), customer: row.optionalText(11),
                event: row.optionalText(12), at: row.integer(13), source: answer ?? .event(JournalEvent(row)))
        }.compactMap { $0 }
    }
}

extension Mirror {
    fileprivate func replay(_ entry: LedgerEntry, _ object: MirrorObject) throws(StoreError) {
        let source =
            switch entry.source {
            case .event(let event): Source(from: event.created, until: event.created, at: entry.at)
            case .answer(_, _, let from, let until): Source(from: from, until: until, at: entry.at)
            }
        try write(object, over: try row(entry.kind, entry.object), source, entry.change)
    }

    /// Takes away the rows that rest on a change after `base`, unless their objects were known before: what then is known since
    /// when stays.
    fileprivate func clear(after base: Int64) throws(StoreError) {
        let old = Set(
            try database.rows("SELECT DISTINCT kind, object FROM changes WHERE seq <= ? AND kind <> ''", .integer(base)) {
                "\($0.text(0)) \($0.text(1))"
            })
        for kind in MirrorKind.allCases {
            let ids = try database.rows("SELECT id FROM \(kind.rawValue) WHERE version > ?", .integer(base)) { $0.text(0) }
            for id in ids where !old.contains("\(kind.rawValue) \(id)") {
                if let (table, owner) = kind.parts {
                    try database.run("DELETE FROM \(table) WHERE \(owner) = ?", .text(id))
                }
                try database.run("DELETE FROM \(kind.rawValue) WHERE id = ?", .text(id))
            }
        }
    }

    /// What a row says, in short, and to whom it belongs.
    fileprivate struct Fingerprint: Equatable {
        var print = 0
        var customer: String?
    }

    /// Of every row, under `kind id`.
    fileprivate func fingerprints() throws(StoreError) -> [String: Fingerprint] {
        var prints: [String: Fingerprint] = [:]
        func add(_ kind: MirrorKind, from table: String, _ columns: [String], by owner: String) throws(StoreError) {
            _ = try database.rows("SELECT \(owner), \(columns.joined(separator: ", ")) FROM \(table) ORDER BY 1, 2") {
                row in
                let name = "\(kind.rawValue) \(row.text(0))"
                var hasher = Hasher()
                hasher.combine(prints[name]?.print)
                for column in columns.indices { hasher.combine(row.optionalText(Int32(column + 1))) }
                prints[name, default: Fingerprint()].print = hasher.finalize()
                if columns[0] == "customer" { prints[name]?.customer = row.optionalText(1) }
            }
        }
        for kind in MirrorKind.allCases {
            let times = kind == .subscriptions ? ["past_due_since"] : []
            try add(kind, from: kind.rawValue, kind.columns + times + ["version", "deleted", "raw"], by: "id")
            if let (table, owner) = kind.parts { try add(kind, from: table, kind.partsColumns, by: owner) }
        }
        return prints
    }

    /// Compares the rows with what they were, and adds a change for each that is another, so that nobody who remembers it goes
    /// on remembering.
    fileprivate func tellOfDifferences(
        from before: [String: Fingerprint], _ rebuilt: inout RebuiltRows
    ) throws(StoreError) {
        let after = try fingerprints()
        rebuilt.differing = Set(before.keys).union(after.keys).filter { before[$0] != after[$0] }.sorted()
        for name in rebuilt.differing {
            let parts = name.split(separator: " ", maxSplits: 1).map(String.init)
            for customer in Set([before[name]?.customer, after[name]?.customer]) {
                try database.run(
                    "INSERT INTO changes (kind, object, customer, at, written) VALUES (?, ?, ?, ?, ?)", .text(parts[0]),
                    .text(parts[1]), .optional(customer), .integer(now), .integer(now))
            }
        }
    }
}

extension MirrorKind {
    /// The table of what an object of this kind has several of, and the column that names the object.
    fileprivate var parts: (table: String, owner: String)? {
        switch self {
        case .subscriptions: ("subscription_items", "subscription")
        case .products: ("product_features", "product")
        case .entitlements: ("entitled_features", "customer")
        case .customers, .prices, .invoices, .paymentMethods: nil
        }
    }

    fileprivate var partsColumns: [String] {
        self == .subscriptions
            ? ["position", "id", "price", "product", "quantity", "period_start", "period_end"] : ["feature"]
    }
}
