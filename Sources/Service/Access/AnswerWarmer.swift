package import Store
internal import Contract
internal import EventLoop
internal import Glibc
internal import JSON
internal import Synchronization

/// Makes the answers to what will be asked next: whether each customer may use what they have subscribed to. It runs on a
/// thread of its own, with the rest of the machine's time, once somebody has asked enough to show that it is worth it.
package final class AnswerWarmer: Sendable {
    private let shared: SharedAnswers
    private let store: any Store
    private let access: AccessQuestions
    private let state = Mutex(State())

    private struct State {
        var thread: Thread?
        var isRunning = false
        var isStopped = false
        /// When it began last, in seconds of the monotonic clock.
        var began: Int64?
    }

    /// Questions of one loop that had to be answered from the database, after which it is worth the work.
    let worthwhileMisses: Int
    /// Seconds between two rounds, a day: what has changed since the last one is answered when it is asked.
    private static let pauseSeconds: Int64 = 86_400
    /// Customers that are read at once, where nothing changes meanwhile.
    private static let chunk = 512

    package init(
        _ shared: SharedAnswers, store: any Store, access: AccessQuestions, worthwhileMisses: Int = 10_000
    ) {
        self.worthwhileMisses = worthwhileMisses
        self.shared = shared
        self.store = store
        self.access = access
    }

    /// Begins a round, unless there was one lately.
    func start() {
        state.withLock { state in
            let now = EventLoop.monotonicMilliseconds() / 1000
            guard shared.warmedBlocks > 0, !state.isStopped, !state.isRunning,
                state.began.map({ now - $0 >= Self.pauseSeconds }) ?? true
            else { return }
            state.thread?.join()
            state.isRunning = true
            state.began = now
            // Without a thread, answers are made when they are asked.
            state.thread = try? Thread.start { [self] in
                _ = setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, 10)
                try? round()
                self.state.withLock { $0.isRunning = false }
            }
            if state.thread == nil { state.isRunning = false }
        }
    }

    /// Ends the round that is running, and waits for it.
    package func stop() {
        let thread = state.withLock { state in
            state.isStopped = true
            defer { state.thread = nil }
            return state.thread
        }
        thread?.join()
    }

    private var isStopped: Bool { state.withLock { $0.isStopped } }

    private func round() throws(StoreError) {
        let reader = try store.reader()
        shared.beginRound(expecting: try reader.countOfSubscriptions())
        var limit = Self.chunk
        var block = AnswerBlock()
        var blocks = 1
        var last = ""
        while !isStopped {
            let (customers, changes) = try chunk(after: last, limit: &limit, reader)
            guard let end = customers.last?.customer else { break }
            last = end
            for (customer, known) in customers {
                for answer in access.answers(about: customer, known) {
                    if !append(answer, about: customer, changes, to: block) {
                        shared.publish(block)
                        guard blocks < shared.warmedBlocks else { return }
                        block = AnswerBlock()
                        blocks += 1
                        _ = append(answer, about: customer, changes, to: block)
                    }
                }
            }
        }
        shared.publish(block)
    }

    /// The next customers, and what was counted of their changes before they were read. Where something changes meanwhile,
    /// fewer are read at once.
    private func chunk(
        after customer: String, limit: inout Int, _ reader: any StoreReader
    ) throws(StoreError) -> (customers: [CustomersSubscriptions], changes: [UInt16: UInt32]) {
        while true {
            let before = shared.changesInAll
            let customers = try reader.subscriptions(afterCustomer: customer, limit: limit)
            var changes: [UInt16: UInt32] = [:]
            for (customer, _) in customers {
                let number = shared.number(of: customer)
                changes[number] = shared.changes(of: number)
            }
            if isStopped { return ([], [:]) }
            if shared.changesInAll == before {
                limit = min(Self.chunk, limit * 2)
                return (customers, changes)
            }
            limit = max(1, limit / 2)
        }
    }

    private func append(
        _ answer: AccessQuestions.Answer, about customer: String, _ changes: [UInt16: UInt32], to block: AnswerBlock
    ) -> Bool {
        let number = shared.number(of: customer)
        return answer.question.withUnsafeBytes { question in
            answer.result.withUnsafeBytes { result in
                let entry = AnswerBlock.Entry(
                    valid: answer.valid, hash: shared.hash(question), customer: number,
                    change: changes[number] ?? 0, question: question, answer: result)
                // What no block holds is left out.
                return !entry.fits || block.append(entry) != nil
            }
        }
    }
}
