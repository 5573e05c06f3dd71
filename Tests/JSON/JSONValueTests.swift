import JSON
import Testing

@Suite struct JSONValueTests {
    @Test(arguments: [
        "{}", "[]", "null", "true", "-1", "9223372036854775807", "-9223372036854775808", "1.50", "1e9", "\"é\"",
        #"{"a":[1,{"b":null}],"c":"\n"}"#,
    ])
    func `a text survives a round trip`(text: String) throws {
        #expect(try JSONValue(parsing: text).text == text)
    }
}
