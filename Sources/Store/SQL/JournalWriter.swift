internal import Synchronization

/// Writes events down: those that come while others are being written share one change, whose statements need not wait for each
/// other.
final class JournalWriter: Sendable {
    private let writer: SQLWriter
    /// Guards against events being added while the writer takes those that wait.
    private let waiting = Mutex<[Delivery]>([])

    /// Events that arrived together, and who waits for them.
    private struct Delivery {
        let events: [JournalEvent]
        let finish: @Sendable (Result<Int, StoreError>) -> Void
    }

    /// Deliveries that became one change, and how many new events each had.
    private final class Batch: Sendable {
        let deliveries = Mutex<[Delivery]?>(nil)
        let result = Mutex<Result<[Int], StoreError>>(.success([]))
    }

    init(_ writer: SQLWriter) { self.writer = writer }

    /// Returns when all of them are on the disk; answers how many were not there before.
    func write(_ events: [JournalEvent]) async throws(StoreError) -> Int {
        let result = await withCheckedContinuation { continuation in
            let isFirst = waiting.withLock { waiting in
                waiting.append(Delivery(events: events) { continuation.resume(returning: $0) })
                return waiting.count == 1
            }
            if isFirst { writer.enqueue(change()) }
        }
        return try result.get()
    }

    private func change() -> SQLWriter.Change {
        let batch = Batch()
        return SQLWriter.Change(
            perform: { [self] database in
                let result = Result { () throws(StoreError) in try Self.insert(deliveries(of: batch), database) }
                batch.result.withLock { $0 = result }
                return (try? result.get()) != nil
            },
            finish: { [self] failure in
                let result = batch.result.withLock { $0 }
                for (number, delivery) in deliveries(of: batch).enumerated() {
                    if let failure {
                        delivery.finish(.failure(failure))
                    } else {
                        delivery.finish(result.map { $0[number] })
                    }
                }
            })
    }

    /// Those of a batch; those that wait when it is first asked.
    private func deliveries(of batch: Batch) -> [Delivery] {
        batch.deliveries.withLock { known in
            if let known { return known }
            let all = waiting.withLock { waiting in
                let all = waiting
                waiting = []
                return all
            }
            known = all
            return all
        }
    }

    /// Answers how many of each delivery's events were new.
    private static func insert(
        _ deliveries: [Delivery], _ database: any SQLConnection
    ) throws(StoreError) -> [Int] {
        var changed = try database.run(
            """
            INSERT INTO events (id, type, created, received, customer, subscription, payload)
            VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING
            """,
            each: deliveries.flatMap(\.events).map { event in
                [
                    .text(event.id), .text(event.type), .integer(event.created), .integer(event.received),
                    .optional(event.customer), .optional(event.subscription), .blob(event.payload),
                ]
            })[...]
        return deliveries.map { delivery in
            let new = changed.prefix(delivery.events.count).reduce(0, +)
            changed = changed.dropFirst(delivery.events.count)
            return new
        }
    }
}
