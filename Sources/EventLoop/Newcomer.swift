internal import Glibc

/// A peer that has connected and that no loop watches yet, so that it may be handed to the loop of another thread.
package struct Newcomer: Sendable {
    let socket: Connection.Streams.Box
    /// What it is greeted with, where that is TLS.
    let tls: TLSContext?

    /// Watches it on `loop`, on that loop's thread; to be called once. Nil where memory is short: the newcomer is let go.
    package func open(on loop: EventLoop) -> Connection? {
        do {
            return try Connection.open(.socket(socket), on: loop, tls: tls.map { try TLSSession($0) })
        } catch {
            return nil
        }
    }

    /// Its socket for a thread that waits on it, instead of for a loop. Nil where descriptors are short.
    package func blockingSocket() -> Descriptor? {
        let copy = fcntl(socket.descriptor.raw, F_DUPFD_CLOEXEC, 3)
        guard copy >= 0 else { return nil }
        _ = fcntl(copy, F_SETFL, fcntl(copy, F_GETFL) & ~O_NONBLOCK)
        return Descriptor(owning: copy)
    }
}
