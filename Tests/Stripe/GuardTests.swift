/// The circuit breaker as dialogues on a clock of the test's own, then it and the rate budget in a client.
internal import Stripe
internal import TestSupport
internal import Testing

@Suite struct GuardTests {
    enum Step: Sendable {
        case admitted
        case refused(Int64)
        case result(CircuitBreaker.Verdict)
    }

    struct Dialogue: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let steps: [(at: Int64, Step)]
    }

    static let opening: [(at: Int64, Step)] = [
        (0, .admitted), (0, .result(.dead)), (1, .admitted), (1, .result(.dead)), (2, .admitted), (2, .result(.dead)),
    ]

    @Test(arguments: [
        Dialogue(
            testDescription: "three failures in a row open it", steps: opening + [(3, .refused(999)), (1001, .refused(1))]),
        Dialogue(
            testDescription: "an answer in between does not",
            steps: [
                (0, .result(.dead)), (0, .result(.dead)), (0, .result(.alive)), (0, .result(.dead)), (0, .result(.dead)),
                (0, .admitted), (0, .result(.dead)), (0, .refused(1000)),
            ]),
        Dialogue(
            testDescription: "what we gave up ourselves does not count",
            steps: [
                (0, .result(.dead)), (0, .result(.dead)), (0, .result(.unknown)), (0, .result(.unknown)), (0, .admitted),
            ]),
        Dialogue(
            testDescription: "then one probe at a time, and its answer closes it",
            steps: opening + [
                (1002, .admitted), (1003, .refused(200)), (1004, .result(.alive)), (1004, .admitted), (1004, .admitted),
            ]),
        Dialogue(
            testDescription: "a probe that fails keeps it open as long again",
            steps: opening + [(1002, .admitted), (1500, .result(.dead)), (1501, .refused(999)), (2500, .admitted)]),
        Dialogue(
            testDescription: "a probe that was given up makes room for the next",
            steps: opening + [(1002, .admitted), (1003, .result(.unknown)), (1003, .admitted), (1003, .refused(200))]),
        Dialogue(
            testDescription: "late failures do not keep it open for longer",
            steps: opening + [(500, .result(.dead)), (501, .result(.unknown)), (1002, .admitted)]),
        Dialogue(
            testDescription: "a late answer closes it", steps: opening + [(500, .result(.alive)), (500, .admitted)]),
    ])
    func `the breaker`(_ dialogue: Dialogue) {
        var breaker = CircuitBreaker(threshold: 3, openMilliseconds: 1000)
        for (index, (now, step)) in dialogue.steps.enumerated() {
            let peeked = breaker.wait(now: now)
            switch step {
            case .admitted:
                #expect(peeked == nil, "step \(index)")
                #expect(breaker.admit(now: now) == nil, "step \(index)")
            case .refused(let wait):
                #expect(peeked == wait, "step \(index)")
                #expect(breaker.admit(now: now) == wait, "step \(index)")
            case .result(let verdict): breaker.record(verdict, now: now)
            }
        }
    }

    @Test func `a dead upstream is refused fast`() async throws {
        let harness = try Harness(
            configure: { $0.circuitBreaker = CircuitBreaker(threshold: 4, openMilliseconds: 60_000) },
            { _ in [.refusal(503)] })
        let first = await #expect(throws: StripeError.self) { try await harness.client.call(.get, ["x"]) }
        #expect(first?.attempts == 3)
        let second = await #expect(throws: StripeError.self) { try await harness.client.call(.get, ["x"]) }
        #expect(second?.attempts == 1, "the breaker opens in the middle of the call, which then stops trying")
        #expect(second?.refusal?.httpStatus == 503)
        let third = await #expect(throws: StripeError.self) { try await harness.client.call(.get, ["x"]) }
        guard case .unreachable? = third?.kind else {
            Issue.record("\(String(describing: third))")
            return
        }
        #expect(third?.attempts == 0 && third?.mayHaveBeenExecuted == false)
        #expect((1...60_000).contains(third?.retryAfterMilliseconds ?? 0))
        #expect(harness.server.received.count == 4)
    }

    @Test func `one call finds out that the upstream lives again`() async throws {
        let harness = try Harness(
            configure: { $0.circuitBreaker = CircuitBreaker(threshold: 3, openMilliseconds: 30) },
            { $0.number < 3 ? [.refusal(503)] : [.reply(body: "{}")] })
        await #expect(throws: StripeError.self) { try await harness.client.call(.get, ["x"]) }
        try await Task.sleep(for: .milliseconds(100))
        for _ in 0..<3 { #expect(try await harness.client.call(.get, ["x"]).attempts == 1) }
    }

    @Test func `refusals of what was asked do not open the breaker`() async throws {
        let harness = try Harness { _ in [.refusal(404)] }
        for _ in 0..<20 { await #expect(throws: StripeError.self) { try await harness.client.call(.get, ["x"]) } }
        #expect(harness.server.received.count == 20)
    }

    @Test func `calls beyond the rate wait their turn, and one that would wait past its deadline is refused`() async throws
    {
        let harness = try Harness(configure: { $0.callsPerSecond = 0.1 }) { _ in [.reply(body: "{}")] }
        for _ in 0..<2 { _ = try await harness.client.call(.get, ["x"]) }
        #expect(harness.pauses.count == 1)
        #expect((1...10_000).contains(harness.pauses.first ?? 0))
        let error = await #expect(throws: StripeError.self) {
            try await harness.client.call(.get, ["x"], deadline: ContinuousClock.now + .seconds(5))
        }
        guard case .overloaded? = error?.kind else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect((10_000...20_000).contains(error?.retryAfterMilliseconds ?? 0))
        #expect(harness.server.received.count == 2)
    }

    @Test func `Stripe itself is called at a rate, anything else at will`() throws {
        let test = try #require(StripeKey("sk_test_1")), live = try #require(StripeKey("rk_live_1"))
        #expect(StripeConfiguration(secretKey: test).callsPerSecond == 20)
        #expect(StripeConfiguration(secretKey: live).callsPerSecond == 80)
        #expect(StripeConfiguration(secretKey: test, apiBase: "http://127.0.0.1:1").callsPerSecond == nil)
    }
}
