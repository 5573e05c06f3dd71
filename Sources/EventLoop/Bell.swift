internal import Synchronization

/// Calls an action on a loop's thread when any thread rings. To be heard, a ring needs somebody who listens: rings while nobody
/// does cost an atomic and wake nobody, and many before the action runs are one.
package final class Bell: Sendable {
    private let isAwaited = Atomic(false)
    private let remote: EventLoopRemote
    private let number: Int

    init(number: Int, remote: EventLoopRemote) {
        self.number = number
        self.remote = remote
    }

    /// Lets the next ring be heard, once. Whoever listens before looking for what the ring would tell of misses nothing.
    package func listen() { isAwaited.store(true, ordering: .sequentiallyConsistent) }

    package func ring() {
        guard isAwaited.exchange(false, ordering: .sequentiallyConsistent) else { return }
        remote.post { [number] loop in loop.bells[number]() }
    }
}
