import Contract
import JSON
import Synchronization
import TestSupport

/// What callers want of the service: each with a key, called again with it until it is answered, and remembered with all its
/// answers.
final class Wishes: Sendable {
    private let world: World
    private let host: Host
    /// Guards nothing that happens at once, since the scheduler has one thread.
    private let state = Mutex(State())

    private struct State {
        var wishes: [Wish] = []
        var problems: [String] = []
    }

    struct Wish: Sendable {
        let method: Method
        let params: JSONValue
        /// What its callers' names begin with.
        let name: String
        /// Every answer that any of its callers got.
        var answers: [[UInt8]] = []
        var refusal: String?
    }

    init(_ world: World, _ host: Host) {
        self.world = world
        self.host = host
    }

    var all: [Wish] { state.withLock { $0.wishes } }
    var problems: [String] { state.withLock { $0.problems } }

    /// Calls until there is an answer, and answers it; nil where the service refuses for good, or the caller leaves.
    func fulfil(_ method: Method, _ params: JSONObject, of customer: String, seed: UInt64) async -> JSONValue? {
        var params = params
        let number = state.withLock { state in
            let name = "\(customer) \(state.wishes.count)"
            if method.isMutating { params["_meta"] = ["idempotencyKey": .string(name)] }
            state.wishes.append(Wish(method: method, params: .object(params), name: name))
            return state.wishes.count - 1
        }
        var random = Seeded(seed)
        let storm: UInt64 = [0, 0, 10, 40, 80][Int(random.next() % 5)]
        // Now and then somebody walks away and never comes back.
        let leaves = random.next() % 25 == 0
        for attempt in 1...100 {
            let faults = host.isCalm || attempt > 30 ? 0 : storm
            // Now and then a call is made twice at once.
            let callers = random.next() % 8 == 0 && method.isMutating ? 2 : 1
            let answers = await withTaskGroup(of: JSONValue?.self) { group in
                for caller in 0..<callers {
                    let (seed, timeout) = (
                        random.next(), random.next() % 5 == 0 ? Int64(2000 + random.next() % 20_000) : nil
                    )
                    group.addTask { await self.call(number, "\(attempt)\(caller == 0 ? "" : "b")", seed, faults, timeout) }
                }
                var answers: [JSONValue] = []
                for await answer in group { if let answer { answers.append(answer) } }
                return answers
            }
            if let answer = answers.first { return answer }
            if leaves || state.withLock({ $0.wishes[number].refusal != nil }) { return nil }
            await world.scheduler.pause(milliseconds: Int64(200 + random.next() % 8000))
        }
        note("nobody answered \(all[number].name) (\(method.rawValue))")
        return nil
    }

    private func call(
        _ number: Int, _ attempt: String, _ seed: UInt64, _ faults: UInt64, _ timeout: Int64?
    ) async -> JSONValue? {
        let wish = all[number]
        guard let process = host.current else { return nil }
        let caller = Caller(
            "\(wish.name).\(attempt)", seed: seed, faults: faults, deaths: host.isCalm ? 0 : 3, slowness: 300)
        switch await process.call(wish.method, wish.params, by: caller, timeoutMilliseconds: timeout) {
        case .success(let answer)?:
            state.withLock { $0.wishes[number].answers.append(answer) }
            return try? JSONValue(parsing: answer)
        case .failure(let error)?:
            guard !error.retryable, error.reason != Reason.callerCancelled.name else { return nil }
            state.withLock { $0.wishes[number].refusal = error.reason }
            // What was done stays done, whoever asks; what was refused may be granted another time.
            if !wish.answers.isEmpty { note("\(wish.name) was answered, and is refused now: \(error.reason)") }
            if Self.neverDue.contains(error.reason) { note("\(wish.name) is told \(error.reason): \(error.message)") }
            return nil
        case nil: return nil
        }
    }

    /// What nobody here should be told.
    private static let neverDue = [
        Reason.outcomeUnknown.name, Reason.idempotencyMismatch.name, Reason.internalError.name, Reason.storeCorrupt.name,
        Reason.schema.name,
    ]

    /// Everybody who had an answer calls again, with the same key: it has to be the same one.
    func callAgain() async {
        for (number, wish) in all.enumerated() where !wish.answers.isEmpty && wish.method.isMutating {
            _ = await call(number, "again", 0, 0, nil)
        }
    }

    private func note(_ problem: String) { state.withLock { $0.problems.append(problem) } }
}

extension Method {
    /// Whether it changes something at Stripe.
    fileprivate var isMutating: Bool {
        [.createCustomer, .createSubscription, .updatePlan, .cancel, .resume].contains(self)
    }
}
