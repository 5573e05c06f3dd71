internal import Glibc
internal import Synchronization

/// What the operator reads: one line an event on standard error, `time level event name=value …`.
///
/// Nothing secret is ever given to it; values with spaces are quoted, so that a line can be taken apart again.
struct Log: Sendable {
    enum Level: String, CaseIterable, Comparable, Sendable {
        case debug, info, warning, error
        static func < (left: Level, right: Level) -> Bool {
            allCases.firstIndex(of: left)! < allCases.firstIndex(of: right)!  // every case is in allCases
        }
    }

    /// The least level that is written.
    let level: Level

    func callAsFunction(_ level: Level, _ event: String, _ fields: KeyValuePairs<String, String?> = [:]) {
        guard level >= self.level else { return }
        var line = "\(Log.timestamp()) \(level.rawValue) \(event)"
        for (name, value) in fields { if let value { line += " \(name)=\(Log.quoted(value))" } }
        StandardError.writeIfReady(Array(line.utf8.prefix(Self.maximumBytes)) + Array("\n".utf8))
    }

    /// With its end, a line that a pipe takes in one piece.
    private static let maximumBytes = 4000

    private static func quoted(_ value: String) -> String {
        var text = String.UnicodeScalarView()
        // By scalars, since a carriage return and a line feed are one Character; an escape would repaint the terminal.
        for scalar in value.unicodeScalars {
            let isControl = scalar.properties.generalCategory == .control || scalar == "\u{2028}" || scalar == "\u{2029}"
            text.append(isControl ? " " : scalar == "\"" ? "'" : scalar)
        }
        let isPlain = !text.isEmpty && !text.contains(" ") && !text.contains("'") && !text.contains("=")
        return isPlain ? String(text) : "\"\(String(text))\""
    }

    private static func timestamp() -> String {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        var parts = tm()
        gmtime_r(&now.tv_sec, &parts)
        return withUnsafeTemporaryAllocation(of: CChar.self, capacity: 64) { buffer in
            let count = strftime(buffer.baseAddress!, buffer.count, "%Y-%m-%dT%H:%M:%S", &parts)
            let seconds = String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
            let milliseconds = String(1000 + now.tv_nsec / 1_000_000).dropFirst()
            return "\(seconds).\(milliseconds)Z"
        }
    }
}

/// Standard error, a whole text at a time, so that lines of two threads do not mix.
enum StandardError {
    static func write(_ text: String) {
        let bytes = Array(text.utf8)
        // A log that cannot be written has nobody left to be told.
        _ = bytes.withUnsafeBytes { Glibc.write(2, $0.baseAddress, $0.count) }
    }

    /// Writes a line unless that would have to wait: a host that starts this program and never reads its standard error must
    /// not stop it. A pipe that is ready takes 4096 bytes at once, which is more than a line has; one thread at a time, since
    /// what was ready for one is not for two.
    static func writeIfReady(_ line: [UInt8]) {
        turn.withLock { _ in
            var query = pollfd(fd: 2, events: Int16(POLLOUT), revents: 0)
            guard poll(&query, 1, 0) == 1, query.revents & Int16(POLLOUT) != 0 else { return }
            _ = line.withUnsafeBytes { Glibc.write(2, $0.baseAddress, $0.count) }
        }
    }

    private static let turn = Mutex<Void>(())
}

/// Standard output: the handshake line, and what the commands for people print. Never used by a process that speaks the
/// protocol there.
enum StandardOutput {
    /// False where nobody takes it any more.
    @discardableResult
    static func write(_ text: String) -> Bool {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(1, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return false }
            rest = rest.dropFirst(count)
        }
        return true
    }
}
