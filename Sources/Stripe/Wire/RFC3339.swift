/// Times as RFC 3339 has them, in UTC, with a fraction of a second or without (`2026-09-17T06:20:52.246Z`): those of Stripe's v2
/// API are.
package enum RFC3339 {
    /// The whole second; nil for a text of another form.
    package static func unixSeconds(_ text: String) -> Int64? {
        let parts = text.utf8.split(separator: UInt8(ascii: "T"), omittingEmptySubsequences: false)
        guard parts.count == 2, parts[1].last == UInt8(ascii: "Z") else { return nil }
        let time = parts[1].dropLast().split(separator: UInt8(ascii: "."), maxSplits: 1)
        guard let clock = time.first, let day = numbers(parts[0], "-", [4, 2, 2]),
            let hour = numbers(clock, ":", [2, 2, 2]),
            (1...12).contains(day[1]), (1...31).contains(day[2]), hour[0] < 24, hour[1] < 60, hour[2] <= 60
        else { return nil }
        return days(day[0], day[1], day[2]) * 86_400 + hour[0] * 3600 + hour[1] * 60 + hour[2]
    }

    /// Numbers of so many digits each, set apart by `mark`.
    private static func numbers(_ text: Substring.UTF8View, _ mark: Unicode.Scalar, _ digits: [Int]) -> [Int64]? {
        let parts = text.split(separator: UInt8(ascii: mark), omittingEmptySubsequences: false)
        guard parts.map(\.count) == digits else { return nil }
        let values = parts.compactMap { part in
            part.allSatisfy { (48...57).contains($0) } ? part.reduce(Int64(0)) { $0 * 10 + Int64($1 - 48) } : nil
        }
        return values.count == digits.count ? values : nil
    }

    /// Days since 1970 of a date of the Gregorian calendar: years are taken to begin in March, so that a leap day ends one.
    private static func days(_ year: Int64, _ month: Int64, _ day: Int64) -> Int64 {
        let shifted = month <= 2 ? year - 1 : year
        let dayOfYear = (153 * ((month + 9) % 12) + 2) / 5 + day - 1
        return shifted * 365 + shifted / 4 - shifted / 100 + shifted / 400 + dayOfYear - 719_468
    }
}
