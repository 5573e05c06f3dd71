/// What a written string looks like.
import JSON
import Testing

struct JSONWriterTests {
    @Test(arguments: [
        ("", #""""#), ("plain é 🙂 \u{7F}", "\"plain é 🙂 \u{7F}\""), ("\"", #""\"""#), (#"a\b"#, #""a\\b""#),
        ("\n\r\t\u{0}\u{1F}\u{8}", #""\n\r\t\u0000\u001f\u0008""#), ("x\ny\"z", #""x\ny\"z""#), ("/", #""/""#),
    ])
    func `a string has only the escapes that it must have`(value: String, expected: String) throws {
        #expect(JSONValue.string(value).text == expected)
        #expect(try JSONValue(parsing: expected) == .string(value))
    }

    @Test func `a key that needs no escapes is written as any other`() {
        var (plain, other) = (JSONWriter(pretty: true), JSONWriter(pretty: true, capacity: 3))
        for (key, value) in [("a", true), ("b", false)] {
            plain.beginObject()
            plain.key(plain: key == "a" ? "a" : "b")
            plain.bool(value)
            plain.endObject()
            other.beginObject()
            other.key(key)
            other.bool(value)
            other.endObject()
        }
        #expect(plain.bytes == other.bytes)
    }
}
