import Crypto
import Glibc

/// How a sandbox is set up.
package struct SandboxConfiguration: Sendable, CustomStringConvertible {
    /// What everything random is drawn from; a state file keeps the one that it began with.
    package var seed: UInt64
    /// Whether only the sandbox's own keys are taken, rather than every `sk_test_` and `pk_test_`.
    package var strictKeys = false
    /// The sandbox's own keys; made from the seed where nil, and so the same again with the same state file.
    package var secretKey: String?
    package var publishableKey: String?
    /// An address that gets every event, besides the registered endpoints.
    package var webhookURL: String?
    /// The secret that signs what goes there; made from the seed where nil.
    package var webhookSecret: String?
    /// Where the journal is kept; nil for a sandbox in memory only.
    package var stateFile: String?
    /// The wall clock in Unix seconds.
    package var now: @Sendable () -> Int64
    /// Where the sandbox's clock stands until it is advanced, in Unix seconds; nil for a clock that goes with the wall clock.
    /// With a seed it makes every id and time the same again.
    package var standsAt: Int64?
    /// How long an endpoint may take to answer an event.
    package var deliveryTimeoutMilliseconds: Int64 = 10_000

    /// A sandbox with a random seed and the system's clock.
    package init() {
        seed = randomBytes(8).reduce(0) { $0 << 8 | UInt64($1) }
        now = { Int64(time(nil)) }
    }

    /// What the sandbox takes for the wall clock's time.
    var clockTime: Int64 { standsAt ?? now() }

    /// Without keys and secrets.
    package var description: String {
        "SandboxConfiguration(webhookURL: \(webhookURL ?? "none"), stateFile: \(stateFile ?? "none"))"
    }
}
