internal import Dispatch

/// Runs tasks on a client's thread, between its transfers; after its end on another.
final class HTTPClientExecutor: TaskExecutor {
    private let inbox: ClientInbox

    init(_ inbox: ClientInbox) { self.inbox = inbox }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        if !inbox.run(job) { DispatchQueue.global().async { self.run(job) } }
    }

    func run(_ job: UnownedJob) { job.runSynchronously(on: asUnownedTaskExecutor()) }
}
