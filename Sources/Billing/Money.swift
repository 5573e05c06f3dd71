/// An amount in a currency's minor unit. Its arithmetic never traps: what does not fit is an error.
package struct Money: Sendable, Hashable {
    /// Minor units (cents; yen). Negative is a credit.
    package let amount: Int64
    /// ISO 4217, lower case.
    package let currency: String

    package init(amount: Int64, currency: String) {
        self.amount = amount
        self.currency = currency.lowercased()
    }

    package func adding(_ other: Money) throws(MoneyError) -> Money {
        try combined(with: other) { $0.addingReportingOverflow($1) }
    }

    package func subtracting(_ other: Money) throws(MoneyError) -> Money {
        try combined(with: other) { $0.subtractingReportingOverflow($1) }
    }

    package func multiplied(by factor: Int64) throws(MoneyError) -> Money {
        let (product, overflow) = amount.multipliedReportingOverflow(by: factor)
        guard !overflow else { throw .overflow }
        return Money(amount: product, currency: currency)
    }

    package func negated() throws(MoneyError) -> Money { try multiplied(by: -1) }

    /// The sum of amounts in one currency; zero where there are none.
    package static func sum(_ terms: some Sequence<Money>, currency: String) throws(MoneyError) -> Money {
        var sum = Money(amount: 0, currency: currency)
        for term in terms { sum = try sum.adding(term) }
        return sum
    }

    private func combined(
        with other: Money, _ operation: (Int64, Int64) -> (partialValue: Int64, overflow: Bool)
    ) throws(MoneyError) -> Money {
        guard currency == other.currency else { throw .currencyMismatch(currency, other.currency) }
        let (result, overflow) = operation(amount, other.amount)
        guard !overflow else { throw .overflow }
        return Money(amount: result, currency: currency)
    }
}

package enum MoneyError: Error, Sendable, Equatable {
    /// The result is outside the signed 64-bit range.
    case overflow
    case currencyMismatch(String, String)
}
