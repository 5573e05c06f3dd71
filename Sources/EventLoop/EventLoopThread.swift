internal import Glibc
internal import Synchronization

/// An event loop with a thread of its own.
package struct EventLoopThread: Sendable {
    package let remote: EventLoopRemote
    private let thread: Thread

    /// Starts a thread, makes its loop, runs `setUp` on it, and returns when that has succeeded; the loop then runs until
    /// `stop()`. What `setUp` makes on the loop (listeners, connections) lives as long as the loop.
    package static func start<Value: Sendable>(
        _ setUp: @escaping @Sendable (EventLoop) throws(SystemError) -> Value
    ) throws(SystemError) -> (thread: EventLoopThread, value: Value) {
        let started = Rendezvous<Result<(EventLoopRemote, Value), SystemError>>()
        let thread = try Thread.start {
            do throws(SystemError) {
                let loop = try EventLoop()
                let value = try setUp(loop)
                started.put(.success((loop.remote, value)))
                loop.run()
            } catch {
                started.put(.failure(error))
            }
        }
        let (remote, value) = try started.take().get()
        return (EventLoopThread(remote: remote, thread: thread), value)
    }

    /// Ends the loop and waits for its thread.
    package func stop() {
        remote.stop()
        thread.join()
    }
}

/// A thread of the system's.
package struct Thread: Sendable {
    private let handle: pthread_t

    /// Starts a thread that runs `body`. Unsafe because the body travels through C's untyped argument, retained once.
    package static func start(_ body: @escaping @Sendable () -> Void) throws(SystemError) -> Thread {
        final class Body: Sendable {
            let run: @Sendable () -> Void
            init(_ run: @escaping @Sendable () -> Void) { self.run = run }
        }
        var handle = pthread_t()
        let argument = Unmanaged.passRetained(Body(body))
        let status = pthread_create(
            &handle, nil,
            { argument in
                // The argument is the body that was retained above, whose ownership this thread takes over.
                Unmanaged<Body>.fromOpaque(argument!).takeRetainedValue().run()
                return nil
            }, argument.toOpaque())
        guard status == 0 else {
            argument.release()
            throw SystemError(call: "pthread_create", code: status)
        }
        return Thread(handle: handle)
    }

    /// Waits until the thread has ended. This or `detach()` is to be called once.
    package func join() { pthread_join(handle, nil) }

    /// Leaves the thread to itself: what it holds goes when it ends.
    package func detach() { pthread_detach(handle) }
}

/// One value handed from one thread to another that waits for it.
package final class Rendezvous<Value: Sendable>: Sendable {
    private let value = Mutex<Value?>(nil)
    private let arrived: Semaphore

    package init() { arrived = Semaphore() }

    package func put(_ value: Value) {
        self.value.withLock { $0 = value }
        arrived.signal()
    }

    /// Waits until the value is there.
    package func take() -> Value {
        while true {
            arrived.wait()
            if let value = value.withLock({ $0 }) { return value }
        }
    }
}

/// A POSIX semaphore at a fixed address.
private final class Semaphore: @unchecked Sendable {  // sem_t is made to be shared between threads
    private let semaphore = UnsafeMutablePointer<sem_t>.allocate(capacity: 1)
    init() { sem_init(semaphore, 0, 0) }
    deinit {
        sem_destroy(semaphore)
        semaphore.deallocate()
    }
    func signal() { sem_post(semaphore) }
    func wait() { while sem_wait(semaphore) != 0 {} }
}
