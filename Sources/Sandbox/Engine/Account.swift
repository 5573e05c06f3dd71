import JSON

/// One Stripe account: its objects, and the rules that change them. Time and randomness are its own; it knows nothing of
/// HTTP. Each resource's rules stand in an extension of its own.
final class Account {
    var store = ObjectStore()
    var random: SandboxRandom
    /// The account's time in Unix seconds: that of the request, or of the due action that is running.
    var now: Int64
    /// The test clock whose time `now` is, and the account's own time meanwhile; nil while `now` is that itself.
    var clock: (id: String, own: Int64)?
    /// Seconds by which the account's time is ahead of the wall clock.
    var clockOffset: Int64 = 0
    /// The request that causes the events; nil while a due action runs.
    var cause: (requestID: String, idempotencyKey: String?)?
    /// Where a browser reaches this sandbox, for the pages that it is sent to.
    var origin = "http://localhost"
    /// Whether an address was configured that wants every event, besides the registered endpoints.
    var hasConfiguredEndpoint: Bool
    /// Deliveries made since the server last took them.
    var outbox: [EventDelivery] = []
    /// Customers whose subscriptions were written since their entitlements were last looked at, in order.
    var touched: [String] = []
    /// What is to go wrong with the requests to come.
    var faults = Faults()
    /// What was answered to requests that carried an idempotency key.
    var idempotency = IdempotencyStore()
    /// Earlier states to come back to.
    var snapshots = Snapshots()
    /// The state in which the account was made.
    private(set) lazy var beginning = snapshot()
    /// What was rendered last, and when: several events in a row show one object.
    var shown: (kind: ObjectKind, id: String, version: Int, time: Int64, object: JSONObject)?
    /// Deliveries that no endpoint has acknowledged yet, in order.
    var undelivered = DeliveryBacklog()

    /// The version in which events and unversioned answers are rendered.
    static let apiVersion = "2026-10-28.endive"
    /// The name of this account inside ids, as Stripe's have one.
    static let fragment = "Sb0xDuesQ1"

    init(seed: UInt64, openedAt: Int64, hasConfiguredEndpoint: Bool) {
        random = SandboxRandom(seed: seed)
        now = openedAt
        self.hasConfiguredEndpoint = hasConfiguredEndpoint
        openCatalog()
        store.commit()
        _ = beginning
    }

    // MARK: Transactions

    struct Savepoint {
        fileprivate let store: Int
        fileprivate let random: SandboxRandom
        fileprivate let now: Int64
        fileprivate let clockOffset: Int64
        fileprivate let outbox: Int
        fileprivate let snapshots: Int
    }

    var savepoint: Savepoint {
        Savepoint(
            store: store.savepoint, random: random, now: now, clockOffset: clockOffset, outbox: outbox.count,
            snapshots: snapshots.version)
    }

    /// Whether anything that a replay has to know was changed since `point`, where the transaction began.
    func hasChanged(since point: Savepoint) -> Bool {
        store.hasChanges || random != point.random || clockOffset != point.clockOffset
            || snapshots.version != point.snapshots
    }

    /// Makes everything since `point` not have happened, the random draws included.
    func rollback(to point: Savepoint) {
        store.rollback(to: point.store)
        random = point.random
        now = point.now
        clockOffset = point.clockOffset
        while outbox.count > point.outbox { undelivered.remove(outbox.removeLast()) }
    }

    // MARK: Ids

    /// A new id. Stripe's begin with 1, or with 3 where the object is a side effect; both are opaque.
    func newID(_ kind: ObjectKind, sideEffect: Bool = false) -> String {
        if kind.saysTest { return "\(kind.prefix)_test_61\(random.text(30))" }
        if kind.hasShortID { return "\(kind.prefix)_\(random.text(14))" }
        var seconds = now
        var time: [UInt8] = []
        for _ in 0..<5 {
            time.append(SandboxRandom.base62[Int(seconds % 62)])
            seconds /= 62
        }
        let written = String(decoding: time.reversed(), as: UTF8.self)
        return "\(kind.prefix)_\(sideEffect ? "3" : "1")\(written)\(Self.fragment)\(random.text(8))"
    }

    // MARK: Bounds

    /// A parameter that names a time to come: after now, and at most five years on.
    func future(_ time: Int64, _ param: String) throws(APIFailure) -> Int64 {
        guard time > now else { throw .inPast(param, time) }
        guard time - now <= 5 * 366 * CivilDate.secondsPerDay else { throw .tooFar(param) }
        return time
    }

