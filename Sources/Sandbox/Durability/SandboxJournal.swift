import EventLoop
import Glibc
import JSON

/// One line of the journal.
enum JournalLine: Equatable {
    case request(JournalRequest)
    /// An endpoint acknowledged an event at a wall-clock time.
    case delivered(EventDelivery, at: Int64)
    /// Nobody will try a delivery again.
    case abandoned(EventDelivery, at: Int64)
    /// From here on there is, or is not, a configured address that wants every event.
    case configured(Bool)

    var json: JSONValue {
        switch self {
        case .request(let request): request.json
        case .delivered(let delivery, let at): Self.json("delivered", delivery, at)
        case .abandoned(let delivery, let at): Self.json("abandoned", delivery, at)
        case .configured(let flag): ["configured": .bool(flag)]
        }
    }

    private static func json(_ word: String, _ delivery: EventDelivery, _ at: Int64) -> JSONValue {
        .object(
            JSONObject([
                (word, .string(delivery.event)), ("endpoint", .string(delivery.endpoint)), ("at", .integer(at)),
            ]))
    }

    init?(_ json: JSONValue) {
        if let flag = json["configured"]?.boolValue {
            self = .configured(flag)
        } else if let endpoint = json["endpoint"]?.stringValue, let at = json["at"]?.integerValue {
            if let event = json["delivered"]?.stringValue {
                self = .delivered(EventDelivery(event: event, endpoint: endpoint), at: at)
            } else if let event = json["abandoned"]?.stringValue {
                self = .abandoned(EventDelivery(event: event, endpoint: endpoint), at: at)
            } else {
                return nil
            }
        } else if let request = JournalRequest(json) {
            self = .request(request)
        } else {
            return nil
        }
    }
}

