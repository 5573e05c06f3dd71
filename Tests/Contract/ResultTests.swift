/// How results are written: nulls, defaults, times, maps, and what the server says about the call.
import Contract
import JSON
import Testing

struct ResultTests {
    private func text(_ value: some JSONWritable) -> String {
        var writer = JSONWriter()
        value.write(into: &writer)
        return String(decoding: writer.bytes, as: UTF8.self)
    }

    private static let refusal = CheckAccessResult(
        allowed: false, reason: .noSubscription, status: nil, subscriptionId: nil, productId: nil, since: nil,
        periodEnd: nil, graceEnd: nil, asOf: nil, asOfEventId: nil)

    @Test func `what does not exist is there as null`() {
        #expect(
            text(Self.refusal)
                == #"{"allowed":false,"reason":"NO_SUBSCRIPTION","status":null,"subscriptionId":null,"productId":null,"#
                + #""since":null,"periodEnd":null,"graceEnd":null,"asOf":null,"asOfEventId":null}"#)
    }

    @Test func `words of Stripe's that are not known yet go through`() {
        var result = Self.refusal
        result.status = SubscriptionStatus(rawValue: "hibernating")
        #expect(text(result).contains(#""status":"hibernating""#))
    }

    @Test func `params that say no more than their defaults are left out`() {
        #expect(text(CancelParams(subscriptionId: "sub_1", when: .now)) == #"{"subscriptionId":"sub_1"}"#)
        #expect(
            text(CancelParams(subscriptionId: "sub_1", when: .periodEnd, prorate: true))
                == #"{"subscriptionId":"sub_1","when":"periodEnd","prorate":true}"#)
    }

    @Test func `equal maps are equal bytes`() {
        #expect(text(["b": "2", "a": "1", "c": "\""]) == #"{"a":"1","b":"2","c":"\""}"#)
    }

    @Test(arguments: [
        (0, "1970-01-01T00:00:00Z"), (1_775_001_600, "2026-04-01T00:00:00Z"), (951_782_399, "2000-02-28T23:59:59Z"),
        (951_782_400, "2000-02-29T00:00:00Z"), (1_709_251_199, "2024-02-29T23:59:59Z"),
        (4_107_542_400, "2100-03-01T00:00:00Z"), (-1, "1969-12-31T23:59:59Z"), (-86_400, "1969-12-31T00:00:00Z"),
        (253_402_300_799, "9999-12-31T23:59:59Z"), (Int64.max, "9999-12-31T23:59:59Z"),
        (Int64.min, "0000-01-01T00:00:00Z"),
    ])
    func `times are RFC 3339 in UTC`(seconds: Int64, expected: String) {
        #expect(Timestamp(unixSeconds: seconds).description == expected)
    }

    /// Handlers that answer.
    private final class Answer: LocalMethods {
        func checkAccess(
            _ params: CheckAccessParams, _ call: LocalContext, into result: inout JSONWriter
        ) throws(RPCError) {
            refusal.write(into: &result, metadata: call.resultMetadata)
        }
        func listAccess(_ params: ListAccessParams, _ call: LocalContext, into result: inout JSONWriter) throws(RPCError) {
            throw RPCError(.internalError, "not part of the test")
        }

        func watchEvents(
            _ params: WatchEventsParams, _ call: CallContext
        ) throws(RPCError) -> any ValueStream<WatchEventsValue, WatchEventsResult> { Steps(from: params.after ?? 0) }
        func rpcHello(_ params: RPCHelloParams, _ call: LocalContext, into result: inout JSONWriter) throws(RPCError) {
            throw RPCError(.internalError, "")
        }
        func rpcDiscover(
            _ params: RPCDiscoverParams, _ call: LocalContext, into result: inout JSONWriter
        ) throws(RPCError) {
            RawJSON(ContractDocument.openRPC).write(into: &result)
        }
        func rpcHealth(_ params: RPCHealthParams, _ call: LocalContext, into result: inout JSONWriter) throws(RPCError) {
            throw RPCError(.internalError, "")
        }
    }

    /// The numbers from `number` to 2, with a pause after each.
    private final class Steps: ValueStream {
        private var number: Int64
        private var isPausing = false

        init(from number: Int64) { self.number = number }

