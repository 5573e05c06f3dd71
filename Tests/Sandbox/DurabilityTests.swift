import EventLoop
import Glibc
import HTTP
import JSON
import Testing

@testable import Sandbox

/// What is answered survives a crash: the journal, its replay and its torn ends.
@Suite struct Durability {
    /// The whole state as text: two engines with equal text are the same.
    private func state(_ engine: SandboxEngine) -> String {
        var text = ""
        for kind in ObjectKind.allCases {
            for id in engine.account.store.ids(kind) {
                text += JSONValue.object(engine.account.known(kind, id)).text + "\n"
            }
        }
        return text + "\(engine.account.random) \(engine.account.clockOffset) \(engine.undelivered)"
    }

    private func story(_ guest: Guest) {
        guest.engine.hasConfiguredEndpoint = true
        let customer = guest.customer()
        let subscription = guest.subscription(of: customer, to: guest.price("basic"))
        guest.now += 3 * 86_400
        _ = guest.call("POST", "/v1/customers", "nope=1")
        _ = guest.call("POST", "/v1/payment_methods/pm_card_chargeDeclined/attach", "customer=\(customer)")
        let item = subscription["items.data.0.id"]?.stringValue ?? ""
        _ = guest.post("/v1/subscriptions/\(subscription.id)", "items[0][id]=\(item)&items[0][quantity]=2")
        payments(guest)
        orders(guest, customer)
        guest.advance(31 * 86_400)
        guest.now += 7200
        _ = guest.get("/v1/events")
        _ = guest.post("/v1/customers", "name=Last")
    }

    /// One of each order of the owner, and a way that was taken and left.
    private func orders(_ guest: Guest, _ customer: String) {
        _ = guest.post("/sandbox/customers/\(customer)/decline_next", "times=2")
        guest.advance(7)
        let snapshot = guest.post("/sandbox/snapshots").id
        guest.advance(62 * 86_400)
        guest.now += 100
        let event = guest.engine.account.store.ids(.event).last ?? ""
        _ = guest.post("/sandbox/events/\(event)/deliver")
        _ = guest.call("POST", "/v1/customers", "name=Gone", headers: ["Idempotency-Key": "again"])
        _ = guest.post("/sandbox/snapshots/\(snapshot)/restore")
        guest.now += 100
        _ = guest.call("POST", "/v1/customers", "name=Kept", headers: ["Idempotency-Key": "again"])
        _ = guest.post("/sandbox/clock/advance", "by=next")
    }

