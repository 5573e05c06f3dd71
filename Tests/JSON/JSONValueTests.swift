import JSON
import Testing

@Suite struct JSONValueTests {
    @Test(arguments: [
        "{}", "[]", "null", "true", "false", "0", "-1", "9223372036854775807", "-9223372036854775808",
        "9223372036854775808", "1.50", "1e9", "-0", "\"é\"", #"{"a":[1,{"b":null}],"c":"\n"}"#,
    ])
    func `a text survives a round trip`(text: String) throws {
        #expect(try JSONValue(parsing: text).text == text)
    }

    @Test(arguments: [
        (#""\u0041\u00e9\ud83d\ude00""#, "Aé😀"), (#""\"\\\/\b\f\n\r\t""#, "\"\\/\u{8}\u{C}\n\r\t"), (#""東京 €""#, "東京 €"),
        (#""\u0000""#, "\0"),
    ])
    func `escapes and UTF-8 are read as they are meant`(text: String, meaning: String) throws {
        #expect(try JSONValue(parsing: text) == .string(meaning))
    }

    @Test(arguments: [
        ("", "ends"), ("{", "ends"), ("[1,]", "comma"), (#"{"a":1,}"#, "comma"), ("[1 2]", "comma"), ("01", "leading zero"),
        ("-01", "leading zero"), ("1.", "digit"), (".5", "start"), ("1e", "digit"), ("+1", "start"), ("NaN", "start"),
        ("Infinity", "start"), ("-Infinity", "digit"), ("nul", "null"), ("tru", "true"), ("'a'", "start"), (#""a"#, "ends"),
        ("\"a\nb\"", "control"), (#""\x""#, "escape"), (#""\u12g4""#, "hexadecimal"), (#""\ud800""#, "surrogate"),
        (#""\udc00""#, "surrogate"), (#""\ud800\u0041""#, "surrogate"), (#"{"a":1,"a":2}"#, "twice"),
        (#"{"a":1,"\u0061":2}"#, "twice"), (#"{a:1}"#, "key"), (#"{"a" 1}"#, "colon"), ("1 2", "more"),
        ("// c\n1", "start"),
    ])
    func `what is not strict JSON is refused, and said why`(text: String, problem: String) {
        let error = #expect(throws: JSONError.self) { try JSONValue(parsing: text) }
        #expect(error?.problem.contains(problem) == true, "\(text): \(error?.description ?? "no error")")
    }

    @Test(
        arguments: [
            [0x22, 0xFF, 0x22], [0x22, 0xC0, 0x80, 0x22], [0x22, 0xED, 0xA0, 0x80, 0x22],
            [0x22, 0xF4, 0x90, 0x80, 0x80, 0x22],
            [0x22, 0xE2, 0x82, 0x22], [0x22, 0x80, 0x22], [0xEF, 0xBB, 0xBF, 0x31],
        ] as [[UInt8]])
    func `bytes that are not UTF-8 are refused`(bytes: [UInt8]) {
        #expect(throws: JSONError.self) { try JSONValue(parsing: bytes) }
    }

    @Test(arguments: [(1, true), (63, true), (64, true), (65, false), (100_000, false)])
    func `sixty-four levels are read and no more`(depth: Int, isRead: Bool) {
        let text = String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
        #expect(((try? JSONValue(parsing: text)) != nil) == isRead)
    }

    @Test func `two spellings of one accented letter are two keys, as they are to every other reader`() throws {
        let object = try JSONValue(parsing: "{\"\u{E9}\":1,\"e\u{301}\":2}")
        #expect(object.objectValue?.count == 2)
    }

    @Test(arguments: [1, 7, 8, 9, 15, 16, 17, 400], [#"k"#, #"\u006b"#])
    func `a key twice is found however many there are, and however it is written`(count: Int, letter: String) {
        let members = (0..<count).map { "\"k\($0)\":0" }
        for twice in [0, count / 2, count - 1] {
            let text = "{" + (members + ["\"\(letter)\(twice)\":1"]).joined(separator: ",") + "}"
            #expect(throws: JSONError.self) { try JSONValue(parsing: text) }
            #expect(throws: JSONError.self) { try Self.skip(text) }
        }
        #expect(throws: Never.self) { try Self.skip("{" + (members + ["\"\(letter)\":1"]).joined(separator: ",") + "}") }
    }

    private static func skip(_ text: String) throws(JSONError) {
        try JSONReader.scan(Array(text.utf8).span) { reader throws(JSONError) in
            try reader.skipValue()
            try reader.finish()
        }
    }

    @Test(arguments: [
        ("999999999999999999", 999_999_999_999_999_999), ("1000000000000000000", 1_000_000_000_000_000_000),
        ("9223372036854775807", Int64.max), ("-9223372036854775808", Int64.min), ("0", 0), ("-7", -7),
    ])
    func `an integer is exact to the last digit that fits`(text: String, value: Int64) throws {
        #expect(try JSONValue(parsing: text) == .integer(value))
    }

    @Test func `skipping a value is as strict as reading it`() {
        let texts = [
            #"{"a":1,"a":2}"#, #"["\ud800"]"#, "[01]", "[1,]", "[1.]", "[-]", #"["\x"]"#, #"["a"#, #"["a\"#, "[\"\u{1}\"]",
            #"{"a":1 "b":2}"#, #"{"a" 1}"#, #"{"\ud800":1}"#,
        ]
        for text in texts {
            #expect(throws: JSONError.self, "\(text) was skipped") { try Self.skip(text) }
            #expect(throws: JSONError.self, "\(text) was read") { try JSONValue(parsing: text) }
        }
        #expect(throws: Never.self) { try Self.skip(#"{"a":[-0.5e+3,"é\n\ud83d\ude00",{"é":null}],"b":{}}"#) }
    }

    @Test func `objects are equal in whatever order their members come`() throws {
        #expect(try JSONValue(parsing: #"{"a":1,"b":2}"#) == JSONValue(parsing: #"{"b":2,"a":1}"#))
        #expect(try JSONValue(parsing: #"{"a":1}"#) != JSONValue(parsing: #"{"a":2}"#))
    }

    @Test func `an object with two spellings of one accented letter survives a round trip`() throws {
        let value = try JSONValue(parsing: "{\"\u{E9}\":1,\"e\u{301}\":2}")
        #expect(value["\u{E9}"] == 1)
        #expect(value["e\u{301}"] == 2)
        #expect(try JSONValue(parsing: value.text) == value)
        #expect(JSONObject([("\u{E9}", 1), ("e\u{301}", 2)]).count == 2)
    }

    @Test func `pretty text is indented by two and reads back`() throws {
        let value: JSONValue = ["a": [1, ["b": nil]], "c": [], "d": [:]]
        #expect(
            value.prettyText == "{\n  \"a\": [\n    1,\n    {\n      \"b\": null\n    }\n  ],\n  \"c\": [],\n  \"d\": {}\n}"
        )
        #expect(try JSONValue(parsing: value.prettyText) == value)
    }

    @Test(arguments: [("a", "/x/a"), ("a/b", "/x/a~1b"), ("~", "/x/~0"), ("", "/x/")])
    func `pointers escape what RFC 6901 says`(token: String, pointer: String) {
        #expect(JSONPointer.appending(token, to: "/x") == pointer)
    }
}
