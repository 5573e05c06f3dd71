internal import Contract
package import JSON
package import Store

/// The mirror as what its changes leave.
package struct Rebuild: Sendable {
    private static let page = 500

    private let store: SQLStore

    package init(_ store: SQLStore) { self.store = store }

    /// Makes the mirror anew in its place.
    ///
    /// - Parameter now: our own time, in Unix seconds.
    package func run(
        at now: Int64, progress: @escaping @Sendable (_ done: Int64, _ all: Int64) -> Void
    ) async throws(StoreError) -> RebuiltRows {
        try await store.rebuild(at: now, progress: progress) { MirrorObject($0) }
    }

    /// What was known of a customer at a moment of Stripe's clock, and what ListAccess said: from the changes up to then, which
    /// are played in `scratch`, an empty store.
    package func customer(
        _ id: String, asOf moment: Int64, graceSeconds: Int64?, scratch: SQLStore
    ) async throws(StoreError) -> JSONValue {
        var last: Int64 = 0
        var objects: [String: JSONValue] = [:]
        while true {
            let entries = try await store.ledger(after: last, limit: Self.page)
            guard let end = entries.last else { break }
            let played = entries.filter { $0.customer == id && $0.at <= moment }.compactMap { entry in
                MirrorObject(entry).map { (entry: entry, object: $0) }
            }
            for (_, object) in played where object.kind == .customers || object.kind == .subscriptions {
                objects[object.id] = object.isDeleted ? nil : try? JSONValue(parsing: object.raw)
            }
            try await scratch.replay(played)
            last = end.change
        }
        let known = try scratch.reader().subscriptions(ofCustomer: id)
        let access = AccessQuestions(graceSeconds: graceSeconds, clock: { moment }).list(known)
        var written = JSONWriter()
        ListAccessResult(access: access).write(into: &written)
        let subscriptions = known.compactMap { objects[$0.id] }
        return [
            "customerId": .string(id), "at": .string(Timestamp(unixSeconds: moment).description),
            "customer": objects[id] ?? .null, "subscriptions": .array(subscriptions),
            "access": (try? JSONValue(parsing: written.bytes))?["access"] ?? [],
        ]
    }
}
