/// What one client, and all of them together, may cost. Each limit answers RESOURCE_EXHAUSTED, or slows its sender down.
package struct RPCLimits: Sendable {
    /// Bytes of one line, its end not counted (PROTOCOL: 1 MiB).
    package var lineBytes = 1024 * 1024
    /// Calls of one connection that are not answered yet. A client that needs more has several connections.
    package var callsPerConnection = 1024
    /// Calls of all connections that are not answered yet: each holds its params, and a task.
    package var callsInAll = 16 * 1024
    /// Calls in one batch.
    package var batchLength = 1000
    /// Open connections.
    package var connections = 16 * 1024
    /// Output that a client has not taken yet, in bytes, above which nothing more is read from it.
    package var outputHighWaterBytes = 4 * 1024 * 1024

    package init() {}
}
