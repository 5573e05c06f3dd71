import Contract
import EventLoop
import Glibc
import HTTP
import JSON
import RPC
import Store
import TestSupport
import Testing

/// WatchEvents on the real binary.
@Suite struct WatchTests {
    /// A server to which the test itself delivers events, as Stripe would.
    private final class Delivery {
        private let directory: String
        private(set) var server: DuesProcess
        private let web = Web()
        var database: String { "\(directory)/dues.db" }
        var unixPath: String { "\(directory)/dues.sock" }

        init() throws {
            directory = try Scratch.directory()
            server = try Self.start(directory)
        }

        private static func start(_ directory: String) throws -> DuesProcess {
            try DuesProcess(
                [
                    "--stripe-base", "http://127.0.0.1:1", "--db", "sqlite:\(directory)/dues.db", "--unix",
                    "\(directory)/dues.sock", "--max-output", "65536",
                ],
                environment: ["STRIPE_SECRET_KEY": "sk_test_x", "STRIPE_WEBHOOK_SECRET": DuesProcess.webhookSecret])
        }

        func killAndStartAgain() throws {
            server.kill()
            server = try Self.start(directory)
        }

        static func event(_ number: Int, type: String, customer: String, bytes: Int) -> [UInt8] {
            let event: JSONValue = [
                "id": .string("evt_\(number)"), "object": "event", "type": .string(type), "created": 1_700_000_000,
                "data": [
                    "object": [
                        "id": .string("ch_\(number)"), "object": "charge", "customer": .string(customer),
                        "description": .string(String(repeating: "x", count: bytes)),
                    ]
                ],
            ]
            return Array(event.prettyText.utf8)
        }

        /// Delivers the events of these numbers, and returns when each is answered 200.
        func deliver(
            _ numbers: Range<Int>, type: String = "charge.succeeded", customer: String = "cus_1", bytes: Int = 10
        ) throws {
            for number in numbers {
                let payload = Self.event(number, type: type, customer: customer, bytes: bytes)
                let signature = Web.signature(payload, secret: DuesProcess.webhookSecret, at: Int64(time(nil)))
                try #require(try web.deliver(payload, to: server.http, signature: signature).status == 200)
            }
        }

        /// Delivers many at a time, in no certain order.
        func pour(_ numbers: Range<Int>, bytes: Int) throws {
            let channel = LineChannel(socket: try server.tcp.connect())
            for start in stride(from: numbers.lowerBound, to: numbers.upperBound, by: 100) {
                let some = start..<min(start + 100, numbers.upperBound)
                for number in some {
                    let payload = Self.event(number, type: "charge.succeeded", customer: "cus_1", bytes: bytes)
                    let signature = Web.signature(payload, secret: DuesProcess.webhookSecret, at: Int64(time(nil)))
                    let params: JSONValue = [
                        "payload": .string(String(decoding: payload, as: UTF8.self)), "signature": .string(signature),
                    ]
                    let call: JSONValue = [
                        "jsonrpc": "2.0", "id": .integer(Int64(number)), "method": "IngestWebhook", "params": params,
                    ]
                    try channel.send(call.bytes)
                }
                for _ in some {
                    let answer = try #require(try channel.receive(timeoutMilliseconds: 20_000))
                    try #require(try JSONValue(parsing: answer)["result"] != nil)
                }
            }
        }

        func watch(_ params: JSONValue) throws -> Watcher {
            try Watcher(LineChannel(socket: try server.tcp.connect()), params)
        }
    }

    /// One stream on a connection of its own.
    private final class Watcher {
        let channel: LineChannel
        private var received: Int64 = 0
        /// The cursor with which another stream goes on.
        private(set) var after: Int64

        init(_ channel: LineChannel, _ params: JSONValue) throws {
            self.channel = channel
            after = params["after"]?.integerValue ?? 0
            let call: JSONValue = ["jsonrpc": "2.0", "id": "w", "method": "WatchEvents", "params": params]
            try channel.send(call.bytes)
        }

        /// The next value, which must come after the one before.
        func next(within milliseconds: Int64 = 10_000) throws -> JSONValue {
            let line = try JSONValue(parsing: try #require(try channel.receive(timeoutMilliseconds: milliseconds)))
            received += 1
            try #require(line["params"]?["seq"] == .integer(received), "\(line.text.prefix(300))")
            let value = try #require(line["params"]?["value"])
            let sequence = try #require(value["seq"]?.integerValue)
            try #require(sequence > after)
            after = sequence
            return value
        }

        func numbers(_ count: Int) throws -> [Int] {
            try (0..<count).map { _ in Int(try next()["id"]?.stringValue?.dropFirst(4) ?? "") ?? -1 }
        }
    }

