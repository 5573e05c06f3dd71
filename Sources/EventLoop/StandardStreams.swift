internal import CLinux
internal import Glibc

/// Standard input and output as one connection, taken away from everybody else.
package struct StandardStreams: ~Copyable {
    private let input: Connection.Streams.Box
    private let output: Connection.Streams.Box

    /// Takes descriptors 0 and 1 over. From then on reading 0 finds nothing and writing 1 goes to standard error, so that no
    /// library, however careless, can read from or print into the protocol: to be called before any other is.
    package init() throws(SystemError) {
        let input = Connection.Streams.Box(try Self.take(0, reopenedFor: O_RDONLY))
        let output = Connection.Streams.Box(try Self.take(1, reopenedFor: O_WRONLY))
        let nothing = try Descriptor(result: open("/dev/null", O_RDONLY | O_CLOEXEC), of: "open", "/dev/null")
        guard dup2(nothing.raw, 0) == 0, dup2(2, 1) == 1 else { throw SystemError.last("dup2") }
        self.input = input
        self.output = output
    }

    /// Opens those of descriptors 0 to 2 that whoever started this process has left closed, so that nothing else becomes one.
    package static func fillGaps() {
        for number: Int32 in 0...2 where fcntl(number, F_GETFD) < 0 { _ = open("/dev/null", O_RDWR) }
    }

    /// Watches them on `loop`.
    package consuming func connect(on loop: EventLoop) throws(SystemError) -> Connection {
        try Connection.open(.pair(input: input, output: output), on: loop)
    }

    /// A private, non-blocking descriptor for what `number` is. Non-blocking is a property of the open file, which a pipe or
    /// a terminal shares with other processes: it is opened anew where the kernel allows, so that theirs is left alone.
    private static func take(_ number: Int32, reopenedFor access: Int32) throws(SystemError) -> Descriptor {
        let reopened = isStream(number) ? open("/proc/self/fd/\(number)", access | O_NONBLOCK | O_CLOEXEC) : -1
        if reopened >= 0 { return Descriptor(owning: reopened) }
        let copy = try Descriptor(result: fcntl(number, F_DUPFD_CLOEXEC, 3), of: "dup", "of standard stream \(number)")
        // A socket has no name to open it by; a regular file never blocks and would lose its offset.
        _ = fcntl(copy.raw, F_SETFL, fcntl(copy.raw, F_GETFL) | O_NONBLOCK)
        return copy
    }

    private static func isStream(_ number: Int32) -> Bool {
        var status = stat()
        guard fstat(number, &status) == 0 else { return false }
        let kind = status.st_mode & S_IFMT
        return kind == S_IFIFO || kind == S_IFCHR
    }
}
