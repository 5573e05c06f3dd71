import TestSupport
import Testing

@testable import Store

/// Everything from one database to another.
@Suite struct CopyTests {
    static let ways = Engine.all.flatMap { from in Engine.all.map { (from, $0) } }

    private static func fill(_ store: SQLStore) async throws {
        for number in 1...1100 {
            let event = JournalEvent(
                id: "evt_\(number)", type: "invoice.paid", created: 5, received: 6,
                customer: number % 3 == 0 ? nil : "cus_\(number % 7)", subscription: nil, payload: Array("{\"ü\":0}".utf8))
            _ = try await store.journal(event)
        }
        for event in try await store.waitingEvents(after: 0, limit: 900) {
            try await store.markProjected(sequence: event.sequence, at: 7)
        }
        let item = SubscriptionRecord.Item(
            id: "si_1", price: "price_1", product: "prod_1", quantity: nil, periodStart: 1, periodEnd: 2)
        let records: [(String, MirrorObject.Record)] = [
            ("cus_1", .customer(email: nil, name: "Ada")),
            ("prod_1", .product(name: "Pro", isActive: true, features: ["a", "b"])),
            ("price_1", .price(product: "prod_1", lookupKey: "pro", isActive: false)),
            (
                "sub_1",
                .subscription(
                    SubscriptionRecord(customer: "cus_1", status: "past_due", created: 3, cancelAt: 9, items: [item, item]))
            ),
            ("pm_1", .paymentMethod(customer: "cus_1", type: "card")), ("cus_1", .entitlements(["exports"])),
            (
                "in_1",
                .invoice(
                    InvoiceRecord(
                        customer: "cus_1", subscription: "sub_1", status: "paid", amountDue: 500, amountPaid: nil,
                        currency: "usd"))
            ),
        ]
        for (id, record) in records {
            let object = MirrorObject(id: id, raw: "{\"id\":\"\(id)\"}", record: record)
            _ = try await store.project(object, from: ReplyBasis(version: 0, from: 1, until: 2, now: 3))
        }
        let review = ReplyBasis(version: 2000, from: 8, until: 9, isReview: true, now: 9)
        _ = try await store.project(
            MirrorObject(id: "cus_2", raw: "{}", record: .customer(email: "e", name: nil)), from: review)
        for (key, isDone) in [("done", true), ("open", false)] {
            _ = try await store.begin(Intent(key: key, method: "Cancel", params: [1, 0, 255], stripeKey: "k", created: 4))
            if isDone { _ = try await store.finish(intent: key, reply: [0, 7]) }
        }
        try await store.keep(mark: 12, of: "events")
        _ = try store.setting("quotes") { [1, 2, 0, 3] }
    }

    private static func dump(_ place: Place) throws -> [String: [[SQLValue]]] {
        var dump: [String: [[SQLValue]]] = [:]
        let database: any SQLConnection =
            switch place.engine {
            case .sqlite: try SQLiteDatabase(path: place.path, access: .readOnly)
            case .postgreSQL: PostgreSQLConnection(try PostgreSQLAddress(place.path), for: .lookingUp)
            }
        for table in CopiedTable.all {
            var rows: [[SQLValue]] = []
            try database.run(table.page(isFirst: true), [.integer(10_000)]) { rows.append(table.values(of: $0)) }
            dump[table.name] = rows
        }
        return dump
    }

    @Test(arguments: ways)
    func `every row is there, and numbers go on`(from: Engine, to: Engine) async throws {
        let (old, new) = (try Place(from), try Place(to))
        let source = try old.open()
        try await Self.fill(source)
        let target = try new.open()
        var told: [Int64] = []
        let copied = try source.copy(to: target) { done, all in told += [done, all] }
        let rows = try Self.dump(old)
        #expect(try Self.dump(new) == rows)
        #expect(rows.values.allSatisfy { !$0.isEmpty }, "every table has something to copy")
        #expect(Dictionary(uniqueKeysWithValues: copied.map { ($0.table, Int($0.rows)) }) == rows.mapValues(\.count))
        #expect(told.suffix(2) == [copied.reduce(0) { $0 + $1.rows }, copied.reduce(0) { $0 + $1.rows }])
        let newest = try await target.newestChange()
        let event = JournalEvent(
            id: "evt_new", type: "a.b", created: 1, received: 1, customer: nil, subscription: nil, payload: [1])
        _ = try await target.journal(event)
        let waiting = try await target.waitingEvents(after: 0, limit: 1000)
        #expect(waiting.count == 201 && waiting.last?.sequence ?? 0 > 1100)
        try await target.markProjected(sequence: waiting[200].sequence, at: 8)
        #expect(try await target.newestChange() == newest + 1)
        #expect(
            try await target.begin(Intent(key: "done", method: "Cancel", params: [1, 0, 255], stripeKey: "x", created: 9))
                == .done(reply: [0, 7]))
    }

    @Test(arguments: Engine.all)
    func `what is not empty is not written to`(engine: Engine) async throws {
        let target = try Place(engine).open()
        try await target.keep(mark: 1, of: "events")
        let error = #expect(throws: StoreError.self) { try Place(.sqlite).open().copy(to: target) { _, _ in } }
        #expect(error?.description.contains("not empty") == true)
    }

    @Test func `no table and no column is left behind`() throws {
        let place = try Place(.sqlite)
        _ = try place.open()
        let database = try SQLiteDatabase(path: place.path, access: .readOnly)
        let names = try database.rows("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'") {
            $0.text(0)
        }
        #expect(Set(names) == Set(CopiedTable.all.map(\.name)))
        for table in CopiedTable.all {
            let columns = try database.rows("SELECT name FROM pragma_table_info('\(table.name)')") { $0.text(0) }
            #expect(Set(columns) == Set(table.columns.map(\.name)), "\(table.name)")
        }
    }
}
