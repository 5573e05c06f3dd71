internal import Dispatch
internal import Synchronization

/// Connections for what is looked up, a few for everybody: who looks something up waits neither for those who write nor for the
/// loops.
final class PostgreSQLPool: LookUps {
    private static let lanes = 4

    private let lanes: [Lane]
    private let next = Atomic<Int>(0)

    private final class Lane: @unchecked Sendable {  // the connection is confined to the serial queue
        let queue = DispatchQueue(label: "dues.store.look-ups")
        let connection: PostgreSQLConnection
        init(_ address: PostgreSQLAddress) { connection = PostgreSQLConnection(address, for: .lookingUp) }
    }

    init(_ address: PostgreSQLAddress) { lanes = (0..<Self.lanes).map { _ in Lane(address) } }

    func lookUp<Value: Sendable>(
        _ body: @escaping @Sendable (any SQLConnection) throws(StoreError) -> Value
    ) async throws(StoreError) -> Value {
        let turn = next.add(1, ordering: .relaxed).oldValue
        let lane = lanes[turn % lanes.count]
        let result: Result<Value, StoreError> = await withCheckedContinuation { continuation in
            lane.queue.async {
                continuation.resume(returning: Result { () throws(StoreError) in try body(lane.connection) })
            }
        }
        return try result.get()
    }
}
