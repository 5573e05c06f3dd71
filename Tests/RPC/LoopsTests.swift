import Contract
import Crypto
import EventLoop
import Glibc
import JSON
import Synchronization
import TestSupport
import Testing

@testable import RPC

/// One service on several loops.
@Suite struct LoopsTests {
    private typealias Server = RPCServer

    /// Loops with a server each, of which the first listens.
    private final class Loops {
        let address: SocketAddress
        let upstream = FakeUpstream()
        private let front: LoopOwned<Server>
        private var threads: [EventLoopThread] = []

        init(_ count: Int, _ limits: RPCLimits = RPCLimits(), tokens: TokenTable? = nil) throws {
            let counts = RPCCounts()
            let limiter = SharedLimiter()
            let upstream = upstream
            let make: @Sendable (Int, EventLoop, [LoopOwned<Server>]) -> Server = { number, loop, helpers in
                Server(
                    loop: loop, local: FakeLocal(loop: "\(number)"), upstream: upstream, limits: limits,
                    gatekeeper: tokens.map { Gatekeeper(tokens: $0, limiter: limiter) }, counts: counts, helpers: helpers)
            }
            var helpers: [LoopOwned<Server>] = []
            for number in 1..<count {
                let (thread, helper) = try EventLoopThread.start { loop throws(SystemError) in
                    LoopOwned(make(number, loop, []), of: loop)
                }
                threads.append(thread)
                helpers.append(helper)
            }
            let all = helpers
            let (thread, value) = try EventLoopThread.start { loop throws(SystemError) in
                let server = make(0, loop, all)
                return (try server.listen(SocketAddress(host: "127.0.0.1", port: 0)), LoopOwned(server, of: loop))
            }
            threads.append(thread)
            (address, front) = value
        }

        func client() throws -> RPCClient { try RPCClient(address) }

        func post(_ work: @escaping @Sendable (Server) -> Void) { front.post(work) }

        func stop() { for thread in threads { thread.stop() } }
    }

    /// The loop that serves `client`.
    private static func loop(of client: RPCClient, authorization: String? = nil) throws(RPCError) -> String? {
        var params: JSONValue = ["customerId": "c", "productId": "p"]
        if let authorization {
            params = ["customerId": "c", "productId": "p", "_meta": ["authorization": .string(authorization)]]
        }
        return try client.call("CheckAccess", params)["subscriptionId"]?.stringValue
    }