    @Test func `the story is seen as it happens, whole and in order, and the mirror knows what is seen`() async throws {
        try await offPool {
            let server = try DuesProcess()
            let story = Story(try server.client(), sandbox: server.sandbox)
            let watcher = try Watcher(LineChannel(socket: try server.tcp.connect()), ["after": 0])
            var seen: [JSONValue] = []
            let untilSeen = { (type: String) in
                repeat { seen.append(try watcher.next()) } while seen.last?["type"] != .string(type)
            }
            try story.listPlans()
            try story.signUp()
            try untilSeen("customer.created")
            #expect(seen.last?["customerId"] == .string(story.customer))
            #expect(seen.last?["object"]?["email"] == "ada@example.com")
            try story.subscribe()
            try untilSeen("customer.subscription.created")
            #expect(seen.last?["subscriptionId"] == .string(story.subscription))
            try story.pay()
            repeat { try untilSeen("customer.subscription.updated") } while seen.last?["object"]?["status"] != "active"
            let access = try story.client.call(
                "CheckAccess", ["customerId": .string(story.customer), "productId": story.basicProduct])
            #expect(access["allowed"] == true, "what was seen is known")
            try story.upgrade()
            try story.leave()
            try untilSeen("customer.subscription.deleted")
            let invoices = seen.filter { $0["type"] == "invoice.paid" }
            #expect(!invoices.isEmpty && invoices.allSatisfy { $0["subscriptionId"] == .string(story.subscription) })
            let made = try SandboxAPI(server.sandbox).get("/v1/events?limit=100")["data"]?.arrayValue ?? []
            while seen.count < made.count { seen.append(try watcher.next()) }
            #expect(Set(seen.compactMap { $0["id"]?.stringValue }) == Set(made.compactMap { $0["id"]?.stringValue }))
            #expect(Set(seen.compactMap { $0["id"]?.stringValue }).count == seen.count, "each is seen once")
            server.stop()
            #expect(try #require(try watcher.channel.receive(timeoutMilliseconds: 5000)).count > 0, "it is told why")
        }
    }

