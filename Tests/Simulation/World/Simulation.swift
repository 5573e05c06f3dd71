import Contract
import Service
import Store
import Synchronization
package import TestSupport

/// One run of the service, its store and a Stripe on bad days, made by a seed: customers live their lives, the process dies and
/// comes back, events come late, twice, or not at all. In the end everything calms down, and what is left has to be right.
package struct Simulation: Sendable {
    package let seed: UInt64
    /// Whether the service is played with a known mistake.
    package let isCanary: Bool

    package init(seed: UInt64, isCanary: Bool = false) {
        self.seed = seed
        self.isCanary = isCanary
    }

    package struct Outcome: Sendable {
        /// What is wrong in the end.
        package let problems: [String]
        /// What happened, line by line.
        package let trace: String
    }

    static let graceSeconds: Int64 = 259_200

    /// Plays it on the calling thread, with its database in `folder`.
    package func play(in folder: Folder) throws -> Outcome {
        let path = try EmptyDatabase.copy(to: folder.path("simulation-\(seed).db"))
        defer { EmptyDatabase.remove(path) }
        let cast = Cast(seed: seed, isCanary: isCanary, database: path)
        let problems = Mutex<[String]>([])
        let played = Result { () throws(Scheduler.Failure) in
            try cast.world.scheduler.play {
                do {
                    try await cast.play()
                    let found = try await cast.check()
                    problems.withLock { $0 = found }
                } catch {
                    problems.withLock { $0 = ["\(error)"] }
                }
            }
        }
        if case .failure(let failure) = played { problems.withLock { $0 = ["the simulation does not end: \(failure)"] } }
        return Outcome(problems: problems.withLock { $0 }, trace: cast.world.stripe.trace)
    }
}

/// Who takes part in a simulation.
struct Cast: Sendable {
    let world: World
    let host: Host
    let postman: Postman
    let wishes: Wishes
    let watcher: Watcher
    private let customers: [Customer]

    /// It does not become right, however long nothing bad happens.
    struct NeverSettles: Error, CustomStringConvertible {
        let description: String
    }

    init(seed: UInt64, isCanary: Bool, database: String) {
        var random = Seeded(seed)
        let scheduler = Scheduler(seed: random.next())
        let stripe = FaultyStripe(seed: random.next(), scheduler, hasEndpoint: true)
        let weather = Weather(seed: random.next())
        var world = World(scheduler, stripe, database: database)
        if isCanary { world.wrap = { HastyStore($0) } }
        world.disk = { weather.disk() }
        self.world = world
        // What Stripe gives up on is found by those alone who look for it.
        let polls = random.next() % 4 == 0
        host = Host(world, weather, seed: random.next(), graceSeconds: Simulation.graceSeconds, polls: polls)
        postman = Postman(world, host, seed: random.next(), losesSome: polls)
        wishes = Wishes(world, host)
        watcher = Watcher(world, host, seed: random.next())
        var customers: [Customer] = []
        for number in 0...(random.next() % 3) {
            customers.append(Customer("customer\(number)", world, wishes, seed: random.next()))
        }
        self.customers = customers
    }

    func play() async throws {
        try await withThrowingDiscardingTaskGroup { group in
            group.addTask { try await host.run() }
            group.addTask { await postman.run() }
            group.addTask { await watcher.run() }
            await withDiscardingTaskGroup { lives in
                for customer in customers {
                    lives.addTask {
                        var customer = customer
                        await customer.live()
                    }
                }
            }
            world.stripe.note("all is calm now")
            host.calmDown()
            try await settle()
            await wishes.callAgain()
            try await settle()
            watcher.look()
            group.cancelAll()
        }
    }

    /// Waits until everything is where it belongs, and nothing new is about to happen.
    private func settle() async throws {
        for _ in 0..<3000 {
            await world.scheduler.pause(milliseconds: 60_000)
            world.stripe.settle()
            let isQuiet = world.stripe.nextDue.map { $0 > world.stripe.now + 600 } ?? true
            if isQuiet, world.stripe.undelivered == 0, isServing, try Ledger(world).waiting == 0 { return }
        }
        throw NeverSettles(
            description: "it never settles: \(world.stripe.undelivered) events to be delivered, "
                + "\(try Ledger(world).waiting) to be projected, all served: \(isServing)")
    }

    /// Whether the service says that nothing waits.
    private var isServing: Bool { host.current?.health.report.checks.webhooks.status == .serving }
}

/// How the disk fares.
final class Weather: Sendable {
    /// Guards nothing that happens at once, since the scheduler has one thread.
    private let state: Mutex<(random: Seeded, isCalm: Bool)>

    init(seed: UInt64) { state = Mutex((Seeded(seed), false)) }

    var isCalm: Bool { state.withLock { $0.isCalm } }
    func calmDown() { state.withLock { $0.isCalm = true } }

    /// Mostly quick; now and then slow, or full.
    func disk() -> (milliseconds: Int64, obstacle: StoreError?) {
        state.withLock { state in
            let usual = Int64(state.random.next() % 8)
            guard !state.isCalm else { return (usual, nil) }
            let isFull = state.random.next() % 100 == 0
            let isSlow = state.random.next() % 50 == 0
            return (isSlow ? usual * 300 : usual, isFull ? StoreError(.unavailable, "the disk is full") : nil)
        }
    }
}
