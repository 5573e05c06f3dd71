import Contract
import Synchronization

/// What fake streams have to give: each gives as many values as there are.
final class FakeSource: Sendable {
    private let values: Atomic<Int>
    /// Values that all streams together were asked for and gave.
    let given = Atomic(0)

    init(values: Int = 0) { self.values = Atomic(values) }

    var count: Int { values.load(ordering: .relaxed) }
    func add(_ more: Int) { values.add(more, ordering: .relaxed) }
}

/// Values numbered from 1, of about so many bytes. One whose mark is "fails" fails after its second; every third look at it finds
/// nothing yet.
final class FakeStream: ValueStream {
    private let source: FakeSource
    private let mark: String
    private let filler: RawJSON
    private var given = 0
    private var looks = 0

    init(source: FakeSource, mark: String, bytes: Int) {
        self.source = source
        self.mark = mark
        filler = RawJSON("{\"x\":\"\(String(repeating: "x", count: bytes))\"}")
    }

    func next() throws(RPCError) -> StreamStep<WatchEventsValue> {
        if mark == "fails", given == 2 { throw RPCError(.storeUnavailable, "the third is not there") }
        looks += 1
        if looks.isMultiple(of: 3) { return .searching }
        guard given < source.count else { return .caughtUp }
        given += 1
        source.given.add(1, ordering: .relaxed)
        return .value(
            WatchEventsValue(
                seq: Int64(given), id: "evt", type: "t", created: Timestamp(unixSeconds: 0), customerId: mark,
                subscriptionId: nil, object: filler))
    }

    var result: WatchEventsResult { WatchEventsResult(after: Int64(given)) }
}
