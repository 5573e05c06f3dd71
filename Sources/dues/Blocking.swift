internal import EventLoop

/// Waits, on a thread that has nothing else to do (the main one, before its loop turns), for what an async function answers.
func blocking<Value: Sendable, Problem: Error>(
    _ body: @escaping @Sendable () async throws(Problem) -> Value
) throws(Problem) -> Value {
    let result = Rendezvous<Result<Value, Problem>>()
    Task.detached {
        do throws(Problem) {
            result.put(.success(try await body()))
        } catch {
            result.put(.failure(error))
        }
    }
    return try result.take().get()
}
