import JSON

/// The state of an account at some moment, to come back to: its objects, its time and what it would draw next, so that the
/// same calls after it give the same ids again. Copied as a value, which costs nothing until one of the two changes.
struct Snapshot {
    fileprivate let name: String?
    fileprivate let store: ObjectStore
    fileprivate let random: SandboxRandom
    /// The account's own time.
    fileprivate let now: Int64
    fileprivate let undelivered: DeliveryBacklog
    fileprivate let idempotency: IdempotencyStore
}

/// The snapshots that were taken, by id. They are no part of the state: going back to an old one loses no younger one.
struct Snapshots {
    private var taken: [(id: String, snapshot: Snapshot)] = []
    private var count = 0
    /// Grows with every change here and every return to a snapshot.
    private(set) var version = 0
    /// How often the account went back to an earlier state: whoever follows it has to look at it anew.
    private(set) var returns = 0

    /// Snapshots at a time; each may hold on to a whole state.
    private static let most = 16

    mutating func add(_ snapshot: Snapshot) throws(APIFailure) -> String {
        guard taken.count < Self.most else {
            throw .invalid("There are \(Self.most) snapshots already: delete some first.")
        }
        count += 1
        version += 1
        taken.append(("snap_\(count)", snapshot))
        return "snap_\(count)"
    }

    mutating func remove(_ id: String) {
        taken.removeAll { $0.id == id }
        version += 1
    }

    mutating func noteReturn() {
        returns += 1
        version += 1
    }

    func snapshot(_ id: String) throws(APIFailure) -> Snapshot {
        guard let found = taken.first(where: { $0.id == id }) else {
            throw APIFailure(404, "No such snapshot: '\(id)'", code: "resource_missing", param: "id")
        }
        return found.snapshot
    }

    /// Oldest first.
    var all: [JSONObject] { taken.map { Self.json($0.id, $0.snapshot) } }

    fileprivate static func json(_ id: String, _ snapshot: Snapshot) -> JSONObject {
        [
            "id": .string(id), "object": "sandbox.snapshot", "name": .optional(snapshot.name),
            "now": .integer(snapshot.now),
        ]
    }
}

extension Account {
    static let snapshotRoutes: [Route] = [
        Route("POST /sandbox/reset", "@order", Account.reset),
        Route("POST /sandbox/snapshots", "name @order", Account.takeSnapshot),
        Route("GET /sandbox/snapshots", "", Account.listSnapshots),
        Route("POST /sandbox/snapshots/{id}/restore", "@order", Account.restoreSnapshot),
        Route("DELETE /sandbox/snapshots/{id}", "", Account.deleteSnapshot),
    ]

    func snapshot(named name: String? = nil) -> Snapshot {
        Snapshot(
            name: name, store: store, random: random, now: ownTime, undelivered: undelivered, idempotency: idempotency)
    }

    /// Goes back to a snapshot. The account's clock stands at `time` from then on.
    private func go(backTo snapshot: Snapshot, at time: Int64) {
        clockOffset += time - now
        now = time
        store = snapshot.store
        shown = nil
        random = snapshot.random
        undelivered = snapshot.undelivered
        idempotency = snapshot.idempotency
        outbox = []
        touched = []
        snapshots.noteReturn()
    }

    /// Everything is as it was when the sandbox was first started, bad days included; the clock is the wall clock again.
    func reset(_ call: Call) throws(APIFailure) -> JSONValue {
        faults.removeAll()
        go(backTo: beginning, at: now - clockOffset)
        return call.answer(["object": "sandbox.reset", "now": .integer(now)])
    }

    func takeSnapshot(_ call: Call) throws(APIFailure) -> JSONValue {
        let id = try snapshots.add(snapshot(named: call.params.string("name")))
        return call.answer(Snapshots.json(id, try snapshots.snapshot(id)))
    }

    func listSnapshots(_ call: Call) throws(APIFailure) -> JSONValue {
        Self.list(snapshots.all.map(JSONValue.object), url: call.url)
    }

    /// The state is that of the snapshot again, which may be gone back to as often as one likes. What had not been delivered
    /// then is delivered again.
    func restoreSnapshot(_ call: Call) throws(APIFailure) -> JSONValue {
        let snapshot = try snapshots.snapshot(call.id)
        go(backTo: snapshot, at: snapshot.now)
        return call.answer(Snapshots.json(call.id, snapshot))
    }

    func deleteSnapshot(_ call: Call) throws(APIFailure) -> JSONValue {
        _ = try snapshots.snapshot(call.id)
        snapshots.remove(call.id)
        return ["id": .string(call.id), "object": "sandbox.snapshot", "deleted": true]
    }
}