        func next() throws(RPCError) -> StreamStep<WatchEventsValue> {
            isPausing.toggle()
            guard isPausing else { return .searching }
            guard number < 3 else { return .caughtUp }
            defer { number += 1 }
            return .value(
                WatchEventsValue(
                    seq: number, id: "evt_\(number)", type: "t", created: Timestamp(unixSeconds: 0), customerId: nil,
                    subscriptionId: "sub_1", object: RawJSON("{}")))
        }

        var result: WatchEventsResult { WatchEventsResult(after: number) }
    }

    private func answer(_ method: Method, _ params: String) throws -> JSONValue {
        let bytes = Array(params.utf8)
        var writer = JSONWriter()
        try method.answer(
            bytes.span, by: Answer(), admitting: { LocalContext($0, scopes: Scope.all, params: bytes) }, into: &writer)
        return try JSONValue(parsing: writer.bytes)
    }

    @Test func `what the server says about a call is in the result where the call asked for it`() throws {
        let asked = try answer(.checkAccess, #"{"customerId":"cus_1","feature":"f","_meta":{"verbose":true}}"#)
        #expect(asked["_meta"] == ["stripeRequestIds": [], "attempts": 0, "upstreamMs": 0, "replayed": false])
        let silent = try answer(.checkAccess, #"{"customerId":"cus_1","feature":"f","_meta":{"verbose":false}}"#)
        #expect(silent.objectValue?.keys.last == "asOfEventId")
    }

    @Test func `what was done upstream is in the context's metadata`() {
        let call = CallContext(method: .cancel, metadata: CallMetadata(verbose: true), received: .now)
        call.trace.noteAttempt(requestId: "req_1", milliseconds: 120)
        call.trace.noteAttempt(requestId: nil, milliseconds: 30)
        call.trace.noteReplay()
        #expect(
            call.trace.metadata
                == ResultMetadata(stripeRequestIds: ["req_1"], attempts: 2, upstreamMilliseconds: 150, replayed: true))
    }

    @Test func `a stream writes its values when they are there, and its result with what the server says of the call`()
        throws
    {
        let params = Array(#"{"after":1,"_meta":{"verbose":true}}"#.utf8)
        let (metadata, open) = try Method.watchEvents.stream(params.span)
        let stream = try open(Answer(), CallContext(method: .watchEvents, metadata: metadata, received: .now))
        var written: [String] = []
        for _ in 0..<6 {
            var writer = JSONWriter()
            let step = try stream.next(&writer)
            written.append("\(step)".prefix { $0 != "(" } + " " + String(decoding: writer.bytes, as: UTF8.self))
        }
        let value = { (number: Int) in
            #"{"seq":\#(number),"id":"evt_\#(number)","type":"t","created":"1970-01-01T00:00:00Z","customerId":null,"#
                + #""subscriptionId":"sub_1","object":{}}"#
        }
        #expect(
            written == ["value \(value(1))", "searching ", "value \(value(2))", "searching ", "caughtUp ", "searching "])
        var writer = JSONWriter()
        stream.finish(&writer)
        let result = try JSONValue(parsing: writer.bytes)
        #expect(result["after"] == 3)
        #expect(result["_meta"]?["attempts"] == 0)
    }

    @Test(arguments: [
        ("{\n  \"a b\": [1,\r\n\t2 ]\n}", #"{"a b":[1,2]}"#), (#" "\\" "#, #""\\""#),
        (#"["\" ", "\\ " ]"#, #"["\" ","\\ "]"#),
        ("{ }", "{}"), ("[\"\u{e9} \u{1F600}\"]", "[\"\u{e9} \u{1F600}\"]"), (" 1.50e3 ", "1.50e3"),
    ])
    func `JSON of many lines is brought onto one, and nothing in it changes`(text: String, expected: String) throws {
        let compact = RawJSON(compacting: Array(text.utf8))
        #expect(String(decoding: compact.bytes, as: UTF8.self) == expected)
        #expect(try JSONValue(parsing: compact.bytes) == JSONValue(parsing: text))
    }

    @Test func `rpc-discover gives the document as it is`() throws {
        #expect(try answer(.rpcDiscover, "{}") == JSONValue(parsing: ContractDocument.openRPC))
    }
}