    @Test(arguments: [1, 2, 3])
    func `connections are shared out evenly, even a few`(count: Int) async throws {
        try await offPool {
            let loops = try Loops(count)
            defer { loops.stop() }
            var found: [String: Int] = [:]
            var clients: [RPCClient] = []
            for _ in 0..<3 * count {
                let client = try loops.client()
                clients.append(client)
                found[try #require(try Self.loop(of: client)), default: 0] += 1
            }
            #expect(found.count == count)
            #expect(found.values.allSatisfy { $0 == 3 }, "\(found)")
        }
    }

    @Test func `the limit on connections is that of all loops together`() async throws {
        try await offPool {
            var limits = RPCLimits()
            limits.connections = 4
            let loops = try Loops(3, limits)
            defer { loops.stop() }
            var clients = try (0..<4).map { _ in try loops.client() }
            for client in clients { #expect(try Self.loop(of: client) != nil) }
            for _ in 0..<6 {
                let error = #expect(throws: RPCError.self) { try Self.loop(of: try loops.client()) }
                #expect(error?.reason == "TOO_MANY_CONNECTIONS")
            }
            clients.removeLast().close()
            // The server notices in its own time that one has left; then there is room for one, and for one only.
            let deadline = EventLoop.monotonicMilliseconds() + 10_000
            var newcomer: RPCClient?
            while newcomer == nil, EventLoop.monotonicMilliseconds() < deadline {
                let client = try loops.client()
                if (try? Self.loop(of: client)) != nil { newcomer = client } else { usleep(5000) }
            }
            #expect(newcomer != nil)
            #expect(throws: RPCError.self) { try Self.loop(of: try loops.client()) }
            #expect(try newcomer.map { try Self.loop(of: $0) } != nil)
        }
    }

    @Test func `the limit on calls in all is kept to the call, whichever loops they come on`() async throws {
        try await offPool {
            var limits = RPCLimits()
            limits.callsInAll = 3
            let loops = try Loops(4, limits)
            defer { loops.stop() }
            let channels = try (0..<8).map { _ in LineChannel(socket: try loops.address.connect()) }
            for id in 1...100 {
                for channel in channels {
                    try channel.send(
                        Array(#"{"jsonrpc":"2.0","id":\#(id),"method":"ListPlans","params":{"limit":1}}"#.utf8))
                }
            }
            var reasons: [String: Int] = [:]
            for channel in channels {
                for _ in 1...100 {
                    let answer = try JSONValue(parsing: try #require(try channel.receive(timeoutMilliseconds: 60_000)))
                    reasons[answer["error"]?["data"]?["reason"]?.stringValue ?? "none", default: 0] += 1
                }
            }
            #expect(loops.upstream.running.most <= 3)
            #expect(Set(reasons.keys) == ["none", "TOO_MANY_CALLS"])
        }
    }

    @Test func `counting up to a limit neither passes it nor stops short of it`() async throws {
        try await offPool {
            let count = RPCCounts.Count()
            let taken = Atomic(0)
            try withThreads(4) {
                for _ in 0..<1000 where count.add(upTo: 1500) { taken.add(1, ordering: .relaxed) }
            }
            #expect(taken.load(ordering: .relaxed) == 1500 && count.value == 1500)
            try withThreads(4) {
                for _ in 0..<10_000 {
                    count.remove()
                    // There is always room for the one who has just made it: nobody else may be counted in passing.
                    if !count.add(upTo: 1500) { taken.add(1, ordering: .relaxed) }
                }
            }
            #expect(taken.load(ordering: .relaxed) == 1500 && count.value == 1500)
        }
    }

    @Test func `all loops drain: what is in flight on each is answered, and then nobody listens`() async throws {
        try await offPool {
            let loops = try Loops(2)
            defer { loops.stop() }
            let channels = try (0..<4).map { _ in LineChannel(socket: try loops.address.connect()) }
            for channel in channels {
                try channel.send(#"{"jsonrpc":"2.0","id":1,"method":"ListPlans","params":{"limit":100}}"#.utf8)
            }
            while loops.upstream.running.now < 4 { usleep(1000) }
            let drained = Rendezvous<Bool>()
            loops.post { $0.drain(graceMilliseconds: 10_000) { drained.put(true) } }
            for channel in channels {
                let answer = try JSONValue(parsing: try #require(try channel.receive(timeoutMilliseconds: 10_000)))
                #expect(answer["result"] != nil, "\(answer.text)")
                #expect(try channel.receive(timeoutMilliseconds: 10_000) == nil)
            }
            #expect(drained.take())
            #expect(throws: SystemError.self) { _ = try loops.address.connect() }
        }
    }

    @Test func `after the grace what still runs is answered that it is cut off, on every loop`() async throws {
        try await offPool {
            let loops = try Loops(2)
            defer { loops.stop() }
            let channels = try (0..<2).map { _ in LineChannel(socket: try loops.address.connect()) }
            for channel in channels {
                try channel.send(#"{"jsonrpc":"2.0","id":1,"method":"ListPlans","params":{"cursor":"stuck"}}"#.utf8)
            }
            while loops.upstream.running.now < 2 { usleep(1000) }
            let drained = Rendezvous<Bool>()
            loops.post { $0.drain(graceMilliseconds: 100) { drained.put(true) } }
            for channel in channels {
                let answer = try JSONValue(parsing: try #require(try channel.receive(timeoutMilliseconds: 10_000)))
                #expect(answer["error"]?["data"]?["status"] == "UNAVAILABLE", "\(answer.text)")
            }
            #expect(drained.take())
        }
    }

    @Test func `new tokens reach every loop`() async throws {
        try await offPool {
            let loops = try Loops(3, tokens: try Self.tokens(["old"]))
            defer { loops.stop() }
            let clients = try (0..<3).map { _ in try loops.client() }
            let found = try Set(clients.map { try Self.loop(of: $0, authorization: "Bearer old") })
            #expect(found.count == 3)
            let tokens = try Self.tokens(["new"])
            loops.post { $0.replaceTokens(tokens) }
            for client in clients {
                let deadline = EventLoop.monotonicMilliseconds() + 10_000
                while (try? Self.loop(of: client, authorization: "Bearer new")) == nil {
                    try #require(EventLoop.monotonicMilliseconds() < deadline)
                    usleep(1000)
                }
                #expect(throws: RPCError.self) { try Self.loop(of: client, authorization: "Bearer old") }
            }
        }
    }

    @Test func `a guesser has no more guesses for having connections on several loops`() async throws {
        try await offPool {
            let loops = try Loops(2, tokens: try Self.tokens(["right"]))
            defer { loops.stop() }
            let clients = try (0..<2).map { _ in try loops.client() }
            let reasons = (0..<14).map { number in
                do throws(RPCError) {
                    _ = try Self.loop(of: clients[number % 2], authorization: "Bearer guess")
                    return "none"
                } catch {
                    return error.reason
                }
            }
            #expect(reasons.prefix(10).allSatisfy { $0 == "TOKEN_UNKNOWN" })
            #expect(reasons.dropFirst(10).allSatisfy { $0 == "TOO_MANY_ATTEMPTS" })
        }
    }

    private static func tokens(_ names: [String]) throws -> TokenTable {
        try TokenFile.parse(
            names.flatMap { name in
                let digest = Encoding.hexadecimal(Digest.sha256(Array(name.utf8)))
                return Array("{\"name\":\"\(name)\",\"sha256\":\"\(digest)\",\"scopes\":[\"read\"]}\n".utf8)
            })
    }
}

/// Runs `body` on so many threads at once, to their end.
private func withThreads(_ count: Int, _ body: @escaping @Sendable () -> Void) throws {
    let threads = try (0..<count).map { _ in try Thread.start(body) }
    for thread in threads { thread.join() }
}
