/// What one client, and all of them together, may cost. Each limit answers RESOURCE_EXHAUSTED, or slows its sender down.
package struct RPCLimits: Sendable {
    /// Bytes of one line, its end not counted (PROTOCOL: 1 MiB).
    package var lineBytes = 1024 * 1024
    /// Calls of one connection that are not answered yet. A client that needs more has several connections.
    package var callsPerConnection = 1024
    /// Streams of one connection that are open: each looks for news after every commit.
    package var streamsPerConnection = 64
    /// Calls of all connections that are not answered yet: each holds its params, and a task.
    package var callsInAll = 16 * 1024
    /// Calls in one batch.
    package var batchLength = 1000
    /// Open connections.
    package var connections = 16 * 1024
    /// Output that a client has not taken yet, in bytes, above which nothing more is read from it.
    package var outputHighWaterBytes = 4 * 1024 * 1024
    /// Output that a client has not taken yet, in bytes, above which its streams wait. Less than what stops the reading, so that
    /// a client whose streams wait can still call and cancel, and is answered before long.
    package var streamHighWaterBytes: Int { min(outputHighWaterBytes, 256 * 1024) }
    /// Milliseconds that a line may take from its first byte to its last: a client that dribbles holds a buffer for nothing.
    package var lineMilliseconds: Int64 = 30_000
    /// Milliseconds after which a connection that says nothing and waits for nothing is closed; nil for never.
    package var idleMilliseconds: Int64?

    package init() {}
}
