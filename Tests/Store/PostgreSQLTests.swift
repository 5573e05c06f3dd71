import TestSupport
import Testing

@testable import Store

/// What PostgreSQL alone can do to a store: connections that end, processes that are stopped, addresses that hold passwords.
@Suite(.enabled(if: PostgreSQLServer.isInstalled)) struct PostgreSQLTests {
    private let place: Place

    init() throws { place = try Place(.postgreSQL) }

    private func terminateOthers(of purpose: String) throws {
        try place.execute(
            """
            SELECT pg_terminate_backend(pid) FROM pg_stat_activity
            WHERE datname = current_database() AND pid <> pg_backend_pid() AND \(purpose)
            """)
    }

    @Test func `arguments are numbered, and a question mark in a text is none`() {
        #expect(PostgreSQLSession.numbered("SELECT ?, '?' || ? WHERE a = ?") == "SELECT $1, '?' || $2 WHERE a = $3")
    }

    @Test(arguments: [
        "postgres://dues:hunter2@127.0.0.1:1/dues", "postgres://dues:hun/ter2@127.0.0.1:1/dues",
        "postgres://dues:hun@ter2@127.0.0.1:1/dues", "postgres://dues:hunter2@127.0.0.1:1/dues?sslmode=x",
        "postgres://dues:hunter2@[::1/dues", "postgres://dues:hunter2@127.0.0.1:1/dues?hunter2",
        "postgres://dues:%zzhunter2@h/d",
    ])
    func `no error shows the password`(_ url: String) throws {
        let error = #expect(throws: StoreError.self) { try SQLStore(PostgreSQLAddress(url)) }
        #expect(error?.kind == .unavailable)
        #expect(error?.message.contains("ter2") == false, "\(error?.message ?? "")")
    }

    @Test func `a server without TLS is refused where TLS is required`() throws {
        let error = #expect(throws: StoreError.self) { try SQLStore(PostgreSQLAddress(place.path + "?sslmode=require")) }
        #expect(error?.message.contains("server does not support SSL, but SSL was required") == true)
    }

    @Test(.enabled(if: Certificates.canBeMade))
    func `TLS is spoken as the address wants it, and only with the server that it names`() async throws {
        let server = try PostgreSQLServer(certificate: "house-server")
        let database = try server.makeDatabase()
        let certificates = try Certificates.shared.get()
        let verified = "\(database)?sslmode=verify-full&sslrootcert="
        let store = try SQLStore(PostgreSQLAddress(verified + certificates.authority()))
        try await store.keep(mark: 7, of: "w")
        let encrypted = try await store.writer.change { database throws(StoreError) in
            try database.first("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()") { $0.flag(0) }
        }
        #expect(encrypted == true)
        let error = #expect(throws: StoreError.self) {
            try SQLStore(PostgreSQLAddress(verified + certificates.authority("stranger")))
        }
        #expect(error?.message.contains("certificate verify failed") == true, "\(error?.message ?? "")")
    }

    @Test func `events that come at once are written down together`() async throws {
        let store = try place.open()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<300 {
                group.addTask {
                    let isNew = try await store.journal(
                        JournalEvent(
                            id: "evt_\(number)", type: "t", created: 1, received: 1, customer: nil, subscription: nil,
                            payload: [0]))
                    #expect(isNew)
                }
            }
            try await group.waitForAll()
        }
        let transactions = try place.session("SELECT count(DISTINCT xmin::text) FROM events")
        #expect(try place.session("SELECT count(*) FROM events") == 300)
        #expect(transactions.map { $0 < 60 } == true, "\(transactions ?? 0) transactions")
    }

    @Test func `a transaction whose connection ends before the commit is made again`() async throws {
        let store = try place.open()
        let count = try await store.writer.change { database throws(StoreError) in
            try database.run("INSERT INTO walks (name, mark) VALUES ('w', 1)")
            let isFirst = try database.first(
                "SELECT count(*) FROM settings WHERE name = 'ended'"
            ) { $0.integer(0) == 0 }
            if isFirst == true {
                // Said on another connection, since this one's words are lost.
                try place.execute("INSERT INTO settings (name, value) VALUES ('ended', '')")
                try database.run("SELECT pg_terminate_backend(pg_backend_pid())")
            }
            return try database.first("SELECT count(*) FROM walks") { $0.integer(0) }
        }
        #expect(count == 1)
    }

    @Test func `a commit that nobody has confirmed fails, and says that its outcome is not known`() async throws {
        let store = try place.open()
        try place.execute(
            """
            CREATE FUNCTION fall() RETURNS trigger AS 'BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END'
                LANGUAGE plpgsql;
            CREATE CONSTRAINT TRIGGER fall AFTER INSERT ON walks DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION fall()
            """)
        let error = await #expect(throws: StoreError.self) { try await store.keep(mark: 1, of: "w") }
        #expect(error?.kind == .unavailable)
        #expect(error?.message.hasPrefix("whether a commit was done is not known") == true, "\(error?.message ?? "")")
        try place.execute("DROP TRIGGER fall ON walks")
        try await store.keep(mark: 2, of: "w")
        #expect(try await store.mark(of: "w") == 2)
    }

    @Test func `one who holds the writers' lock and says nothing is thrown out after some seconds`() async throws {
        let (paused, other) = (try place.open(), try place.open())
        async let stuck: Void = paused.writer.change { database throws(StoreError) in
            try database.run("INSERT INTO walks (name, mark) VALUES ('paused', 1)")
            // As if the process were stopped: the other commits meanwhile.
            let isThere = { (try? place.session("SELECT count(*) FROM walks WHERE name = 'other'")) == 1 }
            #expect(eventually(isThere))
        }
        try await Task.sleep(for: .milliseconds(200))
        try await other.keep(mark: 1, of: "other")
        try await stuck
        #expect(try place.session("SELECT count(*) FROM walks") == 2, "the one that was thrown out has done it again")
    }

    @Test func `a text with a zero character, which PostgreSQL cannot hold, is kept without it`() async throws {
        let store = try place.open()
        let event = JournalEvent(
            id: "evt_1", type: "a\0b", created: 1, received: 1, customer: nil, subscription: "", payload: [0, 1, 255])
        #expect(try await store.journal(event))
        let found = try #require(try await store.waitingEvents(after: 0, limit: 1).first)
        #expect(found.type == "a\u{FFFD}b" && found.payload == [0, 1, 255] && found.subscription == "")
    }

    // MARK: Locks

    @Test func `a key is held by one process at a time, and is free when it is given up or its process is lost`()
        async throws
    {
        let (first, second) = (try place.open(), try place.open())
        let (mine, theirs) = (try #require(first.locks), try #require(second.locks))
        let lock = try #require(try await mine.take("customer cus_1"))
        #expect(try await theirs.take("customer cus_1") == nil)
        #expect(try await theirs.take("customer cus_2") != nil)
        #expect(await mine.isHeld(lock))
        mine.release(lock)
        // What is asked after it comes after it.
        _ = await mine.isHeld(lock)
        let other = try #require(try await theirs.take("customer cus_1"))
        try terminateOthers(of: "query LIKE '%advisory_lock%' OR query = 'SELECT true'")
        #expect(await !theirs.isHeld(other), "a lock that was lost is known to be lost")
        #expect(try await mine.take("customer cus_1") != nil)
        theirs.release(other)
        #expect(try await theirs.take("customer cus_1") == nil, "what is not held any more is not given up")
    }

    @Test func `a key is kept as long as its process lives`() async throws {
        let (first, second) = (try place.open(), try place.open())
        let lock = try #require(try await first.locks?.take("k"))
        try await Task.sleep(for: .milliseconds(PostgreSQLLocks.sessionMilliseconds + 1500))
        #expect(await first.locks?.isHeld(lock) == true)
        #expect(try await second.locks?.take("k") == nil)
    }

    // MARK: The server ends

    @Test func `while the server is away everything fails soon, and goes on when it is back`() async throws {
        let server = try PostgreSQLServer()
        let store = try SQLStore(PostgreSQLAddress(try server.makeDatabase()))
        let reader = try store.reader()
        try await store.keep(mark: 1, of: "w")
        #expect(try reader.newestChange() == 0)
        server.stop()
        let began = ContinuousClock.now
        for _ in 0..<20 { #expect(throws: StoreError.self) { try reader.newestChange() } }
        await #expect(throws: StoreError.self) { try await store.keep(mark: 2, of: "w") }
        await #expect(throws: StoreError.self) { try await store.mark(of: "w") }
        #expect(began.duration(to: .now) < .seconds(2))
        #expect(eventually { reader.hasChanged }, "who hears of nobody does not know")
        try server.start()
        #expect(eventually { (try? reader.newestChange()) == 0 })
        try await store.keep(mark: 3, of: "w")
        #expect(try await store.mark(of: "w") == 3)
        #expect(
            eventually {
                _ = try? reader.changes()
                return !reader.hasChanged
            })
    }
}

extension Place {
    /// The number that a query answers, on a connection of its own.
    fileprivate func session(_ sql: String) throws -> Int64? {
        var found: Int64?
        try PostgreSQLSession(PostgreSQLAddress(path), for: .lookingUp).exchange([.init(sql: sql)]) {
            found = $1.integer(0)
        }
        return found
    }
}
