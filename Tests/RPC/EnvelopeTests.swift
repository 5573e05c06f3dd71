import Testing

@testable import RPC

@Suite struct EnvelopeTests {
    private func read(_ text: String, batchLength: Int = 3) -> Envelope {
        Envelope.read(Array(text.utf8), batchLength: batchLength)
    }

    private func request(_ id: String?, _ method: String, _ params: String? = nil) -> Envelope.Entry {
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
        guard case .unreadable = read(text) else {
            Issue.record("\(text) was read")
            return
        }
    }
}
