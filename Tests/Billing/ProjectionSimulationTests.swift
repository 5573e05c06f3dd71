/// Stripe as a history of states, its events delivered in any order and repeated, and a row that must end like the object.
internal import Billing
internal import Testing

@Suite struct ProjectionSimulationTests {
    /// One state of the object, and the event that announced it.
    struct Moment: Equatable {
        let second: Int64
        let kind: Observation.Kind
        let content: Int
        let status: SubscriptionStatus?
    }

    struct StoredRow: Equatable {
        var content: Int
        var row: KnownRow
    }

    typealias Rule = (Observation, KnownRow?) -> ProjectionDecision

    @Test(arguments: 0..<400 as Range<UInt64>)
    func `any order and any repetition of the events ends in the object's last state`(seed: UInt64) {
        let (row, last) = Self.run(seed: seed) { ProjectionRule.decide($0, against: $1) }
        #expect(row?.content == last.content, "seed \(seed)")
        #expect(row?.row.isDeleted == (last.kind == .deleted), "seed \(seed)")
    }

    @Test(arguments: ["arrival", "created alone"])
    func `the simulation notices a rule that is wrong`(flaw: String) {
        let wrong = (0..<400 as Range<UInt64>).filter { seed in
            let (row, last) = Self.run(seed: seed) { event, row in
                if flaw == "arrival" { return .apply(because: .newer) }
                return event.created >= (row?.known.until ?? .min) ? .apply(because: .newer) : .skip(because: .older)
            }
            return row?.content != last.content
        }
        #expect(wrong.count > 20)
    }

    /// Lets the history happen, delivers while it does and after it, and returns the row and the object's last state.
    private static func run(seed: UInt64, rule: Rule) -> (StoredRow?, Moment) {
        var random = SeededGenerator(seed: seed)
        let history = history(&random)
        var happened = 0
        var pending: [Moment] = []
        var row: StoredRow?
        while happened < history.count || !pending.isEmpty {
            if happened < history.count, pending.isEmpty || Bool.random(using: &random) {
                pending.append(history[happened])
                happened += 1
            } else {
                let index = Int.random(in: pending.indices, using: &random)
                let event = pending[index]
                if Int.random(in: 0..<4, using: &random) > 0 { pending.remove(at: index) }
                row = deliver(event, to: row, now: history[happened - 1], &random, rule)
            }
        }
        return (row, history[history.count - 1])
    }

    /// Few contents and few seconds, so that states repeat and share seconds.
    private static func history(_ random: inout SeededGenerator) -> [Moment] {
        var second: Int64 = 100
        let ends = Int.random(in: 0..<3, using: &random)
        let count = Int.random(in: 2...7, using: &random)
        return (0..<count).map { index in
            second += Int64.random(in: 0...2, using: &random)
            let isLast = index == count - 1
            return Moment(
                second: second, kind: index == 0 ? .created : isLast && ends == 0 ? .deleted : .updated,
                content: isLast && ends == 0 ? -1 : Int.random(in: 0..<3, using: &random),
                status: isLast && ends == 1 ? .canceled : .active)
        }
    }

    private static func deliver(
        _ event: Moment, to stored: StoredRow?, now: Moment, _ random: inout SeededGenerator, _ rule: Rule
    ) -> StoredRow? {
        let observation = Observation(
            kind: event.kind, created: event.second, status: event.status,
            isSameContent: stored?.content == event.content)
        switch rule(observation, stored?.row) {
        case .apply: return write(event, .event(created: event.second))
        case .skip: return stored
        case .fetch:
            let milliseconds = Int64.random(in: 0...1500, using: &random)
            return write(now, .answer(date: now.second, milliseconds: milliseconds))
        }
    }

    private static func write(_ moment: Moment, _ known: KnownInterval) -> StoredRow {
        let row = KnownRow(known: known, isDeleted: moment.kind == .deleted, status: moment.status)
        return StoredRow(content: moment.content, row: row)
    }
}
