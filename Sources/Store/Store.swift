/// What must last: the journal of events, the mirror of Stripe's objects with its changes, and what was already done.
///
/// Changes are numbered as they are committed: whoever sees one sees all before it. Every event ends as one change, when what it
/// says is in the mirror, or was found to be old, or concerns nothing that the mirror holds: the event is then closed. An answer
/// of Stripe's that is written into the mirror is a change without an event.
///
/// A method that changes something returns once the change is on the disk. One contract, whatever the engine behind it.
package protocol Store: Sendable {
    // MARK: The journal

    /// Writes an event down; false if it was there already.
    func journal(_ event: JournalEvent) async throws(StoreError) -> Bool
    /// Writes events down, all or none, in their order; answers how many were not there already.
    func journal(_ events: [JournalEvent]) async throws(StoreError) -> Int
    /// Events that are not projected yet, oldest first.
    func waitingEvents(after sequence: Int64, limit: Int) async throws(StoreError) -> [JournalEvent]
    /// Those of one customer that came between two places in the journal, which are not among them.
    func waitingEvents(
        ofCustomer customer: String, after sequence: Int64, before end: Int64, limit: Int
    ) async throws(StoreError) -> [JournalEvent]

    // MARK: The mirror

    /// Brings what events say into the mirror, one after the other, where the rules allow, all in one change; each is then
    /// projected. Ends with one that only Stripe can settle, which waits; answers what became of each until there.
    func project(_ news: [EventNews]) async throws(StoreError) -> [ProjectionOutcome]
    /// Brings an object as Stripe has just answered it into the mirror, unless its row has changed since `basis` was taken.
    func project(_ object: MirrorObject, from reply: ReplyBasis) async throws(StoreError) -> ProjectionOutcome
    /// The version of an object's row, to be taken before Stripe is asked about the object; 0 where there is no row.
    func version(of kind: MirrorKind, id: String) async throws(StoreError) -> Int64
    /// Products of live subscriptions that the mirror does not hold; of all of them, or of some.
    func missingProducts(ofSubscriptions ids: [String]?) async throws(StoreError) -> Set<String>
    /// Whom a subscription belongs to, as far as the mirror knows.
    func customer(ofSubscription id: String) async throws(StoreError) -> String?

    /// The number of the newest change; 0 where there is none.
    func newestChange() async throws(StoreError) -> Int64
    /// The ids of the next rows of a kind that are no tombstones, in their order, of one customer or of all, and the last second
    /// of Stripe's clock at which each was known to be true.
    func rows(
        of kind: MirrorKind, after id: String, customer: String?, limit: Int
    ) async throws(StoreError) -> [(id: String, knownUntil: Int64)]
    /// How many rows of a kind there are that are no tombstones, of one customer or of all.
    func countOfRows(of kind: MirrorKind, customer: String?) async throws(StoreError) -> Int

    // MARK: Doing things once

    /// Writes down what a call with an idempotency key is about to do, or says what became of an earlier one.
    func begin(_ intent: Intent) async throws(StoreError) -> IntentState
    /// Notes what the request that changes something is about to send; nil notes that it surely changed nothing. False, and
    /// nothing is noted, where the call was begun again since this attempt, or has its answer.
    func mark(intent key: String, attempt: Int64, begun: [UInt8]?) async throws(StoreError) -> Bool
    /// Writes down the answer of a call that was begun, unless it has one; answers with the one that is kept.
    func finish(intent key: String, reply: [UInt8]) async throws(StoreError) -> [UInt8]
    /// Keys that one process at a time holds; nil where no other process is expected.
    var locks: (any SharedLocks)? { get }

    // MARK: Everything else

    /// How far a walk through something of Stripe's has come, as it was last kept; nil for one that never began.
    func mark(of walk: String) async throws(StoreError) -> Int64?
    func keep(mark: Int64, of walk: String) async throws(StoreError)
    /// Lets go of changes that were written before one moment, with their events, and of intents that began before another, at
    /// most `limit` of each, the oldest first.
    func sweep(
        changesBefore written: Int64, intentsBefore created: Int64, limit: Int
    ) async throws(StoreError) -> SweptRows

    /// The value of a setting; `make` gives it where it is not set, and then it is kept. Waits for the disk: to be asked for
    /// at the start.
    func setting(_ name: String, orElse make: () -> [UInt8]) throws(StoreError) -> [UInt8]
    /// A view for one thread that reads without waiting for those who write.
    func reader() throws(StoreError) -> any StoreReader
    /// Calls `listener` after every commit that made changes, of this process and of others as far as they are heard of, on a
    /// thread of the store's: it must not wait.
    func onChanges(_ listener: @escaping @Sendable () -> Void)
}

/// What is read on a hot path, from one thread.
package protocol StoreReader {
    /// Whether anything may have been committed, by whichever process, since `changes()` was last asked. Costs next to
    /// nothing: what somebody remembers of what was read is still right where this is false.
    var hasChanged: Bool { get }
    /// What has changed since this was last asked, or since the reader was made.
    func changes() throws(StoreError) -> StoreChanges
    /// The customer's subscriptions, as the mirror has them.
    func subscriptions(ofCustomer id: String) throws(StoreError) -> [SubscriptionRecord.Known]
    /// The subscriptions of the next customers, in the order of their ids, at most `limit` customers; of the first ones for "".
    func subscriptions(afterCustomer id: String, limit: Int) throws(StoreError) -> [CustomersSubscriptions]
    /// About how many subscriptions the mirror has.
    func countOfSubscriptions() throws(StoreError) -> Int
    /// The products that have a feature of this name.
    func products(withFeature name: String) throws(StoreError) -> [String]
    /// Whether the customer is entitled to the feature of this name; nil where Stripe has said nothing of the customer's
    /// entitlements.
    func isEntitled(_ customer: String, to feature: String) throws(StoreError) -> Bool?
    /// The number of the newest change, also of another process; 0 where there is none.
    func newestChange() throws(StoreError) -> Int64
    /// The changes in `range` that closed an event, rising, with the event's type: of one customer, or of all. Reads an index
    /// alone, at most as many entries as the range is long.
    func closedEvents(
        in range: ClosedRange<Int64>, ofCustomer customer: String?
    ) throws(StoreError) -> [(change: Int64, type: String)]
    /// The newest change whose event has been swept away; 0 where none has.
    func newestSweptChange() throws(StoreError) -> Int64
    /// The event that a change closed, whole; nil for a change without an event.
    func closedEvent(ofChange change: Int64) throws(StoreError) -> JournalEvent?
}

/// What has changed in the mirror, as far as CheckAccess rests on it.
package enum StoreChanges: Sendable, Equatable {
    /// The subscriptions of these customers, and whether products.
    case some(customers: Set<String>, products: Bool)
    /// So much that it is not worth listing.
    case everything
}

/// How much was let go of.
package struct SweptRows: Sendable, Equatable {
    /// Under this name the store keeps the newest change that is gone.
    static let walk = "swept"

    package var changes = 0
    package var intents = 0

    package init(changes: Int = 0, intents: Int = 0) {
        self.changes = changes
        self.intents = intents
    }
}

/// A customer's id, and the customer's subscriptions by id.
package typealias CustomersSubscriptions = (customer: String, known: [SubscriptionRecord.Known])
