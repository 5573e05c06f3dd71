import Foundation
import JSON

/// JSON: what is accepted survives being written and read again, every way of reading accepts the same texts, and Foundation,
/// which is laxer, accepts and understands them too.
func fuzz(_ input: UnsafeBufferPointer<UInt8>) {
    let tree = outcome { () throws(JSONError) in try JSONValue(parsing: input) }
    let skipped = outcome { () throws(JSONError) in
        try JSONReader.read(input) { reader throws(JSONError) in
            try reader.skipValue()
            try reader.finish()
        }
    }
    let byNames = outcome { () throws(JSONError) in
        try JSONReader.read(input) { reader throws(JSONError) in
            let value = try readByNames(&reader)
            try reader.finish()
            return value
        }
    }
    Fuzzing.require(
        tree.error == skipped.error, "skipValue accepts what readValue accepts", "\(tree) \(skipped) \(Fuzzing.show(input))"
    )
    Fuzzing.require(
        tree.isSuccess == byNames.isSuccess, "nextMember accepts what nextKey accepts",
        "\(tree) \(byNames) \(Fuzzing.show(input))")
    guard case .success(let value) = tree else { return }
    Fuzzing.require(byNames.value == value, "nextMember reads what nextKey reads", Fuzzing.show(input))
    checkRoundTrip(value, input)
    checkFoundation(value, input)
}

private func checkRoundTrip(_ value: JSONValue, _ input: UnsafeBufferPointer<UInt8>) {
    for written in [Subject.write(value), Array(value.prettyText.utf8)] {
        guard let again = try? JSONValue(parsing: written) else {
            Fuzzing.finding("what is written can be read", Fuzzing.show(input), Fuzzing.show(written))
        }
        Fuzzing.require(
            again == value, "what is written reads as the same value", "\(Fuzzing.show(input)) \(Fuzzing.show(written))")
        Fuzzing.require(
            again.bytes == value.bytes, "what is read again is written the same",
            "\(Fuzzing.show(input)) \(Fuzzing.show(written))")
    }
}

private enum Subject {
    /// The canary: a writer that forgets to escape a backslash where it is the last character of a string.
    static func write(_ value: JSONValue) -> [UInt8] {
        #if CANARY
        Array(value.text.replacing("\\\\\"", with: "\\\"").utf8)
        #else
        value.bytes
        #endif
    }
}

// MARK: The other way to read an object

private let names = JSONNames(["id", "a", "jsonrpc", "é", "key\n"])

private func readByNames(_ reader: inout JSONReader) throws(JSONError) -> JSONValue {
    switch try reader.peek() {
    case .array:
        var elements: [JSONValue] = []
        var cursor = try reader.beginArray()
        while try reader.nextElement(&cursor) { elements.append(try readByNames(&reader)) }
        return .array(elements)
    case .object:
        var members: [(String, JSONValue)] = []
        var cursor = try reader.beginObject()
        while let member = try reader.nextMember(&cursor, among: names) {
            switch member {
            case .known(let index): members.append((names[index].description, try readByNames(&reader)))
            case .unknown(let key): members.append((key, try readByNames(&reader)))
            }
        }
        return .object(JSONObject(members))
    default: return try reader.readValue()
    }
}

// MARK: The oracle

private func checkFoundation(_ value: JSONValue, _ input: UnsafeBufferPointer<UInt8>) {
    // Foundation refuses a number that no Double holds; ours keeps its digits.
    guard everyNumberIsFinite(value) else { return }
    do {
        let theirs = try JSONSerialization.jsonObject(with: Data(input), options: .fragmentsAllowed)
        Fuzzing.require(isSame(value, theirs), "Foundation reads the same value", "\(Fuzzing.show(input)) \(theirs)")
    } catch {
        Fuzzing.finding("Foundation accepts what is accepted here", Fuzzing.show(input), "\(error)")
    }
}

private func everyNumberIsFinite(_ value: JSONValue) -> Bool {
    switch value {
    case .number: value.doubleValue?.isFinite ?? false
    case .array(let elements): elements.allSatisfy(everyNumberIsFinite)
    case .object(let object): object.allSatisfy { everyNumberIsFinite($0.value) }
    default: true
    }
}

private func isSame(_ ours: JSONValue, _ theirs: Any) -> Bool {
    switch ours {
    case .null: return theirs is NSNull
    case .bool(let flag): return (theirs as? NSNumber)?.boolValue == flag
    case .integer(let number): return (theirs as? NSNumber)?.int64Value == number
    case .number: return theirs is NSNumber
    case .string(let text): return (theirs as? String).map { $0.utf8.elementsEqual(text.utf8) } ?? false
    case .array(let elements):
        guard let array = theirs as? [Any], array.count == elements.count else { return false }
        return zip(elements, array).allSatisfy { isSame($0, $1) }
    case .object(let object):
        guard let dictionary = theirs as? [String: Any] else { return false }
        // Foundation takes two spellings of one accented letter for one key.
        guard dictionary.count == object.count else { return Set(object.keys).count == dictionary.count }
        return object.allSatisfy { key, value in dictionary[key].map { isSame(value, $0) } ?? false }
    }
}

// MARK: Outcomes

private func outcome<Value>(_ body: () throws(JSONError) -> Value) -> Result<Value, JSONError> {
    do { return .success(try body()) } catch { return .failure(error) }
}

extension Result {
    fileprivate var value: Success? { if case .success(let value) = self { value } else { nil } }
    fileprivate var error: Failure? { if case .failure(let error) = self { error } else { nil } }
    fileprivate var isSuccess: Bool { value != nil }
}
