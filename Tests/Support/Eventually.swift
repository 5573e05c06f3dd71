import EventLoop
internal import Glibc

/// Whether `condition` comes true within some seconds.
package func eventually(_ condition: () throws -> Bool) rethrows -> Bool {
    let deadline = EventLoop.monotonicMilliseconds() + 20_000
    while EventLoop.monotonicMilliseconds() < deadline {
        if try condition() { return true }
        usleep(2000)
    }
    return try condition()
}
