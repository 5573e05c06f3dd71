internal import CPostgreSQL
internal import Glibc

/// One session at a PostgreSQL server. What is sent to it is sent at once, and what it answers is read until a moment at which
/// nobody waits any longer. It belongs to one thread at a time.
final class PostgreSQLSession {
    private let handle: OpaquePointer
    /// The names of the statements that the server has prepared, by their texts.
    private var prepared: [String: String] = [:]
    /// How long an answer may take, in milliseconds.
    private let patience: Int64
    /// Whether nothing more can be asked of it.
    private(set) var isOver = false

    /// What a session is for, and so what the server ends by itself.
    enum Purpose {
        case writing, lookingUp, reading, listening, locking, migrating

        /// How long an answer may take, in milliseconds. Loops wait for what is read.
        var patience: Int64 {
            switch self {
            case .reading: 2000
            case .locking, .listening: 3000
            case .lookingUp: 8000
            case .writing: 12_000
            case .migrating: 3_600_000
            }
        }

        /// Settings of the server's, times in milliseconds. A process that was stopped with a transaction open or a lock taken
        /// loses both after some seconds.
        var settings: [(name: String, value: String)] {
            switch self {
            case .writing:
                [
                    ("lock_timeout", "7000"), ("statement_timeout", "9000"),
                    ("idle_in_transaction_session_timeout", "5000"),
                ]
            case .lookingUp: [("statement_timeout", "7000"), ("idle_in_transaction_session_timeout", "5000")]
            case .reading: [("statement_timeout", "1500")]
            case .listening: [("idle_session_timeout", "\(5 * PostgreSQLNews.heartbeatMilliseconds)")]
            case .locking:
                [("statement_timeout", "2500"), ("idle_session_timeout", "\(PostgreSQLLocks.sessionMilliseconds)")]
            case .migrating: [("lock_timeout", "600000"), ("statement_timeout", "0")]
            }
        }
    }

    /// A statement with `?` for its arguments.
    struct Command {
        let sql: String
        var arguments: [SQLValue] = []
    }

    /// Connects, which takes as long as `connect_timeout` lets it.
    init(_ address: PostgreSQLAddress, for purpose: Purpose) throws(StoreError) {
        guard let made = address.connect() else { throw StoreError(.unavailable, "out of memory") }
        handle = made
        patience = purpose.patience
        guard PQstatus(made) == CONNECTION_OK else {
            let problem = Self.sentence(PQerrorMessage(made))
            throw StoreError(.unavailable, "cannot connect to the database: \(problem)")
        }
        dues_postgresql_silence(made)
        guard PQserverVersion(made) >= Self.oldestServer else {
            throw StoreError(.unavailable, "the database's server is too old: PostgreSQL 14 or newer is needed")
        }
        PQsetnonblocking(made, 1)
        // Whoever was told that something is stored finds it after a crash, whatever the database's own default.
        try execute(
            "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'")
        let settings =
            purpose.settings + [
                ("tcp_keepalives_idle", "10"), ("tcp_keepalives_interval", "3"), ("tcp_keepalives_count", "3"),
            ]
        try execute(settings.map { "SET \($0.name) = \($0.value)" }.joined(separator: "; "))
    }

    /// The first one that can end idle sessions.
    private static let oldestServer: Int32 = 140_000

    deinit { PQfinish(handle) }

    var processID: Int32 { PQbackendPID(handle) }

    // MARK: Asking

    /// Runs statements that take no arguments and answer nothing.
    func execute(_ sql: String) throws(StoreError) {
        do throws(PostgreSQLFailure) {
            guard !isOver else { throw PostgreSQLFailure.lost("the connection to the database is lost") }
            guard PQexitPipelineMode(handle) == 1, PQsendQuery(handle, sql) == 1 else { throw lost() }
            let deadline = Self.now() + patience
            try flush(until: deadline)
            var failure: PostgreSQLFailure?
            while let result = try nextResult(until: deadline) {
                defer { PQclear(result) }
                if PQresultStatus(result) == PGRES_FATAL_ERROR { failure = failure ?? self.failure(result) }
            }
            if let failure { throw failure }
        } catch {
            throw error.error
        }
    }

