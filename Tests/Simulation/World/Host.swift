import Service
import Synchronization
import TestSupport

/// The machine on which the service runs: one process after the other, each until it dies.
final class Host: Sendable {
    private let world: World
    private let graceSeconds: Int64
    private let polls: Bool
    private let weather: Weather
    /// Guards nothing that happens at once, since the scheduler has one thread.
    private let state: Mutex<State>

    private struct State {
        var random: Seeded
        var current: PlayedProcess?
        var started: UInt64 = 0
    }

    /// - Parameter polls: whether what no webhook brought is looked for.
    init(_ world: World, _ weather: Weather, seed: UInt64, graceSeconds: Int64, polls: Bool) {
        self.world = world
        self.polls = polls
        self.weather = weather
        self.graceSeconds = graceSeconds
        state = Mutex(State(random: Seeded(seed)))
    }

    /// The process that runs; nil between two.
    var current: PlayedProcess? { state.withLock { $0.current.flatMap { $0.life.isOver ? nil : $0 } } }

    /// Whether nothing bad happens any more.
    var isCalm: Bool { weather.isCalm }

    /// From now on nothing bad happens: the process is replaced by one that lives on.
    func calmDown() {
        weather.calmDown()
        current?.life.end()
    }

    /// Runs until its task is cancelled.
    func run() async throws {
        while !Task.isCancelled {
            let process = try PlayedProcess(world, graceSeconds: graceSeconds)
            let isCalm = isCalm
            let (caller, lifetime) = state.withLock { state -> (Caller, Int64) in
                state.current = process
                state.started += 1
                let (faults, deaths): (UInt64, UInt64) = isCalm ? (0, 0) : (state.random.next() % 3 * 15, 2)
                let caller = Caller(
                    "projector \(state.started)", seed: state.random.next(), faults: faults, deaths: deaths,
                    slowness: 400)
                // Most die of what they do; some are killed.
                return (caller, Int64(state.random.next() % 60_000) * (state.random.next() % 4 == 0 ? 1 : 10_000))
            }
            world.stripe.note("\(caller.name) starts")
            await withDiscardingTaskGroup { group in
                group.addTask { await Caller.$current.withValue(caller) { await process.projector.run() } }
                if polls { group.addTask { await Caller.$current.withValue(caller) { await process.poller.run() } } }
                if !isCalm {
                    group.addTask { [world] in
                        if (try? await world.scheduler.sleep(milliseconds: lifetime)) != nil { process.life.end() }
                    }
                }
                await process.life.waitForEnd()
                group.cancelAll()
            }
            world.stripe.note("\(caller.name) is dead")
            let pause = isCalm ? 0 : state.withLock { Int64($0.random.next() % 8000) }
            await world.scheduler.pause(milliseconds: pause)
        }
    }
}