/// The state file: an append-only list of what changed the sandbox, one JSON line each, on disk before the answer leaves.
/// Replaying it gives the same state again, so that a crash loses nothing that was answered.
///
/// Not Sendable: it is owned by the engine's thread.
package final class SandboxJournal {
    private let descriptor: Int32
    private var buffer: [UInt8] = []
    /// Whether a write failed: what is on disk is then behind the state in memory, and nothing may be answered any more.
    private(set) var isBroken = false

    /// What a sandbox began with; the file's first line.
    struct Header: Equatable {
        let seed: UInt64
        let openedAt: Int64
    }

    struct Contents {
        var header: Header
        var lines: [JournalLine] = []
    }

    private static let format = "dues-sandbox-journal"
    private static let version: Int64 = 1

    private init(descriptor: Int32) { self.descriptor = descriptor }

    deinit { close(descriptor) }

    // MARK: Opening

    /// Opens the file, or makes it with `header`. The file is locked: two processes never share one.
    static func open(
        _ path: String, header: Header
    ) throws(SystemError) -> (journal: SandboxJournal, contents: Contents) {
        let descriptor = Glibc.open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw failure("open", path) }
        let journal = SandboxJournal(descriptor: descriptor)
        var lock = flock()
        lock.l_type = Int16(F_WRLCK)
        lock.l_whence = Int16(SEEK_SET)
        // Unsafe: fcntl(2) reads the lock during the call.
        guard fcntl(descriptor, F_SETLK, &lock) == 0 else { throw failure("lock", path) }
        let bytes = try readAll(descriptor, path)
        guard let end = bytes.lastIndex(of: UInt8(ascii: "\n")) else {
            // Empty, or the very first line was torn: nothing was answered yet.
            try journal.truncate(to: 0, path)
            journal.append(json(header))
            guard journal.flush(), syncFolder(of: path) else { throw failure("write", path) }
            return (journal, Contents(header: header))
        }
        let (contents, length) = try parse(bytes[..<(end + 1)], path)
        if length < bytes.count { try journal.truncate(to: length, path) }
        guard lseek(descriptor, 0, SEEK_END) >= 0 else { throw failure("seek", path) }
        return (journal, contents)
    }

    private static func json(_ header: Header) -> JSONValue {
        [
            "format": .string(format), "version": .integer(version), "seed": .string(String(header.seed)),
            "opened_at": .integer(header.openedAt),
        ]
    }

    /// Reads complete lines. A last line that is not whole JSON was torn by a crash and is left out: its answer was
    /// never given. Any other is damage.
    private static func parse(
        _ bytes: ArraySlice<UInt8>, _ path: String
    ) throws(SystemError) -> (contents: Contents, length: Int) {
        var rest = bytes
        var contents: Contents?
        var number = 0
        while let newline = rest.firstIndex(of: UInt8(ascii: "\n")) {
            number += 1
            let json = try? JSONValue(parsing: rest[..<newline])
            if contents == nil {
                guard let json, json["format"]?.stringValue == format,
                    let seed = json["seed"]?.stringValue.flatMap({ UInt64($0) }),
                    let openedAt = json["opened_at"]?.integerValue
                else { throw damage("it is not a sandbox's state file:", path) }
                guard json["version"]?.integerValue == version else {
                    throw damage("it is of another version of the sandbox:", path)
                }
                contents = Contents(header: Header(seed: seed, openedAt: openedAt))
            } else if let line = json.flatMap({ JournalLine($0) }) {
                contents?.lines.append(line)
            } else {
                guard newline == bytes.endIndex - 1 else {
                    throw damage("line \(number) is damaged of", path)
                }
                break
            }
            rest = rest[(newline + 1)...]
        }
        guard let contents else { throw damage("nothing is in", path) }
        return (contents, rest.startIndex)
    }

    private static func readAll(_ descriptor: Int32, _ path: String) throws(SystemError) -> [UInt8] {
        var all: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            // Unsafe: read(2) fills the chunk, whose first `count` bytes are then valid.
            let count = chunk.withUnsafeMutableBytes { read(descriptor, $0.baseAddress, $0.count) }
            if count == 0 { return all }
            if count < 0 {
                if errno == EINTR { continue }
                throw failure("read", path)
            }
            all.append(contentsOf: chunk[..<count])
        }
    }

    private func truncate(to length: Int, _ path: String) throws(SystemError) {
        guard ftruncate(descriptor, off_t(length)) == 0, lseek(descriptor, off_t(length), SEEK_SET) >= 0 else {
            throw Self.failure("truncate", path)
        }
    }

    /// A new file's name is durable once its folder is.
    private static func syncFolder(of path: String) -> Bool {
        let folder = path.lastIndex(of: "/").map { String(path[...$0]) } ?? "."
        let descriptor = Glibc.open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        return fsync(descriptor) == 0
    }

    private static func failure(_ call: String, _ path: String) -> SystemError {
        SystemError(call: call, code: errno, subject: path)
    }

    /// What is in the file is not what was written.
    private static func damage(_ what: String, _ path: String) -> SystemError {
        SystemError(call: what, code: 0, subject: path)
    }

    // MARK: Writing

    func append(_ line: JournalLine) { append(line.json) }

    private func append(_ json: JSONValue) {
        buffer.append(contentsOf: json.bytes)
        buffer.append(UInt8(ascii: "\n"))
    }

    /// Writes what was appended and waits until it is on disk. False, for good, when that failed.
    func flush() -> Bool {
        guard !isBroken else { return false }
        guard !buffer.isEmpty else { return true }
        var written = 0
        while written < buffer.count {
            // Unsafe: write(2) reads the rest of the buffer, which outlives the call.
            let count = buffer.withUnsafeBytes { bytes in
                write(descriptor, bytes.baseAddress?.advanced(by: written), bytes.count - written)
            }
            if count > 0 { written += count } else if count == 0 || errno != EINTR { isBroken = true; return false }
        }
        buffer.removeAll(keepingCapacity: true)
        guard fdatasync(descriptor) == 0 else {
            isBroken = true
            return false
        }
        return true
    }
}
