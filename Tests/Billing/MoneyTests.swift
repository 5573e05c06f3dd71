/// Arithmetic on amounts, up to the ends of the range and over them.
internal import Billing
internal import Testing

@Suite struct MoneyTests {
    static let most = Int64.max
    static let least = Int64.min

    @Test(
        arguments: table(
            """
            left                 | operation | right                | outcome
            2000                 | +         | 334                  | 2334
            2000                 | -         | 2334                 | -334
            -667                 | +         | 333                  | -334
            9223372036854775807  | +         | 1                    | overflow
            9223372036854775806  | +         | 1                    | 9223372036854775807
            -9223372036854775808 | -         | 1                    | overflow
            -9223372036854775808 | +         | -1                   | overflow
            0                    | -         | -9223372036854775808 | overflow
            1500                 | *         | 3                    | 4500
            4611686018427387904  | *         | 2                    | overflow
            -4611686018427387904 | *         | 2                    | -9223372036854775808
            -9223372036854775808 | *         | -1                   | overflow
            """))
    func `a result that fits is exact, and one that does not is an error`(row: Row) throws {
        let left = Money(amount: try #require(row.number(0)), currency: "usd")
        let outcome: String
        do {
            outcome = String(try Self.combine(left, row.cells[1], try #require(row.number(2))).amount)
        } catch MoneyError.overflow {
            outcome = "overflow"
        }
        #expect(outcome == row.cells[3])
    }

    private static func combine(_ left: Money, _ operation: String, _ right: Int64) throws -> Money {
        switch operation {
        case "+": return try left.adding(Money(amount: right, currency: "usd"))
        case "-": return try left.subtracting(Money(amount: right, currency: "usd"))
        default: return try left.multiplied(by: right)
        }
    }

    @Test func `amounts of two currencies do not mix`() {
        #expect(throws: MoneyError.currencyMismatch("usd", "eur")) {
            try Money(amount: 1, currency: "usd").adding(Money(amount: 1, currency: "eur"))
        }
        #expect(throws: MoneyError.currencyMismatch("jpy", "usd")) {
            try Money.sum([Money(amount: 1, currency: "usd")], currency: "jpy")
        }
    }

    @Test func `a currency is the same in either case`() throws {
        let sum = try Money(amount: 1, currency: "USD").adding(Money(amount: 2, currency: "usd"))
        #expect(sum == Money(amount: 3, currency: "usd"))
        #expect(sum.currency == "usd")
    }

    @Test func `the sum of nothing is zero, and a sum that leaves the range on its way is an error`() throws {
        #expect(try Money.sum([], currency: "usd") == Money(amount: 0, currency: "usd"))
        let terms = [Self.most, 1, -1].map { Money(amount: $0, currency: "usd") }
        #expect(throws: MoneyError.overflow) { try Money.sum(terms, currency: "usd") }
    }

    @Test func `the least amount has no negative`() throws {
        #expect(try Money(amount: Self.most, currency: "usd").negated().amount == -Self.most)
        #expect(throws: MoneyError.overflow) { try Money(amount: Self.least, currency: "usd").negated() }
    }
}
