package import EventLoop
internal import CLinux
internal import Glibc

/// A program that was started with its standard input and output at this end of two pipes; its standard error is ours.
package final class ChildProcess {
    /// The child's standard streams.
    package let channel: LineChannel
    private let program: Program

    package var pid: Int32 { program.pid }

    /// Starts `arguments[0]`, looked up in `PATH` where it has no slash, with our environment and `environment` over it.
    package init(_ arguments: [String], environment: [String: String] = [:]) throws(SystemError) {
        var ends: [Int32] = [-1, -1]
        guard dues_pipe(&ends) == 0 else { throw SystemError(call: "pipe", code: errno) }
        let childInput = Descriptor(owning: ends[0])
        let ourOutput = Descriptor(owning: ends[1])
        guard dues_pipe(&ends) == 0 else { throw SystemError(call: "pipe", code: errno) }
        let ourInput = Descriptor(owning: ends[0])
        let childOutput = Descriptor(owning: ends[1])
        program = try Program(arguments, environment: environment, input: childInput.raw, output: childOutput.raw)
        channel = LineChannel(input: ourInput, output: ourOutput)
    }

    /// Starts what `command` says to a shell, which becomes it.
    package convenience init(shell command: String) throws(SystemError) {
        try self.init(["/bin/sh", "-c", "exec \(command)"])
    }

    deinit { end() }

    package func signal(_ number: Int32) { program.signal(number) }

    /// Closes the child's input and waits for its end; a child that does not end in `graceMilliseconds` is asked to, then made to.
    /// Answers its exit status, or minus the signal that ended it.
    @discardableResult
    package func end(graceMilliseconds: Int64 = 5000) -> Int32 {
        channel.finishSending()
        return program.end(graceMilliseconds: graceMilliseconds, by: [0, SIGTERM])
    }

    /// Waits for the child's end; nil where it has not come after `timeoutMilliseconds`.
    package func wait(timeoutMilliseconds: Int64) -> Int32? { program.wait(timeoutMilliseconds: timeoutMilliseconds) }
}
