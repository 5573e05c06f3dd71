/// Statuses, codes, and errors on the wire.
import Contract
import JSON
import Testing

struct ErrorTests {
    /// The table of the protocol.
    static let table: [(name: String, grpcNumber: Int, code: Int)] = [
        ("CANCELLED", 1, -32001), ("UNKNOWN", 2, -32002), ("INVALID_ARGUMENT", 3, -32602),
        ("DEADLINE_EXCEEDED", 4, -32004), ("NOT_FOUND", 5, -32005), ("ALREADY_EXISTS", 6, -32006),
        ("PERMISSION_DENIED", 7, -32007), ("RESOURCE_EXHAUSTED", 8, -32008), ("FAILED_PRECONDITION", 9, -32009),
        ("ABORTED", 10, -32010), ("OUT_OF_RANGE", 11, -32011), ("UNIMPLEMENTED", 12, -32601),
        ("INTERNAL", 13, -32603), ("UNAVAILABLE", 14, -32014), ("DATA_LOSS", 15, -32015),
        ("UNAUTHENTICATED", 16, -32016),
    ]

    @Test(arguments: table)
    func `each status has gRPC's number and its code`(name: String, grpcNumber: Int, code: Int) throws {
        let status = try #require(Status(name: name))
        #expect(status.name == name && status.grpcNumber == grpcNumber && status.code == code)
        #expect(Status(code: code) == status)
    }

    @Test func `there are no other statuses`() {
        #expect(Status.all.map(\.name) == Self.table.map(\.name))
        #expect(Status(name: "OK") == nil && Status(code: -32700) == nil)
    }

    @Test func `the envelope's reasons have the codes that JSON-RPC reserves`() {
        #expect(Reason.parseError.code == -32700)
        #expect(Reason.invalidRequest.code == -32600)
        #expect(Reason.lineTooLong.code == -32600 && Reason.lineTooLong.status == .resourceExhausted)
        #expect(Reason.methodNotFound.code == -32601)
        #expect(Reason.schema.code == -32602)
        let others = Reason.all.filter { $0.code != $0.status.code }.map(\.name)
        #expect(others == ["PARSE_ERROR", "INVALID_REQUEST", "LINE_TOO_LONG"])
    }

    @Test func `an error with everything is written as the protocol shows it, and read back`() throws {
        let error = RPCError(
            .cardDeclined, "Your card has insufficient funds.",
            violations: [Violation(pointer: "/priceId", rule: "pattern", message: "must be an id")],
            stripe: StripeRefusal(
                type: "card_error", code: "card_declined", declineCode: "insufficient_funds", param: "items[0][price]",
                requestId: "req_1", docUrl: "https://stripe.com/docs/error-codes/card-declined", httpStatus: 402),
            retryAfterMilliseconds: 1500, subjectId: "pm_1")
        var writer = JSONWriter()
        error.write(into: &writer)
        let text = String(decoding: writer.bytes, as: UTF8.self)
        #expect(
            text == #"{"code":-32009,"message":"Your card has insufficient funds.","data":{"#
                + #""status":"FAILED_PRECONDITION","reason":"CARD_DECLINED","retryable":false,"retryAfterMs":1500,"subjectId":"pm_1","#
                + #""violations":[{"pointer":"/priceId","rule":"pattern","message":"must be an id"}],"#
                + #""stripe":{"type":"card_error","code":"card_declined","declineCode":"insufficient_funds","#
                + #""param":"items[0][price]","requestId":"req_1","#
                + #""docUrl":"https://stripe.com/docs/error-codes/card-declined","httpStatus":402}}}"#)
        let json = try JSONValue(parsing: text)
        #expect(RPCError(json: json) == error)
        try expectPublished(json["data"], as: "ErrorData")
        try expectPublished(json["data"]?["violations"]?[0], as: "Violation")
        try expectPublished(json["data"]?["stripe"], as: "StripeRefusal")
    }

    /// These types are written by hand: here their members are held to the published ones.
    private func expectPublished(_ json: JSONValue?, as type: String) throws {
        let schema = try JSONValue(parsing: ContractDocument.openRPC)["components"]?["schemas"]?[type]
        #expect(json?.objectValue?.keys == schema?["properties"]?.objectValue?.keys)
    }

    @Test func `an error with little is written with little`() {
        var writer = JSONWriter()
        RPCError(.conflict, "Again.", stripe: StripeRefusal(httpStatus: 409)).write(into: &writer)
        #expect(
            String(decoding: writer.bytes, as: UTF8.self)
                == #"{"code":-32010,"message":"Again.","data":{"status":"ABORTED","reason":"CONFLICT","retryable":true,"stripe":{"httpStatus":409}}}"#
        )
    }

    @Test func `whether an error is worth another try is its reason's, unless the error says so itself`() {
        #expect(RPCError(.waitingForStripe, "").retryable)
        #expect(!RPCError(.waitingForStripe, "", retryable: false).retryable)
    }

    @Test(arguments: [
        (#"{"code":-32005,"message":"gone"}"#, "NOT_FOUND", "UNSPECIFIED", -32005),
        (#"{"code":7,"message":"?","data":{"status":"NEW","reason":"NEWER"}}"#, "UNKNOWN", "NEWER", 7),
        (#"{"data":{"status":"ABORTED","violations":[{}],"stripe":5}}"#, "ABORTED", "UNSPECIFIED", -32010),
        ("null", "UNKNOWN", "UNSPECIFIED", -32002),
    ])
    func `a strange error is read as the nearest thing known`(
        text: String, status: String, reason: String, code: Int
    ) throws {
        let error = RPCError(json: try JSONValue(parsing: text))
        #expect(error.status.name == status && error.reason == reason && error.code == code)
        #expect(error.stripe == nil)
    }
}
