/// A log for what strangers can cause as often as they like: so many lines a minute, and then how many there would have been.
/// It belongs to one loop.
final class SparseLog {
    private static let linesPerMinute = 20
    private static let windowMilliseconds: Int64 = 60_000

    private let log: Log
    private var start: Int64?
    private var lines = 0

    init(_ log: Log) { self.log = log }

    /// Writes a line, or counts it; `now` is in milliseconds of a clock that never goes back.
    func callAsFunction(
        _ level: Log.Level, _ event: String, _ fields: KeyValuePairs<String, String?>, now: Int64
    ) {
        if now - (start ?? now) >= Self.windowMilliseconds || start == nil {
            if lines > Self.linesPerMinute {
                log(level, event, ["unlogged": String(lines - Self.linesPerMinute)])
            }
            start = now
            lines = 0
        }
        lines += 1
        if lines <= Self.linesPerMinute { log(level, event, fields) }
    }
}
