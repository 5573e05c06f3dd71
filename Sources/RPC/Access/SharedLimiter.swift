internal import Synchronization

/// One limiter for the gatekeepers of all loops: who has many connections has no more guesses. As long as nobody has been wrong
/// of late, asking it takes no lock.
package final class SharedLimiter: Sendable {
    private let limiter = Mutex(AuthenticationLimiter())
    /// Whether somebody's failures may count.
    private let isAlert = Atomic(false)

    package init() {}

    /// As `AuthenticationLimiter.decide`.
    func decide(peer: String, now: Int64) -> AuthenticationLimiter.Decision {
        guard isAlert.load(ordering: .relaxed) else { return .check }
        return limiter.withLock { limiter in
            if limiter.isQuiet(now: now) { isAlert.store(false, ordering: .relaxed) }
            return limiter.decide(peer: peer, now: now)
        }
    }

    /// As `AuthenticationLimiter.failed`.
    func failed(peer: String, now: Int64) {
        limiter.withLock { limiter in
            limiter.failed(peer: peer, now: now)
            isAlert.store(true, ordering: .relaxed)
        }
    }
}
