import JSON

/// Whose time it is: an object lives in the account's own time, or in that of its customer's test clock.
extension Account {
    /// The clock that an object lives by; nil for the account's own time.
    func clock(of object: JSONObject) -> String? {
        if let own = object.string("test_clock") { return own }
        if store.ids(.testClock).isEmpty { return nil }
        let owners: [(member: String, kind: ObjectKind)] = [
            ("customer", .customer), ("subscription", .subscription), ("invoice", .invoice), ("charge", .charge),
            ("payment_intent", .paymentIntent),
        ]
        for owner in owners {
            if let id = object.string(owner.member), let found = store.object(owner.kind, id) { return clock(of: found) }
        }
        return nil
    }

    /// The clock of what a call is about: the first object with one that its path or its parameters name. The clocks' own
    /// endpoints are called in the account's time.
    func clock(namedBy call: Call) -> String? {
        guard !call.url.hasPrefix("/v1/test_helpers/") else { return nil }
        for id in call.path { if let clock = clock(ofID: id) { return clock } }
        return clock(in: .object(call.params))
    }

    private func clock(in value: JSONValue) -> String? {
        switch value {
        case .string(let id): return clock(ofID: id)
        case .array(let elements): return elements.lazy.compactMap { self.clock(in: $0) }.first
        case .object(let members):
            return members.lazy.filter { $0.key != "metadata" }.compactMap { self.clock(in: $0.value) }.first
        default: return nil
        }
    }

    private static let kinds = Dictionary(
        ObjectKind.allCases.map { ($0.prefix, $0) }, uniquingKeysWith: { first, _ in first })

    private func clock(ofID id: String) -> String? {
        guard let kind = kind(ofID: id), let object = store.object(kind, id) else { return nil }
        return kind == .testClock ? id : clock(of: object)
    }

    /// The kind that an id says it is of.
    func kind(ofID id: String) -> ObjectKind? { id.lastIndex(of: "_").flatMap { Self.kinds[String(id[..<$0])] } }

    /// Does something at the time at which a clock stands; in the account's own time where there is none.
    func inTime<Result>(
        of id: String?, _ body: () throws(APIFailure) -> Result
    ) throws(APIFailure) -> Result {
        guard let id, let time = find(.testClock, id)?.integer("frozen_time") else { return try body() }
        let (outer, before) = (clock, now)
        clock = (id, ownTime)
        now = time
        defer {
            clock = outer
            now = before
        }
        return try body()
    }

    /// As above, of what cannot fail.
    func inTime(of id: String, _ body: () -> Void) {
        // Cannot fail: the body does not throw.
        try? inTime(of: id) { () throws(APIFailure) in body() }
    }

    /// The account's own time, in which events happen, whatever the time of what they are about.
    var ownTime: Int64 { clock?.own ?? now }

    /// The value of `test_clock` in what is made now.
    var clockMember: JSONValue { .optional(clock?.id) }
}
