import EventLoop
import Glibc
import JSON
import RPC
import Synchronization
import TestSupport
import Testing

/// Connections that are meant to hurt: too many, too quiet, broken off, never read from.
@Suite(.serialized) struct AbuseConnectionTests {
    /// Raises this process's limit of descriptors as far as it goes; answers how many there may be.
    private static func descriptorLimit() -> Int {
        var limit = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        limit.rlim_cur = limit.rlim_max
        setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        return Int(limit.rlim_cur)
    }

    @Test func `ten thousand connections wait at little cost, and each is answered`() async throws {
        try await offPool {
            let wanted = 10_000
            // Both ends need one for each connection, and some for themselves.
            let count = min(wanted, Self.descriptorLimit() - 400)
            if count < wanted { note("SKIPPED: the limit of descriptors allows only \(count) of \(wanted) connections") }
            let victim = try Victim()
            try victim.endure("\(count) connections", megabytes: 100) { server in
                var clients = try (0..<count).map { _ in try RawClient(server.tcp) }
                // Who came last is answered when all are accepted.
                #expect(clients.last?.ask(Calls.access(7) + "\n", lines: 1).count == 1)
                let idle = victim.residentKilobytes - victim.restingKilobytes
                note("abuse: \(count) idle connections: \(idle * 1024 / count) bytes each")
                #expect(idle * 1024 / count < 4096, "bytes that an idle connection costs")
                for (id, client) in clients.enumerated() { client.offer(Array((Calls.access(id) + "\n").utf8)[...]) }
                for (id, client) in clients.enumerated() {
                    #expect(client.ask("", lines: 1).first.flatMap { Calls.id(of: $0.utf8) } == id)
                }
                let used = victim.residentKilobytes - victim.restingKilobytes
                note("abuse: \(count) connections that were used: \(used * 1024 / count) bytes each")
                #expect(used * 1024 / count < 8192, "bytes that a connection costs once it was used")
                for client in clients { client.reset() }
                clients = []
                victim.expectConnections(atMost: 1)
            }
            victim.server.stop()
        }
    }

    @Test func `connections over the limit are told so, and the others are served`() async throws {
        try await offPool {
            let victim = try Victim(["--sandbox", "--max-connections", "50"])
            try victim.endure("connections over the limit", megabytes: 16) { server in
                // The neighbour has one of the fifty.
                var clients = try (0..<49).map { _ in try RawClient(server.tcp) }
                #expect(eventually { victim.connections == 50 })
                for round in 0..<20 {
                    let late = try (0..<100).map { _ in try RawClient(server.tcp) }
                    for client in late {
                        let lines = client.ask(Calls.access(1) + "\n", lines: 2)
                        #expect(lines.count == 1 && client.hasEnded)
                        let refusal = try JSONValue(parsing: lines.first ?? "null")
                        #expect(refusal["id"] == .null && refusal["error"]?["code"] == -32008)
                        #expect(refusal["error"]?["data"]?["reason"] == "TOO_MANY_CONNECTIONS")
                        #expect(refusal["error"]?["data"]?["retryable"] == true)
                    }
                    #expect(clients[round].ask(Calls.access(round) + "\n", lines: 1).count == 1)
                }
                clients.removeLast()
                let isServed = try eventually {
                    let lines = try RawClient(server.tcp).ask(Calls.access(1) + "\n", lines: 1)
                    return lines.first.flatMap { Calls.id(of: $0.utf8) } == 1
                }
                #expect(isServed, "who leaves makes room")
            }
            victim.server.stop()
        }
    }

