internal import Glibc

/// How far something is, for a person on standard error: a bar on a terminal, a line at each tenth elsewhere.
struct ProgressBar {
    private static let width = 30

    private let label: String
    private let isDrawn: Bool
    private var lastTold: Int64 = -1

    /// - Parameter label: what is being done, such as `checked`.
    init(_ label: String) {
        self.label = label
        isDrawn = isatty(2) == 1 && getenv("TERM").map { String(cString: $0) } != "dumb"
    }

    /// - Parameter all: an estimate, which `done` may pass; nil where nobody knows.
    mutating func tell(_ done: Int64, of all: Int64?) {
        let all = all.map { max($0, done, 1) }
        let percent = all.map { done * 100 / $0 } ?? 0
        if isDrawn {
            let filled = Int(percent) * Self.width / 100
            let bar = String(repeating: "█", count: filled) + String(repeating: "░", count: Self.width - filled)
            let figures = all.map { "\(percent) % of \($0)" } ?? "so far"
            StandardError.write("\r\u{1B}[K\(bar) \(label) \(done), \(figures)")
        } else if all == nil || percent / 10 != lastTold {
            lastTold = percent / 10
            StandardError.write("\(label) \(done)\(all.map { " of \($0)" } ?? "")\n")
        }
    }

    /// Leaves the line to what is written next.
    func end() { if isDrawn { StandardError.write("\r\u{1B}[K") } }
}
