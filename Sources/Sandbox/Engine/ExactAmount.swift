/// Exact rational amounts of money in minor units (and quantities), and the two ways in which Stripe rounds them.
///
/// Every proration line is floored by itself, towards minus infinity (recorded in Stripe's test mode: -2.5 becomes -3,
/// +4.5 becomes +4, -666.67 becomes -667); an ordinary line is rounded half up.
struct ExactAmount: Equatable {
    let numerator: Int128
    /// Positive.
    let denominator: Int128

    init(_ amount: Int64) {
        numerator = Int128(amount)
        denominator = 1
    }

    private init(_ numerator: Int128, _ denominator: Int128) {
        self.numerator = numerator
        self.denominator = denominator
    }

    /// A decimal string of at most twelve places, such as a price's `unit_amount_decimal`; nil for any other text.
    init?(decimal text: String) {
        let negative = text.hasPrefix("-")
        let parts = (negative ? text.dropFirst() : text[...]).split(
            separator: ".", omittingEmptySubsequences: false)
        guard (1...2).contains(parts.count),
            parts.allSatisfy({ !$0.isEmpty && $0.utf8.allSatisfy { (48...57).contains($0) } }),
            parts[0].utf8.count <= 12
        else { return nil }
        var fraction = parts.count == 2 ? parts[1] : ""
        while fraction.last == "0" { fraction.removeLast() }
        guard fraction.utf8.count <= 12, let digits = Int128(parts[0] + fraction) else { return nil }
        var scale: Int128 = 1
        for _ in fraction.utf8 { scale *= 10 }
        numerator = negative ? -digits : digits
        denominator = scale
    }

    /// The product with `factor`; nil when it leaves 127 bits, which no amount that Stripe accepts does.
    func times(_ factor: Int64) -> ExactAmount? {
        let product = numerator.multipliedReportingOverflow(by: Int128(factor))
        return product.overflow ? nil : ExactAmount(product.partialValue, denominator)
    }

    /// The share `part / whole` of the amount; `whole` is positive.
    func share(_ part: Int64, of whole: Int64) -> ExactAmount? {
        guard whole > 0, let scaled = times(part) else { return nil }
        let under = denominator.multipliedReportingOverflow(by: Int128(whole))
        return under.overflow ? nil : ExactAmount(scaled.numerator, under.partialValue)
    }

    /// The product with another amount, such as a unit price with a quantity of many places.
    func times(_ factor: ExactAmount) -> ExactAmount? {
        let upper = numerator.multipliedReportingOverflow(by: factor.numerator)
        let lower = denominator.multipliedReportingOverflow(by: factor.denominator)
        return upper.overflow || lower.overflow ? nil : ExactAmount(upper.partialValue, lower.partialValue).reduced
    }

    /// The quotient by a positive amount.
    func divided(by divisor: ExactAmount) -> ExactAmount? {
        guard divisor.numerator > 0 else { return nil }
        return times(ExactAmount(divisor.denominator, divisor.numerator))
    }

    func plus(_ other: ExactAmount) -> ExactAmount? {
        let left = numerator.multipliedReportingOverflow(by: other.denominator)
        let right = other.numerator.multipliedReportingOverflow(by: denominator)
        let lower = denominator.multipliedReportingOverflow(by: other.denominator)
        let sum = left.partialValue.addingReportingOverflow(right.partialValue)
        guard !left.overflow, !right.overflow, !lower.overflow, !sum.overflow else { return nil }
        return ExactAmount(sum.partialValue, lower.partialValue).reduced
    }

    func minus(_ other: ExactAmount) -> ExactAmount? { plus(other.negated) }

    /// The same amount in lowest terms, so that long sums stay within bounds.
    private var reduced: ExactAmount {
        var (left, right) = (numerator.magnitude, denominator.magnitude)
        while right != 0 { (left, right) = (right, left % right) }
        let common = Int128(left)
        return common > 1 ? ExactAmount(numerator / common, denominator / common) : self
    }

    var isZero: Bool { numerator == 0 }
    var isNegative: Bool { numerator < 0 }

    var negated: ExactAmount { ExactAmount(-numerator, denominator) }

    /// The greatest amount of one line. Stripe's have at most twelve digits; the bound keeps every sum of lines and
    /// balances far from overflow.
    static let largest: Int64 = 999_999_999_999

    /// The greatest integer not above the amount; nil beyond `largest`.
    var floored: Int64? {
        let quotient = numerator / denominator
        let exact = quotient * denominator == numerator
        guard let amount = Int64(exactly: numerator < 0 && !exact ? quotient - 1 : quotient),
            amount.magnitude <= Self.largest.magnitude
        else { return nil }
        return amount
    }

    /// The nearest integer, halves up.
    var rounded: Int64? {
        let doubled = numerator.multipliedReportingOverflow(by: 2)
        guard !doubled.overflow else { return nil }
        return ExactAmount(doubled.partialValue + denominator, 2 * denominator).floored
    }

    /// The least integer not below the amount.
    var raised: Int64? { negated.floored.map { -$0 } }

    /// As a decimal, to at most twelve places.
    var decimal: String {
        let scale: Int128 = 1_000_000_000_000
        let whole = numerator.magnitude / denominator.magnitude
        let rest = numerator.magnitude % denominator.magnitude
        if rest == 0 { return (numerator < 0 ? "-" : "") + String(whole) }
        var places = String(rest * scale.magnitude / denominator.magnitude)
        places = String(repeating: "0", count: 12 - places.utf8.count) + places
        while places.last == "0" { places.removeLast() }
        return (numerator < 0 ? "-" : "") + String(whole) + (places.isEmpty ? "" : "." + places)
    }

    /// The amount when it is an integer.
    var integer: Int64? { numerator % denominator == 0 ? Int64(exactly: numerator / denominator) : nil }
}
