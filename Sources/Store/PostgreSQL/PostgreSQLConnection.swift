/// A connection that is there again when it was lost: a session at the server, and another one when that is over. It belongs to
/// one thread at a time.
///
/// What needs no answer (the beginning of a transaction, its lock, its savepoints) is sent with what comes next.
final class PostgreSQLConnection: SQLConnection {
    private let address: PostgreSQLAddress
    private let purpose: PostgreSQLSession.Purpose
    /// Connects for a loop, which must not wait.
    private let dialer: PostgreSQLDialer?
    /// Who is told of commits.
    private let news: PostgreSQLNews?
    private var session: PostgreSQLSession?
    private var transaction: Transaction?
    var hasMadeChange = false

    private struct Transaction {
        /// Statements that wait for the next one.
        var queued: [String]
        /// Whether the server knows of the transaction.
        var isBegun = false
        /// Why nothing more can be done in it.
        var failure: PostgreSQLFailure?
        /// Whether a statement has failed since the last savepoint: the server does nothing until that is taken back.
        var isAborted = false
    }

    /// The channel on which every commit that makes a change is announced, to every process with this database.
    static let channel = "dues_changes"

    /// Whoever writes has this lock until the commit: so that numbers are given in the order of the commits, and whoever sees a
    /// change sees all before it.
    private static let writersLock = "SELECT pg_advisory_xact_lock(\(PostgreSQLLocks.space), 1)"

    /// Connects when it is first used.
    init(_ address: PostgreSQLAddress, for purpose: PostgreSQLSession.Purpose, news: PostgreSQLNews? = nil) {
        self.news = news
        self.address = address
        self.purpose = purpose
        dialer = purpose == .reading ? PostgreSQLDialer(address, for: purpose) : nil
    }

    /// Connects now, however long that takes: for the start, when nobody waits yet.
    func connect() throws(StoreError) { session = try PostgreSQLSession(address, for: purpose) }

    /// The session, another one where it is over.
    func connected() throws(StoreError) -> PostgreSQLSession {
        if let session, !session.isOver { return session }
        session = nil
        let made = if let dialer { try dialer.session() } else { try PostgreSQLSession(address, for: purpose) }
        session = made
        return made
    }

    // MARK: Statements

    @discardableResult
    func run(_ sql: String, _ arguments: [SQLValue], _ each: (any SQLRow) -> Void) throws(StoreError) -> Int {
        try run([PostgreSQLSession.Command(sql: sql, arguments: arguments)], each).first ?? 0
    }

    func run(_ sql: String, each arguments: [[SQLValue]]) throws(StoreError) -> [Int] {
        var changed: [Int] = []
        // So many at a time that what waits to be sent stays small.
        for start in stride(from: 0, to: arguments.count, by: Self.statementsAtOnce) {
            let some = arguments[start..<min(start + Self.statementsAtOnce, arguments.count)]
            changed += try run(some.map { PostgreSQLSession.Command(sql: sql, arguments: $0) }) { _ in }
        }
        return changed
    }

    private static let statementsAtOnce = 200

    private func run(
        _ commands: [PostgreSQLSession.Command], _ each: (any SQLRow) -> Void
    ) throws(StoreError) -> [Int] {
        guard transaction != nil else { return try runAlone(commands, each) }
        let queued = transaction?.queued ?? []
        if let failure = transaction?.failure { throw failure.error }
        transaction?.queued = []
        transaction?.isBegun = true
        do throws(PostgreSQLFailure) {
            let all = queued.map { PostgreSQLSession.Command(sql: $0) } + commands
            guard let session else { throw .lost("the connection to the database is lost") }
            let changed = try session.exchange(all) { number, row in if number >= queued.count { each(row) } }
            return Array(changed[queued.count...])
        } catch {
            transaction?.isAborted = true
            // Without its lock or its savepoint there is nothing to go on with.
            if error.isLost || error.isCollision || error.statement < queued.count { transaction?.failure = error }
            throw error.error
        }
    }

