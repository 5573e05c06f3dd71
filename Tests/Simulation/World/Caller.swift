import Synchronization
import TestSupport

/// Who does something: whatever befalls it is drawn from numbers of its own, so that a seed says the same whoever comes first.
final class Caller: Sendable {
    @TaskLocal static var current: Caller?

    let name: String
    private let faults: UInt64
    private let deaths: UInt64
    private let slowness: Int64
    private let random: Mutex<Seeded>

    /// - Parameters:
    ///   - faults: how many in a hundred of its attempts at Stripe go wrong.
    ///   - deaths: how many in a thousand of what its process does are the last that it does.
    ///   - slowness: how many milliseconds a request, or its answer, is mostly on its way at most; 0 for no time at all.
    init(_ name: String, seed: UInt64, faults: UInt64, deaths: UInt64, slowness: Int64 = 0) {
        self.name = name
        self.faults = faults
        self.deaths = deaths
        self.slowness = slowness
        random = Mutex(Seeded(seed))
    }

    enum Death { case before, after }

    func drawFault() -> Fault { random.withLock { Fault.drawn(by: &$0, percent: faults) } }

    func drawDeath() -> Death? {
        random.withLock { random in
            guard random.next() % 1000 < deaths else { return nil }
            return random.next() % 2 == 0 ? .before : .after
        }
    }

    /// How long something is on its way: now and then far longer than usual.
    func drawDelay() -> Int64 {
        guard slowness > 0 else { return 0 }
        return random.withLock { random in
            let usual = Int64(random.next() % UInt64(slowness))
            return random.next() % 20 == 0 ? usual * 30 : usual
        }
    }
}

/// Whether a process that is played here still lives. Its death is sudden: what it was doing is not finished.
final class Life: Sendable {
    private let over = Atomic(false)
    private let news = AsyncStream<Never>.makeStream()

    init() {}

    var isOver: Bool { over.load(ordering: .sequentiallyConsistent) }

    func end() {
        over.store(true, ordering: .sequentiallyConsistent)
        news.continuation.finish()
    }

    /// Returns when it is over: to one who waits for it.
    func waitForEnd() async { for await _ in news.stream {} }
}
