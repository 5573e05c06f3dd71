import Contract
import Testing

@testable import RPC

/// What a line holds, kept beyond the line.
private enum Held: Equatable {
    case single(Entry)
    case batch([Entry])
    case unreadable
    case tooManyEntries

    enum Entry: Equatable {
        case request(RPCRequest)
        case invalid(id: [UInt8]?, problem: String)
    }
}

@Suite struct EnvelopeTests {
    private func read(_ text: String, batchLength: Int = 3) -> Held {
        let line = Array(text.utf8)
        func hold(_ entry: Envelope.Entry) -> Held.Entry {
            switch entry {
            case .call(let call): .request(call.request(in: line.span))
            case .invalid(let id, let problem): .invalid(id: id.map { Array(line[$0]) }, problem: problem)
            }
        }
        return switch Envelope.read(line.span, batchLength: batchLength) {
        case .single(let entry): .single(hold(entry))
        case .batch(let entries): .batch(entries.map(hold))
        case .unreadable: .unreadable
        case .tooManyEntries: .tooManyEntries
        }
    }

    private func request(_ id: String?, _ method: String, _ params: String? = nil) -> Held.Entry {
        .request(RPCRequest(id: id.map { Array($0.utf8) }, method: method, params: params.map { Array($0.utf8) }))
    }

    @Test(arguments: [
        ("7", "7"), ("-1", "-1"), ("\"a b\"", "\"a b\""), ("\"\\u0041\"", "\"\\u0041\""), ("null", "null"),
        ("92233720368547758070", "92233720368547758070"),
    ])
    func `an id is kept as it was written`(written: String, kept: String) {
        #expect(read("{\"jsonrpc\":\"2.0\",\"id\": \(written) ,\"method\":\"m\"}") == .single(request(kept, "m")))
    }

    @Test(arguments: ["1.0", "1e2", "true", "{}", "[]"])
    func `an id of another kind makes the request invalid`(id: String) {
        guard case .single(.invalid(let found, _)) = read("{\"jsonrpc\":\"2.0\",\"id\":\(id),\"method\":\"m\"}") else {
            Issue.record("the id \(id) was accepted")
            return
        }
        #expect(found == nil)
    }

    @Test func `members come in any order and unknown ones are passed over`() {
        let text = #"{"params":{"a":[1,{}]},"x":{"y":1},"method":"m","id":1,"jsonrpc":"2.0"}"#
        #expect(read(text) == .single(request("1", "m", #"{"a":[1,{}]}"#)))
    }

    @Test func `members are known by what they mean, not by how they are written`() {
        let text = #"{"\u006asonrpc":"2\u002e0","m\u0065thod":"\u006d","id":1}"#
        #expect(read(text) == .single(request("1", "m")))
    }

    @Test func `a request without an id is a notification`() {
        #expect(read(#"{"jsonrpc":"2.0","method":"m"}"#) == .single(request(nil, "m")))
    }

    @Test(arguments: [
        (#"{"jsonrpc":"2.0","id":1}"#, "method"), (#"{"jsonrpc":"2.0","id":1,"method":1}"#, "method"),
        (#"{"id":1,"method":"m"}"#, "jsonrpc"), (#"{"jsonrpc":"1.0","id":1,"method":"m"}"#, "jsonrpc"),
        (#"{"jsonrpc":2.0,"id":1,"method":"m"}"#, "jsonrpc"),
        (#"{"jsonrpc":"2.0","id":1,"method":"m","params":3}"#, "params"),
    ])
    func `what is not a request keeps its id and says what is wrong`(text: String, named: String) {
        guard case .single(.invalid(let id, let problem)) = read(text) else {
            Issue.record("\(text) was accepted")
            return
        }
        #expect(id == Array("1".utf8))
        #expect(problem.contains(named))
    }

    @Test(arguments: ["1", "\"x\"", "null", "[]"])
    func `what is no object is an invalid request without an id`(text: String) {
        guard case .single(.invalid(nil, _)) = read(text) else {
            Issue.record("\(text) was accepted")
            return
        }
    }

    @Test func `a batch holds its entries in order, the invalid ones too`() {
        let entry = #"{"jsonrpc":"2.0","id":1,"method":"m"}"#
        guard case .batch(let entries) = read("[\(entry),1,[]]") else {
            Issue.record("the batch was not read")
            return
        }
        #expect(entries.count == 3)
        #expect(entries[0] == request("1", "m"))
        #expect(read("[\(entry),\(entry),\(entry),\(entry)]") == .tooManyEntries)
    }

    @Test(arguments: ["{", #"{"jsonrpc":"2.0","id":1,"id":2,"method":"m"}"#, #"[{"jsonrpc":"2.0"}"#, "[1,2,3,4,", "{} {}"])
    func `what is not JSON is unreadable as a whole`(text: String) {
        #expect(read(text) == .unreadable)
    }

    @Test(arguments: [
        (#"{"jsonrpc":"2.0","id":7,"method":"CheckAccess","params":{"a":1}}"#, "7", #"{"a":1}"#),
        (#"{"jsonrpc":"2.0","id":90,"method":"CheckAccess","params":}"#, "90", ""),
    ])
    func `a call in its usual form is told without reading it`(line: String, id: String, params: String) throws {
        let bytes = Array(line.utf8)
        let found = PlainForm(.checkAccess).call(in: bytes.span)
        let call = try #require(found)
        #expect(String(decoding: bytes[call.id], as: UTF8.self) == id)
        #expect(String(decoding: bytes[call.params], as: UTF8.self) == params)
    }

    @Test(arguments: [
        "", "{", #"{"jsonrpc":"2.0","id":"#, #"{"jsonrpc":"2.0","id":7"#, #"{"jsonrpc":"2.0","id":7,"method":""#,
        #"{"jsonrpc":"2.0","id":07,"method":"CheckAccess","params":{}}"#,
        #"{"jsonrpc":"2.0","id":0,"method":"CheckAccess","params":{}}"#,
        #"{"jsonrpc":"2.0","id":-7,"method":"CheckAccess","params":{}}"#,
        #"{"jsonrpc":"2.0","id":"7","method":"CheckAccess","params":{}}"#,
        #"{"jsonrpc":"2.0","id":7,"method":"CheckAccesses","params":{}}"#,
        #"{"jsonrpc":"2.0","id":7,"method":"CheckAccess","params":{}"# + " ",
        #"{"jsonrpc":"2.0", "id":7,"method":"CheckAccess","params":{}}"#,
        #"{"jsonrpc":"2.0","id":7,"method":"CheckAccess","params":"#,
    ])
    func `whatever else there is, is left to who reads it`(line: String) {
        let bytes = Array(line.utf8)
        let found = PlainForm(.checkAccess).call(in: bytes.span)
        #expect(found == nil)
    }
}
