/// A moment, to the second: Unix seconds inside, RFC 3339 in UTC on the wire.
package import JSON

package struct Timestamp: Hashable, Comparable, Sendable, JSONWritable, CustomStringConvertible {
    /// Seconds since 1970-01-01T00:00:00Z, without leap seconds.
    package let unixSeconds: Int64

    /// Moments outside the years 0 to 9999, which RFC 3339 cannot say, become the nearest that it can.
    package init(unixSeconds: Int64) {
        self.unixSeconds = min(max(unixSeconds, -62_167_219_200), 253_402_300_799)
    }

    /// RFC 3339, such as 2026-04-01T00:00:00Z.
    package var description: String {
        String(unsafeUninitializedCapacity: Self.length) { text in
            spell(into: text)
            return Self.length
        }
    }

    private static let length = 20

    /// Without a string in between: CheckAccess writes three.
    package func write(into writer: inout JSONWriter) {
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: Self.length) { text in
            spell(into: text)
            writer.string(plain: UnsafeBufferPointer(text))
        }
    }

    /// Writes RFC 3339's form into `text`, which has room for `length` bytes. Unsafe because it is memory that nobody has
    /// set before; every byte of it is set here.
    private func spell(into text: UnsafeMutableBufferPointer<UInt8>) {
        let days = unixSeconds.flooredQuotient(by: 86_400)
        let second = unixSeconds - days * 86_400
        let (year, month, day) = Self.civil(daysSince1970: days)
        var end = 0
        func digits(_ value: Int64, _ count: Int, then separator: Unicode.Scalar) {
            var rest = UInt32(truncatingIfNeeded: value)
            var place = end + count
            text.initializeElement(at: place, to: UInt8(truncatingIfNeeded: separator.value))
            while place > end {
                place -= 1
                text.initializeElement(at: place, to: UInt8(ascii: "0") + UInt8(rest % 10))
                rest /= 10
            }
            end += count + 1
        }
        digits(year, 4, then: "-")
        digits(month, 2, then: "-")
        digits(day, 2, then: "T")
        digits(second / 3600, 2, then: ":")
        digits(second / 60 % 60, 2, then: ":")
        digits(second % 60, 2, then: "Z")
    }

    package static func < (left: Timestamp, right: Timestamp) -> Bool { left.unixSeconds < right.unixSeconds }

    /// The proleptic Gregorian date, by Howard Hinnant's algorithm
    /// (https://howardhinnant.github.io/date_algorithms.html#civil_from_days): years begin in March, so that the leap
    /// day is a year's last.
    private static func civil(daysSince1970: Int64) -> (year: Int64, month: Int64, day: Int64) {
        let days = daysSince1970 + 719_468
        let era = days.flooredQuotient(by: 146_097)
        let dayOfEra = days - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let marchMonth = (5 * dayOfYear + 2) / 153
        let month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * marchMonth + 2) / 5 + 1)
    }
}

extension Int64 {
    /// The quotient rounded toward minus infinity; `divisor` is positive.
    fileprivate func flooredQuotient(by divisor: Int64) -> Int64 {
        self >= 0 ? self / divisor : -((-self + divisor - 1) / divisor)
    }
}
