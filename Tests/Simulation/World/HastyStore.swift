import Store

/// A store with a known mistake, which a simulation has to find: what arrives last is taken for the newest.
struct HastyStore: Store {
    private let store: any Store

    init(_ store: any Store) { self.store = store }

    func project(_ news: [EventNews]) async throws(StoreError) -> [ProjectionOutcome] {
        var outcomes: [ProjectionOutcome] = []
        for event in news {
            guard let object = event.object else {
                outcomes += try await store.project([event])
                continue
            }
            let (created, version) = (event.basis.created, try await store.version(of: object.kind, id: object.id))
            let basis = ReplyBasis(
                version: version, from: created, until: created, settles: event.basis.sequence, now: event.basis.now)
            outcomes.append(try await store.project(object, from: basis))
            if case .fetch = outcomes.last { break }
        }
        return outcomes
    }

    // MARK: What is in order

    func journal(_ event: JournalEvent) async throws(StoreError) -> Bool { try await store.journal(event) }
    func journal(_ events: [JournalEvent]) async throws(StoreError) -> Int { try await store.journal(events) }
    func waitingEvents(after sequence: Int64, limit: Int) async throws(StoreError) -> [JournalEvent] {
        try await store.waitingEvents(after: sequence, limit: limit)
    }
    func waitingEvents(
        ofCustomer customer: String, after sequence: Int64, before end: Int64, limit: Int
    ) async throws(StoreError) -> [JournalEvent] {
        try await store.waitingEvents(ofCustomer: customer, after: sequence, before: end, limit: limit)
    }
    func project(_ object: MirrorObject, from reply: ReplyBasis) async throws(StoreError) -> ProjectionOutcome {
        try await store.project(object, from: reply)
    }
    func version(of kind: MirrorKind, id: String) async throws(StoreError) -> Int64 {
        try await store.version(of: kind, id: id)
    }
    func missingProducts(ofSubscriptions ids: [String]?) async throws(StoreError) -> Set<String> {
        try await store.missingProducts(ofSubscriptions: ids)
    }
    func customer(ofSubscription id: String) async throws(StoreError) -> String? {
        try await store.customer(ofSubscription: id)
    }
    func newestChange() async throws(StoreError) -> Int64 { try await store.newestChange() }
    func rows(
        of kind: MirrorKind, after id: String, customer: String?, limit: Int
    ) async throws(StoreError) -> [(id: String, knownUntil: Int64)] {
        try await store.rows(of: kind, after: id, customer: customer, limit: limit)
    }
    func countOfRows(of kind: MirrorKind, customer: String?) async throws(StoreError) -> Int {
        try await store.countOfRows(of: kind, customer: customer)
    }
    func begin(_ intent: Intent) async throws(StoreError) -> IntentState { try await store.begin(intent) }
    func mark(intent key: String, attempt: Int64, begun: [UInt8]?) async throws(StoreError) -> Bool {
        try await store.mark(intent: key, attempt: attempt, begun: begun)
    }
    func finish(intent key: String, reply: [UInt8]) async throws(StoreError) -> [UInt8] {
        try await store.finish(intent: key, reply: reply)
    }
    var locks: (any SharedLocks)? { store.locks }
    func mark(of walk: String) async throws(StoreError) -> Int64? { try await store.mark(of: walk) }
    func keep(mark: Int64, of walk: String) async throws(StoreError) { try await store.keep(mark: mark, of: walk) }
    func sweep(
        changesBefore written: Int64, intentsBefore created: Int64, limit: Int
    ) async throws(StoreError) -> SweptRows {
        try await store.sweep(changesBefore: written, intentsBefore: created, limit: limit)
    }
    func setting(_ name: String, orElse make: () -> [UInt8]) throws(StoreError) -> [UInt8] {
        try store.setting(name, orElse: make)
    }
    func reader() throws(StoreError) -> any StoreReader { try store.reader() }
    func onChanges(_ listener: @escaping @Sendable () -> Void) { store.onChanges(listener) }
}