    /// One of each way in which money moves.
    private func payments(_ guest: Guest) {
        _ = guest.post("/sandbox/settings", "retry_days[]=1&after_retries=unpaid&upcoming_days=3")
        _ = guest.post("/sandbox/faults", "rates[rate_limits]=0.2&seed=4")
        for _ in 0..<5 { _ = guest.call("POST", "/v1/customers", "name=Lucky") }
        _ = guest.call("DELETE", "/sandbox/faults")
        for token in ["pm_card_visa", "pm_card_createDispute", "pm_card_refundFail", "pm_sepaDebit_failed_at"] {
            let form = "amount=900&currency=eur&confirm=true&payment_method=\(token)"
            let intent = guest.post("/v1/payment_intents", form).id
            _ = guest.call("POST", "/v1/refunds", "payment_intent=\(intent)&amount=300")
        }
        let held = guest.post(
            "/v1/payment_intents", "amount=900&currency=eur&confirm=true&payment_method=pm_card_visa&capture_method=manual")
        _ = guest.post("/v1/payment_intents/\(held.id)/capture", "amount_to_capture=100")
        for token in ["pm_card_chargeCustomerFail", "pm_card_visa"] {
            let session = guest.post(
                "/v1/checkout/sessions",
                """
                mode=subscription&success_url=https://a.example&line_items[0][price]=\(guest.price("basic"))\
                &line_items[0][quantity]=1
                """)
            _ = guest.call(
                "POST", "/sandbox/checkout/\(session.id)/pay", "key=pk_test_1&page=true&payment_method=\(token)",
                key: "pk_test_1")
        }
        guest.now += 180
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func `replaying the journal gives the same state, byte for byte`(_ seed: UInt64) throws {
        let guest = Guest(seed: seed)
        story(guest)
        let lines = guest.entries.map(JournalLine.request)
        let read = try lines.map { try #require(JournalLine(try JSONValue(parsing: $0.json.text))) }
        #expect(read == lines, "a line reads back as it was written")
        var contents = SandboxJournal.Contents(header: .init(seed: seed, openedAt: 1_793_491_200))
        contents.lines = [.configured(true)] + read
        let twin = SandboxEngine(replaying: contents, keys: SandboxKeys())
        twin.tick(now: guest.now)
        #expect(state(twin) == state(guest.engine))
        #expect(state(twin).count > 50_000, "there was something to compare")
        contents.lines.removeLast()
        #expect(state(SandboxEngine(replaying: contents, keys: SandboxKeys())) != state(guest.engine))
    }

    @Test func `a clock that moved over nothing has moved after a restart too`() {
        let guest = Guest()
        guest.advance(5)
        #expect(guest.entries.count == 1)
        var contents = SandboxJournal.Contents(header: .init(seed: 7, openedAt: 1_793_491_200))
        contents.lines = guest.entries.map(JournalLine.request)
        #expect(state(SandboxEngine(replaying: contents, keys: SandboxKeys())) == state(guest.engine))
    }

    @Test func `an advance that is refused lets no time pass, and nothing happen`() {
        let guest = Guest()
        _ = guest.subscription(of: guest.customer(), to: guest.price("basic"))
        let before = (state(guest.engine), guest.entries.count)
        #expect(guest.call("POST", "/sandbox/clock/advance", "seconds=9999999&to=1").status == 400)
        #expect(guest.call("POST", "/sandbox/clock/advance", "seconds=-1").status == 400)
        #expect(guest.call("POST", "/sandbox/clock/advance", "seconds=9999999&expand[]=now").status == 400)
        #expect((state(guest.engine), guest.entries.count) == before)
    }

    @Test func `what is packed is what it was`() {
        let (packed, plain) = (Guest(), Guest())
        plain.engine.account.store.plainRows = .max
        for guest in [packed, plain] { story(guest) }
        #expect(state(packed.engine) == state(plain.engine))
    }

    @Test func `idempotency keys survive too`() {
        let guest = Guest()
        let first = guest.call("POST", "/v1/customers", "name=A", headers: ["Idempotency-Key": "k"])
        var contents = SandboxJournal.Contents(header: .init(seed: 7, openedAt: 1_793_491_200))
        contents.lines = guest.entries.map(JournalLine.request)
        let twin = SandboxEngine(replaying: contents, keys: SandboxKeys())
        let request = HTTPRequest(
            method: "POST", target: "/v1/customers",
            headers: ["Authorization": "Bearer sk_test_1", "Idempotency-Key": "k"], body: Array("name=A".utf8))
        let again = twin.handle(request, now: guest.now)
        #expect(again.headers["Idempotent-Replayed"] == "true")
        #expect(again.body == Array((first.body.prettyText + "\n").utf8))
    }

    @Test func `readings and refusals are not journaled, keys never`() throws {
        let guest = Guest()
        _ = guest.get("/v1/prices")
        _ = guest.call("POST", "/v1/customers", "nope=1")
        _ = guest.call("GET", "/v1/customers/cus_x")
        #expect(guest.entries.isEmpty)
        _ = guest.call("POST", "/v1/customers", "name=A", key: "sk_test_verysecret")
        #expect(guest.entries.count == 1)
        #expect(!guest.entries[0].json.text.contains("verysecret"))
        for (target, body) in [
            ("/v1/customers", "key=sk_test_verysecret&name=A"), ("/v1/customers", "name=A&key=sk_test_verysecret"),
            ("/v1/customers?key=sk_test_verysecret&email=a%40example.com", "name=A"),
        ] {
            let request = HTTPRequest(method: "POST", target: target, body: Array(body.utf8))
            let entry = try #require(guest.engine.serve(request, now: guest.now).entry)
            #expect(!entry.json.text.contains("verysecret"))
            #expect(entry.json.text.contains("name=A"))
        }
    }

    // MARK: The file

    private func withFile(_ body: (String) throws -> Void) throws {
        let path = "/tmp/dues-journal-test-\(getpid())-\(UInt64.random(in: 0...UInt64.max))"
        defer { unlink(path) }
        try body(path)
    }

    private func append(_ text: String, to path: String) throws {
        let file = try #require(fopen(path, "a"))
        fputs(text, file)
        fclose(file)
    }

    private let header = SandboxJournal.Header(seed: 5, openedAt: 100)

    @Test func `a journal is read back, and keeps the seed that it began with`() throws {
        try withFile { path in
            let lines: [JournalLine] = [
                .delivered(EventDelivery(event: "evt_1", endpoint: "we_1"), at: 3),
                .abandoned(EventDelivery(event: "evt_2", endpoint: "we_1"), at: 4), .configured(true),
            ]
            do {
                let (journal, contents) = try SandboxJournal.open(path, header: header)
                #expect(contents.lines.isEmpty)
                for line in lines { journal.append(line) }
                #expect(journal.flush())
            }
            let (_, contents) = try SandboxJournal.open(path, header: .init(seed: 99, openedAt: 999))
            #expect(contents.header == header)
            #expect(contents.lines == lines)
        }
    }

    @Test(arguments: ["{\"at\":1,\"id\"", "{\"torn\":", "\u{0}\u{0}\u{0}\n", "{\"configured\":tru\n"])
    func `a torn last line is forgotten, and the next one stands in its place`(_ torn: String) throws {
        try withFile { path in
            do {
                let (journal, _) = try SandboxJournal.open(path, header: header)
                journal.append(.configured(true))
                #expect(journal.flush())
            }
            try append(torn, to: path)
            do {
                let (journal, contents) = try SandboxJournal.open(path, header: header)
                #expect(contents.lines == [.configured(true)])
                journal.append(.configured(false))
                #expect(journal.flush())
            }
            let (_, contents) = try SandboxJournal.open(path, header: header)
            #expect(contents.lines == [.configured(true), .configured(false)])
        }
    }

    @Test func `damage in the middle, and a foreign file, are refused`() throws {
        try withFile { path in
            do {
                let (journal, _) = try SandboxJournal.open(path, header: header)
                #expect(journal.flush())
            }
            try append("garbage\n{\"configured\":true}\n", to: path)
            #expect(throws: SystemError.self) { _ = try SandboxJournal.open(path, header: header) }
        }
        try withFile { path in
            try append("{\"hello\":1}\n", to: path)
            #expect(throws: SystemError.self) { _ = try SandboxJournal.open(path, header: header) }
        }
    }
}