    @Test func `whoever comes back with its cursor misses nothing and sees nothing twice, also after kill -9`() async throws
    {
        try await offPool {
            let delivery = try Delivery()
            var seen: [Int] = []
            var after: Int64 = 0
            for round in 0..<6 {
                try delivery.deliver(round * 20..<round * 20 + 10)
                let watcher = try delivery.watch(["after": .integer(after)])
                seen += try watcher.numbers(5 + round)
                try delivery.deliver(round * 20 + 10..<round * 20 + 20)
                seen += try watcher.numbers(7)
                after = watcher.after
                if round.isMultiple(of: 2) { try delivery.killAndStartAgain() }
            }
            let last = try delivery.watch(["after": .integer(after)])
            seen += try last.numbers(120 - seen.count)
            #expect(seen == Array(0..<120))
            let beyond = try Watcher(
                LineChannel(socket: try delivery.server.tcp.connect()), ["after": .integer(last.after + 1000)])
            let refusal = try JSONValue(parsing: try #require(try beyond.channel.receive(timeoutMilliseconds: 5000)))
            #expect(refusal["error"]?["code"] == -32011)
            delivery.server.stop()
        }
    }

    @Test func `only what was asked for is shown`() async throws {
        try await offPool {
            let delivery = try Delivery()
            let watchers: [(JSONValue, [Int])] = [
                (["types": ["charge.failed"]], [2, 5]), (["types": ["charge.*"], "customerId": "cus_1"], [0, 2]),
                (["customerId": "cus_2"], [1, 3, 5]), (["types": ["*"], "after": 0], [0, 1, 2, 3, 4, 5]),
            ]
            let open = try watchers.map { (try delivery.watch($0.0), $0.1) }
            // Answered in order: once this is, every stream has begun.
            for (watcher, _) in open { try watcher.channel.send(Array(#"{"jsonrpc":"2.0","method":"rpc.health"}"#.utf8)) }
            usleep(100_000)
            for (number, (type, customer)) in [
                ("charge.succeeded", "cus_1"), ("charge.succeeded", "cus_2"), ("charge.failed", "cus_1"),
                ("payment_link.created", "cus_2"), ("payment_link.updated", "cus_1"), ("charge.failed", "cus_2"),
            ].enumerated() {
                try delivery.deliver(number..<number + 1, type: type, customer: customer)
            }
            for (watcher, expected) in open { #expect(try watcher.numbers(expected.count) == expected) }
            try delivery.deliver(6..<7, type: "charge.failed", customer: "cus_1")
            for (watcher, expected) in open where expected != [1, 3, 5] { #expect(try watcher.numbers(1) == [6]) }
            delivery.server.stop()
        }
    }

    @Test func `readers that stop cost the server a little memory, and lose nothing`() async throws {
        try await offPool {
            let delivery = try Delivery()
            let count = 2000
            let stalled = try (0..<20).map { _ in
                try Watcher(LineChannel(socket: try UnixSocket.connect(delivery.unixPath)), ["after": 0])
            }
            try delivery.pour(0..<200, bytes: 2000)
            let before = try delivery.server.residentKibibytes
            try delivery.pour(200..<count, bytes: 2000)
            sleep(2)
            let grown = try delivery.server.residentKibibytes - before
            #expect(grown < 30_000, "\(grown) KiB more, for 20 times 4000 that were not read")
            let access = try delivery.server.client().call("CheckAccess", ["customerId": "cus_1", "productId": "prod_1"])
            #expect(access["allowed"] == false, "others are answered meanwhile")
            #expect(Set(try stalled[0].numbers(count)) == Set(0..<count))
            // To end in order it would wait for the other nineteen.
            delivery.server.kill()
        }
    }

    @Test func `fifty watchers see the same, and several streams of one connection each everything`() async throws {
        try await offPool {
            let delivery = try Delivery()
            let watchers = try (0..<50).map { _ in try delivery.watch(["after": 0]) }
            try delivery.deliver(0..<40)
            for watcher in watchers { #expect(try watcher.numbers(40) == Array(0..<40)) }
            let channel = LineChannel(socket: try delivery.server.tcp.connect())
            for id in 0..<5 {
                try channel.send(Array(#"{"jsonrpc":"2.0","id":\#(id),"method":"WatchEvents","params":{"after":0}}"#.utf8))
            }
            var counts = [0, 0, 0, 0, 0]
            for _ in 0..<200 {
                let line = try JSONValue(parsing: try #require(try channel.receive(timeoutMilliseconds: 10_000)))
                counts[Int(try #require(line["params"]?["id"]?.integerValue))] += 1
            }
            #expect(counts == [40, 40, 40, 40, 40])
            delivery.server.stop()
        }
    }

    @Test func `what another process writes into the same file is seen too`() async throws {
        try await offPool {
            let delivery = try Delivery()
            let watcher = try delivery.watch(["after": 0])
            let store = try SQLStore(path: delivery.database)
            for number in 0..<3 {
                let written = Rendezvous<Bool>()
                Task.detached {
                    let payload = Delivery.event(number, type: "charge.failed", customer: "cus_1", bytes: 1)
                    let event = JournalEvent(
                        id: "evt_\(number)", type: "charge.failed", created: 1, received: Int64(time(nil)), customer: nil,
                        subscription: nil, payload: payload)
                    let isNew = try? await store.journal(event)
                    for event in try await store.waitingEvents(after: 0, limit: 1) {
                        try? await store.markProjected(sequence: event.sequence, at: 1)
                    }
                    written.put(isNew == true)
                }
                #expect(written.take())
                #expect(try watcher.next(within: 3000)["id"] == .string("evt_\(number)"))
            }
            delivery.server.stop()
        }
    }

    @Test func `dues call prints each value as a line, and over stdio the end of the input ends the stream`() async throws {
        try await offPool {
            let delivery = try Delivery()
            try delivery.deliver(0..<3)
            let call = try ChildProcess([
                DuesProcess.binary, "call", "WatchEvents", #"{"after":0}"#, "--tcp", delivery.server.tcp.description,
                "--timeout", "1000",
            ])
            var lines: [JSONValue] = []
            while let line = try call.channel.receive(timeoutMilliseconds: 20_000) {
                lines.append(try JSONValue(parsing: line))
            }
            #expect(lines.map { $0["id"] } == ["evt_0", "evt_1", "evt_2"])
            #expect(call.wait(timeoutMilliseconds: 10_000) == 4, "DEADLINE_EXCEEDED")
            delivery.server.stop()
            let stdio = try ChildProcess(
                [
                    DuesProcess.binary, "stdio", "--db", "sqlite:\(delivery.database)", "--log", "error", "--poll-seconds",
                    "0",
                ],
                environment: ["STRIPE_SECRET_KEY": "sk_test_x"])
            let watcher = try Watcher(stdio.channel, ["after": 1])
            stdio.channel.finishSending()
            #expect(try watcher.numbers(2) == [1, 2])
            let answer = try JSONValue(parsing: try #require(try stdio.channel.receive(timeoutMilliseconds: 10_000)))
            #expect(answer["result"] == ["after": .integer(watcher.after)])
            #expect(stdio.wait(timeoutMilliseconds: 10_000) == 0)
        }
    }
}

extension DuesProcess {
    /// The memory that the process has in use.
    var residentKibibytes: Int {
        get throws {
            let status = try Scratch.text(of: "/proc/\(child.pid)/status")
            let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("VmRSS:") })
            return try #require(
                line.split(whereSeparator: { $0 == " " || $0 == "\t" }).dropFirst().first.flatMap { Int($0) })
        }
    }
}
