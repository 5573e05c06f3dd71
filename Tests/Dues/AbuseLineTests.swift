import EventLoop
import Glibc
import JSON
import RPC
import TestSupport
import Testing

/// Lines that are meant to hurt, over TCP to the real binary, while a neighbour goes on calling.
@Suite(.serialized) struct AbuseLineTests {
    private static let mebibyte = 1024 * 1024

    @Test func `a line of 100 MiB is refused once and not kept, and the next line is served`() async throws {
        try await offPool {
            let victim = try Victim()
            try victim.endure("a line of 100 MiB", megabytes: 6) { server in
                let client = try RawClient(server.tcp)
                let piece = [UInt8](repeating: UInt8(ascii: "x"), count: Self.mebibyte)[...]
                var answers: [String] = []
                for _ in 0..<100 {
                    // Reading goes on beside, and wants nothing: it ends with the piece.
                    #expect(client.sendAll(piece) { answers.append(String(decoding: $0, as: UTF8.self)) })
                }
                answers += client.ask("\n" + Calls.access(7) + "\n", lines: 2 - answers.count)
                let refusal = try JSONValue(parsing: try #require(answers.first))
                #expect(refusal["id"] == .null && refusal["error"]?["code"] == -32600)
                #expect(refusal["error"]?["data"]?["status"] == "RESOURCE_EXHAUSTED")
                #expect(answers.count == 2 && answers.last.flatMap { Calls.id(of: $0.utf8) } == 7)
            }
            victim.server.stop()
        }
    }

    @Test func `a line of 100 MiB that never ends is refused once, and its end of input closes`() async throws {
        try await offPool {
            let victim = try Victim()
            try victim.endure("a line without an end", megabytes: 6) { server in
                let client = try RawClient(server.tcp)
                let piece = [UInt8](repeating: UInt8(ascii: "["), count: Self.mebibyte)[...]
                var answers = 0
                for _ in 0..<100 { #expect(client.sendAll(piece) { _ in answers += 1 }) }
                client.finishSending()
                let isClosed = client.exchange([]) { _ in
                    answers += 1
                    return true
                }
                #expect(isClosed)
                #expect(answers == 1)
            }
            victim.server.stop()
        }
    }

    /// Lines just within the limit that cost more to read than to send, and the code of their answer.
    static let costly: [(name: String, line: String, code: Int64?)] = [
        ("1 MiB of open arrays", String(repeating: "[", count: mebibyte), -32700),
        ("1 MiB of open objects", String(repeating: #"{"a":"#, count: mebibyte / 5), -32700),
        (
            "a batch of half a million numbers",
            "[" + Array(repeating: "7", count: mebibyte / 2 - 1).joined(separator: ",") + "]", -32008
        ),
        (
            "an id of a million digits",
            #"{"jsonrpc":"2.0","method":"rpc.health","id":"# + String(repeating: "7", count: mebibyte - 100) + "}", nil
        ),
        (
            "a method of a million letters",
            #"{"jsonrpc":"2.0","id":1,"method":""# + String(repeating: "m", count: mebibyte - 100) + "\"}",
            -32601
        ),
        (
            "a string of escapes",
            #"{"jsonrpc":"2.0","id":1,"method":"rpc.hello","params":{"client":""#
                + String(repeating: #"\u0041"#, count: mebibyte / 6 - 20)
                + "\"}}", -32602
        ),
        (
            "fifty thousand unknown members",
            #"{"jsonrpc":"2.0","id":1,"method":"rpc.hello","params":{"#
                + (0..<50_000).map { #""k\#($0)":1"# }.joined(separator: ",") + "}}", -32602
        ),
        (
            "fifty thousand unknown members of the envelope",
            "{" + (0..<50_000).map { #""k\#($0)":1"# }.joined(separator: ",")
                + #","jsonrpc":"2.0","id":1,"method":"rpc.health"}"#, nil
        ),
        (
            "fifty thousand keys that differ by their escapes",
            #"{"jsonrpc":"2.0","id":1,"method":"rpc.health","params":{"#
                + (0..<50_000).map { #""\u006b\#($0)":1"# }.joined(separator: ",") + "}}", -32602
        ),
        (
            "a duplicate after fifty thousand keys",
            "{" + (0..<50_000).map { #""k\#($0)":1"# }.joined(separator: ",") + #","k0":1}"#, -32700
        ),
    ]

    @Test func `a line that is costly to read is answered all the same, and holds nobody up`() async throws {
        try await offPool {
            let victim = try Victim()
            for (name, line, code) in Self.costly {
                try victim.endure(name, megabytes: 48) { server in
                    let client = try RawClient(server.tcp)
                    let answer = try JSONValue(parsing: try #require(client.ask(line + "\n", lines: 1).first))
                    #expect(answer["error"]?["code"]?.integerValue == code, "\(answer.text.prefix(300))")
                    #expect(answer["error"] == nil || answer.bytes.count < 64 * 1024, "an error is short")
                }
            }
            victim.server.stop()
        }
    }

    @Test func `two hundred clients that dribble are let go, one after its patience as the other`() async throws {
        try await offPool {
            let victim = try Victim(["--sandbox", "--line-seconds", "1"])
            try victim.endure("200 dribblers", megabytes: 8) { server in
                let clients = try (0..<200).map { _ in try RawClient(server.tcp) }
                var lines = [[String]](repeating: [], count: clients.count)
                let began = EventLoop.monotonicMilliseconds()
                while EventLoop.monotonicMilliseconds() - began < 20_000, clients.contains(where: { !$0.hasEnded }) {
                    for (index, client) in clients.enumerated() where !client.hasEnded {
                        if lines[index].isEmpty { client.offer([UInt8(ascii: "{")]) }
                        client.exchange([], timeoutMilliseconds: 0) { line in
                            lines[index].append(String(decoding: line, as: UTF8.self))
                            return true
                        }
                    }
                    usleep(20_000)
                }
                #expect((900..<15_000).contains(EventLoop.monotonicMilliseconds() - began))
                #expect(clients.allSatisfy { $0.hasEnded })
                #expect(lines.allSatisfy { $0.count == 1 && $0[0].contains("LINE_TOO_SLOW") })
            }
            victim.server.stop()
        }
    }

    @Test func `lines that are almost complete cost what is permitted, and nothing when their senders are gone`()
        async throws
    {
        try await offPool {
            let victim = try Victim()
            let count = 100
            // A buffer that grows holds up to twice of what is in it.
            try victim.endure("\(count) lines of almost 1 MiB", megabytes: count * 2 + 8) { server in
                let almost = [UInt8](repeating: UInt8(ascii: "x"), count: Self.mebibyte)[...]
                let clients = try (0..<count).map { _ in try RawClient(server.tcp) }
                for client in clients { #expect(client.sendAll(almost)) }
                // Everything that was sent is read when one line more is answered.
                #expect(clients.last?.ask("\n", lines: 1).first?.contains("PARSE_ERROR") == true)
                for client in clients { client.reset() }
            }
            victim.expectConnections(atMost: 0)
            #expect(Victim.isSanitized || eventually { victim.residentKilobytes - victim.restingKilobytes < 64 * 1024 })
            victim.server.stop()
        }
    }

    @Test func `a batch of as many calls as are permitted is answered whole, and one more is refused`() async throws {
        try await offPool {
            let victim = try Victim()
            // Each of these calls has a connection to Stripe, which takes some 25 KiB.
            try victim.endure("batches of 1000 calls to Stripe", megabytes: 72) { server in
                let client = try RawClient(server.tcp)
                for count in [1000, 1001] {
                    let batch = "[\((1...count).map { Calls.plans($0) }.joined(separator: ","))]\n"
                    let answer = try JSONValue(parsing: try #require(client.ask(batch, lines: 1).first))
                    if count > 1000 {
                        #expect(answer["error"]?["data"]?["reason"] == "BATCH_TOO_LONG")
                    } else {
                        let ids = (answer.arrayValue ?? []).compactMap { $0["id"]?.integerValue }
                        #expect(ids.sorted() == Array(1...Int64(count)))
                    }
                }
            }
            victim.server.stop()
        }
    }
}
