internal import Glibc
internal import Synchronization

/// A program that was started as a child of this process; its standard error is ours.
package final class Program: Sendable {
    package let pid: Int32
    /// Nil while it runs. The lock keeps a signal from a pid that was reaped meanwhile, and belongs to somebody else.
    private let exitStatus = Mutex<Int32?>(nil)

    /// Starts `arguments[0]`, looked up in `PATH` where it has no slash, with our environment and `environment` over it, and
    /// with the descriptors `input` and `output` as its standard streams.
    package init(
        _ arguments: [String], environment: [String: String] = [:], input: Int32, output: Int32
    ) throws(SystemError) {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, input, 0)
        posix_spawn_file_actions_adddup2(&actions, output, 1)
        // The child starts with no signal blocked, whatever this thread does.
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
        let words: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
        let variables: [UnsafeMutablePointer<CChar>?] = Self.merged(environment).map { strdup($0) } + [nil]
        defer { for pointer in words + variables { free(pointer) } }
        var pid: pid_t = 0
        let status = posix_spawnp(&pid, arguments[0], &actions, &attributes, words, variables)
        guard status == 0 else { throw SystemError(call: "cannot start", code: status, subject: arguments[0]) }
        self.pid = pid
    }

    /// Our environment as `NAME=value` lines, with `overrides` in place of what they name.
    private static func merged(_ overrides: [String: String]) -> [String] {
        var lines = overrides.map { "\($0.key)=\($0.value)" }
        var next = environ
        while let entry = next.pointee {
            let line = String(cString: entry)
            if overrides[String(line.prefix { $0 != "=" })] == nil { lines.append(line) }
            next += 1
        }
        return lines
    }

    package var isRunning: Bool { reaped() == nil }

    /// Without effect once its end is known.
    package func signal(_ number: Int32) {
        exitStatus.withLock { if $0 == nil { kill(pid, number) } }
    }

    /// Ends it: by one of `signals` after the other (0 sends none, and only waits), each with `graceMilliseconds` to be heeded,
    /// then by SIGKILL. Answers its exit status, or minus the signal that ended it.
    @discardableResult
    package func end(graceMilliseconds: Int64, by signals: [Int32]) -> Int32 {
        for number in signals {
            signal(number)
            if let status = wait(timeoutMilliseconds: graceMilliseconds) { return status }
        }
        signal(SIGKILL)
        return wait(timeoutMilliseconds: 60_000) ?? -SIGKILL
    }

    /// Waits for its end; nil where it has not come after `timeoutMilliseconds`.
    package func wait(timeoutMilliseconds: Int64) -> Int32? {
        let deadline = EventLoop.monotonicMilliseconds() + timeoutMilliseconds
        while true {
            if let status = reaped() { return status }
            if EventLoop.monotonicMilliseconds() >= deadline { return nil }
            usleep(2000)
        }
    }

    private func reaped() -> Int32? {
        exitStatus.withLock { exitStatus in
            var status: Int32 = 0
            if exitStatus == nil, waitpid(pid, &status, WNOHANG) == pid {
                // The macros WIFEXITED and WEXITSTATUS, which Swift does not import: the low seven bits are the signal.
                exitStatus = status & 0x7F == 0 ? status >> 8 & 0xFF : -(status & 0x7F)
            }
            return exitStatus
        }
    }
}
