/// Keys that one process at a time may hold, of all that share a database. Within a process they are not counted: whoever
/// asks holds the key there alone.
package protocol SharedLocks: Sendable {
    /// Takes a key; nil where another process has it just now.
    func take(_ key: String) async throws(StoreError) -> SharedLock?
    /// Whether the lock was never lost since it was taken. What is asked may be wrong a moment later: who has lost a lock must do
    /// no harm, only too much.
    func isHeld(_ lock: SharedLock) async -> Bool
    /// Gives a key up, at some moment after this call.
    func release(_ lock: SharedLock)
}

/// A key that this process holds, unless it has lost it.
package struct SharedLock: Sendable {
    package let key: String
    /// In which of the process's sessions it was taken.
    package let session: Int

    package init(key: String, session: Int) {
        self.key = key
        self.session = session
    }
}
