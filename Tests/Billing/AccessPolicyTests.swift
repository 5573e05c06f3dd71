/// Access, case by case. `now` is 1000 throughout and the grace 100 seconds.
internal import Billing
internal import Testing

@Suite struct AccessPolicyTests {
    private let policy = AccessPolicy(pastDueGraceSeconds: 100)

    @Test(
        arguments: table(
            """
            status             | start | end  | cancelAt | endedAt | trialEnd | pastDueSince | outcome
            active             | 900   | 1100 | -        | -       | -        | -            | ACTIVE since 900 until 1100
            active             | -     | -    | -        | -       | -        | -            | ACTIVE since 500 until -
            active             | 900   | 1000 | -        | -       | -        | -            | ACTIVE since 900 until 1000
            active             | 800   | 900  | -        | -       | -        | -            | ACTIVE since 800 until 900
            active             | 900   | 1100 | 1100     | -       | -        | -            | ACTIVE since 900 until 1100
            active             | 900   | 1100 | 1001     | -       | -        | -            | ACTIVE since 900 until 1001
            active             | 900   | 1100 | 1000     | -       | -        | -            | CANCELED since 1000 until -
            active             | 800   | 900  | 900      | -       | -        | -            | CANCELED since 900 until -
            trialing           | 900   | 1200 | -        | -       | 1200     | -            | TRIALING since 500 until 1200
            trialing           | 900   | 1200 | -        | -       | -        | -            | TRIALING since 500 until 1200
            trialing           | 900   | 990  | -        | -       | 990      | -            | TRIALING since 500 until 990
            trialing           | 900   | 990  | 990      | -       | 990      | -            | CANCELED since 990 until -
            past_due           | 901   | 1900 | -        | -       | -        | 950          | GRACE since 950 until 1050
            past_due           | 901   | 1900 | 1020     | -       | -        | 950          | GRACE since 950 until 1020
            past_due           | 901   | 1900 | 999      | -       | -        | 950          | CANCELED since 999 until -
            past_due           | 100   | 1900 | -        | -       | -        | 901          | GRACE since 901 until 1001
            past_due           | 100   | 1900 | -        | -       | -        | 900          | PAST_DUE since 900 until -
            past_due           | 901   | 1900 | -        | -       | -        | -            | GRACE since 901 until 1001
            past_due           | 900   | 1900 | -        | -       | -        | -            | PAST_DUE since 900 until -
            past_due           | -     | -    | -        | -       | -        | -            | PAST_DUE since - until -
            unpaid             | 900   | 1100 | -        | -       | -        | 700          | UNPAID since 700 until -
            paused             | 900   | 1100 | -        | -       | -        | -            | PAUSED since - until -
            incomplete         | 900   | 1100 | -        | -       | -        | -            | INCOMPLETE since 500 until -
            incomplete_expired | 900   | 1100 | -        | 980     | -        | -            | INCOMPLETE_EXPIRED since 980 until -
            canceled           | 900   | 1100 | -        | 950     | -        | -            | CANCELED since 950 until -
            canceled           | 900   | 1100 | 940      | -       | -        | -            | CANCELED since 940 until -
            hibernating        | 900   | 1100 | -        | -       | -        | -            | UNKNOWN_STATUS since - until -
            """))
    func `one subscription`(row: Row) {
        let subscription = SubscriptionView(
            id: "sub_1", status: SubscriptionStatus(rawValue: row.cells[0]), products: ["prod_other", "prod_pro"],
            created: 500, currentPeriodStart: row.number(1), currentPeriodEnd: row.number(2), cancelAt: row.number(3),
            endedAt: row.number(4), trialEnd: row.number(5), pastDueSince: row.number(6))
        let decision = policy.decide(product: "prod_pro", subscriptions: [subscription], now: 1000)
        let since = decision.since.map(String.init) ?? "-"
        let until = decision.until.map(String.init) ?? "-"
        #expect("\(decision.reason.rawValue) since \(since) until \(until)" == row.cells[7])
        #expect(decision.allowed == ["ACTIVE", "TRIALING", "GRACE"].contains(decision.reason.rawValue))
        #expect(decision.subscriptionID == "sub_1")
        #expect(decision.productID == "prod_pro")
        #expect(decision.periodEnd == row.number(2))
        #expect(decision.status?.rawValue == row.cells[0])
    }

    @Test(
        arguments: table(
            """
            subscriptions, as id status created [until]                  | outcome
            -                                                            | none NO_SUBSCRIPTION
            a canceled 100, b active 50                                  | b ACTIVE
            a active 100, b trialing 100                                 | a ACTIVE
            a trialing 100, b past_due_in_grace 100                      | a TRIALING
            a past_due_in_grace 100, b unpaid 200                        | a GRACE
            a past_due 100, b canceled 900                               | a PAST_DUE
            a unpaid 100, b past_due 50                                  | b PAST_DUE
            a paused 100, b unpaid 100                                   | b UNPAID
            a incomplete 900, b canceled 100                             | a INCOMPLETE
            a incomplete 900, b paused 100                               | b PAUSED
            a canceled 100, b incomplete_expired 900                     | b INCOMPLETE_EXPIRED
            a canceled 900, b incomplete_expired 100                     | a CANCELED
            a hibernating 100, b canceled 900                            | a UNKNOWN_STATUS
            a active 100 1500, b active 100 1400                         | a ACTIVE
            a active 100 1400, b active 100 1500                         | b ACTIVE
            a active 100, b active 200                                   | b ACTIVE
            a active 100, b active 100                                   | b ACTIVE
            """))
    func `the best of several decides, in whatever order they are given`(row: Row) {
        let subscriptions = (row.text(0) ?? "").split(separator: ",").map { Self.subscription($0) }
        for order in [subscriptions, subscriptions.reversed()] {
            let decision = policy.decide(product: "prod_pro", subscriptions: order, now: 1000)
            #expect("\(decision.subscriptionID ?? "none") \(decision.reason.rawValue)" == row.cells[1])
        }
    }

