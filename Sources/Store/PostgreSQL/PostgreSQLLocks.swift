internal import Dispatch

/// Keys that one process at a time holds, of all that share the database: advisory locks of one session, which the server gives
/// up with it. A process that dies, or is stopped for longer than some seconds, loses them all, and finds out when it asks.
final class PostgreSQLLocks: SharedLocks {
    /// What the program's own advisory locks have for their first number.
    static let space = 0x4475_6573
    /// After so much silence the server ends the session.
    static let sessionMilliseconds = 6000
    fileprivate static let heartbeat = DispatchTimeInterval.milliseconds(1500)

    private let holder: Holder

    private final class Holder: @unchecked Sendable {  // confined to the serial queue
        let queue = DispatchQueue(label: "dues.store.locks")
        let connection: PostgreSQLConnection
        /// Counts the sessions: what was locked in an earlier one is not locked any more.
        private var session = 0
        private var current: PostgreSQLSession?

        init(_ address: PostgreSQLAddress) { connection = PostgreSQLConnection(address, for: .locking) }

        /// Asks one session, another one where the last is over; answers its number too.
        func ask(_ sql: String, _ arguments: [SQLValue]) throws(StoreError) -> (answer: Bool, session: Int) {
            let known = current
            do throws(PostgreSQLFailure) {
                return try askOnce(sql, arguments)
            } catch {
                // What a session was not told of its end is found out by asking it.
                guard error.isWorthAnotherTry, current === known else { throw error.error }
            }
            do throws(PostgreSQLFailure) { return try askOnce(sql, arguments) } catch { throw error.error }
        }

        private func askOnce(
            _ sql: String, _ arguments: [SQLValue]
        ) throws(PostgreSQLFailure) -> (answer: Bool, session: Int) {
            let made: PostgreSQLSession
            do throws(StoreError) { made = try connection.connected() } catch { throw PostgreSQLFailure(error: error) }
            if made !== current {
                current = made
                session += 1
            }
            var answer = false
            try made.exchange([.init(sql: sql, arguments: arguments)]) { _, row in answer = row.flag(0) }
            return (answer, session)
        }

        /// As `ask`, where the session is still the one of this number; false where it is not.
        func ask(_ sql: String, _ arguments: [SQLValue], of number: Int) -> Bool {
            guard number == session, let current, !current.isOver else { return false }
            guard let found = try? ask(sql, arguments), found.session == number else { return false }
            return found.answer
        }

        /// Keeps the session that is there, from now on, as long as this object lives.
        func beat() {
            if current != nil { _ = try? ask("SELECT true", []) }
            queue.asyncAfter(deadline: .now() + PostgreSQLLocks.heartbeat) { [weak self] in self?.beat() }
        }
    }

    init(_ address: PostgreSQLAddress) {
        holder = Holder(address)
        holder.queue.async { [holder] in holder.beat() }
    }

    func take(_ key: String) async throws(StoreError) -> SharedLock? {
        let result = await onQueue { holder in
            Result { () throws(StoreError) in
                try holder.ask("SELECT pg_try_advisory_lock(hashtextextended(?, 0))", [.text(key)])
            }
        }
        let taken = try result.get()
        return taken.answer ? SharedLock(key: key, session: taken.session) : nil
    }

    func isHeld(_ lock: SharedLock) async -> Bool {
        await onQueue { holder in holder.ask("SELECT true", [], of: lock.session) }
    }

    func release(_ lock: SharedLock) {
        let holder = holder
        holder.queue.async {
            _ = holder.ask("SELECT pg_advisory_unlock(hashtextextended(?, 0))", [.text(lock.key)], of: lock.session)
        }
    }

    private func onQueue<Value: Sendable>(_ body: @escaping @Sendable (Holder) -> Value) async -> Value {
        let holder = holder
        return await withCheckedContinuation { continuation in
            holder.queue.async { continuation.resume(returning: body(holder)) }
        }
    }
}