    /// Newcomers that are refused stay for a moment, so that they can read why: these must not take what others need.
    @Test func `a flood of newcomers does not take the descriptors that calls to Stripe need`() async throws {
        try await offPool {
            _ = Self.descriptorLimit()
            let flags = "--sandbox --log error --tcp 127.0.0.1:0 --http 127.0.0.1:0 --sandbox-http 127.0.0.1:0"
            let server = try ChildProcess(["/bin/sh", "-c", "ulimit -n 400; exec \(DuesProcess.binary) serve \(flags)"])
            let tcp = try #require(try server.channel.answer()["tcp"]?.stringValue.flatMap(SocketAddress.init))
            let patient = LineChannel(socket: try tcp.connect())
            #expect(try patient.ask(Calls.access(1))["id"] == 1)
            var crowd: [RawClient] = []
            for round in 0..<10 {
                crowd += try (0..<200).map { _ in try RawClient(tcp) }
                // Many at once: each wants a connection to Stripe.
                let batch = "[\((1...40).map { Calls.plans($0) }.joined(separator: ","))]"
                let answers = try patient.ask(batch).arrayValue ?? []
                #expect(
                    answers.count { $0["result"] != nil } == 40, "round \(round): \(answers.first?.text.prefix(400) ?? "")")
            }
            crowd = []
            server.signal(SIGTERM)
            #expect(server.wait(timeoutMilliseconds: 15_000) == 0)
        }
    }

    @Test func `three thousand connections that break off in the middle of a line leave nothing behind`() async throws {
        try await offPool {
            let victim = try Victim()
            try victim.endure("3000 resets in the middle of a line", megabytes: 12) { server in
                let half = Array(Calls.access(1).utf8).prefix(40)
                let plans = Array((Calls.plans(1) + "\n" + Calls.plans(2) + "\n").utf8) + half
                let discover = Array(String(repeating: Calls.discover(1) + "\n", count: 4).utf8) + half
                for round in 0..<3000 {
                    let client = try RawClient(server.tcp)
                    client.offer([half, plans[...], discover[...]][round % 30 < 28 ? 0 : round % 30 - 27])
                    if round % 7 == 0 { sched_yield() }
                    client.reset()
                }
                victim.expectConnections(atMost: 1)
            }
            victim.server.stop()
        }
    }

    @Test func `clients that never read cost what is permitted, and are let go`() async throws {
        try await offPool {
            let victim = try Victim()
            // 20 × (4 MiB of output, and what one read's worth of lines adds to it).
            try victim.endure("20 clients that never read", megabytes: 20 * 10) { server in
                let flood = Array(String(repeating: Calls.discover(1) + "\n", count: 200_000).utf8)
                let clients = try (0..<20).map { _ in try RawClient(server.tcp) }
                for client in clients {
                    #expect(
                        client.push(flood, patience: 100) < flood.count, "who does not read is not listened to for ever")
                }
                for client in clients { client.reset() }
            }
            victim.expectConnections(atMost: 0)
            #expect(
                Victim.isSanitized || eventually { victim.residentKilobytes - victim.restingKilobytes < 100 * 1024 },
                "what was kept for them is given back: \(victim.residentKilobytes - victim.restingKilobytes) kB")
            victim.server.stop()
        }
    }

    /// Who takes long answers at once must not get all of them in one turn of the loop.
    @Test func `clients that read long answers as fast as they come hold nobody up`() async throws {
        try await offPool {
            let victim = try Victim()
            let count = 1300
            try victim.endure("3 clients that each want \(count) documents", megabytes: 64) { server in
                let flood = Array(String(repeating: Calls.discover(1) + "\n", count: count).utf8)
                let done = Mutex<[Int]>([])
                let readers = try (0..<3).map { _ in
                    try Thread.start { [tcp = server.tcp] in
                        var answers = 0
                        _ = try? RawClient(tcp).exchange(flood[...]) { _ in
                            answers += 1
                            return answers < count
                        }
                        done.withLock { $0.append(answers) }
                    }
                }
                for reader in readers { reader.join() }
                #expect(done.withLock { $0 } == [count, count, count])
            }
            victim.server.stop()
        }
    }

    @Test func `a batch of the longest answers is bounded too`() async throws {
        try await offPool {
            let victim = try Victim()
            try victim.endure("batches of 1000 documents", megabytes: 48) { server in
                let client = try RawClient(server.tcp)
                for _ in 0..<3 {
                    let batch = "[\((1...1000).map { Calls.discover($0) }.joined(separator: ","))]\n"
                    let answers = try JSONValue(parsing: try #require(client.ask(batch, lines: 1).first)).arrayValue ?? []
                    #expect(answers.count == 1000)
                    #expect(answers.first?["result"] != nil)
                    #expect(answers.last?["error"]?["data"]?["reason"] == "ANSWER_TOO_LONG")
                }
            }
            victim.server.stop()
        }
    }

    @Test func `a hundred thousand requests sent before an answer is read are all answered, once`() async throws {
        try await offPool {
            let victim = try Victim()
            let count = 100_000
            try victim.endure("\(count) requests without reading", megabytes: 24) { server in
                let client = try RawClient(server.tcp)
                let requests = Array((0..<count).map { Calls.access($0) + "\n" }.joined().utf8)
                let sent = client.push(requests, patience: 300)
                note("abuse: \(sent) of \(requests.count) bytes of requests went before an answer was read")
                var seen = [Bool](repeating: false, count: count)
                var wrong = 0
                var answers = 0
                let isComplete = client.exchange(requests[sent...]) { line in
                    answers += 1
                    if let id = Calls.id(of: line), id < count, !seen[id] { seen[id] = true } else { wrong += 1 }
                    return answers < count
                }
                #expect(isComplete && wrong == 0 && seen.allSatisfy { $0 })
            }
            victim.server.stop()
        }
    }

    @Test func `half-closed connections with calls in flight are answered whole, and then closed`() async throws {
        try await offPool {
            let victim = try Victim()
            // Each of these calls has a connection to Stripe, which takes some 25 KiB.
            try victim.endure("60 half-closed connections with 20 calls each", megabytes: 72) { server in
                let lines = (1...20).map { Calls.plans($0) }.joined(separator: "\n")
                let clients = try (0..<60).map { _ in try RawClient(server.tcp) }
                for client in clients {
                    // The last line has no end: the end of the input is one.
                    client.offer(Array(lines.utf8)[...])
                    client.finishSending()
                }
                for client in clients {
                    var ids: [Int] = []
                    let isOver = client.exchange([]) { line in
                        if let id = Calls.id(of: line) { ids.append(id) }
                        return true
                    }
                    #expect(isOver && client.hasEnded && ids.sorted() == Array(1...20))
                }
            }
            victim.expectConnections(atMost: 0)
            victim.server.stop()
        }
    }

    @Test func `calls over the limits in flight are refused, and those in flight go on`() async throws {
        try await offPool {
            let scripted = try ScriptedServer(["--max-calls", "10", "--max-calls-in-all", "15"]) { _ in
                [.pause(milliseconds: 1500), .reply(body: #"{"object":"list","data":[],"has_more":false}"#)]
            }
            let lines = (1...12).map { Calls.plans($0) }.joined(separator: "\n") + "\n"
            let first = try RawClient(scripted.process.tcp)
            let early = first.ask(lines, lines: 2)
            #expect(early.allSatisfy { $0.contains("TOO_MANY_CALLS") && $0.contains("of this connection") })
            #expect(early.compactMap { Calls.id(of: $0.utf8) } == [11, 12])
            let second = try RawClient(scripted.process.tcp)
            let refused = second.ask(lines, lines: 7)
            #expect(refused.allSatisfy { $0.contains("TOO_MANY_CALLS") && $0.contains("RESOURCE_EXHAUSTED") })
            #expect(refused.compactMap { Calls.id(of: $0.utf8) } == Array(6...12))
            #expect(refused[0].contains("the server's limit"))
            #expect(second.ask(Calls.access(99) + "\n", lines: 1).first.flatMap { Calls.id(of: $0.utf8) } == 99)
            #expect(first.ask("", lines: 10).compactMap { Calls.id(of: $0.utf8) }.sorted() == Array(1...10))
            #expect(second.ask("", lines: 5).compactMap { Calls.id(of: $0.utf8) }.sorted() == Array(1...5))
            #expect(second.ask(Calls.plans(1) + "\n", lines: 1).first?.contains("result") == true, "there is room again")
            scripted.stop()
        }
    }

    @Test func `taking back calls that never were costs nobody anything, and those that are have one answer`() async throws
    {
        try await offPool {
            let scripted = try ScriptedServer { _ in [.hang] }
            let victim = try Victim(scripted.process)
            let count = 1000
            try victim.endure("4000 cancellations with \(count) calls in flight", megabytes: 72) { server in
                let client = try RawClient(server.tcp)
                let cancel = { (id: String) in
                    #"{"jsonrpc":"2.0","method":"rpc.cancel","params":{"id":\#(id)}}"# + "\n"
                }
                let calls = (1...count).map { Calls.plans($0) + "\n" }.joined()
                let misses = (0..<4000).map { cancel("\"x\($0)\"") }.joined()
                #expect(client.sendAll(Array((calls + misses).utf8)[...]))
                let answers = client.ask((1...count).map { cancel("\($0)") }.joined(), lines: count)
                #expect(answers.compactMap { Calls.id(of: $0.utf8) }.sorted() == Array(1...count))
                #expect(answers.allSatisfy { $0.contains("CALLER_CANCELLED") })
                #expect(client.ask(Calls.access(9) + "\n", lines: 1).first.flatMap { Calls.id(of: $0.utf8) } == 9)
            }
            scripted.stop()
        }
    }
}
