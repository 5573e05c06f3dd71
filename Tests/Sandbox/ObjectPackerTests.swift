import JSON
import Testing

@testable import Sandbox

/// What is packed comes back as it was, member by member, in its order and with its very bytes.
@Suite struct ObjectPackerTests {
    static let objects = [
        "{}", #"{"a":null,"b":true,"c":false}"#,
        #"{"n":[0,1,127,128,-1,-128,9223372036854775807,-9223372036854775808]}"#, #"{"n":[1.50,1e400,0.0]}"#,
        #"{"":"","long key of more than fifteen bytes":"\#(String(repeating: "x", count: 62))"}"#,
        #"{"t":["\#(String(repeating: "y", count: 63))","\#(String(repeating: "ö", count: 5000))","\u0000"]}"#,
        #"{"before":{"é":[1,{"2":"3"}]},"deep":[[],{},[{"id":"in_1","lines":{"data":[{"id":"il_1"},{"id":"il_2"}]}}]],"é":2,"after":-5}"#,
    ]

    @Test(arguments: objects) func `an object comes back`(_ text: String) throws {
        let object = try #require(try JSONValue(parsing: text).objectValue)
        var packer = ObjectPacker()
        for _ in 0..<2 {
            let bytes = packer.pack(object)
            #expect(JSONValue.object(packer.unpack(bytes)).text == JSONValue.object(object).text)
            for (key, value) in object { #expect(packer.unpack(bytes, only: [key, "none"]) == JSONObject([(key, value)])) }
        }
    }

    @Test func `two spellings of one accented letter stay two keys`() {
        var packer = ObjectPacker()
        for keys in [["\u{E9}", "e\u{301}"], ["e\u{301}", "\u{E9}"], ["e\u{301}"], ["\u{E9}"]] {
            let object = JSONObject(keys.map { ($0, JSONValue.string($0)) })
            let bytes = packer.pack(object)
            let back = packer.unpack(bytes)
            #expect(back.keys.map { Array($0.utf8) } == keys.map { Array($0.utf8) })
            #expect(back.keys.map { back.string($0).map { Array($0.utf8) } } == keys.map { Array($0.utf8) })
        }
    }

    @Test func `an object takes what differs from the first of its form, in whatever order forms come`() {
        var packer = ObjectPacker()
        var first: [Int: JSONObject] = [:]
        for (round, count) in [1, 2, 3, 2, 1, 4, 3, 4].enumerated() {
            let keys = (0..<count).map { "a key that takes room \($0 % 2 == 0 ? count : $0)" }
            let object = JSONObject(keys.enumerated().map { ($1, JSONValue.integer(Int64($0 == 0 ? 0 : round))) })
            let bytes = packer.pack(object)
            #expect(packer.unpack(bytes) == object)
            // The kind of value, the number of the form, which members differ; then a byte for each of these.
            #expect(bytes.count == 3 + (first[count] == nil ? 0 : count - 1))
            first[count] = first[count] ?? object
            #expect(packer.pack(first[count] ?? object).count == 3)
        }
    }

    @Test func `keys without end fill no memory, and still come back`() {
        var packer = ObjectPacker()
        for number in 0..<(ShapeTree.mostNodes + 10) {
            let object: JSONObject = ["metadata": .object(JSONObject([("key \(number)", .integer(1))]))]
            let bytes = packer.pack(object)
            // A node is the root, one is "metadata", and the very first object is kept whole.
            #expect((bytes.count > 12) == (number > ShapeTree.mostNodes - 2))
            if number % 1000 == 0 || bytes.count > 12 { #expect(packer.unpack(bytes) == object) }
        }
    }
}