    /// Sends statements one after the other without waiting in between, and gives `each` the rows that they answer, with the
    /// number of the statement. Answers how many rows each changed. After one that fails the others are not run.
    @discardableResult
    func exchange(_ commands: [Command], _ each: (Int, PostgreSQLRow) -> Void = { _, _ in }) throws(PostgreSQLFailure)
        -> [Int]
    {
        guard !isOver else { throw unsent() }
        let deadline = Self.now() + patience
        guard PQenterPipelineMode(handle) == 1 else { throw unsent() }
        // Which statement each answer is to: a text is prepared before it is first run.
        var awaited: [(command: Int, prepares: Bool)] = []
        var preparing: [String: String] = [:]
        for (number, command) in commands.enumerated() {
            if prepared[command.sql] == nil, preparing[command.sql] == nil {
                let name = "s\(prepared.count + preparing.count)"
                guard PQsendPrepare(handle, name, Self.numbered(command.sql), 0, nil) == 1 else { throw unsent() }
                preparing[command.sql] = name
                awaited.append((number, true))
            }
            guard send(command, as: prepared[command.sql] ?? preparing[command.sql] ?? "") else { throw unsent() }
            awaited.append((number, false))
        }
        guard PQpipelineSync(handle) == 1 else { throw lost() }
        try flush(until: deadline)

        var changed = [Int](repeating: 0, count: commands.count)
        var failure: PostgreSQLFailure?
        for (number, prepares) in awaited {
            var isDone = false
            while let result = try nextResult(until: deadline) {
                defer { PQclear(result) }
                switch PQresultStatus(result) {
                case PGRES_COMMAND_OK, PGRES_TUPLES_OK:
                    isDone = true
                    guard !prepares else { break }
                    for row in 0..<PQntuples(result) { each(number, PostgreSQLRow(result: result, row: row)) }
                    changed[number] = Int(String(cString: PQcmdTuples(result))) ?? 0
                case PGRES_PIPELINE_ABORTED: break
                default:
                    if failure == nil { failure = self.failure(result, statement: number) }
                    if isOver { throw failure ?? lost() }
                }
            }
            let sql = commands[number].sql
            if prepares, isDone, let name = preparing[sql] { prepared[sql] = name }
        }
        guard let end = try nextResult(until: deadline) else { throw failure ?? lost() }
        let status = PQresultStatus(end)
        PQclear(end)
        guard status == PGRES_PIPELINE_SYNC else { throw failure ?? lost() }
        if let failure { throw failure }
        return changed
    }

    /// Sends a statement that is prepared, or will be by then. A text has no zero character here, as PostgreSQL knows none.
    private func send(_ command: Command, as name: String) -> Bool {
        var bytes: [CChar] = []
        var offsets: [Int?] = []
        var lengths: [Int32] = []
        var formats: [Int32] = []
        func add(_ argument: some Sequence<UInt8>, isBinary: Bool) {
            offsets.append(bytes.count)
            bytes.append(contentsOf: argument.lazy.map { CChar(bitPattern: $0) })
            lengths.append(Int32(bytes.count - (offsets.last.flatMap(\.self) ?? 0)))
            formats.append(isBinary ? 1 : 0)
            bytes.append(0)
        }
        for argument in command.arguments {
            switch argument {
            case .null:
                offsets.append(nil)
                lengths.append(0)
                formats.append(0)
            case .integer(let number): add(String(number).utf8, isBinary: false)
            case .text(let text):
                add((text.utf8.contains(0) ? text.replacing("\0", with: "\u{FFFD}") : text).utf8, isBinary: false)
            case .blob(let blob): add(blob, isBinary: true)
            }
        }
        // libpq copies the values before it returns.
        return bytes.withUnsafeBufferPointer { bytes in
            let values = offsets.map { offset in offset.flatMap { offset in bytes.baseAddress.map { $0 + offset } } }
            return PQsendQueryPrepared(handle, name, Int32(values.count), values, lengths, formats, 1) == 1
        }
    }

    /// `?` outside of quotes, as PostgreSQL writes it: $1, $2 and so on.
    static func numbered(_ sql: String) -> String {
        var text = ""
        var count = 0
        var isQuoted = false
        for character in sql {
            if character == "'" { isQuoted.toggle() }
            if character == "?", !isQuoted {
                count += 1
                text += "$\(count)"
            } else {
                text.append(character)
            }
        }
        return text
    }

    // MARK: Notifications

    /// Waits for notifications, at most so many milliseconds; answers the server's processes that sent them.
    func notifications(waitingAtMost milliseconds: Int64) throws(StoreError) -> [Int32] {
        // Those that came with something else are here already.
        let known = takeNotifications()
        guard known.isEmpty else { return known }
        var query = pollfd(fd: PQsocket(handle), events: Int16(POLLIN), revents: 0)
        poll(&query, 1, Int32(milliseconds))
        guard !isOver, PQconsumeInput(handle) == 1 else { throw lost().error }
        return takeNotifications()
    }

