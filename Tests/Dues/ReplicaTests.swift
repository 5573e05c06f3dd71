import EventLoop
import Glibc
import JSON
import RPC
import Store
import Synchronization
import TestSupport
import Testing

/// Several servers behind one PostgreSQL database: to their callers they are one.
@Suite(.enabled(if: PostgreSQLServer.isInstalled)) struct ReplicaTests {
    // MARK: The long story

    /// What the callers of the story have been told.
    private final class Told: Sendable {
        /// Events that were answered 200, by customer, in the order in which they happened.
        let events = Mutex<[String: [String]]>([:])
        /// The answers to each key, and to the two keys of one wish.
        let answers = Mutex<[String: Set<String>]>([:])
        let isOver = Atomic(false)
        let isComplete = Atomic(false)

        var countOfEvents: Int { events.withLock { $0.values.reduce(0) { $0 + $1.count } } }
    }

    private static let customersOfEvents = 12
    private static let customersOfCalls = 24

    private static func event(_ number: Int, of customer: String) -> (id: String, payload: [UInt8]) {
        let id = "evt_\(customer)_\(number)"
        let event: JSONValue = [
            "id": .string(id), "object": "event", "created": .integer(1_700_000_000 + Int64(number)),
            "type": number == 0 ? "customer.created" : "customer.updated",
            "data": ["object": ["id": .string(customer), "object": "customer", "name": .string("name \(number)")]],
        ]
        return (id, event.bytes)
    }

    /// Delivers the events of one customer, one after the other.
    private static func tellOf(_ customer: String, _ fleet: Fleet, _ told: Told) throws {
        let web = Web()
        var number = 0
        while !told.isOver.load(ordering: .relaxed) {
            let (id, payload) = event(number, of: customer)
            try fleet.deliver(payload, by: web)
            told.events.withLock { $0[customer, default: []].append(id) }
            number += 1
            // Some come twice.
            if number.isMultiple(of: 7) { try fleet.deliver(payload, by: web) }
        }
    }

    /// One of several who want the same for the same customers, with the same keys, in an order of their own.
    private static func subscribe(_ customers: [String], _ fleet: Fleet, _ told: Told, from first: Int) throws {
        for index in customers.indices {
            let customer = customers[(index + first) % customers.count]
            let answer = try fleet.call(
                "CreateSubscription",
                [
                    "customerId": .string(customer), "lookupKey": "basic",
                    "_meta": ["idempotencyKey": .string("sub \(customer)")],
                ])
            let said = answer["subscriptionId"]?.stringValue ?? answer.text
            told.answers.withLock { _ = $0[customer, default: []].insert(said) }
            usleep(150_000)
        }
    }

    @Test func `three servers, one killed and one stopped in the middle: nothing is lost, doubled or out of order`()
        async throws
    {
        let database = try PostgreSQLServer.shared.get().makeDatabase()
        let fleet = try await offPool { try Fleet(3, database: database) }
        let told = Told()
        let customers = try await offPool {
            try (0..<Self.customersOfCalls).map { number in
                let answer = try fleet.call("CreateCustomer", ["_meta": ["idempotencyKey": .string("customer \(number)")]])
                return try #require(answer["customerId"]?.stringValue)
            }
        }
        let watched = try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<Self.customersOfEvents {
                group.addTask { try await offPool { try Self.tellOf("cus_told\(number)", fleet, told) } }
            }
            for number in 0..<4 {
                group.addTask {
                    try await offPool {
                        try Self.subscribe(customers, fleet, told, from: number / 2 * Self.customersOfCalls / 2)
                    }
                }
            }
            async let watched = withThrowingTaskGroup(of: [(seq: Int64, id: String, customer: String)].self) { watchers in
                for number in 0..<3 {
                    watchers.addTask {
                        try await offPool {
                            try fleet.watch(startingAt: number) { count in
                                told.isComplete.load(ordering: .relaxed) && count >= told.countOfEvents
                            }
                        }
                    }
                }
                return try await watchers.reduce(into: []) { $0.append($1) }
            }
            group.addTask {
                try await offPool {
                    sleep(2)
                    fleet.kill(0)
                    sleep(1)
                    fleet.signal(1, SIGSTOP)
                    sleep(2)
                    try fleet.restart(0)
                    // Longer than the server lets a transaction or a lock wait.
                    sleep(6)
                    fleet.signal(1, SIGCONT)
                    sleep(2)
                    told.isOver.store(true, ordering: .relaxed)
                }
            }
            try await group.waitForAll()
            told.isComplete.store(true, ordering: .relaxed)
            return try await watched
        }
        try await offPool { try Self.check(fleet, told, customers, watched) }
    }

    private static func check(
        _ fleet: Fleet, _ told: Told, _ customers: [String],
        _ watched: [[(seq: Int64, id: String, customer: String)]]
    ) throws {
        let server = try PostgreSQLServer.shared.get()
        let query = { (sql: String) in try server.query(sql, at: fleet.database) }
        let events = told.events.withLock(\.self)
        let count = told.countOfEvents
        #expect(count > 100, "there was something to be lost")
        // Journaled once, projected once, each by its own change.
        #expect(
            try query("SELECT count(*), count(DISTINCT id), count(change), count(DISTINCT change) FROM events") == [
                "\(count)|\(count)|\(count)|\(count)"
            ])
        #expect(try query("SELECT count(*) FROM changes WHERE event IS NOT NULL") == ["\(count)"])
        // The mirror has the last of each customer.
        for (customer, ids) in events {
            #expect(try query("SELECT name FROM customers WHERE id = '\(customer)'") == ["name \(ids.count - 1)"])
        }
        // Whoever watched has seen each event once, in the order of the changes, and of each customer in the order in which
        // they happened.
        for seen in watched {
            #expect(seen.count == count)
            #expect(zip(seen, seen.dropFirst()).allSatisfy { $0.seq < $1.seq })
            for (customer, ids) in events { #expect(seen.filter { $0.customer == customer }.map(\.id) == ids) }
        }
        // Each customer has one subscription, and everybody was told the same.
        let answers = told.answers.withLock(\.self)
        var subscriptions: [JSONValue] = []
        repeat {
            let after = subscriptions.last?["id"]?.stringValue.map { "&starting_after=\($0)" } ?? ""
            let page = try fleet.sandbox.process.api.get("/v1/subscriptions?status=all&limit=100\(after)")
            subscriptions += page["data"]?.arrayValue ?? []
            if page["has_more"] != true { break }
        } while true
        #expect(subscriptions.count == customers.count)
        for customer in customers {
            let made = subscriptions.filter { $0["customer"] == .string(customer) }.compactMap { $0["id"]?.stringValue }
            #expect(made.count == 1 && answers[customer] == Set(made))
        }
        #expect(try query("SELECT count(*) FROM intents WHERE reply IS NULL") == ["0"])
        fleet.stop()
    }

    // MARK: Shorter ones

    @Test func `two servers that are given one key at once have one effect and one answer`() async throws {
        let fleet = try await offPool { try Fleet(2, database: try PostgreSQLServer.shared.get().makeDatabase()) }
        for round in 0..<5 {
            let params: JSONValue = ["_meta": ["idempotencyKey": .string("round \(round)")]]
            let answers = try await withThrowingTaskGroup(of: JSONValue.self) { group in
                for number in 0..<6 {
                    group.addTask {
                        try await offPool {
                            try #require(fleet.ask("CreateCustomer", params, of: fleet[number])?["result"])
                        }
                    }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(Set(answers.map(\.text)).count == 1)
        }
        try await offPool {
            let made = try fleet.sandbox.process.api.get("/v1/customers?limit=100")["data"]?.arrayValue ?? []
            #expect(made.count == 5)
            fleet.stop()
        }
    }

    @Test func `two wishes for one customer at two servers are heard one after the other`() async throws {
        let fleet = try await offPool { try Fleet(2, database: try PostgreSQLServer.shared.get().makeDatabase()) }
        for _ in 0..<4 {
            let customer = try await offPool { try fleet.call("CreateCustomer", [:])["customerId"] ?? .null }
            let answers = try await withThrowingTaskGroup(of: JSONValue?.self) { group in
                for number in 0..<4 {
                    group.addTask {
                        try await offPool {
                            fleet.ask(
                                "CreateSubscription", ["customerId": customer, "lookupKey": "basic"], of: fleet[number])
                        }
                    }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(answers.count { $0?["result"] != nil } == 1)
            #expect(answers.count { $0?["error"]?["data"]?["reason"] == "DUPLICATE_SUBSCRIPTION" } == 3)
        }
        try await offPool { fleet.stop() }
    }

    /// Where a server is stopped, in the middle of a call that Stripe is slow to answer.
    enum Moment: String, CaseIterable {
        /// Stripe has done what was asked; the answer is on the way.
        case afterTheEffect
        /// Something is still being looked up.
        case beforeIt
        /// As before, in a call that nobody would repeat.
        case beforeItWithoutKey
    }

    @Test(arguments: Moment.allCases)
    func `a server that is stopped in the middle of a call is overtaken, and does nothing more of it`(
        _ moment: Moment
    ) async throws {
        try await offPool {
            let fleet = try Fleet(2, database: try PostgreSQLServer.shared.get().makeDatabase())
            let api = fleet.sandbox.process.api
            let customer = try fleet.call("CreateCustomer", [:])["customerId"] ?? .null
            var params: JSONObject = ["customerId": customer, "lookupKey": "basic"]
            if moment != .beforeItWithoutKey { params["_meta"] = ["idempotencyKey": "k"] }
            let request = moment == .afterTheEffect ? ("POST", "/v1/subscriptions") : ("GET", "/v1/prices")
            _ = try api.post(
                "/sandbox/faults", ["method": request.0, "path": request.1, "delay_ms": "1500"])
            let first = try fleet.send("CreateSubscription", .object(params), to: fleet[0])
            if moment == .afterTheEffect {
                #expect(try eventually { try api.get("/v1/subscriptions?status=all")["data"]?.arrayValue?.count == 1 })
            } else {
                usleep(500_000)
            }
            fleet.signal(0, SIGSTOP)
            let began = EventLoop.monotonicMilliseconds()
            let second = fleet.ask("CreateSubscription", .object(params), of: fleet[1], patience: 20_000)
            #expect(second?["result"]?["subscriptionId"] != nil, "\(second?.text ?? "silence")")
            let waited = EventLoop.monotonicMilliseconds() - began
            #expect(waited > 1000 && waited < 10_000, "\(waited) ms for the other's turn to be over")
            fleet.signal(0, SIGCONT)
            let late = try JSONValue(parsing: try #require(try first.receive(timeoutMilliseconds: 10_000)))
            if moment == .afterTheEffect {
                #expect(late["result"] == second?["result"])
            } else {
                #expect(late["error"]?["data"]?["reason"] == "CONFLICT", "\(late.text)")
            }
            if moment != .beforeItWithoutKey {
                #expect(try fleet.call("CreateSubscription", .object(params)) == second?["result"])
            }
            #expect(try api.get("/v1/subscriptions?status=all")["data"]?.arrayValue?.count == 1)
            fleet.stop()
        }
    }

    @Test func `what one server knows the others know, also what they remember of it`() async throws {
        try await offPool {
            let fleet = try Fleet(2, database: try PostgreSQLServer.shared.get().makeDatabase())
            let subscriber = try fleet.sandbox.process.subscribe()
            let question: JSONValue = [
                "customerId": .string(subscriber.customer), "productId": .string(subscriber.product),
            ]
            for number in 0..<2 {
                for _ in 0..<2 {
                    #expect(fleet.ask("CheckAccess", question, of: fleet[number])?["result"]?["allowed"] == false)
                }
            }
            let object = try fleet.sandbox.process.api.get("/v1/subscriptions/\(subscriber.subscription)")
            let event: JSONValue = [
                "id": "evt_1", "object": "event", "type": "customer.subscription.created", "created": 1_700_000_000,
                "data": ["object": object],
            ]
            try fleet.deliver(event.bytes, by: Web())
            for number in 0..<2 {
                #expect(
                    eventually {
                        fleet.ask("CheckAccess", question, of: fleet[number])?["result"]?["allowed"] == true
                    })
            }
            fleet.stop()
        }
    }

    @Test func `what a server wrote down and did not get to is projected by another`() async throws {
        let database = try PostgreSQLServer.shared.get().makeDatabase()
        let fleet = try await offPool { try Fleet(2, database: database) }
        // As if it had died at once.
        let dead = try SQLStore(PostgreSQLAddress(database))
        let (id, payload) = Self.event(0, of: "cus_left")
        let isNew = try await dead.journal(
            JournalEvent(
                id: id, type: "customer.created", created: 1_700_000_000, received: Int64(time(nil)), customer: "cus_left",
                subscription: nil, payload: payload))
        #expect(isNew)
        try await offPool {
            let seen = try fleet.watch(startingAt: 0) { $0 == 1 }
            #expect(seen.map(\.id) == [id])
            let names = try PostgreSQLServer.shared.get().query("SELECT name FROM customers", at: database)
            #expect(names == ["name 0"])
            fleet.stop()
        }
    }

    @Test func `however much of a customer's a server has not got to, it comes before what another one is told`()
        async throws
    {
        let database = try PostgreSQLServer.shared.get().makeDatabase()
        let fleet = try await offPool { try Fleet(1, database: database) }
        let busy = try SQLStore(PostgreSQLAddress(database))
        let events = (0...250).map { Self.event($0, of: "cus_busy") }
        let written = try await busy.journal(
            events.dropLast().enumerated().map { number, event in
                JournalEvent(
                    id: event.id, type: "customer.updated", created: 1_700_000_000 + Int64(number),
                    received: Int64(time(nil)), customer: "cus_busy", subscription: nil, payload: event.payload)
            })
        #expect(written == 250)
        try await offPool {
            try fleet.deliver(events[250].payload, by: Web())
            #expect(try fleet.watch(startingAt: 0) { $0 == 251 }.map(\.id) == events.map(\.id))
            fleet.stop()
        }
    }

    @Test func `a server outlives its database, says so meanwhile, and is itself again when that is back`() async throws {
        try await offPool {
            let server = try PostgreSQLServer()
            let fleet = try Fleet(1, database: try server.makeDatabase())
            let customer = try fleet.call("CreateCustomer", ["_meta": ["idempotencyKey": "before"]])
            server.stop()
            let question: JSONValue = ["customerId": "cus_1", "productId": "prod_1"]
            let began = EventLoop.monotonicMilliseconds()
            for (method, params) in [
                ("CheckAccess", question), ("WatchEvents", ["after": 0]),
                ("CreateCustomer", ["_meta": ["idempotencyKey": "meanwhile"]]),
            ] as [(String, JSONValue)] {
                let error = fleet.ask(method, params, of: fleet[0])?["error"]?["data"]
                #expect(error?["reason"] == "STORE_UNAVAILABLE" && error?["retryable"] == true, "\(method)")
            }
            #expect(EventLoop.monotonicMilliseconds() - began < 5000)
            let event = Self.event(0, of: "cus_told")
            let signature = Web.signature(event.payload, secret: DuesProcess.webhookSecret, at: Int64(time(nil)))
            #expect(try Web().deliver(event.payload, to: fleet[0].http, signature: signature).status == 503)
            try server.start()
            try fleet.deliver(event.payload, by: Web())
            #expect(try fleet.call("CreateCustomer", ["_meta": ["idempotencyKey": "before"]]) == customer)
            _ = try fleet.call("CreateCustomer", ["_meta": ["idempotencyKey": "meanwhile"]])
            #expect(try fleet.watch(startingAt: 0) { $0 == 1 }.map(\.id) == [event.id])
            #expect(try fleet.sandbox.process.api.get("/v1/customers")["data"]?.arrayValue?.count == 2)
            fleet.stop()
        }
    }

    @Test(arguments: [
        ("?sslmode=require", "server does not support SSL, but SSL was required"), ("x", "does not exist"),
    ])
    func `a database that cannot be used is refused at the start`(_ more: String, _ reason: String) async throws {
        try await offPool {
            let database = try PostgreSQLServer.shared.get().makeDatabase().replacing("dues@", with: "dues:hunter2@")
            let run = try CommandRun(
                ["serve", "--sandbox", "--db", database + more, "--tcp", "127.0.0.1:0", "--http", "127.0.0.1:0"])
            #expect(run.status == 1)
            #expect(run.errors.contains(reason) && !run.errors.contains("hunter2"), "\(run.errors)")
        }
    }
}
