import Testing

@testable import Sandbox

/// Proration and anchor arithmetic against Stripe's documented and recorded numbers.
@Suite struct Arithmetic {
    struct Proration: Sendable, CustomTestStringConvertible {
        let name: String
        let old: (unit: Int64, quantity: Int64)
        let new: (unit: Int64, quantity: Int64)
        let start: Int64
        let end: Int64
        let date: Int64
        let credit: Int64
        let debit: Int64
        var testDescription: String { name }
    }

    /// The worked examples, with every line floored by itself.
    static let prorations: [Proration] = [
        Proration(
            name: "upgrade", old: (1000, 1), new: (2000, 1), start: 1_775_001_600, end: 1_777_593_600,
            date: 1_775_865_600, credit: -667, debit: 1333),
        Proration(
            name: "downgrade", old: (2000, 1), new: (1000, 1), start: 1_775_001_600, end: 1_777_593_600,
            date: 1_776_729_600, credit: -667, debit: 333),
        Proration(
            name: "in January", old: (5000, 1), new: (10_000, 1), start: 1_767_225_600, end: 1_769_904_000,
            date: 1_768_521_600, credit: -2581, debit: 5161),
        Proration(
            name: "quantity", old: (1500, 2), new: (1500, 3), start: 1_773_135_015, end: 1_775_813_415,
            date: 1_774_199_141, credit: -1809, debit: 2712),
        Proration(
            name: "in February", old: (2900, 1), new: (900, 1), start: 1_770_292_800, end: 1_772_712_000,
            date: 1_771_575_330, credit: -1363, debit: 422),
        Proration(
            name: "half a year", old: (12_000, 1), new: (24_000, 1), start: 1_767_225_600, end: 1_798_761_600,
            date: 1_782_993_600, credit: -6000, debit: 12_000),
        Proration(
            name: "at the start", old: (1500, 1), new: (4500, 1), start: 1_772_323_200, end: 1_775_001_600,
            date: 1_772_323_200, credit: -1500, debit: 4500),
        Proration(
            name: "tie", old: (1000, 1), new: (1000, 3), start: 1_793_491_200, end: 1_796_083_200,
            date: 1_796_083_200 - 6480, credit: -3, debit: 7),
        Proration(
            name: "tie of prices", old: (1000, 1), new: (1800, 1), start: 1_793_491_200, end: 1_796_083_200,
            date: 1_796_083_200 - 6480, credit: -3, debit: 4),
        Proration(
            name: "at the end", old: (1000, 1), new: (1800, 1), start: 1_793_491_200, end: 1_796_083_200,
            date: 1_796_083_200, credit: 0, debit: 0),
    ]

    @Test(arguments: prorations)
    func `a change credits the old and charges the new, each floored`(_ row: Proration) throws {
        let remaining = row.end - row.date
        let whole = row.end - row.start
        let debit = ExactAmount(row.new.unit).times(row.new.quantity)?.share(remaining, of: whole)?.floored
        let old = try #require(ExactAmount(row.old.unit).times(row.old.quantity))
        #expect(debit == row.debit)
        #expect(old.negated.share(remaining, of: whole)?.floored == row.credit)
        for isCredit in [true, false] {
            let prorated = Prorated(
                isCredit ? old : ExactAmount(row.new.unit * row.new.quantity), [], isCredit: isCredit, part: remaining,
                of: whole, itemizes: false)
            let amount = isCredit ? row.credit : row.debit
            #expect(prorated == Prorated(amount: amount, net: amount, discounts: []))
        }
    }

    @Test(
        arguments: [
            ("0.5", 1, 1), ("0.5", 3, 2), ("12.345678", 100, 1235), ("0.004999", 100, 0), ("2000", 3, 6000),
            ("999999999999", 1, 999_999_999_999),
        ] as [(String, Int64, Int64)])
    func `a price's decimal times a quantity is rounded half up`(_ decimal: String, _ quantity: Int64, _ amount: Int64) {
        #expect(ExactAmount(decimal: decimal)?.times(quantity)?.rounded == amount)
    }

