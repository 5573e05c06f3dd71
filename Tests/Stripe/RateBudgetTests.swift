/// The rate budget, on a clock of the test's own.
internal import Stripe
internal import Testing

@Suite struct RateBudgetTests {
    /// Takes `count` turns at once, however long they take to come.
    private func turns(_ budget: inout RateBudget, _ now: Int64, _ count: Int) -> [Int64?] {
        (0..<count).map { _ in
            guard case .taken(let wait) = budget.reserve(now: now, patience: 60_000) else { return nil }
            return wait
        }
    }

    @Test func `a burst goes out, then one at a time, and it fills up again to the burst`() {
        var budget = RateBudget(perSecond: 3)
        #expect(turns(&budget, 0, 6) == [0, 0, 0, 334, 667, 1000])
        #expect(turns(&budget, 1000, 2) == [334, 667])
        #expect(turns(&budget, 100_000, 4) == [0, 0, 0, 334])
        #expect(turns(&budget, 99_000, 1) == [667], "a clock that goes back gives nothing")
    }

    @Test func `a turn that comes too late is not taken`() {
        var budget = RateBudget(perSecond: 1)
        #expect(budget.reserve(now: 0, patience: 0) == .taken(afterMilliseconds: 0))
        for _ in 0..<3 { #expect(budget.reserve(now: 0, patience: 999) == .tooLate(afterMilliseconds: 1000)) }
        #expect(budget.reserve(now: 0, patience: 1000) == .taken(afterMilliseconds: 1000))
        #expect(budget.reserve(now: 1000, patience: 500) == .tooLate(afterMilliseconds: 1000))
    }

    @Test func `so many wait, and the next one is told when to come again`() {
        var budget = RateBudget(perSecond: 10, maximumWaiting: 3)
        #expect(turns(&budget, 0, 13) == Array(repeating: 0, count: 10) + [100, 200, 300])
        #expect(budget.waiting(now: 0) == 3)
        #expect(budget.reserve(now: 0, patience: 60_000) == .tooManyWait(retryAfterMilliseconds: 100))
        #expect(budget.waiting(now: 250) == 1)
        #expect(budget.reserve(now: 250, patience: 60_000) == .taken(afterMilliseconds: 150))
    }

    @Test func `over a long time the budget is kept whatever the callers do`() {
        var budget = RateBudget(perSecond: 20)
        var starts: [Int64] = []
        for now in stride(from: Int64(0), to: 60_000, by: 7) {
            for _ in 0..<(now * now % 4 + now % 3) {
                if case .taken(let wait) = budget.reserve(now: now, patience: 500) { starts.append(now + wait) }
            }
        }
        starts.sort()
        for (index, start) in starts.enumerated() {
            let within = starts[index...].prefix { $0 < start + 1000 }.count
            #expect(within <= 41, "\(within) calls in the second from \(start)")
        }
        #expect((1100...1240).contains(starts.count))
    }

    @Test func `a complaint halves the rate, once for all calls under way, and it comes back within its ceiling`() {
        var budget = RateBudget(perSecond: 80)
        _ = turns(&budget, 0, 80)
        for now in stride(from: Int64(10), to: 60, by: 10) { budget.complain(now: now, pauseMilliseconds: nil) }
        #expect(budget.rate == 40)
        #expect(turns(&budget, 60, 4) == [0, 0, 6, 31], "what came in since, and then the new rate")
        budget.complain(now: 1500, pauseMilliseconds: nil)
        #expect((20.0...23).contains(budget.rate ?? 0))
        // A twentieth of what the rate was comes back each second.
        var now: Int64 = 2500
        for _ in 0..<10 {
            now += 1000
            _ = budget.reserve(now: now, patience: 0)
        }
        #expect((60.0...68).contains(budget.rate ?? 0))
        for _ in 0..<30 {
            now += 1000
            _ = budget.reserve(now: now, patience: 0)
        }
        #expect(budget.rate == 80)
    }

    @Test func `complaints without end leave a quarter of the calls`() {
        var budget = RateBudget(perSecond: 80)
        for now in stride(from: Int64(0), to: 20_000, by: 1000) { budget.complain(now: now, pauseMilliseconds: nil) }
        #expect((20.0...24).contains(budget.rate ?? 0))
        for now in stride(from: Int64(20_000), to: 60_000, by: 1000) {
            budget.complain(now: now, pauseMilliseconds: nil)
        }
        #expect((20.0...24).contains(budget.rate ?? 0))
    }

    @Test func `a pause that Stripe asks for is kept by everybody`() {
        var budget = RateBudget(perSecond: 100)
        budget.complain(now: 0, pauseMilliseconds: 3000)
        #expect(budget.reserve(now: 100, patience: 1000) == .tooLate(afterMilliseconds: 2900))
        #expect(budget.reserve(now: 100, patience: 5000) == .taken(afterMilliseconds: 2900))
        #expect(budget.reserve(now: 3000, patience: 0) == .taken(afterMilliseconds: 0))
    }

    @Test func `without a ceiling nobody waits until Stripe complains, and nobody once it has long been content`() {
        var budget = RateBudget(perSecond: nil)
        #expect(turns(&budget, 0, 500).allSatisfy { $0 == 0 })
        #expect(budget.rate == nil && budget.waiting(now: 0) == 0)
        budget.complain(now: 900, pauseMilliseconds: nil)
        #expect(budget.rate == 250, "half of what was sent in that second")
        #expect(turns(&budget, 900, 3) == [0, 4, 8])
        var now: Int64 = 900
        while budget.rate != nil, now < 120_000 {
            now += 1000
            _ = budget.reserve(now: now, patience: 0)
        }
        #expect((30_000...40_000).contains(now))
        #expect(turns(&budget, now, 1000).allSatisfy { $0 == 0 })
    }
}
