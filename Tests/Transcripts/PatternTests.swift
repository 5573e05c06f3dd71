import JSON
import Testing

@testable import Transcripts

@Suite struct PatternTests {
    private static let variables = Variables(["name": "Ada", "list": [1, 2]])

    /// A pattern, a value, and the pointers at which they differ.
    static let rows: [(pattern: String, value: String, pointers: [String])] = [
        ("1", "1", []), ("1", "1.0", []), ("1", "2", [""]), ("\"a\"", "\"a\"", []), ("null", "false", [""]),
        ("9007199254740993", "9007199254740992", [""]),
        (#"{"a":1,"b":[1,{"c":2}]}"#, #"{"b":[1,{"c":3}],"a":1}"#, ["/b/1/c"]),
        (#"{"a":1}"#, #"{"a":1,"b":2,"c~/d":3}"#, ["/b", "/c~0~1d"]), (#"{"a":1,"b":2}"#, #"{"a":2}"#, ["/a", "/b"]),
        ("[1,2]", "[1]", [""]), ("{}", "[]", [""]),
        (#"{"$any":true}"#, "[1]", []), (#"{"$type":"integer"}"#, "1", []), (#"{"$type":"integer"}"#, "1.5", [""]),
        (#"{"$type":"number"}"#, "1.5", []), (#"{"$type":["string","null"]}"#, "null", []),
        (#"{"$type":["string","null"]}"#, "1", [""]), (#"{"$prefix":"cus_"}"#, "\"cus_1\"", []),
        (#"{"$prefix":"cus_"}"#, "\"sub_1\"", [""]), (#"{"$prefix":"${name}-"}"#, "\"Ada-1\"", []),
        (#"{"$pattern":"^\\d+$"}"#, "\"123\"", []), (#"{"$pattern":"^\\d+$"}"#, "\"12a\"", [""]),
        (#"{"$pattern":"("}"#, "\"a\"", [""]), (#"{"$oneOf":[1,{"$type":"string"}]}"#, "\"a\"", []),
        (#"{"$oneOf":[1,2]}"#, "3", [""]), (#"{"$partial":{"a":{"$partial":{"b":1}}}}"#, #"{"a":{"b":1,"c":2},"d":3}"#, []),
        (#"{"$partial":{"a":1}}"#, #"{"b":1}"#, ["/a"]), (#"{"$unordered":[1,{"$type":"string"}]}"#, #"["a",1]"#, []),
        (#"{"$unordered":[1,2]}"#, "[2,3]", ["", ""]), (#"{"$each":{"$type":"integer"}}"#, "[1,2]", []),
        (#"{"$each":{"$type":"integer"}}"#, #"[1,"a"]"#, ["/1"]), (#"{"$each":1}"#, "{}", [""]),
        (#"{"a":{"$absent":true}}"#, "{}", []), (#"{"a":{"$absent":true}}"#, #"{"a":null}"#, ["/a"]),
        (#"{"$literal":{"$any":true}}"#, #"{"$any":true}"#, []), (#"{"$literal":"${name}"}"#, "\"${name}\"", []),
        (#"{"$anything":true}"#, "1", [""]), ("\"${name}!\"", "\"Ada!\"", []), ("\"${list}\"", "[1,2]", []),
        ("\"$${name}\"", "\"${name}\"", []), ("\"${nobody}\"", "\"\"", [""]), (#"{"$prefix":1}"#, "\"1\"", [""]),
    ]

    @Test(arguments: rows) func `what differs is named by its pointer`(
        pattern: String, value: String, pointers: [String]
    ) throws {
        var variables = Self.variables
        let found = Pattern.differences(
            of: try JSONValue(parsing: value), from: try JSONValue(parsing: pattern), &variables)
        #expect(found.map(\.pointer) == pointers, "\(found)")
        #expect(found.allSatisfy { !$0.problem.isEmpty })
    }

    @Test func `what is captured is kept where the whole fits, and only then`() throws {
        var variables = Variables()
        let pattern: JSONValue = ["a": ["$prefix": "x", "$capture": "first"], "b": ["$oneOf": [["$capture": "second"]]]]
        #expect(!Pattern.differences(of: ["a": "xy", "b": 1, "c": 1], from: pattern, &variables).isEmpty)
        #expect(variables["first"] == nil)
        #expect(Pattern.differences(of: ["a": "xy", "b": 1], from: pattern, &variables).isEmpty)
        #expect(variables["first"] == "xy" && variables["second"] == 1)
        let filled = try variables.filled(["${first}", "${second}", "-${second}-", "$${first}"] as JSONValue)
        #expect(filled == ["xy", 1, "-1-", "${first}"])
    }

    @Test func `an adapted pattern fits, and keeps what fitted before`() throws {
        let pattern: JSONValue = [
            "id": ["$prefix": "cus_", "$capture": "id"], "n": 1, "gone": true, "list": [["$any": true], 2],
            "part": ["$partial": ["a": 1]], "again": "${id}",
        ]
        let value: JSONValue = [
            "id": "cus_1", "n": 2, "list": [9, 3], "part": ["a": 2, "b": 1], "clientSecret": "pi_1_secret_2", "$odd": 1,
            "again": "cus_1",
        ]
        var variables = Variables()
        let adapted = Pattern.adapted(pattern, to: value, &variables)
        #expect(Pattern.differences(of: value, from: adapted, &variables).isEmpty)
        #expect(adapted["id"] == pattern["id"] && adapted["again"] == "${id}")
        #expect(adapted["list"] == [["$any": true], 3])
        #expect(adapted["part"] == ["$partial": ["a": 2]] && adapted["gone"] == nil)
        #expect(adapted["clientSecret"] == ["$type": "string"])
    }

    @Test(arguments: [
        ("Bearer abc.def", "***"), ("key sk_test_123abc!", "key ***!"), ("whsec_a+b/=", "***"),
        ("pi_3Ab_secret_Xyz", "***"), ("cus_123", "cus_123"), ("the secret_garden", "the secret_garden"),
        ("eyJhbGciOi.eyJzdWIi.c2ln", "***"),
    ])
    func `secrets are told by their looks`(text: String, masked: String) {
        #expect(Secrets.masked(text) == masked)
    }

    @Test func `a difference shows no secret`() {
        var variables = Variables()
        let value: JSONValue = ["clientSecret": "anything", "key": "sk_live_12345", "token": ["deep": "sk_test_1"]]
        let found = Pattern.differences(of: value, from: ["clientSecret": 1, "key": 2], &variables)
        let text = found.map(\.description).joined()
        #expect(found.count == 3)
        for secret in ["anything", "12345", "sk_test_1"] { #expect(!text.contains(secret)) }
    }
}
