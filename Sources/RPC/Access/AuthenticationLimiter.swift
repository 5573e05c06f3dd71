/// Slows guessing: after too many failures, a peer's next attempts (and, after many more, everybody's) are refused unread until
/// the minute has passed. Pure: time is an argument.
package struct AuthenticationLimiter: Sendable {
    package struct Limits: Sendable {
        /// Failures that one peer has in a window: a person who mistypes is not shut out, a guesser is.
        package var failuresPerPeer = 10
        /// Failures that all peers have together: whoever has many addresses is no better off.
        package var failuresInAll = 100
        package var windowMilliseconds: Int64 = 60_000

        package init() {}
    }

    package enum Decision: Sendable, Equatable {
        /// The token may be looked at.
        case check
        /// The attempt is refused without a look at it; another is worth while only after this time.
        case refuse(retryAfterMilliseconds: Int64)
    }

    private let limits: Limits
    private var inAll = Window(start: 0)
    /// The peers that failed in windows that still last. Bounded without more ado: only a failure that was let through enters
    /// a peer, and `failuresInAll` of them are in a window, of which a peer's can touch two.
    private var byPeer: [String: Window] = [:]

    /// Failures since the first one.
    private struct Window {
        let start: Int64
        var failures = 0
    }

    package init(limits: Limits = Limits()) { self.limits = limits }

    /// How many peers are remembered.
    package var rememberedPeers: Int { byPeer.count }

    /// Whether nobody's failures count any more at `now`.
    package func isQuiet(now: Int64) -> Bool { !lasts(inAll, now) && !byPeer.values.contains { lasts($0, now) } }

    /// Whether an attempt of `peer` may be looked at, `now` being milliseconds of a clock that never goes back.
    package func decide(peer: String, now: Int64) -> Decision {
        let ends = [
            end(of: byPeer[peer], allowing: limits.failuresPerPeer, now),
            end(of: inAll, allowing: limits.failuresInAll, now),
        ]
        guard let end = ends.compactMap(\.self).max() else { return .check }
        return .refuse(retryAfterMilliseconds: end - now)
    }

    /// When a window ends that allows no more; nil where it does, or is over.
    private func end(of window: Window?, allowing most: Int, _ now: Int64) -> Int64? {
        guard let window, lasts(window, now), window.failures >= most else { return nil }
        return window.start + limits.windowMilliseconds
    }

    private func lasts(_ window: Window, _ now: Int64) -> Bool {
        window.failures > 0 && now < window.start + limits.windowMilliseconds
    }

    /// Notes that an attempt that `decide` let through was wrong. One that it would refuse changes nothing, so that a window
    /// ends on time however hard somebody knocks.
    package mutating func failed(peer: String, now: Int64) {
        guard decide(peer: peer, now: now) == .check else { return }
        if !lasts(inAll, now) {
            inAll = Window(start: now)
            byPeer = byPeer.filter { lasts($0.value, now) }
        }
        inAll.failures += 1
        var window = byPeer[peer] ?? Window(start: now)
        if !lasts(window, now) { window = Window(start: now) }
        window.failures += 1
        byPeer[peer] = window
    }
}
