import EventLoop

/// Runs what blocks (sockets, children) on a thread of its own: the pool's few threads are for the code under test.
package func offPool<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
    let result: Result<Value, any Error> = await withCheckedContinuation { continuation in
        do {
            try Thread.start { continuation.resume(returning: Result { try body() }) }.detach()
        } catch {
            continuation.resume(returning: .failure(error))
        }
    }
    return try result.get()
}
