import Store

/// The store as one process sees it, which may die before or after any of its writes; the store goes on.
struct MortalStore: Store {
    let store: any Store
    let life: Life

    /// Does what a living process does, and leaves undone what a dead one would have done.
    private func living<Value>(
        writes: Bool = true, _ body: () async throws(StoreError) -> Value
    ) async throws(StoreError) -> Value {
        let death = writes ? Caller.current?.drawDeath() : nil
        if death == .before { life.end() }
        guard !life.isOver else { throw Self.gone }
        let value = try await body()
        if death == .after { life.end() }
        guard !life.isOver else { throw Self.gone }
        return value
    }

    private static let gone = StoreError(.unavailable, "the process is dead")

    func journal(_ event: JournalEvent) async throws(StoreError) -> Bool {
        try await living { () async throws(StoreError) in try await store.journal(event) }
    }

    func journal(_ events: [JournalEvent]) async throws(StoreError) -> Int {
        try await living { () async throws(StoreError) in try await store.journal(events) }
    }

    func waitingEvents(after sequence: Int64, limit: Int) async throws(StoreError) -> [JournalEvent] {
        try await living(writes: false) { () async throws(StoreError) in
            try await store.waitingEvents(after: sequence, limit: limit)
        }
    }

    func waitingEvents(
        ofCustomer customer: String, after sequence: Int64, before end: Int64, limit: Int
    ) async throws(StoreError) -> [JournalEvent] {
        try await living(writes: false) { () async throws(StoreError) in
            try await store.waitingEvents(ofCustomer: customer, after: sequence, before: end, limit: limit)
        }
    }

    func project(_ news: [EventNews]) async throws(StoreError) -> [ProjectionOutcome] {
        try await living { () async throws(StoreError) in try await store.project(news) }
    }

    func project(_ object: MirrorObject, from reply: ReplyBasis) async throws(StoreError) -> ProjectionOutcome {
        try await living { () async throws(StoreError) in try await store.project(object, from: reply) }
    }

    func version(of kind: MirrorKind, id: String) async throws(StoreError) -> Int64 {
        try await living(writes: false) { () async throws(StoreError) in try await store.version(of: kind, id: id) }
    }

    func missingProducts(ofSubscriptions ids: [String]?) async throws(StoreError) -> Set<String> {
        try await living(writes: false) { () async throws(StoreError) in
            try await store.missingProducts(ofSubscriptions: ids)
        }
    }

    func customer(ofSubscription id: String) async throws(StoreError) -> String? {
        try await living(writes: false) { () async throws(StoreError) in try await store.customer(ofSubscription: id) }
    }

    func begin(_ intent: Intent) async throws(StoreError) -> IntentState {
        try await living { () async throws(StoreError) in try await store.begin(intent) }
    }

    func mark(intent key: String, attempt: Int64, begun: [UInt8]?) async throws(StoreError) -> Bool {
        try await living { () async throws(StoreError) in
            try await store.mark(intent: key, attempt: attempt, begun: begun)
        }
    }

    func finish(intent key: String, reply: [UInt8]) async throws(StoreError) -> [UInt8] {
        try await living { () async throws(StoreError) in try await store.finish(intent: key, reply: reply) }
    }

    func mark(of walk: String) async throws(StoreError) -> Int64? {
        try await living(writes: false) { () async throws(StoreError) in try await store.mark(of: walk) }
    }

    func keep(mark: Int64, of walk: String) async throws(StoreError) {
        try await living { () async throws(StoreError) in try await store.keep(mark: mark, of: walk) }
    }

    func newestChange() async throws(StoreError) -> Int64 {
        try await living { () async throws(StoreError) in try await store.newestChange() }
    }

    func rows(
        of kind: MirrorKind, after id: String, customer: String?, limit: Int
    ) async throws(StoreError) -> [(id: String, knownUntil: Int64)] {
        try await living { () async throws(StoreError) in
            try await store.rows(of: kind, after: id, customer: customer, limit: limit)
        }
    }

    func countOfRows(of kind: MirrorKind, customer: String?) async throws(StoreError) -> Int {
        try await living { () async throws(StoreError) in try await store.countOfRows(of: kind, customer: customer) }
    }

    func sweep(
        changesBefore written: Int64, intentsBefore created: Int64, limit: Int
    ) async throws(StoreError) -> SweptRows {
        try await living { () async throws(StoreError) in
            try await store.sweep(changesBefore: written, intentsBefore: created, limit: limit)
        }
    }

    func setting(_ name: String, orElse make: () -> [UInt8]) throws(StoreError) -> [UInt8] {
        try store.setting(name, orElse: make)
    }

    var locks: (any SharedLocks)? { store.locks }
    func reader() throws(StoreError) -> any StoreReader { try store.reader() }
    func onChanges(_ listener: @escaping @Sendable () -> Void) { store.onChanges(listener) }
}
