import JSON
import TestSupport
import Testing

@testable import RPC

/// The examples of the JSON-RPC 2.0 specification, section 7, with methods that this server has in the place of `subtract` and
/// `get_data`, and with PROTOCOL section 2 where it is stricter.
@Suite struct SpecificationTests {
    struct Row: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let line: String
        /// What `summary` makes of the answer; nil where none is due.
        let answer: String?

        init(_ name: String, _ line: String, _ answer: String?) {
            testDescription = name
            self.line = line
            self.answer = answer
        }
    }

    static let examples = [
        Row(
            "positional parameters",
            #"{"jsonrpc": "2.0", "method": "CheckAccess", "params": ["cus_1", "prod_1"], "id": 1}"#,
            "1 -32602"),
        Row(
            "positional parameters in another order",
            #"{"jsonrpc": "2.0", "method": "CheckAccess", "params": ["prod_1", "cus_1"], "id": 2}"#, "2 -32602"),
        Row(
            "named parameters",
            #"{"jsonrpc": "2.0", "method": "CheckAccess", "params": {"customerId": "cus_1", "productId": "prod_1"}, "id": 3}"#,
            "3 result"),
        Row(
            "named parameters in another order",
            #"{"jsonrpc": "2.0", "method": "CheckAccess", "params": {"productId": "prod_1", "customerId": "cus_1"}, "id": 4}"#,
            "4 result"),
        Row("a notification", #"{"jsonrpc": "2.0", "method": "update", "params": [1,2,3,4,5]}"#, nil),
        Row("a notification without parameters", #"{"jsonrpc": "2.0", "method": "foobar"}"#, nil),
        Row("a method that does not exist", #"{"jsonrpc": "2.0", "method": "foobar", "id": "1"}"#, #""1" -32601"#),
        Row("invalid JSON", #"{"jsonrpc": "2.0", "method": "foobar, "params": "bar", "baz]"#, "null -32700"),
        Row("an invalid request object", #"{"jsonrpc": "2.0", "method": 1, "params": "bar"}"#, "null -32600"),
        Row(
            "a batch of invalid JSON",
            #"[ {"jsonrpc": "2.0", "method": "sum", "params": [1,2,4], "id": "1"}, {"jsonrpc": "2.0", "method" ]"#,
            "null -32700"),
        Row("an empty array", "[]", "null -32600"),
        Row("an invalid batch that is not empty", "[1]", "[null -32600]"),
        Row("an invalid batch of three", "[1,2,3]", "[null -32600, null -32600, null -32600]"),
        Row(
            "a mixed batch",
            #"[ {"jsonrpc": "2.0", "method": "rpc.health", "params": {}, "id": "1"},"#
                + #" {"jsonrpc": "2.0", "method": "notify_hello", "params": [7]},"#
                + #" {"jsonrpc": "2.0", "method": "ListPlans", "params": {"limit": 1}, "id": "2"}, {"foo": "boo"},"#
                + #" {"jsonrpc": "2.0", "method": "foo.get", "params": {"name": "myself"}, "id": "5"},"#
                + #" {"jsonrpc": "2.0", "method": "rpc.discover", "id": "9"} ]"#,
            #"["1" result, "2" result, "5" -32601, "9" result, null -32600]"#),
        Row(
            "a batch of notifications",
            #"[ {"jsonrpc": "2.0", "method": "notify_sum", "params": [1,2,4]},"#
                + #" {"jsonrpc": "2.0", "method": "ListPlans", "params": {"limit": 1}} ]"#, nil),
    ]

    /// What PROTOCOL section 2 adds.
    static let strictness = [
        Row("an id of null is echoed", #"{"jsonrpc":"2.0","id":null,"method":"rpc.health"}"#, "null result"),
        Row(
            "an id beyond 64 bits is echoed", #"{"jsonrpc":"2.0","id":92233720368547758070,"method":"rpc.health"}"#,
            "92233720368547758070 result"),
        Row(
            "the greatest integer is an id", #"{"jsonrpc":"2.0","id":9223372036854775807,"method":"rpc.health"}"#,
            "9223372036854775807 result"),
        Row(
            "the least integer is an id", #"{"jsonrpc":"2.0","id":-9223372036854775808,"method":"rpc.health"}"#,
            "-9223372036854775808 result"),
        Row("1.0 is no id", #"{"jsonrpc":"2.0","id":1.0,"method":"rpc.health"}"#, "null -32600"),
        Row("1e2 is no id", #"{"jsonrpc":"2.0","id":1e2,"method":"rpc.health"}"#, "null -32600"),
        Row("an object is no id", #"{"jsonrpc":"2.0","id":{},"method":"rpc.health"}"#, "null -32600"),
        Row("another version", #"{"jsonrpc":"1.0","id":1,"method":"rpc.health"}"#, "1 -32600"),
        Row("no version", #"{"id":1,"method":"rpc.health"}"#, "1 -32600"),
        Row("params of null", #"{"jsonrpc":"2.0","id":1,"method":"rpc.health","params":null}"#, "1 -32600"),
        Row("duplicate keys", #"{"jsonrpc":"2.0","id":1,"id":1,"method":"rpc.health"}"#, "null -32700"),
        Row(
            "duplicate keys by escapes", #"{"jsonrpc":"2.0","id":1,"\u0069d":1,"method":"rpc.health"}"#, "null -32700"),
        Row(
            "duplicate keys deep inside", #"{"jsonrpc":"2.0","id":1,"method":"rpc.health","params":{"a":[{"b":1,"b":1}]}}"#,
            "null -32700"),
        Row("a lone surrogate", #"{"jsonrpc":"2.0","id":"\ud800","method":"rpc.health"}"#, "null -32700"),
        Row("NaN", #"{"jsonrpc":"2.0","id":NaN,"method":"rpc.health"}"#, "null -32700"),
        Row("Infinity", #"{"jsonrpc":"2.0","id":-Infinity,"method":"rpc.health"}"#, "null -32700"),
        Row("a leading zero", #"{"jsonrpc":"2.0","id":01,"method":"rpc.health"}"#, "null -32700"),
        Row("a trailing comma", #"{"jsonrpc":"2.0","id":1,"method":"rpc.health",}"#, "null -32700"),
        Row("two values", #"{"jsonrpc":"2.0","id":1,"method":"rpc.health"} {}"#, "null -32700"),
        Row("64 levels", nested(64), "1 -32602"),
        Row("65 levels", nested(65), "null -32700"),
        Row("64 levels of a batch", String(repeating: "[", count: 64) + String(repeating: "]", count: 64), "[null -32600]"),
        Row("65 levels of a batch", String(repeating: "[", count: 65) + String(repeating: "]", count: 65), "null -32700"),
        Row("65 levels never closed", String(repeating: "[", count: 65), "null -32700"),
        Row(
            "the longest batch", "[\(Array(repeating: "7", count: 1000).joined(separator: ","))]",
            "[\(Array(repeating: "null -32600", count: 1000).joined(separator: ", "))]"),
        Row("a batch that is too long", "[\(Array(repeating: "7", count: 1001).joined(separator: ","))]", "null -32008"),
    ]

    /// A call of `depth` levels, of which the call itself and its params are two.
    private static func nested(_ depth: Int) -> String {
        let inner = String(repeating: "[", count: depth - 2) + String(repeating: "]", count: depth - 2)
        return #"{"jsonrpc":"2.0","id":1,"method":"rpc.health","params":{"deep":\#(inner)}}"#
    }

    @Test(arguments: examples + strictness, ["\n", "\r\n", ""])
    func `a line is answered as the specification and the protocol say`(row: Row, end: String) async throws {
        try await offPool {
            let answers = try Wire().exchange(row.line + end)
            #expect(answers.map(summary) == (row.answer.map { [$0] } ?? []))
        }
    }

    @Test(arguments: [#""\u0041""#, #""a\/b""#, "-0", #""""#])
    func `an id is echoed as it was written`(id: String) async throws {
        try await offPool {
            let answers = try Wire().exchange(#"{"jsonrpc":"2.0","id":\#(id),"method":"rpc.health"}"#)
            #expect(answers.first?.hasPrefix(#"{"jsonrpc":"2.0","id":\#(id),"result":"#) == true)
        }
    }

    @Test(arguments: [
        ("1.0", "type"), ("1e1", "type"), ("9223372036854775807", "maximum"), ("-9223372036854775808", "minimum"),
        ("9223372036854775808", "type"), ("-9223372036854775809", "type"), ("0", "minimum"), ("101", "maximum"),
        ("\"1\"", "type"), ("null", "type"),
    ])
    func `an integer is an integer, as far as 64 bits go`(limit: String, rule: String) async throws {
        try await offPool {
            let line = #"{"jsonrpc":"2.0","id":1,"method":"ListPlans","params":{"limit":\#(limit)}}"#
            let answer = try JSONValue(parsing: try #require(try Wire().exchange(line).first))
            let violation = answer["error"]?["data"]?["violations"]?[0]
            #expect(violation?["pointer"] == "/limit" && violation?["rule"] == .string(rule), "\(answer.text)")
        }
    }

    @Test(arguments: [
        [0x80], [0xC0, 0x80], [0xC3], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80], [0xF8, 0x88, 0x80, 0x80, 0x80], [0xFF],
    ])
    func `bytes that are no UTF-8 are a parse error, wherever they stand`(bytes: [Int]) async throws {
        try await offPool {
            let bad = bytes.map(UInt8.init)
            let parts = [
                (#"{"jsonrpc":"2.0","id":"#, #","method":"rpc.health"}"#),
                (#"{"jsonrpc":"2.0","id":""#, #"","method":"rpc.health"}"#),
                (#"{"jsonrpc":"2.0","id":1,"method":"rpc.health","other":{""#, #"":1}}"#), ("", ""),
            ]
            for (before, after) in parts {
                let line = Array(before.utf8) + bad + Array(after.utf8) + [UInt8(ascii: "\n")]
                let answers = try Wire().exchange([line[...]]).map { summary(String(decoding: $0, as: UTF8.self)) }
                #expect(answers == ["null -32700"])
            }
        }
    }
}