    /// What only reads is read again, once, where the session was over: a server that was started again has ended it.
    private func runAlone(
        _ commands: [PostgreSQLSession.Command], _ each: (any SQLRow) -> Void
    ) throws(StoreError) -> [Int] {
        let isOld = session != nil
        var isBegun = false
        do throws(PostgreSQLFailure) {
            return try exchange(commands) { row in
                isBegun = true
                each(row)
            }
        } catch {
            // Rows that were given are not given again.
            guard error.isWorthAnotherTry, isOld, !isBegun else { throw error.error }
        }
        do throws(PostgreSQLFailure) { return try exchange(commands, each) } catch { throw error.error }
    }

    private func exchange(
        _ commands: [PostgreSQLSession.Command], _ each: (any SQLRow) -> Void
    ) throws(PostgreSQLFailure) -> [Int] {
        let session: PostgreSQLSession
        do throws(StoreError) { session = try connected() } catch { throw PostgreSQLFailure(error: error) }
        return try session.exchange(commands) { _, row in each(row) }
    }

    // MARK: Transactions

    /// Runs `body` once more where it is certain that the server has kept nothing of it: the session was over before the commit
    /// was asked for, or it stood in another's way.
    func transaction<Value>(_ body: () throws(StoreError) -> Value) throws(StoreError) -> Value {
        var tries = 1
        while true {
            do throws(PostgreSQLFailure) {
                return try once(body)
            } catch {
                guard tries < Self.tries, error.isWorthAnotherTry else { throw error.error }
                tries += 1
            }
        }
    }

    private static let tries = 3

    private func once<Value>(_ body: () throws(StoreError) -> Value) throws(PostgreSQLFailure) -> Value {
        hasMadeChange = false
        do throws(StoreError) { _ = try connected() } catch { throw PostgreSQLFailure(error: error) }
        transaction = Transaction(queued: ["BEGIN ISOLATION LEVEL READ COMMITTED", Self.writersLock])
        do throws(StoreError) {
            let value = try body()
            return try commit(value)
        } catch {
            let failure = transaction?.failure ?? PostgreSQLFailure(error: error)
            rollBack()
            throw failure
        }
    }

    private func commit<Value>(_ value: Value) throws(StoreError) -> Value {
        guard let transaction else { return value }
        if let failure = transaction.failure { throw failure.error }
        guard !transaction.isAborted else {
            throw StoreError(.misuse, "a statement of the transaction has failed, and the rest of it cannot be kept")
        }
        guard transaction.isBegun else {
            self.transaction = nil
            return value
        }
        let announcement = hasMadeChange ? ["SELECT pg_notify('\(Self.channel)', '')"] : []
        let last = (transaction.queued + announcement + ["COMMIT"]).map { PostgreSQLSession.Command(sql: $0) }
        do throws(PostgreSQLFailure) {
            guard let session else { throw .lost("the connection to the database is lost") }
            if hasMadeChange { news?.expect(from: session.processID) }
            try session.exchange(last)
            self.transaction = nil
            tellNews()
            return value
        } catch {
            guard !error.isCertain else {
                self.transaction?.failure = error
                throw error.error
            }
            // The server may have done it: to do it again is for those who know whether that is right.
            tellNews()
            let message = "whether a commit was done is not known: \(error.error)"
            self.transaction?.failure = PostgreSQLFailure(error: StoreError(.unavailable, message))
            throw StoreError(.unavailable, message)
        }
    }

    /// What was committed here is known here at once, as what may have been is.
    private func tellNews() { if hasMadeChange { news?.committed() } }

    private func rollBack() {
        let isBegun = transaction?.isBegun ?? false
        transaction = nil
        guard isBegun, let session, !session.isOver else { return }
        do throws(PostgreSQLFailure) {
            try session.exchange([PostgreSQLSession.Command(sql: "ROLLBACK")])
        } catch {
            self.session = nil
        }
    }

    func attempt(_ body: () -> Bool) throws(StoreError) {
        transaction?.queued.append("SAVEPOINT attempt")
        let isKept = body()
        if let failure = transaction?.failure { throw failure.error }
        if !isKept {
            transaction?.queued.append("ROLLBACK TO SAVEPOINT attempt")
            transaction?.isAborted = false
        }
        transaction?.queued.append("RELEASE SAVEPOINT attempt")
    }

    func number(_ table: String, after last: Int64) throws(StoreError) {
        try run("SELECT setval(pg_get_serial_sequence(?, 'seq'), ?)", .text(table), .integer(last))
    }

    /// The server takes care of its log.
    func tidy() {}
}
