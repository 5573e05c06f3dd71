import TestSupport
import Testing

@testable import RPC

/// TCP keeps bytes, not their grouping: however a dialogue is cut, it is answered the same.
@Suite struct ChunkingTests {
    private static let longest = 600

    /// Lines whose answers come in the order of the lines: local methods and errors.
    private static let ordered: [String] = [
        #"{"jsonrpc":"2.0","id":1,"method":"rpc.health"}"#, "",
        #"{"jsonrpc":"2.0","id":"é€😀","method":"CheckAccess","params":{"customerId":"cus_1","feature":"prüfung😀"}}"# + "\r",
        " \t ", "\r", #"{"jsonrpc":"2.0","method":"rpc.health"}"#, #"{"jsonrpc":"2.0","id":2,"method":"NoSuch"}"#,
        "nonsense", "[]", #"{"jsonrpc":"2.0","id":3"#,
        #"[{"jsonrpc":"2.0","id":4,"method":"rpc.health"},7,{"jsonrpc":"2.0","method":"x"},{"jsonrpc":"2.0","id":5,"method":"y"}]"#,
        String(repeating: "x", count: longest), String(repeating: "x", count: longest) + "\r",
        String(repeating: "x", count: longest + 1), String(repeating: "x", count: longest + 1) + "\r",
        String(repeating: "y", count: longest * 5), #"{"jsonrpc":"2.0","id":6,"method":"CheckAccess","params":[1]}"#,
        #"{"jsonrpc":"2.0","id":7,"method":"CheckAccess","params":{"customer":"cus_1","_meta":{"timeoutMs":0}}}"#,
        #"{"jsonrpc":"2.0","id":8,"method":"CheckAccess","params":{"customerId":"cus_1","feature":"\ud83d\ude00"}}"#,
        #"{"jsonrpc":"2.0","id":"\u0041","method":"rpc.discover"}"#, "{}{}", "\u{FEFF}{}",
    ]

    /// Lines whose answers come when they are done.
    private static let unordered: [String] = (1...12).map { number in
        #"{"jsonrpc":"2.0","id":"w\#(number)","method":"ListPlans","params":{"limit":\#(1 + number % 4),"cursor":"é\#(number)"}}"#
    }

    /// The bytes of the dialogue: its last line has no end.
    private static func bytes(_ lines: [String]) -> [UInt8] { Array(lines.joined(separator: "\n").utf8) }

    private static func pieces(_ bytes: [UInt8], _ cut: () -> Int) -> [ArraySlice<UInt8>] {
        var pieces: [ArraySlice<UInt8>] = []
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = max(1, cut())
            pieces.append(rest.prefix(count))
            rest = rest.dropFirst(count)
        }
        return pieces
    }

    private static func wire() throws -> Wire {
        var limits = RPCLimits()
        limits.lineBytes = longest
        return try Wire(limits)
    }

    @Test func `a dialogue in one piece has the answers that it should have`() async throws {
        try await offPool {
            let answers = try Self.wire().exchange([Self.bytes(Self.ordered)[...]])
            #expect(
                answers.map { summary(String(decoding: $0, as: UTF8.self)) } == [
                    "1 result", "\"é€😀\" result", "2 -32601", "null -32700", "null -32600", "null -32700",
                    "[4 result, 5 -32601, null -32600]", "null -32700", "null -32700", "null -32600", "null -32600",
                    "null -32600", "6 -32602", "7 -32602", "8 result", "\"A\" result", "null -32700", "null -32700",
                ])
        }
    }

    @Test(arguments: [1, 2, 3, 7, 64, 1000])
    func `pieces of one size are answered byte for byte like one piece`(size: Int) async throws {
        try await offPool {
            let wire = try Self.wire()
            let bytes = Self.bytes(Self.ordered)
            let whole = try wire.exchange([bytes[...]])
            #expect(try wire.exchange(Self.pieces(bytes) { size }) == whole)
        }
    }

    /// A failure names the seed that cuts the same way again.
    @Test func `three hundred random cuts are answered byte for byte like one piece`() async throws {
        try await offPool {
            let wire = try Self.wire()
            let bytes = Self.bytes(Self.ordered)
            let whole = try wire.exchange([bytes[...]])
            for seed in 1...300 as ClosedRange<UInt64> {
                var random = Seeded(seed)
                let longest = [10, 40, 400, 4000][Int(seed % 4)]
                let pieces = Self.pieces(bytes) { Int.random(in: 1...longest, using: &random) }
                #expect(try wire.exchange(pieces) == whole, "seed \(seed)")
            }
        }
    }

    @Test func `calls that take their time have the same answers in some order, however they are cut`() async throws {
        try await offPool {
            let wire = try Self.wire()
            let lines = zip(Self.ordered, Self.unordered).flatMap { [$0, $1] } + Self.ordered.dropFirst(12)
            let bytes = Self.bytes(lines)
            let whole = try Self.sorted(wire.exchange([bytes[...]]))
            #expect(whole.count == 18 + 12)
            for seed in 1...100 as ClosedRange<UInt64> {
                var random = Seeded(seed)
                let pieces = Self.pieces(bytes) { Int.random(in: 1...500, using: &random) }
                #expect(try Self.sorted(wire.exchange(pieces)) == whole, "seed \(seed)")
            }
        }
    }

    private static func sorted(_ lines: [[UInt8]]) -> [[UInt8]] { lines.sorted { $0.lexicographicallyPrecedes($1) } }
}
