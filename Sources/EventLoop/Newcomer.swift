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
}
