internal import CLinux
internal import Glibc

/// The process that started this one and supervises it, as systemd tells its services of itself (sd_notify(3),
/// sd_listen_fds(3), sd_watchdog_enabled(3)).
package struct ServiceManager: Sendable {
    /// Where it is told how the service is; nil where nobody asks.
    private let address: String?
    /// Milliseconds within which it wants to hear that the service lives; nil where it does not.
    package let watchdogMilliseconds: Int64?
    /// The listening sockets that it has opened, by their descriptors, and what it calls them.
    package let sockets: [(descriptor: Int32, name: String)]

    /// Reads the environment: `NOTIFY_SOCKET`, `WATCHDOG_USEC`, `WATCHDOG_PID`, `LISTEN_PID`, `LISTEN_FDS`, `LISTEN_FDNAMES`.
    /// What is meant for another process is left alone.
    package init(environment: (String) -> String?) throws(SystemError) {
        address = environment("NOTIFY_SOCKET")
        let us = String(getpid())
        let microseconds = environment("WATCHDOG_USEC").flatMap { Int64($0) } ?? 0
        let isWatched = microseconds > 0 && environment("WATCHDOG_PID") ?? us == us
        watchdogMilliseconds = isWatched ? max(1, microseconds / 1000) : nil
        sockets = environment("LISTEN_PID") == us ? try Self.sockets(environment) : []
    }

    /// The first descriptor that is passed on.
    private static let firstSocket: Int32 = 3
    /// More sockets than anybody opens for one service; fewer than what a mistaken number could make.
    private static let maximumSockets = 256

    private static func sockets(
        _ environment: (String) -> String?
    ) throws(SystemError) -> [(descriptor: Int32, name: String)] {
        let text = environment("LISTEN_FDS") ?? ""
        guard let count = Int(text), (0...maximumSockets).contains(count) else {
            throw SystemError(
                call: "LISTEN_FDS must be a number from 0 to \(maximumSockets), got", code: 0, subject: "\"\(text)\"")
        }
        guard let list = environment("LISTEN_FDNAMES") else {
            return (0..<count).map { (firstSocket + Int32($0), "unknown") }
        }
        let names = list.split(separator: ":", omittingEmptySubsequences: false)
        guard names.count == count else {
            throw SystemError(
                call: "LISTEN_FDS says \(count) and LISTEN_FDNAMES names \(names.count):", code: 0, subject: list)
        }
        return names.enumerated().map { (firstSocket + Int32($0.offset), String($0.element)) }
    }

    // MARK: Telling

    /// Everything listens, or a reload is done. `status` is one line for a person.
    package func tellReady(_ status: String) { tell("READY=1\nSTATUS=\(status)") }

    package func tellReloading() {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        tell("RELOADING=1\nMONOTONIC_USEC=\(time.tv_sec * 1_000_000 + time.tv_nsec / 1000)")
    }

    package func tellStopping(_ status: String) { tell("STOPPING=1\nSTATUS=\(status)") }

    package func tellAlive() { tell("WATCHDOG=1") }

    /// A manager that cannot be told is gone, or not one: the service goes on without.
    private func tell(_ state: String) {
        if let address { try? UnixSocket.send(state, to: address) }
    }
}
