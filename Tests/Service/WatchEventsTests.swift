import Contract
import Glibc
import JSON
import Store
import TestSupport
import Testing

@testable import Service

/// WatchEvents on a store of the test's own, pulled as the RPC layer pulls it.
@Suite struct WatchEventsTests {
    private let store: SQLStore
    private let service: LocalService

    init() throws {
        var template = Array("/tmp/dues-test-XXXXXX".utf8CString)
        try #require(mkdtemp(&template) != nil)
        let directory = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        store = try SQLStore(path: directory + "/dues.db")
        let limits = HelloLimits(lineBytes: 1, inFlightCalls: 1, batchLength: 1, outputBytes: 1, idleSeconds: 0)
        service = LocalService(
            reader: try store.reader(), access: AccessQuestions(clock: { 0 }), answers: SharedAnswers(bytes: 0),
            health: Health(),
            identity: ServerIdentity(version: "0", mode: .test, limits: limits))
    }

    private func write(
        _ count: Int = 1, type: String = "invoice.paid", customer: String? = "cus_1",
        payload: String = #"{"data":{"object":{}}}"#
    ) async throws {
        let before = try service.events.newestChange()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<count {
                group.addTask { [store] in
                    _ = try await store.journal(
                        JournalEvent(
                            id: "evt_\(before)_\(number)", type: type, created: 1_700_000_000, received: 1,
                            customer: customer,
                            subscription: "sub_1", payload: Array(payload.utf8)))
                }
            }
            try await group.waitForAll()
            for event in try await store.waitingEvents(after: 0, limit: count) {
                group.addTask { [store] in try await store.markProjected(sequence: event.sequence, at: 1) }
            }
            try await group.waitForAll()
        }
    }

    private func watch(_ params: WatchEventsParams) throws -> any ValueStream<WatchEventsValue, WatchEventsResult> {
        try service.watchEvents(params, CallContext(method: .watchEvents, received: .now))
    }

    /// What a stream gives until it has nothing more, and how often it looked in vain meanwhile.
    private func drain(
        _ stream: any ValueStream<WatchEventsValue, WatchEventsResult>
    ) throws -> (values: [WatchEventsValue], searches: Int) {
        var values: [WatchEventsValue] = []
        var searches = 0
        while true {
            switch try stream.next() {
            case .value(let value): values.append(value)
            case .searching: searches += 1
            case .caughtUp: return (values, searches)
            }
        }
    }

    @Test func `without a cursor the stream begins now, with 0 at the beginning, and it goes on where it was`() async throws
    {
        try await write(2)
        let fromNow = try watch(WatchEventsParams())
        let fromStart = try watch(WatchEventsParams(after: 0))
        #expect(try drain(fromNow).values.isEmpty)
        #expect(try drain(fromStart).values.map(\.seq) == [1, 2])
        try await write(2)
        #expect(try drain(fromNow).values.map(\.seq) == [3, 4])
        #expect(try drain(fromStart).values.map(\.seq) == [3, 4])
        #expect(try drain(watch(WatchEventsParams(after: 3))).values.map(\.seq) == [4])
        #expect(fromNow.result == WatchEventsResult(after: 4))
    }

    @Test func `a cursor beyond the newest change is refused`() async throws {
        try await write(1)
        #expect(try drain(watch(WatchEventsParams(after: 1))).values.isEmpty)
        let error = #expect(throws: RPCError.self) { try watch(WatchEventsParams(after: 2)) }
        #expect(error?.reason == "CURSOR_OUT_OF_RANGE")
        #expect(throws: RPCError.self) { try watch(WatchEventsParams(after: .max)) }
    }

    @Test func `a cursor from before what is kept is refused, and 0 is the beginning of what there is`() async throws {
        try await write(5)
        let early = try watch(WatchEventsParams(after: 1))
        while try await store.sweep(changesBefore: 2, intentsBefore: 0, limit: 3).changes > 0 {}
        try await write(2)
        let error = #expect(throws: RPCError.self) { try watch(WatchEventsParams(after: 3)) }
        #expect(error?.reason == "CURSOR_OUT_OF_RANGE")
        #expect(try drain(watch(WatchEventsParams(after: 4))).values.map(\.seq) == [5, 6, 7])
        #expect(try drain(watch(WatchEventsParams(after: 0))).values.map(\.seq) == [5, 6, 7])
        let late = #expect(throws: RPCError.self) { try drain(early) }
        #expect(late?.reason == "CURSOR_OUT_OF_RANGE", "a stream that was overtaken does not skip in silence")
    }

    @Test func `a value is the event, its object as Stripe wrote it on one line`() async throws {
        let payload = """
            {
              "id": "evt_1", "object": "event",
              "data": {
                "previous_attributes": {"object": {"id": "no"}},
                "object": {"id": "in_1", "total": 12.50, "note": "a  \\"b\\" {", "lines": [ 1,
                  2 ]}
              }
            }
            """
        try await write(payload: payload)
        let value = try #require(try drain(watch(WatchEventsParams(after: 0))).values.first)
        #expect(value.type == "invoice.paid")
        #expect(value.created.description == "2023-11-14T22:13:20Z")
        #expect(value.customerId == "cus_1")
        #expect(value.subscriptionId == "sub_1")
        #expect(
            String(decoding: value.object.bytes, as: UTF8.self)
                == #"{"id":"in_1","total":12.50,"note":"a  \"b\" {","lines":[1,2]}"#)
    }

    @Test func `the secrets with which a browser pays are left out, however deep they stand`() async throws {
        let payload = """
            {"data":{"object":{"id":"in_1","client_secret":"a",
            "confirmation_secret":{"client_secret":"b","type":"t"},"list":[{"client_secret":null,"note":"client_secret"}]}}}
            """
        try await write(payload: payload)
        let values = try drain(try watch(WatchEventsParams(after: 0))).values
        #expect(
            values.map(\.object) == [
                RawJSON(#"{"id":"in_1","confirmation_secret":{"type":"t"},"list":[{"note":"client_secret"}]}"#)
            ])
    }

    @Test func `a thin event shows what it names`() async throws {
        try await write(
            payload: #"{"object":"v2.core.event","related_object":{"id":"mtr_1","url":"/v1/billing/meters/mtr_1"}}"#)
        try await write(payload: #"{"object":"v2.core.event","related_object":null}"#)
        let values = try drain(try watch(WatchEventsParams(after: 0))).values
        #expect(values.map(\.object) == [RawJSON(#"{"id":"mtr_1","url":"/v1/billing/meters/mtr_1"}"#), RawJSON("{}")])
    }

    @Test func `an event that cannot be read ends the stream, which can go on behind it`() async throws {
        try await write(payload: "{")
        try await write()
        let stream = try watch(WatchEventsParams(after: 0))
        let error = #expect(throws: RPCError.self) { try stream.next() }
        #expect(error?.reason == "STORE_CORRUPT")
        #expect(error?.message.contains("change 1 ") == true)
        #expect(try drain(watch(WatchEventsParams(after: 1))).values.map(\.seq) == [2])
    }

    @Test func `filters hold together, and what they leave out moves the cursor`() async throws {
        for (type, customer) in [
            ("invoice.paid", "cus_1"), ("invoice.created", "cus_2"), ("invoiceitem.created", "cus_1"),
            ("customer.subscription.updated", "cus_1"), ("balance.available", nil),
        ] {
            try await write(type: type, customer: customer)
        }
        let shown = { (types: [String]?, customer: String?) in
            let stream = try watch(WatchEventsParams(types: types, customerId: customer, after: 0))
            let values = try drain(stream).values.map(\.seq)
            #expect(stream.result.after == 5)
            return values
        }
        #expect(try shown(nil, nil) == [1, 2, 3, 4, 5])
        #expect(try shown(["*"], nil) == [1, 2, 3, 4, 5])
        #expect(try shown(["invoice.*"], nil) == [1, 2])
        #expect(try shown(["customer.*", "balance.available"], nil) == [4, 5])
        #expect(try shown(["invoice"], nil) == [])
        #expect(try shown(nil, "cus_1") == [1, 3, 4])
        #expect(try shown(["invoice.*"], "cus_1") == [1])
        #expect(try shown(["invoice.*"], "cus_3") == [])
    }

    @Test func `a filter that nothing passes looks through a long journal in short steps`() async throws {
        try await write(5000)
        try await write(type: "charge.failed", customer: "cus_2")
        for params in [WatchEventsParams(types: ["charge.*"], after: 0), WatchEventsParams(customerId: "cus_2", after: 0)] {
            let (values, searches) = try drain(try watch(params))
            #expect(values.map(\.seq) == [5001])
            #expect(searches >= 5000 / 1024, "one look must not cover everything")
        }
        let stream = try watch(WatchEventsParams(types: ["charge.*"], after: 0))
        guard case .searching = try stream.next() else { throw RPCError(.internalError, "the first look found something") }
        #expect(stream.result.after > 0 && stream.result.after < 5001, "what was looked at is not looked at again")
    }
}
