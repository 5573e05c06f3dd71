import EventLoop
import Glibc
import JSON
import TestSupport
import Testing

@testable import RPC

/// `rpc.cancel`: whatever is taken back and whenever, each call has one answer.
@Suite struct CancelTests {
    /// A call that takes `milliseconds`.
    private static func wait(_ id: String, _ milliseconds: Int = 100) -> String {
        #"{"jsonrpc":"2.0","id":\#(id),"method":"ListPlans","params":{"limit":\#(milliseconds)}}"#
    }

    private static func cancel(_ id: String) -> String {
        #"{"jsonrpc":"2.0","method":"rpc.cancel","params":{"id":\#(id)}}"#
    }

    struct Row: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let lines: [String]
        /// The answers in short, in any order.
        let answers: [String]
    }

    static let rows = [
        Row(testDescription: "during the call", lines: [wait("1"), cancel("1")], answers: ["1 -32001"]),
        Row(testDescription: "before the call", lines: [cancel("1"), wait("1", 1)], answers: ["1 result"]),
        Row(testDescription: "twice", lines: [wait("1"), cancel("1"), cancel("1")], answers: ["1 -32001"]),
        Row(testDescription: "an unknown id", lines: [cancel("2"), wait("1", 1)], answers: ["1 result"]),
        Row(testDescription: "a string is not a number", lines: [wait("1", 5), cancel(#""1""#)], answers: ["1 result"]),
        Row(
            testDescription: "a string with escapes", lines: [wait(#""a\u0041\/""#), cancel(#""\u0061A/""#)],
            answers: [#""aA/" -32001"#]),
        Row(
            testDescription: "a large integer", lines: [wait("9223372036854775807"), cancel("9223372036854775807")],
            answers: ["9223372036854775807 -32001"]),
        Row(
            testDescription: "integers beyond 64 bits are told apart",
            lines: [wait("92233720368547758070", 5), wait("92233720368547758071"), cancel("92233720368547758071")],
            answers: ["92233720368547758070 result", "92233720368547758071 -32001"]),
        Row(testDescription: "null", lines: [wait("null"), cancel("null")], answers: ["null -32001"]),
        Row(
            testDescription: "a member of a batch", lines: ["[\(wait("1", 5)),\(wait("2"))]", cancel("2")],
            answers: ["[1 result, 2 -32001]"]),
        Row(
            testDescription: "inside the batch that it cancels", lines: ["[\(wait("1")),\(cancel("1"))]"],
            answers: ["[1 -32001]"]),
        Row(
            testDescription: "every call of one id", lines: [wait("1"), wait("1"), cancel("1")],
            answers: ["1 -32001", "1 -32001"]),
        Row(
            testDescription: "without an id, or without params",
            lines: [
                wait("1", 5), #"{"jsonrpc":"2.0","method":"rpc.cancel"}"#,
                #"{"jsonrpc":"2.0","method":"rpc.cancel","params":[1]}"#,
                #"{"jsonrpc":"2.0","method":"rpc.cancel","params":{"id":[1]}}"#,
            ], answers: ["1 result"]),
        Row(
            testDescription: "as a request", lines: [wait("1", 5), #"{"jsonrpc":"2.0","id":2,"method":"rpc.cancel"}"#],
            answers: ["1 result", "2 -32600"]),
    ]

    @Test(arguments: rows)
    func `a call that is taken back has one answer, and so have the others`(row: Row) async throws {
        try await offPool {
            let answers = try Wire().exchange(row.lines.joined(separator: "\n"))
            #expect(answers.map(summary).sorted() == row.answers.sorted())
        }
    }

    @Test func `a call that is answered already cannot be taken back`() async throws {
        try await offPool {
            let wire = try Wire()
            let channel = try wire.dial()
            try channel.send(Self.wait("1", 1).utf8)
            let first = try #require(try channel.receive(timeoutMilliseconds: 60_000))
            #expect(summary(String(decoding: first, as: UTF8.self)) == "1 result")
            try channel.send(Self.cancel("1").utf8)
            channel.finishSending()
            #expect(try channel.receive(timeoutMilliseconds: 60_000) == nil)
        }
    }

    @Test func `one connection does not cancel another's calls`() async throws {
        try await offPool {
            let wire = try Wire()
            let patient = try wire.dial()
            try patient.send(Self.wait("1", 60).utf8)
            #expect(try wire.exchange(Self.cancel("1")).isEmpty)
            let answer = try #require(try patient.receive(timeoutMilliseconds: 60_000))
            #expect(summary(String(decoding: answer, as: UTF8.self)) == "1 result")
        }
    }

    @Test func `a thousand cancellations that race with their calls leave a thousand answers`() async throws {
        try await offPool {
            var lines: [String] = []
            var random = Seeded(7)
            for id in 0..<1000 {
                lines.append(Self.wait("\(id)", Int.random(in: 1...3, using: &random)))
                lines.append(Self.cancel("\(Int.random(in: 0...id, using: &random))"))
            }
            let answers = try Wire().exchange(lines.joined(separator: "\n"))
            let ids = answers.compactMap { try? JSONValue(parsing: $0)["id"]?.integerValue }
            #expect(ids.sorted() == Array(0..<1000))
            #expect(answers.allSatisfy { summary($0).hasSuffix(" result") || summary($0).hasSuffix(" -32001") })
        }
    }
}
