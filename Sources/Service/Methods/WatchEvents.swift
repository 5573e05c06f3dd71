package import Contract
internal import JSON
internal import Store

extension LocalService {
    package func watchEvents(
        _ params: WatchEventsParams, _ call: CallContext
    ) throws(RPCError) -> any ValueStream<WatchEventsValue, WatchEventsResult> {
        let newest = try events.newestChange()
        let after = params.after ?? newest
        guard after <= newest else {
            throw RPCError(
                .cursorOutOfRange, "the newest change is \(newest), and \(after) is beyond it: a cursor of another database"
            )
        }
        let swept = try events.newestSweptChange()
        guard after >= swept || after == 0 else {
            throw RPCError(
                .cursorOutOfRange, "events up to the change \(swept) are not kept any more, and \(after) is before that")
        }
        // From 0 on is from the beginning of what there is.
        return EventStream(
            events, types: EventTypes(params.types), customer: params.customerId, after: after == 0 ? swept : after)
    }
}

/// The events after a change, in the order of their changes.
private final class EventStream: ValueStream {
    /// Changes that one look covers: some tenths of a millisecond, whatever is found.
    private static let changesPerLook: Int64 = 512

    private let events: EventLog
    private let types: EventTypes
    private let customer: String?
    /// Every change up to this one was looked at.
    private var seen: Int64
    /// What of it is still to be given.
    private var found: ArraySlice<Int64> = []

    init(_ events: EventLog, types: EventTypes, customer: String?, after: Int64) {
        self.events = events
        self.types = types
        self.customer = customer
        seen = after
    }

    var result: WatchEventsResult { WatchEventsResult(after: found.first.map { $0 - 1 } ?? seen) }

    func next() throws(RPCError) -> StreamStep<WatchEventsValue> {
        if found.isEmpty {
            let newest = try events.newestChange()
            guard seen <= newest else {
                throw RPCError(.cursorOutOfRange, "the database was put back to a state before the change \(seen)")
            }
            guard seen < newest else { return .caughtUp }
            let swept = try events.newestSweptChange()
            guard seen >= swept else {
                throw RPCError(.cursorOutOfRange, "events up to the change \(swept) are not kept any more")
            }
            let last = min(newest, seen + Self.changesPerLook)
            found = try events.changes(in: (seen + 1)...last, ofCustomer: customer, types)[...]
            seen = last
        }
        guard let change = found.popFirst() else { return .searching }
        guard let value = try events.value(of: change) else {
            throw RPCError(.cursorOutOfRange, "the event of change \(change) was swept away before it was given")
        }
        return .value(value)
    }
}

/// The closed events of the store, as the streams of one loop read them.
final class EventLog {
    private let reader: any StoreReader
    /// What was read last: streams take turns, so that those that are equally far ask for the same one after the other.
    private var last: WatchEventsValue?

    init(reader: any StoreReader) { self.reader = reader }

    func newestChange() throws(RPCError) -> Int64 {
        do throws(StoreError) { return try reader.newestChange() } catch { throw RPCError(error) }
    }

    func newestSweptChange() throws(RPCError) -> Int64 {
        do throws(StoreError) { return try reader.newestSweptChange() } catch { throw RPCError(error) }
    }

    /// The changes in `range` that closed an event of these types.
    func changes(in range: ClosedRange<Int64>, ofCustomer id: String?, _ types: EventTypes) throws(RPCError) -> [Int64] {
        do throws(StoreError) {
            return try reader.closedEvents(in: range, ofCustomer: id).filter { types.contain($0.type) }.map(\.change)
        } catch {
            throw RPCError(error)
        }
    }

    /// The event that a change closed; nil where it has been swept away since it was found.
    func value(of change: Int64) throws(RPCError) -> WatchEventsValue? {
        if let last, last.seq == change { return last }
        let found: JournalEvent?
        do throws(StoreError) { found = try reader.closedEvent(ofChange: change) } catch { throw RPCError(error) }
        if found == nil, change <= (try newestSweptChange()) { return nil }
        guard let event = found, let object = Self.object(of: event.payload) ?? Self.name(in: event.payload) else {
            throw RPCError(.storeCorrupt, "the event of change \(change) cannot be read")
        }
        let value = WatchEventsValue(
            seq: change, id: event.id, type: event.type, created: Timestamp(unixSeconds: event.created),
            customerId: event.customer, subscriptionId: event.subscription, object: object)
        last = value
        return value
    }

    /// What a thin event names, in place of the object that it does not bear. Nil for other events.
    private static func name(in payload: [UInt8]) -> RawJSON? {
        guard let event = try? JSONValue(parsing: payload), event["object"] == "v2.core.event" else { return nil }
        guard let named = event["related_object"], named.objectValue != nil else { return RawJSON("{}") }
        return RawJSON(named.text)
    }

    /// `data.object` of an event's JSON, without the secrets with which a browser pays: they are for the one who pays, not for
    /// everybody who may read. Nil where there is no object.
    private static func object(of payload: [UInt8]) -> RawJSON? {
        try? JSONReader.read(payload) { reader throws(JSONError) in
            guard try reader.enter("data"), try reader.enter("object") else { return nil }
            let object = RawJSON(compacting: reader.copy(try reader.skipValue()))
            guard object.bytes.firstRange(of: Array("\"client_secret\"".utf8)) != nil else { return object }
            return RawJSON(try JSONValue(parsing: object.bytes).without("client_secret").text)
        }
    }
}

extension JSONValue {
    /// The value without the members called `key`, however deep they stand.
    fileprivate func without(_ key: String) -> JSONValue {
        switch self {
        case .object(let object):
            .object(JSONObject(object.filter { $0.key != key }.map { ($0.key, $0.value.without(key)) }))
        case .array(let elements): .array(elements.map { $0.without(key) })
        default: self
        }
    }
}

/// Types of event as a caller names them: by their names, and by what they begin with.
struct EventTypes {
    private var names: Set<String> = []
    private var beginnings: [String] = []

    /// Nil means every type.
    init(_ patterns: [String]?) {
        for pattern in patterns ?? ["*"] {
            if pattern.hasSuffix("*") { beginnings.append(String(pattern.dropLast())) } else { names.insert(pattern) }
        }
    }

    func contain(_ type: String) -> Bool { names.contains(type) || beginnings.contains { type.hasPrefix($0) } }
}

extension JSONReader {
    /// Goes to the value of the member `key` of the object that comes next; false where there is none.
    fileprivate mutating func enter(_ key: String) throws(JSONError) -> Bool {
        guard try peek() == .object else { return false }
        var cursor = try beginObject()
        while let found = try nextKey(&cursor) {
            if found == key { return true }
            try skipValue()
        }
        return false
    }
}
