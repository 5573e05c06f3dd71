/// How grave a line of the log is.
package enum ServiceLogLevel: Sendable {
    case info, warning, error
}

/// Where the service says what an operator should know; nothing secret is ever in it.
package typealias ServiceLog = @Sendable (_ level: ServiceLogLevel, _ message: String) -> Void
