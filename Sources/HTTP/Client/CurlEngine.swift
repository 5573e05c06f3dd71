/// The client's thread: it alone touches libcurl's handles.
internal import CCurl
internal import Glibc

final class CurlEngine {
    private let inbox: ClientInbox
    private let multi: UnsafeMutableRawPointer
    private let configuration: HTTPClientConfiguration
    private let executor: HTTPClientExecutor
    private var transfers: [UInt64: CurlTransfer] = [:]
    /// The transfer of each easy handle that libcurl holds.
    private var owners: [UnsafeMutableRawPointer: UInt64] = [:]
    /// Handles for transfers to come, with the options that are the same for all.
    private var idle: [CurlHandle] = []
    /// No deadline is earlier than this. It may be too early (its transfer ended), never too late.
    private var nextDeadline = Int64.max

    private init(_ cargo: Cargo) {
        inbox = cargo.inbox
        executor = cargo.executor
        configuration = cargo.configuration
        multi = inbox.multi
        dues_curl_multi_set_number(multi, CURLMOPT_MAXCONNECTS, configuration.maximumConnectionsPerHost)
        dues_curl_multi_set_number(multi, CURLMOPT_MAX_HOST_CONNECTIONS, configuration.maximumConnectionsPerHost)
        dues_curl_multi_set_number(multi, CURLMOPT_PIPELINING, Int(CURLPIPE_MULTIPLEX))
    }

    // MARK: Thread

    private final class Cargo: Sendable {
        let inbox: ClientInbox
        let executor: HTTPClientExecutor
        let configuration: HTTPClientConfiguration
        init(_ inbox: ClientInbox, _ executor: HTTPClientExecutor, _ configuration: HTTPClientConfiguration) {
            self.inbox = inbox
            self.executor = executor
            self.configuration = configuration
        }
    }

    /// Starts the thread, which ends after `inbox.close()`.
    static func startThread(
        inbox: ClientInbox, executor: HTTPClientExecutor, configuration: HTTPClientConfiguration
    ) -> pthread_t {
        var thread = pthread_t()
        let cargo = Unmanaged.passRetained(Cargo(inbox, executor, configuration))
        let failure = pthread_create(
            &thread, nil,
            { argument in
                // Nil is impossible: `passRetained` above made the pointer. It is released here, once.
                let cargo = Unmanaged<Cargo>.fromOpaque(argument!).takeRetainedValue()
                CurlEngine.blockSignals()
                CurlEngine(cargo).run()
                return nil
            }, cargo.toOpaque())
        precondition(failure == 0, "no thread: the process is at its limit, and could not serve a call either")
        return thread
    }

    /// The process's signals belong to the event loop, and SIGPIPE from a broken TLS connection (OpenSSL writes without
    /// MSG_NOSIGNAL, and libcurl leaves signals alone under NOSIGNAL) must not end it.
    private static func blockSignals() {
        var all = sigset_t()
        sigfillset(&all)
        pthread_sigmask(SIG_BLOCK, &all, nil)
    }

    // MARK: Loop

    private func run() {
        while true {
            let (commands, isClosing) = inbox.take()
            for command in commands { apply(command) }
            if isClosing { break }
            dues_curl_driver_turn(inbox.driver, inbox.mayRest() ? pollMilliseconds() : 0)
            reapFinished()
            reapLate()
        }
        finish()
    }

    private func apply(_ command: ClientInbox.Command) {
        switch command {
        case .start(let submission): begin(submission)
        case .refuse(let completion, let error): completion(.failure(error))
        case .run(let job): executor.run(job)
        case .cancel(let id):
            end(id) { $0.failed(.cancelled, "the request was cancelled") }
        }
    }

    private func begin(_ submission: ClientInbox.Submission) {
        do {
            try HTTPRequestRules.check(submission.request)
        } catch {
            inbox.completed()
            submission.completion(.failure(error))
            return
        }
        let handle = idle.popLast() ?? CurlHandle(inbox.driver, configuration)
        let transfer = CurlTransfer(submission, on: handle, configuration)
        transfers[submission.id] = transfer
        owners[transfer.easy] = submission.id
        nextDeadline = min(nextDeadline, submission.deadline)
        let added = curl_multi_add_handle(multi, transfer.easy)
        precondition(added == CURLM_OK, "a fresh easy handle can always be added")
    }

    private func reapFinished() {
        var code = CURLE_OK
        while let easy = dues_curl_next_finished(multi, &code) {
            // Known: a handle stays with libcurl exactly as long as it is in `owners`.
            guard let id = owners[easy] else { continue }
            end(id) { $0.result(code) }
        }
    }

    private func reapLate() {
        let now = MonotonicTime.milliseconds()
        guard now >= nextDeadline else { return }
        for (id, transfer) in transfers where transfer.deadline <= now {
            end(id) { $0.failed(.timeout, "no complete answer within \($0.timeoutMilliseconds) ms") }
        }
        nextDeadline = transfers.values.map(\.deadline).min() ?? .max
    }

    /// Takes the transfer out of libcurl and answers it. Unknown ids were answered before.
    private func end(_ id: UInt64, _ outcome: (CurlTransfer) -> Result<HTTPResponse, HTTPClientError>) {
        guard let transfer = transfers.removeValue(forKey: id) else { return }
        let result = outcome(transfer)
        owners[transfer.easy] = nil
        curl_multi_remove_handle(multi, transfer.easy)
        if idle.count < configuration.maximumConnectionsPerHost { idle.append(transfer.handle) }
        inbox.completed()
        transfer.completion(result)
    }

    /// The driver shortens this by libcurl's timer; commands end it by a ring.
    private func pollMilliseconds() -> Int32 {
        nextDeadline == .max ? 60_000 : Int32(min(max(nextDeadline - MonotonicTime.milliseconds(), 0), 60_000))
    }

    private func finish() {
        for id in transfers.keys {
            end(id) { .failure(ClientInbox.shutDown(mayHaveBeenSent: $0.mayHaveBeenSent)) }
        }
        for command in inbox.leave() {
            switch command {
            case .start(let submission): submission.completion(.failure(ClientInbox.shutDown(mayHaveBeenSent: false)))
            case .refuse(let completion, let error): completion(.failure(error))
            case .run(let job): executor.run(job)
            case .cancel: break
            }
        }
        idle = []
        curl_multi_cleanup(multi)
        dues_curl_driver_free(inbox.driver)
    }
}

/// Milliseconds of a clock that never steps.
enum MonotonicTime {
    static func milliseconds() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
    }
}