    private static func subscription(_ text: Substring) -> SubscriptionView {
        let words = text.split(separator: " ")
        let graced = words[1] == "past_due_in_grace"
        let status = SubscriptionStatus(rawValue: graced ? "past_due" : String(words[1]))
        let created = Int64(words[2]) ?? 0
        return SubscriptionView(
            id: String(words[0]), status: status, products: ["prod_pro"], created: created,
            currentPeriodEnd: words.count > 3 ? Int64(words[3]) : nil,
            endedAt: status.isTerminal ? created : nil, pastDueSince: graced ? 950 : status == .pastDue ? 10 : nil)
    }

    @Test func `a subscription to another product says nothing`() {
        let other = SubscriptionView(id: "sub_1", status: .active, products: ["prod_basic"], created: 1)
        #expect(policy.decide(product: "prod_pro", subscriptions: [other], now: 1000) == .noSubscription)
        #expect(policy.decide(anyOf: [], subscriptions: [other], now: 1000) == .noSubscription)
    }

    @Test func `what several products grant is given by any of them, and the reply names which`() {
        let basic = SubscriptionView(id: "sub_1", status: .canceled, products: ["prod_basic"], created: 1)
        let pro = SubscriptionView(id: "sub_2", status: .trialing, products: ["prod_pro"], created: 1)
        let decision = policy.decide(anyOf: ["prod_basic", "prod_pro"], subscriptions: [basic, pro], now: 1000)
        #expect(decision.allowed)
        #expect(decision.productID == "prod_pro")
    }

    @Test func `an upgrade that waits for its payment leaves the old product and does not give the new one`() {
        let waiting = SubscriptionView(id: "sub_1", status: .active, products: ["prod_basic"], created: 1)
        #expect(policy.decide(product: "prod_basic", subscriptions: [waiting], now: 1000).allowed)
        #expect(!policy.decide(product: "prod_pro", subscriptions: [waiting], now: 1000).allowed)
    }

    @Test func `the default grace is three days, none is none, and a limitless one does not overflow`() {
        let due = SubscriptionView(
            id: "sub_1", status: .pastDue, products: ["p"], created: 1, pastDueSince: 1_000_000)
        #expect(AccessPolicy().decide(product: "p", subscriptions: [due], now: 1_259_199).allowed)
        #expect(!AccessPolicy().decide(product: "p", subscriptions: [due], now: 1_259_200).allowed)
        let none = AccessPolicy(pastDueGraceSeconds: 0)
        #expect(none.decide(product: "p", subscriptions: [due], now: 1_000_000).reason == .pastDue)
        let limitless = AccessPolicy(pastDueGraceSeconds: .max)
        #expect(limitless.decide(product: "p", subscriptions: [due], now: .max - 1).allowed)
    }

    @Test func `another subscription never takes access away, and the order of rows never matters`() {
        let views = (SubscriptionStatus.known + [.unknown("hibernating")]).flatMap { status in
            [nil, 999, 1001].flatMap { cancelAt in
                [nil, 10, 950].map { pastDueSince in
                    SubscriptionView(
                        id: "\(status)\(cancelAt ?? 0)\(pastDueSince ?? 0)", status: status, products: ["p"], created: 500,
                        cancelAt: cancelAt, pastDueSince: pastDueSince)
                }
            }
        }
        for left in views {
            let alone = policy.decide(product: "p", subscriptions: [left], now: 1000)
            for right in views {
                let both = policy.decide(product: "p", subscriptions: [left, right], now: 1000)
                #expect(both == policy.decide(product: "p", subscriptions: [right, left], now: 1000))
                #expect(both.allowed || !alone.allowed, "\(left.id) and \(right.id)")
                #expect([left.id, right.id].contains(both.subscriptionID ?? ""))
            }
        }
    }

    @Test func `between its turns a decision does not change with the time`() {
        let views = SubscriptionStatus.known.flatMap { status in
            [nil, 990, 1003].flatMap { cancelAt in
                [nil, 10, 895, 902, 950].map { pastDueSince in
                    SubscriptionView(
                        id: "\(status)\(cancelAt ?? 0)\(pastDueSince ?? 0)", status: status, products: ["p"], created: 500,
                        currentPeriodStart: 907, currentPeriodEnd: 1004, cancelAt: cancelAt, trialEnd: 1002,
                        pastDueSince: pastDueSince)
                }
            }
        }
        for left in views {
            for right in views {
                let both = [left, right]
                for now in Int64(1000)..<1012 {
                    let next = policy.nextTurn(of: both, after: now)
                    #expect(next > now)
                    let same = policy.decide(product: "p", subscriptions: both, now: now)
                    for later in now..<min(next, 1012) {
                        #expect(policy.decide(product: "p", subscriptions: both, now: later) == same)
                    }
                }
            }
        }
    }
}
