import JSON

/// Lists: newest first, by cursor; limits out of range are clamped silently, and a deleted object still serves as a
/// cursor (recorded in Stripe's test mode).
extension Account {
    /// The page of a kind's live objects that `matches` accepts. `group` narrows the search to a member's value. `members`: what
    /// `matches` looks at, besides the id, where that is known.
    func list(
        _ kind: ObjectKind, _ call: Call, group: (member: String, value: String)? = nil, oldestFirst: Bool = false,
        by members: [String]? = nil, matching matches: (JSONObject) -> Bool = { _ in true }
    ) throws(APIFailure) -> JSONValue {
        let params = call.params
        let ids = group.map { store.ids(kind, where: $0.member, is: $0.value) } ?? store.ids(kind)
        let limit = min(100, max(1, params.integer("limit") ?? 10))
        let backwards = params.string("ending_before")
        if backwards != nil, params.has("starting_after") {
            throw .invalid("Received both starting_after and ending_before parameters. Please pass in only one.")
        }
        // From the cursor on, which is left out itself; a page that ends before it is found from its end.
        let ascends = oldestFirst == (backwards == nil)
        var places = ids.indices
        if let cursor = backwards ?? params.string("starting_after") {
            let cut = try ordinal(kind, cursor, backwards == nil ? "starting_after" : "ending_before")
            places = ascends ? place(in: ids, of: kind, cut + 1)..<ids.endIndex : 0..<place(in: ids, of: kind, cut)
        }
        let walk =
            ascends
            ? stride(from: places.lowerBound, through: places.upperBound - 1, by: 1)
            : stride(from: places.upperBound - 1, through: places.lowerBound, by: -1)
        // What lives by a test clock is listed only by its clock, its customer or what else it belongs to.
        let showsClocks = group != nil || params.has("test_clock")
        let read = members.map { $0 + ["id", "_deleted", "test_clock", "created", "date"] }
        var page: [JSONObject] = []
        var hasMore = false
        for id in walk.lazy.map({ ids[$0] }) {
            guard let object = read.map({ store.excerpt(kind, id, $0) }) ?? store.object(kind, id),
                !object.flag("_deleted"), showsClocks || object.string("test_clock") == nil,
                Self.isCreated(object, within: params["created"]), matches(object)
            else { continue }
            if page.count == limit {
                hasMore = true
                break
            }
            page.append(read == nil ? object : known(kind, id))
        }
        if backwards != nil { page.reverse() }
        return Self.list(page.map { .object(render(kind, $0)) }, url: call.url, hasMore: hasMore)
    }

    /// A page of objects that have an order of their own.
    func page(_ kind: ObjectKind, _ objects: [JSONObject], _ call: Call) throws(APIFailure) -> JSONValue {
        let params = call.params
        let limit = min(100, max(1, Int(clamping: params.integer("limit") ?? 10)))
        let place = { (name: String) throws(APIFailure) -> Int? in
            guard let cursor = params.string(name) else { return nil }
            guard let index = objects.firstIndex(where: { $0.id == cursor }) else {
                throw .absent(kind, cursor, param: name)
            }
            return index
        }
        let after = try place("starting_after")
        let before = try place("ending_before")
        if after != nil, before != nil {
            throw .invalid("Received both starting_after and ending_before parameters. Please pass in only one.")
        }
        let rest = objects[(after.map { $0 + 1 } ?? 0)..<(before ?? objects.count)]
        let page = before == nil ? rest.prefix(limit) : rest.suffix(limit)
        return Self.list(page.map { .object(render(kind, $0)) }, url: call.url, hasMore: page.count < rest.count)
    }

    private func ordinal(_ kind: ObjectKind, _ cursor: String, _ param: String) throws(APIFailure) -> Int {
        guard let ordinal = store.ordinal(kind, cursor) else {
            throw .invalid("No such \(kind.noun): '\(cursor)'", param: param, code: "resource_missing")
        }
        return ordinal
    }

    /// Where the first of some ids stands, which are in order of creation, whose ordinal is at least so much.
    private func place(in ids: ObjectIDs, of kind: ObjectKind, _ ordinal: Int) -> Int {
        var (low, high) = (0, ids.count)
        while low < high {
            let middle = (low + high) / 2
            if (store.ordinal(kind, ids[middle]) ?? 0) < ordinal { low = middle + 1 } else { high = middle }
        }
        return low
    }

    static func list(_ data: [JSONValue], url: String, hasMore: Bool = false) -> JSONValue {
        ["object": "list", "data": .array(data), "has_more": .bool(hasMore), "url": .string(url)]
    }

    /// A list inside an object, which alone carries `total_count`.
    static func embedded(_ data: [JSONValue], url: String) -> JSONValue {
        [
            "object": "list", "data": .array(Array(data.prefix(10))), "has_more": .bool(data.count > 10),
            "total_count": .integer(Int64(data.count)), "url": .string(url),
        ]
    }

    static func isCreated(_ object: JSONObject, within range: JSONValue?) -> Bool {
        guard let range, let created = object.integer("created") ?? object.integer("date") else { return true }
        return isWithin(created, range)
    }

    /// Whether a time is that of a `range` parameter, or between its bounds.
    static func isWithin(_ time: Int64, _ range: JSONValue) -> Bool {
        switch range {
        case .integer(let exact): time == exact
        case .object(let bounds):
            bounds.allSatisfy { bound in
                guard let limit = bound.value.integerValue else { return true }
                return switch bound.key {
                case "gt": time > limit
                case "gte": time >= limit
                case "lt": time < limit
                default: time <= limit
                }
            }
        default: true
        }
    }
}
