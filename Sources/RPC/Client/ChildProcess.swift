package import EventLoop
internal import CLinux
internal import Glibc

/// A program that was started with its standard input and output at this end of two pipes; its standard error is ours.
package final class ChildProcess {
    package let pid: Int32
    /// The child's standard streams.
    package let channel: LineChannel
    private var exitStatus: Int32?

    /// Starts `arguments[0]`, looked up in `PATH` where it has no slash, with our environment and `environment` over it.
    package init(_ arguments: [String], environment: [String: String] = [:]) throws(SystemError) {
        var ends: [Int32] = [-1, -1]
        guard dues_pipe(&ends) == 0 else { throw SystemError(call: "pipe", code: errno) }
        let childInput = Descriptor(owning: ends[0])
        let ourOutput = Descriptor(owning: ends[1])
        guard dues_pipe(&ends) == 0 else { throw SystemError(call: "pipe", code: errno) }
        let ourInput = Descriptor(owning: ends[0])
        let childOutput = Descriptor(owning: ends[1])
        pid = try Self.spawn(arguments, environment, input: childInput.raw, output: childOutput.raw)
        channel = LineChannel(input: ourInput, output: ourOutput)
    }

    /// Starts what `command` says to a shell, which becomes it.
    package convenience init(shell command: String) throws(SystemError) {
        try self.init(["/bin/sh", "-c", "exec \(command)"])
    }

    deinit { if exitStatus == nil { end() } }

    private static func spawn(
        _ arguments: [String], _ environment: [String: String], input: Int32, output: Int32
    ) throws(SystemError) -> Int32 {
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
        let variables: [UnsafeMutablePointer<CChar>?] = merged(environment).map { strdup($0) } + [nil]
        defer { for pointer in words + variables { free(pointer) } }
        var pid: pid_t = 0
        let status = posix_spawnp(&pid, arguments[0], &actions, &attributes, words, variables)
        guard status == 0 else { throw SystemError(call: "cannot start", code: status, subject: arguments[0]) }
        return pid
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

    package func signal(_ number: Int32) { if exitStatus == nil { kill(pid, number) } }

    /// Closes the child's input and waits for its end; a child that does not end in `graceMilliseconds` is asked to, then made to.
    /// Answers its exit status, or minus the signal that ended it.
    @discardableResult
    package func end(graceMilliseconds: Int64 = 5000) -> Int32 {
        channel.finishSending()
        for (number, patience) in [(0, graceMilliseconds), (SIGTERM, graceMilliseconds), (SIGKILL, 60_000)] {
            if number != 0 { signal(number) }
            if let status = wait(timeoutMilliseconds: patience) { return status }
        }
        return -SIGKILL
    }

    /// Waits for the child's end; nil where it has not come after `timeoutMilliseconds`.
    package func wait(timeoutMilliseconds: Int64) -> Int32? {
        let deadline = EventLoop.monotonicMilliseconds() + timeoutMilliseconds
        while true {
            if let exitStatus { return exitStatus }
            var status: Int32 = 0
            if waitpid(pid, &status, WNOHANG) == pid {
                // The macros WIFEXITED and WEXITSTATUS, which Swift does not import: the low seven bits are the signal.
                exitStatus = status & 0x7F == 0 ? status >> 8 & 0xFF : -(status & 0x7F)
            } else if EventLoop.monotonicMilliseconds() >= deadline {
                return nil
            } else {
                usleep(2000)
            }
        }
    }
}
