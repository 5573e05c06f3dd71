internal import CLinux
internal import Glibc
internal import Synchronization

/// What other threads hold of an `EventLoop`: a way to run work on its thread.
package struct EventLoopRemote: Sendable {
    let inbox: Inbox

    /// Runs `work` on the loop's thread, in the order of posting. Never blocks; work posted after the loop's end is dropped.
    package func post(_ work: @escaping @Sendable (EventLoop) -> Void) { inbox.post(work) }

    /// Ends the loop's `run()`.
    package func stop() { post { $0.stop() } }
}

/// Work on its way to the loop. It owns the eventfd, so that the last remote, not the loop, decides when that may close.
final class Inbox: EventSource, Sendable {
    let wake: Descriptor
    /// Guards against the one race there is: a thread that posts while the loop takes what is there.
    private let queue = Mutex<[@Sendable (EventLoop) -> Void]>([])

    init() throws(SystemError) {
        wake = try Descriptor(result: eventfd(0, Int32(EFD_NONBLOCK | EFD_CLOEXEC)), of: "eventfd")
    }

    func post(_ work: @escaping @Sendable (EventLoop) -> Void) {
        let wasEmpty = queue.withLock { queue in
            queue.append(work)
            return queue.count == 1
        }
        // Fails only when the counter is full, and then the loop is awake already.
        if wasEmpty { eventfd_write(wake.raw, 1) }
    }

    func ready(_ events: UInt32, on loop: EventLoop) {
        var count: eventfd_t = 0
        eventfd_read(wake.raw, &count)
    }

    func drain(into loop: EventLoop) {
        let work = queue.withLock { queue in
            let all = queue
            queue.removeAll(keepingCapacity: true)
            return all
        }
        for item in work { item(loop) }
    }
}