    @Test(arguments: ["", "1.", ".5", "1e3", "abc", "1.2.3", "--1", "0.1234567890123", "1234567890123"])
    func `text that is no price is refused`(_ text: String) { #expect(ExactAmount(decimal: text) == nil) }

    @Test func `amounts out of all bounds are noticed, not trapped`() {
        let large = ExactAmount(Int64.max)
        #expect(large.times(Int64.max)?.floored == nil)
        #expect(large.times(Int64.max)?.times(Int64.max) == nil)
    }

    struct Cycle: Sendable {
        let unit: String
        let count: Int64
        let anchor: Int64
        let next: [Int64]
    }

    static let cycles: [Cycle] = [
        Cycle(
            unit: "month", count: 1, anchor: 1_769_854_530,
            next: [1_772_273_730, 1_774_952_130, 1_777_544_130, 1_780_222_530]),
        Cycle(
            unit: "month", count: 1, anchor: 1_827_532_800,
            next: [1_830_124_800, 1_832_803_200, 1_835_395_200, 1_837_987_200]),
        Cycle(
            unit: "year", count: 1, anchor: CivilDate(year: 2028, month: 2, day: 29).unix,
            next: [
                CivilDate(year: 2029, month: 2, day: 28).unix, CivilDate(year: 2030, month: 2, day: 28).unix,
                CivilDate(year: 2031, month: 2, day: 28).unix, CivilDate(year: 2032, month: 2, day: 29).unix,
            ]),
        Cycle(
            unit: "month", count: 3, anchor: CivilDate(year: 2026, month: 11, day: 30).unix,
            next: [CivilDate(year: 2027, month: 2, day: 28).unix, CivilDate(year: 2027, month: 5, day: 30).unix]),
        Cycle(unit: "week", count: 2, anchor: 1_000_000_000, next: [1_001_209_600, 1_002_419_200]),
        Cycle(unit: "day", count: 1, anchor: 1_000_000_000, next: [1_000_086_400, 1_000_172_800]),
    ]

    @Test(arguments: cycles)
    func `periods return to the anchor's day`(_ cycle: Cycle) {
        let interval = BillingInterval(unit: cycle.unit, count: cycle.count)
        var time = cycle.anchor
        for expected in cycle.next {
            #expect(interval.nextBoundary(anchor: cycle.anchor, after: time) == expected)
            #expect(interval.nextBoundary(anchor: cycle.anchor, after: expected - 1) == expected)
            time = expected
        }
    }

    @Test func `a time before the anchor belongs to the period that the anchor ends`() {
        let interval = BillingInterval(unit: "month", count: 1)
        let anchor = CivilDate(year: 2026, month: 12, day: 1).unix
        #expect(interval.nextBoundary(anchor: anchor, after: CivilDate(year: 2026, month: 11, day: 15).unix) == anchor)
        #expect(
            interval.nextBoundary(anchor: anchor, after: CivilDate(year: 2026, month: 10, day: 15).unix)
                == CivilDate(year: 2026, month: 11, day: 1).unix)
    }

    @Test func `dates survive the way there and back`() {
        var time: Int64 = -4_000_000_000
        while time < 8_000_000_000 {
            #expect(CivilDate(unix: time).unix == time)
            time += 86_400 * 37 + 12_345
        }
        #expect(CivilDate(unix: 1_793_491_200).words == "1 Nov 2026")
    }

    struct Settled: Sendable {
        let total: Int64
        let balance: Int64
        let due: Int64
        let ending: Int64
    }

    @Test(arguments: [
        Settled(total: 1000, balance: 0, due: 1000, ending: 0), Settled(total: 1, balance: 0, due: 0, ending: 1),
        Settled(total: 1000, balance: 1, due: 1001, ending: 0), Settled(total: -334, balance: 0, due: 0, ending: -334),
        Settled(total: 1000, balance: -334, due: 666, ending: 0), Settled(total: 300, balance: -334, due: 0, ending: -34),
        Settled(total: 49, balance: 0, due: 0, ending: 49), Settled(total: 50, balance: 0, due: 50, ending: 0),
        Settled(total: 0, balance: 0, due: 0, ending: 0),
    ])
    func `an invoice comes to its total with the balance, and cents are carried over`(_ row: Settled) {
        let settled = Account.Settlement(total: row.total, balance: row.balance, minimum: 50)
        #expect(settled.amountDue == row.due)
        #expect(settled.endingBalance == row.ending)
    }

    @Test(
        arguments: [
            (500, "usd", "$5.00"), (5, "usd", "$0.05"), (500, "jpy", "¥500"), (-1234, "eur", "-€12.34"),
            (100, "chf", "1.00 CHF"),
        ]
            as [(Int64, String, String)])
    func `money is written as people do`(_ amount: Int64, _ currency: String, _ words: String) {
        #expect(Wording.money(amount, currency) == words)
    }
}
