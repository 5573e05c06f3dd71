import Dispatch
import Glibc
import Simulation
import Synchronization
import TestSupport

/// Plays many simulations, after having seen that one with a known mistake is found out; or one alone, and tells of it.
///
///     simulate COUNT [FIRST]    plays so many seeds
///     simulate --seed SEED      plays one and prints what happened
@main
struct Simulate {
    /// Seeds within which the known mistake must have been found.
    private static let canarySeeds: ClosedRange<UInt64> = 1...100

    static func main() throws {
        let arguments = CommandLine.arguments.dropFirst()
        if arguments.first == "--seed", let seed = arguments.last.flatMap(UInt64.init) { return try tell(seed) }
        guard let count = arguments.first.flatMap(UInt64.init), count > 0 else {
            say("usage: simulate COUNT [FIRST] | simulate --seed SEED")
            exit(2)
        }
        let first = arguments.dropFirst().first.flatMap(UInt64.init) ?? 1
        try findCanary()
        let failed = try play(first...(first + count - 1))
        if failed > 0 {
            say("\(failed) of \(count) seeds fail")
            exit(1)
        }
        say("\(count) seeds pass")
    }

    private static func tell(_ seed: UInt64) throws {
        let outcome = try Simulation(seed: seed).play(in: try Folder(inMemory: true))
        say(outcome.trace)
        say(outcome.problems.isEmpty ? "seed \(seed) passes" : "seed \(seed) fails:")
        for problem in outcome.problems { say("  \(problem)") }
        if !outcome.problems.isEmpty { exit(1) }
    }

    private static func findCanary() throws {
        let folder = try Folder(inMemory: true)
        for seed in canarySeeds {
            let outcome = try Simulation(seed: seed, isCanary: true).play(in: folder)
            if let problem = outcome.problems.first {
                return say("the known mistake is found by seed \(seed): \(problem)")
            }
        }
        say("\(canarySeeds.count) seeds do not find the known mistake: the simulation is blind")
        exit(1)
    }

    /// Answers how many fail. As many at once as there are processors.
    private static func play(_ seeds: ClosedRange<UInt64>) throws -> Int {
        let folder = try Folder(inMemory: true)
        let next = Atomic(seeds.lowerBound)
        let failed = Atomic(0)
        let count = Atomic(0)
        let lanes = max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))
        DispatchQueue.concurrentPerform(iterations: lanes) { _ in
            while true {
                let seed = next.wrappingAdd(1, ordering: .relaxed).oldValue
                guard seed <= seeds.upperBound else { return }
                if !passes(seed, Result { try Simulation(seed: seed).play(in: folder) }) {
                    failed.wrappingAdd(1, ordering: .relaxed)
                }
                let done = count.wrappingAdd(1, ordering: .relaxed).newValue
                if done % 1000 == 0 { say("\(done) seeds are played") }
            }
        }
        return failed.load(ordering: .relaxed)
    }

    private static func passes(_ seed: UInt64, _ result: Result<Simulation.Outcome, any Error>) -> Bool {
        let problems: [String]
        do { problems = try result.get().problems } catch { problems = ["\(error)"] }
        guard let first = problems.first else { return true }
        let others = problems.count > 1 ? ", and \(problems.count - 1) more" : ""
        say("seed \(seed) fails: \(first)\(others); SEED=\(seed) make simulate tells of it")
        return false
    }

    /// At once, also where a file or another program listens.
    private static func say(_ line: String) {
        print(line)
        fflush(nil)
    }
}
