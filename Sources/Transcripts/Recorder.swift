internal import Glibc
internal import JSON
internal import Synchronization

/// Writes down what passes between a client and a server, as a transcript that can be replayed: what differs from one run to
/// the next (ids, times, tokens) becomes a matcher, and where it comes again, a reference to the first. Secrets are left out.
package final class Recorder: Sendable {
    private struct State: ~Copyable {
        var file: UnsafeMutablePointer<FILE>?
        var names = RecordedNames()
        var hasFailed = false
    }

    private let state: Mutex<State>

    /// Begins the file at `path`, whose owner alone may read it: what is left out is only what is known to be secret.
    package init(path: String, title: String) throws(RecordingError) {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard descriptor >= 0, let file = fdopen(descriptor, "w") else {
            throw RecordingError(description: "cannot write \(path): \(String(cString: strerror(errno)))")
        }
        state = Mutex(State(file: file))
        write(["transcript": ["title": .string(title)]])
    }

    deinit { state.withLock { if let file = $0.file { fclose(file) } } }

    /// Whether something could not be written.
    package var hasFailed: Bool { state.withLock { $0.hasFailed } }

    /// A line of the client's.
    package func sent(_ line: [UInt8]) {
        guard let message = try? JSONValue(parsing: line) else {
            guard let text = String(validating: line, as: UTF8.self) else {
                return write(remark: "the client sent \(line.count) bytes that are not UTF-8")
            }
            return write(["send": .string(Variables.quoted(Secrets.masked(text)))])
        }
        let said = state.withLock { $0.names.referring(message) }
        write(["send": said])
    }

    /// A line of the server's.
    package func received(_ line: [UInt8]) {
        guard let message = try? JSONValue(parsing: line) else {
            return write(remark: "the server sent \(line.count) bytes that are not JSON")
        }
        let pattern = state.withLock { $0.names.pattern(of: message) }
        write(["expect": pattern])
    }

    /// The client sends nothing more.
    package func clientEnded() { write(["end": true]) }

    /// The server has closed the connection.
    package func serverEnded() { write(["expectEnd": true]) }

    private func write(_ object: JSONObject) { write(JSONValue.object(object).text) }

    private func write(remark: String) { write(["comment": .string(remark)]) }

    /// At once, so that what was seen is there whatever comes next.
    private func write(_ row: String) {
        state.withLock { state in
            guard let file = state.file else { return }
            if fputs(row + "\n", file) < 0 || fflush(file) != 0 { state.hasFailed = true }
        }
    }
}

/// Why nothing can be recorded.
package struct RecordingError: Error, Sendable, CustomStringConvertible {
    package let description: String
}