    private func takeNotifications() -> [Int32] {
        var senders: [Int32] = []
        while let found = PQnotifies(handle) {
            senders.append(found.pointee.be_pid)
            PQfreemem(found)
        }
        return senders
    }

    // MARK: Waiting

    private func flush(until deadline: Int64) throws(PostgreSQLFailure) {
        while true {
            let left = PQflush(handle)
            guard left >= 0 else { throw lost() }
            if left == 0 { return }
            // A server that waits until its answers are read takes nothing more.
            let ready = try wait(for: POLLIN | POLLOUT, until: deadline)
            if ready & POLLIN != 0, PQconsumeInput(handle) == 0 { throw lost() }
        }
    }

    private func nextResult(until deadline: Int64) throws(PostgreSQLFailure) -> OpaquePointer? {
        while PQisBusy(handle) == 1 {
            _ = try wait(for: POLLIN, until: deadline)
            // What the server said before it went is still to be read.
            if PQconsumeInput(handle) == 0, PQisBusy(handle) == 1 { throw lost() }
        }
        return PQgetResult(handle)
    }

    private func wait(for events: Int32, until deadline: Int64) throws(PostgreSQLFailure) -> Int32 {
        var query = pollfd(fd: PQsocket(handle), events: Int16(events), revents: 0)
        while true {
            let left = deadline - Self.now()
            guard left > 0 else {
                isOver = true
                var failure = PostgreSQLFailure.lost("the database did not answer within \(patience) ms")
                failure.isTooLate = true
                throw failure
            }
            let count = poll(&query, 1, Int32(left))
            if count > 0 { return Int32(query.revents) & POLLOUT | (Int32(query.revents) & ~POLLOUT != 0 ? POLLIN : 0) }
            guard count == 0 || errno == EINTR else { throw lost() }
        }
    }

    private static func now() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
    }

    // MARK: Failures

    private func failure(_ result: OpaquePointer, statement: Int = 0) -> PostgreSQLFailure {
        var failure = PostgreSQLFailure(result)
        if failure.isLost { isOver = true }
        failure.statement = statement
        return failure
    }

    /// Nothing was sent that would be done without the rest.
    private func unsent() -> PostgreSQLFailure {
        var failure = lost()
        failure.isUnsent = true
        return failure
    }

    private func lost() -> PostgreSQLFailure {
        isOver = true
        let problem = Self.sentence(PQerrorMessage(handle))
        return .lost("the connection to the database is lost" + (problem.isEmpty ? "" : ": \(problem)"))
    }

    /// libpq's lines as one.
    private static func sentence(_ text: UnsafePointer<CChar>?) -> String {
        let lines = text.map { String(cString: $0) }?.split(whereSeparator: \.isNewline) ?? []
        return lines.map { String($0.drop { $0 == "\t" || $0 == " " }) }.joined(separator: "; ")
    }
}

/// The row of an answer, in PostgreSQL's binary form. Unsafe because it is libpq's: texts and blobs are copied.
struct PostgreSQLRow: SQLRow {
    fileprivate let result: OpaquePointer
    fileprivate let row: Int32

    private func bytes(_ column: Int32) -> UnsafeRawBufferPointer? {
        guard PQgetisnull(result, row, column) == 0 else { return nil }
        return UnsafeRawBufferPointer(
            start: PQgetvalue(result, row, column), count: Int(PQgetlength(result, row, column)))
    }

    func integer(_ column: Int32) -> Int64 { optionalInteger(column) ?? 0 }

    func optionalInteger(_ column: Int32) -> Int64? {
        guard let bytes = bytes(column), let first = bytes.first else { return nil }
        // The first byte has the sign; what is no number has other lengths.
        guard bytes.count <= 8 else { return nil }
        return bytes.dropFirst().reduce(Int64(Int8(bitPattern: first))) { $0 << 8 | Int64($1) }
    }

    /// A number as it is written, like SQLite's.
    func optionalText(_ column: Int32) -> String? {
        guard let bytes = bytes(column) else { return nil }
        if PQftype(result, column) == Self.bigint { return String(integer(column)) }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// PostgreSQL's number for its type of that name, for good.
    private static let bigint: Oid = 20

    func blob(_ column: Int32) -> [UInt8] { bytes(column).map { Array($0) } ?? [] }
}