    /// An integer parameter that has to lie within bounds where it is given.
    static func check(_ params: JSONObject, _ name: String, in bounds: ClosedRange<Int64>) throws(APIFailure) {
        guard let value = params.integer(name), !bounds.contains(value) else { return }
        throw .invalid(
            "Invalid \(name): must be between \(bounds.lowerBound) and \(bounds.upperBound)", param: name,
            code: "parameter_invalid_integer")
    }

    static let amountBounds = -ExactAmount.largest...ExactAmount.largest

    // MARK: Objects

    /// The object of that id unless it was deleted.
    func find(_ kind: ObjectKind, _ id: String) -> JSONObject? {
        guard let object = store.object(kind, id), !object.flag("_deleted") else { return nil }
        return object
    }

    /// An object that the account's own rules guarantee: an id that stands in another object and is never removed.
    func known(_ kind: ObjectKind, _ id: String) -> JSONObject { store.object(kind, id) ?? ["id": .string(id)] }

    /// The object that a path names.
    func named(_ kind: ObjectKind, _ id: String, param: String? = nil) throws(APIFailure) -> JSONObject {
        guard let object = find(kind, id) else {
            throw .absent(kind, id, param: param ?? kind.pathParam, status: 404)
        }
        return object
    }

    /// The object that a parameter names.
    func referred(
        _ kind: ObjectKind, _ id: String, param: String, status: Int = 400
    ) throws(APIFailure) -> JSONObject {
        guard let object = find(kind, id) else { throw .absent(kind, id, param: param, status: status) }
        return object
    }

    /// Stores an object as it is now, and when it next needs attention.
    func put(_ kind: ObjectKind, _ object: JSONObject) {
        var object = object
        switch kind {
        case .subscriptionItem:
            object = granted(object)
            touch(known(.subscription, object.string("subscription") ?? ""))
        case .subscription: touch(object)
        default: break
        }
        let time = Self.due(kind, object)
        store.put(kind, object, due: time.map { .init(time: $0, clock: kind == .testClock ? nil : clock(of: object)) })
    }

    /// Notes that what a subscription's customer is entitled to may have changed.
    private func touch(_ subscription: JSONObject) {
        guard let customer = subscription.string("customer"), touched.last != customer else { return }
        touched.append(customer)
    }

    func change(_ kind: ObjectKind, _ id: String, _ body: (inout JSONObject) -> Void) {
        var object = known(kind, id)
        body(&object)
        put(kind, object)
    }

    /// The live objects of a kind whose `member` is `value`, oldest first.
    func all(_ kind: ObjectKind, where member: String, is value: String) -> [JSONObject] {
        store.ids(kind, where: member, is: value).compactMap { find(kind, $0) }
    }

    // MARK: Rendering

    /// An object as it is on the wire.
    func rendered(_ kind: ObjectKind, _ id: String) -> JSONObject {
        if let shown, shown.id == id, shown.kind == kind, shown.version == store.version, shown.time == now {
            return shown.object
        }
        let object = render(kind, known(kind, id))
        shown = (kind, id, store.version, now, object)
        return object
    }

    func render(_ kind: ObjectKind, _ object: JSONObject) -> JSONObject {
        if object.flag("_deleted") {
            return ["id": .string(object.id), "object": .string(kind.rawValue), "deleted": true]
        }
        switch kind {
        case .subscription: return renderSubscription(object)
        case .subscriptionItem: return renderItem(object)
        case .invoice: return renderInvoice(object)
        case .productFeature: return renderProductFeature(object)
        case .balanceTransaction: return renderTransaction(object)
        case .checkoutItem: return renderCheckoutItem(object)
        case .dispute: return renderDispute(object)
        case .coupon: return renderCoupon(object)
        case .creditNote: return renderCreditNote(object)
        case .promotionCode: return renderPromotionCode(object)
        default: return object.withoutHidden
        }
    }

    /// Merges `metadata` as Stripe does: an empty value removes its key, null (the empty string) removes all.
    static func mergeMetadata(_ change: JSONValue?, into object: inout JSONObject) {
        guard let change else { return }
        guard case .object(let entries) = change else {
            object["metadata"] = [:]
            return
        }
        var metadata = object.object("metadata")
        for (key, value) in entries { metadata[key] = value.stringValue == "" ? JSONValue?.none : value }
        object["metadata"] = .object(metadata)
    }

    /// The metadata of a new object.
    static func newMetadata(_ params: JSONObject) -> JSONValue {
        var object: JSONObject = ["metadata": [:]]
        mergeMetadata(params["metadata"], into: &object)
        return .object(object.object("metadata"))
    }
}
