import Foundation
import JSON

/// The envelope: read in one pass, it says what a reader of the whole tree would say, and the ids that are echoed and the
/// params that are passed on are JSON by themselves.
func fuzz(_ input: UnsafeBufferPointer<UInt8>) {
    check(Array(input))
    // Few mutations of a call are calls. These are as soon as the input is a value, or members.
    let call = #"{"jsonrpc":"2.0","method":"m""#
    for (before, after) in [
        ("\(call),\"id\":", "}"), ("\(call),\"id\":1,\"params\":", "}"), ("\(call),", "}"), ("[\(call)},", "]"),
    ] {
        check(Array(before.utf8) + input + Array(after.utf8))
    }
}

private func check(_ line: [UInt8]) {
    let batchLength = 3
    let found = Subject.read(line, batchLength: batchLength)
    let tree: JSONValue
    do throws(JSONError) {
        tree = try JSONValue(parsing: line)
    } catch {
        return Fuzzing.require(
            found == .unreadable(error), "a line that is not JSON is unreadable", "\(Fuzzing.show(line)): \(found)")
    }
    switch (found, tree) {
    case (.single(.invalid(id: nil, _)), .array([])): break
    case (.tooManyEntries, .array(let elements)) where elements.count > batchLength: break
    case (.batch(let entries), .array(let elements)) where (1...batchLength).contains(elements.count):
        Fuzzing.require(entries.count == elements.count, "every entry is answered for", Fuzzing.show(line))
        for (entry, element) in zip(entries, elements) { check(entry, element, line) }
    case (.single(let entry), _) where tree.kind != .array: check(entry, tree, line)
    default: Fuzzing.finding("the envelope is what the tree says", Fuzzing.show(line), "\(found)")
    }
}

private func check(_ entry: Held.Entry, _ tree: JSONValue, _ line: [UInt8]) {
    let id: [UInt8]?
    switch entry {
    case .request(let request):
        id = request.id
        Fuzzing.require(
            isRequest(tree) && tree["method"] == .string(request.method), "a request is one", Fuzzing.show(line))
        let params = request.params.map { try? JSONValue(parsing: $0) }
        Fuzzing.require(params == tree["params"].map(Optional.some), "params are passed on as they are", Fuzzing.show(line))
    case .invalid(let written, let problem):
        id = written
        Fuzzing.require(!isRequest(tree), "a request is not refused: \(problem)", Fuzzing.show(line))
    }
    let expected = tree["id"].flatMap { isID($0) ? $0 : Optional.none }
    guard let id else {
        return Fuzzing.require(expected == nil, "an id that can be read is echoed", Fuzzing.show(line))
    }
    // As it is echoed: raw, between an object's braces, where a stray byte would break the whole answer.
    var writer = JSONWriter()
    writer.beginObject()
    writer.key("id")
    writer.raw(id)
    writer.endObject()
    // Foundation refuses an integer that is beyond a double's range, which is an id as good as any.
    let answer = id.count < 300 ? try? JSONSerialization.jsonObject(with: Data(writer.bytes)) : [String: Any]()
    Fuzzing.require(answer is [String: Any], "an echoed id is JSON", "\(Fuzzing.show(line)): \(Fuzzing.show(writer.bytes))")
    Fuzzing.require(
        (try? JSONValue(parsing: id)) == expected, "the id that is echoed is the call's",
        "\(Fuzzing.show(line)): \(Fuzzing.show(id))")
    Fuzzing.require(!id.contains(UInt8(ascii: "\n")), "an echoed id does not end the line", Fuzzing.show(line))
}

/// JSON-RPC 2.0, section 4, on the tree.
private func isRequest(_ tree: JSONValue) -> Bool {
    guard tree["jsonrpc"] == "2.0", tree["method"]?.kind == .string else { return false }
    if let id = tree["id"], !isID(id) { return false }
    return tree["params"].map { [.object, .array].contains($0.kind) } ?? true
}

private func isID(_ value: JSONValue) -> Bool {
    switch value {
    case .null, .string, .integer: true
    // An integer beyond 64 bits keeps its digits, and names a call as well as any other.
    case .number(let digits): digits.utf8.allSatisfy { $0 == UInt8(ascii: "-") || (0x30...0x39).contains($0) }
    default: false
    }
}

/// What a line holds, with what the places in it stand for.
private enum Held: Equatable {
    case single(Entry)
    case batch([Entry])
    case unreadable(JSONError)
    case tooManyEntries

    enum Entry: Equatable {
        case request(RPCRequest)
        case invalid(id: [UInt8]?, problem: String)
    }
}

private enum Subject {
    /// The canary: a reader that keeps the id of a call in a buffer of 12 bytes.
    static func read(_ line: [UInt8], batchLength: Int) -> Held {
        func hold(_ entry: Envelope.Entry) -> Held.Entry {
            switch entry {
            case .call(let call):
                var request = call.request(in: line.span)
                #if CANARY
                request.id = request.id.map { Array($0.prefix(12)) }
                #endif
                return .request(request)
            case .invalid(let id, let problem): return .invalid(id: id.map { Array(line[$0]) }, problem: problem)
            }
        }
        switch Envelope.read(line.span, batchLength: batchLength) {
        case .single(let entry): return .single(hold(entry))
        case .batch(let entries): return .batch(entries.map(hold))
        case .unreadable(let error): return .unreadable(error)
        case .tooManyEntries: return .tooManyEntries
        }
    }
}
