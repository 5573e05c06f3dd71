internal import Dispatch
internal import Synchronization

/// Connects on a thread of its own, for those who must not wait as long as that may take: they get what is ready, or are told at
/// once that there is none.
final class PostgreSQLDialer: Sendable {
    /// How long somebody waits for a connection who must not wait: one that comes at all comes sooner.
    private static let patienceMilliseconds = 150
    /// How long nobody tries again after a failure.
    private static let pauseMilliseconds: UInt64 = 250

    private let address: PostgreSQLAddress
    private let purpose: PostgreSQLSession.Purpose
    private let queue = DispatchQueue(label: "dues.store.dialer")
    private let state = Mutex(State())
    /// Signalled once for every attempt that has ended.
    private let ended = DispatchSemaphore(value: 0)

    private struct State {
        var made: Made?
        var isDialing = false
        var failure: (error: StoreError, at: UInt64)?
    }

    /// A session on its way from the thread that made it to the one that uses it.
    private struct Made: @unchecked Sendable {
        let session: PostgreSQLSession
    }

    init(_ address: PostgreSQLAddress, for purpose: PostgreSQLSession.Purpose) {
        self.address = address
        self.purpose = purpose
    }

    /// A new session, which the caller has alone.
    func session() throws(StoreError) -> PostgreSQLSession {
        let deadline = DispatchTime.now() + .milliseconds(Self.patienceMilliseconds)
        while true {
            let made = try take()
            if let made { return made.session }
            guard ended.wait(timeout: deadline) == .success else {
                throw StoreError(.unavailable, "the database is being connected to")
            }
        }
    }

    /// What was made, if something was; has something made otherwise.
    private func take() throws(StoreError) -> Made? {
        let result = state.withLock { state -> Result<Made?, StoreError> in
            if let made = state.made {
                state.made = nil
                return .success(made)
            }
            if state.isDialing { return .success(nil) }
            let now = DispatchTime.now().uptimeNanoseconds
            if let (error, time) = state.failure, now - time < Self.pauseMilliseconds * 1_000_000 { return .failure(error) }
            state.isDialing = true
            queue.async { self.dial() }
            return .success(nil)
        }
        return try result.get()
    }

    private func dial() {
        let result = Result { () throws(StoreError) in Made(session: try PostgreSQLSession(address, for: purpose)) }
        state.withLock { state in
            state.isDialing = false
            switch result {
            case .success(let made): (state.made, state.failure) = (made, nil)
            case .failure(let error): state.failure = (error, DispatchTime.now().uptimeNanoseconds)
            }
        }
        ended.signal()
    }
}
