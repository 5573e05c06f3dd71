/// What one HTTP connection may cost.
package struct HTTPLimits: Sendable {
    /// Request line and header fields together, in bytes: what common servers take.
    package var headBytes = 32 * 1024
    /// A body, in bytes. Stripe's events are a few KB; a bit over 1 MiB leaves room for the largest that are accepted.
    package var bodyBytes = 1024 * 1024 + 64 * 1024
    /// Open connections; newcomers beyond are closed at once.
    package var connections = 1024
    /// Milliseconds a request may take to arrive once begun, and a kept-alive connection may say nothing.
    package var idleMilliseconds: Int64 = 60_000

    package init() {}
}
