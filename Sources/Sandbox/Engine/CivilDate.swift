/// UTC calendar arithmetic on Unix seconds: billing periods keep the anchor's day and time of day, and where a month
/// lacks the day they end on its last (Stripe: "Billing cycle", docs.stripe.com/billing/subscriptions/billing-cycle).
struct CivilDate: Equatable {
    var year: Int64
    /// 1 to 12.
    var month: Int64
    /// 1 to 31.
    var day: Int64
    /// Seconds since midnight.
    var secondOfDay: Int64

    static let secondsPerDay: Int64 = 86_400

    init(year: Int64, month: Int64, day: Int64, secondOfDay: Int64 = 0) {
        self.year = year
        self.month = month
        self.day = day
        self.secondOfDay = secondOfDay
    }

    /// The date of `unix` (Howard Hinnant's civil_from_days).
    init(unix: Int64) {
        let days = Self.floorDivide(unix, Self.secondsPerDay)
        secondOfDay = unix - days * Self.secondsPerDay
        let shifted = days + 719_468
        let era = Self.floorDivide(shifted, 146_097)
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let marchMonth = (5 * dayOfYear + 2) / 153
        day = dayOfYear - (153 * marchMonth + 2) / 5 + 1
        month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9
        year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    }

    /// Seconds since 1970-01-01T00:00:00Z (days_from_civil).
    var unix: Int64 {
        let shiftedYear = month <= 2 ? year - 1 : year
        let era = Self.floorDivide(shiftedYear, 400)
        let yearOfEra = shiftedYear - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        return (era * 146_097 + dayOfEra - 719_468) * Self.secondsPerDay + secondOfDay
    }

    /// `21 Oct 2026`, the form of Stripe's proration lines.
    var words: String {
        let names = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        return "\(day) \(names[Int(month - 1)]) \(year)"
    }

    /// `09:05:00`.
    var timeOfDay: String {
        [secondOfDay / 3600, secondOfDay / 60 % 60, secondOfDay % 60].map(Self.twoDigits).joined(separator: ":")
    }

    /// `2026-10-21T09:05:00Z`.
    var iso: String { "\(year)-\(Self.twoDigits(month))-\(Self.twoDigits(day))T\(timeOfDay)Z" }

    private static func twoDigits(_ number: Int64) -> String { number < 10 ? "0\(number)" : "\(number)" }

    static func daysInMonth(year: Int64, month: Int64) -> Int64 {
        switch month {
        case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }

    /// The date `months` later, on the last day of the month where the day does not exist.
    func adding(months: Int64) -> CivilDate {
        let index = year * 12 + month - 1 + months
        let newYear = Self.floorDivide(index, 12)
        let newMonth = index - newYear * 12 + 1
        return CivilDate(
            year: newYear, month: newMonth, day: min(day, Self.daysInMonth(year: newYear, month: newMonth)),
            secondOfDay: secondOfDay)
    }

    private static func floorDivide(_ left: Int64, _ right: Int64) -> Int64 {
        left >= 0 ? left / right : -((-left + right - 1) / right)
    }
}

/// A billing interval: `count` days, weeks, months or years.
struct BillingInterval: Equatable {
    let unit: String
    let count: Int64

    /// Boundary `index` of the cycle that starts at `anchor`; always computed from the anchor itself, so that a cycle
    /// clamped to 28 February returns to the 31st in March.
    func boundary(_ index: Int64, anchor: Int64) -> Int64 {
        switch unit {
        case "day": anchor + index * count * CivilDate.secondsPerDay
        case "week": anchor + index * count * 7 * CivilDate.secondsPerDay
        case "year": CivilDate(unix: anchor).adding(months: index * count * 12).unix
        default: CivilDate(unix: anchor).adding(months: index * count).unix
        }
    }

    /// Its length in days or in months, which do not divide each other.
    private var length: (units: Int64, isInDays: Bool) {
        switch unit {
        case "day": (count, true)
        case "week": (count * 7, true)
        case "year": (count * 12, false)
        default: (count, false)
        }
    }

    func isShorter(than other: BillingInterval) -> Bool { boundary(1, anchor: 0) < other.boundary(1, anchor: 0) }

    func isMultiple(of other: BillingInterval) -> Bool {
        length.isInDays == other.length.isInDays && length.units % other.length.units == 0
    }

    /// The first boundary of the cycle after `time`; the anchor itself for a time before it.
    func nextBoundary(anchor: Int64, after time: Int64) -> Int64 {
        guard time >= anchor else { return previousOrSame(anchor: anchor, after: time) }
        var index = (time - anchor) / longestSeconds
        while boundary(index, anchor: anchor) <= time { index += 1 }
        return boundary(index, anchor: anchor)
    }

    /// For a time before the anchor: the earliest boundary after it, counting backwards from the anchor.
    private func previousOrSame(anchor: Int64, after time: Int64) -> Int64 {
        var index: Int64 = 0
        while boundary(index - 1, anchor: anchor) > time { index -= 1 }
        return boundary(index, anchor: anchor)
    }

    /// An upper bound of the interval's length, so that the search starts before its goal.
    private var longestSeconds: Int64 {
        let days: Int64 =
            switch unit {
            case "day": 1
            case "week": 7
            case "year": 366
            default: 31
            }
        return days * count * CivilDate.secondsPerDay
    }
}
