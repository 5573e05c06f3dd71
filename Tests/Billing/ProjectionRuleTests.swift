/// What an event does to a row, case by case.
internal import Billing
internal import Testing

@Suite struct ProjectionRuleTests {
    @Test(
        arguments: table(
            """
            row                   | kind    | created | status             | outcome
            -                     | created | 100     | incomplete         | apply firstSight
            -                     | updated | 100     | active             | fetch gap
            -                     | other   | 100     | active             | fetch gap
            -                     | deleted | 100     | canceled           | apply ended
            100..100 active       | updated | 101     | past_due           | apply newer
            100..100 active       | updated | 99      | trialing           | skip older
            100..100 active       | updated | 100     | past_due           | fetch tie
            100..100 active       | created | 100     | incomplete         | fetch tie
            100..100 active       | created | 99      | incomplete         | skip older
            100..103 active       | updated | 104     | past_due           | apply newer
            100..103 active       | updated | 103     | past_due           | fetch tie
            100..103 active       | updated | 101     | past_due           | fetch tie
            100..103 active       | updated | 100     | past_due           | fetch tie
            100..103 active       | updated | 99      | past_due           | skip older
            100..103 active       | other   | 104     | active             | apply newer
            100..100 active       | deleted | 101     | canceled           | apply newer
            100..100 active       | deleted | 100     | canceled           | fetch tie
            100..100 active       | deleted | 99      | canceled           | fetch contradiction
            100..100 -            | deleted | 99      | -                  | fetch contradiction
            100..100 canceled     | deleted | 99      | canceled           | skip older
            100..100 canceled     | updated | 101     | active             | skip terminalStatus
            100..100 canceled     | updated | 100     | active             | skip terminalStatus
            100..100 canceled     | updated | 99      | active             | skip terminalStatus
            100..100 canceled     | updated | 101     | canceled           | apply newer
            100..100 canceled     | updated | 101     | incomplete_expired | skip terminalStatus
            100..100 incomplete_expired | updated | 101 | active           | skip terminalStatus
            100..100 canceled     | updated | 101     | -                  | apply newer
            100..100 deleted      | updated | 101     | -                  | skip tombstone
            100..100 deleted      | updated | 100     | -                  | skip tombstone
            100..100 deleted      | created | 101     | -                  | skip tombstone
            100..100 deleted      | deleted | 101     | -                  | skip tombstone
            100..100 -            | updated | 101     | -                  | apply newer
            """))
    func `one event against one row`(row: Row) throws {
        let stored = row.text(0).map { text in
            let words = text.split(separator: " ")
            let bounds = words[0].split(separator: ".").compactMap { Int64($0) }
            let isDeleted = words[1] == "deleted"
            return KnownRow(
                known: KnownInterval(from: bounds[0], until: bounds[1]), isDeleted: isDeleted,
                status: isDeleted || words[1] == "-" ? nil : SubscriptionStatus(rawValue: String(words[1])))
        }
        let event = Observation(
            kind: Observation.kind(ofType: "customer.subscription.\(row.cells[1])"),
            created: try #require(row.number(2)), status: row.text(3).map(SubscriptionStatus.init(rawValue:)))
        let outcome =
            switch ProjectionRule.decide(event, against: stored) {
            case .apply(let reason): "apply \(reason.rawValue)"
            case .skip(let reason): "skip \(reason.rawValue)"
            case .fetch(let reason): "fetch \(reason.rawValue)"
            }
        #expect(outcome == row.cells[4])
    }

    @Test func `an object that is deleted within a second of its last change is gone, though it looks the same`() {
        let deleted = Observation(kind: .deleted, created: 100, isSameContent: true)
        #expect(
            ProjectionRule.decide(deleted, against: KnownRow(known: .event(created: 100))) == .fetch(because: .tie))
        let canceled = Observation(kind: .deleted, created: 100, status: .canceled, isSameContent: true)
        let row = KnownRow(known: .event(created: 100), status: .canceled)
        #expect(ProjectionRule.decide(canceled, against: row) == .skip(because: .identical))
    }

    @Test func `a tie with what is already stored needs no question`() {
        let row = KnownRow(known: .event(created: 100), status: .active)
        let same = Observation(kind: .updated, created: 100, status: .active, isSameContent: true)
        #expect(ProjectionRule.decide(same, against: row) == .skip(because: .identical))
        let newer = Observation(kind: .updated, created: 101, status: .active, isSameContent: true)
        #expect(ProjectionRule.decide(newer, against: row) == .apply(because: .newer))
    }

    @Test(
        arguments: table(
            """
            date                 | milliseconds | outcome
            100                  | 0            | 100..100
            100                  | 1            | 99..100
            100                  | 1000         | 99..100
            100                  | 1001         | 98..100
            100                  | 80000        | 20..100
            100                  | -5           | 100..100
            -9223372036854775808 | 1            | -9223372036854775808..-9223372036854775808
            """))
    func `an answer was true at some moment of its call`(row: Row) throws {
        let interval = KnownInterval.answer(date: try #require(row.number(0)), milliseconds: try #require(row.number(1)))
        #expect("\(interval.from)..\(interval.until)" == row.cells[2])
    }

    @Test(
        arguments: table(
            """
            type                                         | kind
            customer.created                             | created
            customer.subscription.updated                | updated
            customer.subscription.deleted                | deleted
            customer.subscription.trial_will_end         | other
            customer.subscription.pending_update_applied | other
            invoice.paid                                 | other
            """))
    func `a type's last word is its kind`(row: Row) {
        #expect("\(Observation.kind(ofType: row.cells[0]))" == row.cells[1])
    }
}
