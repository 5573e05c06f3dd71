import EventLoop
import Glibc
import JSON
import RPC
import Synchronization
import TestSupport
import Testing

/// Everything at once: clients that send right and wrong lines in pieces, take calls back, end in the middle, or break off.
@Suite(.serialized) struct AbuseChaosTests {
    /// What one client sends, and the ids of the answers that are due to it.
    private struct Dialogue {
        var text = ""
        var due: [String] = []

        /// Appends one line of any kind, with `id` where it has one.
        mutating func append(_ id: Int, _ random: inout Seeded) {
            switch Int.random(in: 0..<12, using: &random) {
            case 0...2: add(Calls.access(id), "\(id)")
            case 3...5: add(Calls.plans(id), "\(id)")
            case 6:
                add(#"{"jsonrpc":"2.0","method":"rpc.cancel","params":{"id":\#(Int.random(in: 0...id, using: &random))}}"#)
            case 7: add(#"{"jsonrpc":"2.0","id":"é\#(id)","method":"CheckAccess","params":{"customerId":7}}"#, "\"é\(id)\"")
            case 8: add("[\(Calls.plans(id)),7,\(Calls.access(id))]", "\(id)", "null", "\(id)")
            case 9: add(["nonsense", "[]", "{\"id\":}", "\u{FFFD}"].randomElement(using: &random) ?? "", "null")
            case 10: add(String(repeating: "x", count: Int.random(in: 5000...200_000, using: &random)), "null")
            default: add([" ", "", #"{"jsonrpc":"2.0","method":"ListPlans"}"#].randomElement(using: &random) ?? "")
            }
        }

        private mutating func add(_ line: String, _ ids: String...) {
            text += line + "\n"
            due += ids
        }
    }

    /// The ids of an answer: one, or those of a batch.
    private static func ids(_ line: ArraySlice<UInt8>) -> [String] {
        guard let value = try? JSONValue(parsing: line) else { return ["unreadable"] }
        return (value.arrayValue ?? [value]).map { $0["id"]?.text ?? "missing" }
    }

    /// Plays one client. Answers what is wrong with the answers that it had; nil for nothing.
    private static func play(_ seed: UInt64, at address: SocketAddress) throws -> String? {
        var random = Seeded(seed)
        var dialogue = Dialogue()
        for id in 0..<Int.random(in: 1...60, using: &random) { dialogue.append(id, &random) }
        let breaksOff = seed % 5 == 0
        let bytes = Array(dialogue.text.utf8)
        var rest = breaksOff ? bytes[..<Int.random(in: 0..<bytes.count, using: &random)] : bytes[...]
        let client = try RawClient(address)
        var answered: [String] = []
        while !rest.isEmpty {
            let piece = rest.prefix(Int.random(in: 1...20_000, using: &random))
            client.sendAll(piece) { answered += ids($0) }
            rest = rest.dropFirst(piece.count)
            if seed % 3 == 0 { usleep(500) }
        }
        if breaksOff {
            client.reset()
            return nil
        }
        client.finishSending()
        let isOver = client.exchange([]) { line in
            answered += ids(line)
            return true
        }
        guard isOver else { return "the connection was not closed" }
        let (due, found) = (dialogue.due.sorted(), answered.sorted())
        return due == found ? nil : "due were \(due), and there came \(found)"
    }

    private static func problem(_ result: Result<String?, any Error>) -> String? {
        switch result {
        case .success(let problem): problem
        case .failure(let error): "\(error)"
        }
    }

    /// A failure names the seed, with which that client does the same again.
    @Test func `two hundred clients of every kind each have the answers that are due`() async throws {
        try await offPool {
            let victim = try Victim(["--sandbox", "--max-line", "4096"])
            try victim.endure("200 clients of every kind", megabytes: 48) { server in
                let problems = Mutex<[String]>([])
                let players = try (0..<8).map { player in
                    try Thread.start { [tcp = server.tcp] in
                        for seed in stride(from: UInt64(player + 1), through: 200, by: 8) {
                            let result = Result { try Self.play(seed, at: tcp) }
                            if let problem = Self.problem(result) {
                                problems.withLock { $0.append("seed \(seed): \(problem)") }
                            }
                        }
                    }
                }
                for player in players { player.join() }
                let found = problems.withLock { $0 }
                #expect(found.isEmpty, "\(found.prefix(3))")
            }
            victim.expectConnections(atMost: 0)
            victim.server.stop()
        }
    }
}
