/// Reading objects whose members' names are known beforehand.
import JSON
import Testing

struct JSONNamesTests {
    private static let names = JSONNames(["customerId", "when", "é"])

    private func members(_ text: String) throws(JSONError) -> [JSONMember] {
        try JSONReader.read(text.utf8) { reader throws(JSONError) in
            var cursor = try reader.beginObject()
            var found: [JSONMember] = []
            while let member = try reader.nextMember(&cursor, among: Self.names) {
                found.append(member)
                try reader.skipValue()
            }
            try reader.finish()
            return found
        }
    }

    @Test(
        arguments: [
            ("{}", []), (#"{"when":1,"customerId":2}"#, [.known(1), .known(0)]),
            (#"{ "w\u0068en" : 1 , "\u00e9":2}"#, [.known(1), .known(2)]), (#"{"é":1}"#, [.known(2)]),
            (#"{"When":1,"whe":2,"whenn":3,"":4}"#, [.unknown("When"), .unknown("whe"), .unknown("whenn"), .unknown("")]),
        ] as [(String, [JSONMember])])
    func `members are found by their names, however they are spelled`(text: String, expected: [JSONMember]) throws {
        #expect(try members(text) == expected)
    }

    @Test(arguments: [
        #"{"when":1,"when":2}"#, #"{"when":1,"w\u0068en":2}"#, #"{"x":1,"x":2}"#, #"{"when" 1}"#, #"{"when"#,
        #"{"wh\u000aen":1"#, "{\"wh\nen\":1}", #"{when:1}"#, #"{"when":1,}"#,
    ])
    func `what is not strict JSON is refused`(text: String) {
        #expect(throws: JSONError.self) { try members(text) }
    }
}
