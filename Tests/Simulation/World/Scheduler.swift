import Stripe
import Synchronization
import TestSupport

/// Runs all tasks of one simulation on one thread. Of what could run next a seed picks, so that one seed is one interleaving;
/// time stands still as long as anything can run, and then goes on to the next moment for which somebody waits.
final class Scheduler: TaskExecutor {
    /// Guards nothing that happens at once, since one thread does everything; it tells the compiler so.
    private let state: Mutex<State>
    /// What the moment 0 of the simulation is to `ContinuousClock`.
    private let epoch = ContinuousClock.now

    private enum Step {
        case job(UnownedJob)
        case action(@Sendable () -> Void)
    }

    private struct Timer {
        let milliseconds: Int64
        let number: UInt64
        /// Told whether the time has come, or nobody waits any more.
        let ring: @Sendable (_ hasCome: Bool) -> Void
    }

    private struct State {
        var random: Seeded
        var milliseconds: Int64 = 0
        var ready: [Step] = []
        /// In the order in which they ring, the next one last.
        var timers: [Timer] = []
        var nextNumber: UInt64 = 1
        var isPlayed = false
        var isOver = false

        mutating func next() -> Step? {
            if ready.isEmpty, let timer = timers.popLast() {
                milliseconds = max(milliseconds, timer.milliseconds)
                return .action { timer.ring(true) }
            }
            guard !ready.isEmpty else { return nil }
            ready.swapAt(Int(random.next() % UInt64(ready.count)), ready.count - 1)
            return ready.popLast()
        }
    }

    init(seed: UInt64) { state = Mutex(State(random: Seeded(seed))) }

    /// Milliseconds since the beginning.
    var milliseconds: Int64 { state.withLock { $0.milliseconds } }

    /// The clock of whoever lives in this simulation.
    var clock: SteadyClock {
        SteadyClock(
            now: { self.epoch + .milliseconds(self.milliseconds) },
            sleep: { try await self.sleep(milliseconds: Int64(($0 / .milliseconds(1)).rounded(.up))) })
    }

    // MARK: Playing

    /// A simulation that does not come to its end.
    enum Failure: Error {
        /// Nothing can run, and nobody waits for a time.
        case stuck
        case tooManySteps
    }

    /// Runs `body`, with all that it starts, on the calling thread until it returns.
    func play(mostSteps: Int = 5_000_000, _ body: @escaping @Sendable () async -> Void) throws(Failure) {
        state.withLock { $0.isPlayed = true }
        Task(executorPreference: self) {
            await body()
            self.state.withLock { $0.isOver = true }
        }
        for _ in 0..<mostSteps {
            guard let step = state.withLock({ $0.isOver ? nil : $0.next() }) else {
                if state.withLock({ $0.isOver }) { return }
                throw .stuck
            }
            switch step {
            case .job(let job): job.runSynchronously(on: asUnownedTaskExecutor())
            case .action(let action): action()
            }
        }
        throw .tooManySteps
    }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        state.withLock { $0.ready.append(.job(job)) }
    }

    // MARK: Time

    /// Lets time pass by hand, in a simulation that is not played.
    func pass(milliseconds: Int64) { state.withLock { $0.milliseconds += milliseconds } }

    /// Has `action` done at a later moment.
    func after(milliseconds: Int64, _ action: @escaping @Sendable () -> Void) {
        add(milliseconds: milliseconds) { if $0 { action() } }
    }

    /// Where nothing is played, nobody else's time stands in the way.
    func sleep(milliseconds: Int64) async throws {
        guard state.withLock({ $0.isPlayed }) else {
            pass(milliseconds: milliseconds)
            return await Task.yield()
        }
        let number = state.withLock { state in
            defer { state.nextNumber += 1 }
            return state.nextNumber
        }
        let hasCome = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                if Task.isCancelled { return continuation.resume(returning: false) }
                add(milliseconds: milliseconds, number) { continuation.resume(returning: $0) }
            }
        } onCancel: {
            let timer = state.withLock { state in
                state.timers.firstIndex { $0.number == number }.map { state.timers.remove(at: $0) }
            }
            timer?.ring(false)
        }
        if !hasCome { throw CancellationError() }
    }

    /// As `sleep`, by those who are not taken back.
    func pause(milliseconds: Int64) async { try? await sleep(milliseconds: milliseconds) }

    private func add(
        milliseconds: Int64, _ number: UInt64? = nil, _ ring: @escaping @Sendable (Bool) -> Void
    ) {
        state.withLock { state in
            let time = state.milliseconds + max(0, milliseconds)
            let timer = Timer(milliseconds: time, number: number ?? state.nextNumber, ring: ring)
            if number == nil { state.nextNumber += 1 }
            // Of two at one moment the one that was set first rings first.
            let place = state.timers.firstIndex { $0.milliseconds <= time } ?? state.timers.count
            state.timers.insert(timer, at: place)
        }
    }
}
