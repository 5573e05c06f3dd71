package import EventLoop
internal import Glibc

/// Lines over a pair of blocking descriptors: a socket's two directions, or a child's standard streams.
package final class LineChannel {
    private let input: Descriptor
    /// Nil once closed, and for a socket, whose one descriptor is `input`.
    private var output: Descriptor?
    private let isSocket: Bool
    private var buffer: [UInt8] = []
    private var hasEnded = false

    package init(socket: consuming Descriptor) {
        input = socket
        output = nil
        isSocket = true
    }

    package init(input: consuming Descriptor, output: consuming Descriptor?) {
        self.input = input
        self.output = output
        isSocket = false
    }

    /// Sends `line` and its end.
    package func send(_ line: some Sequence<UInt8>) throws(SystemError) {
        try sendRaw(Array(line) + [UInt8(ascii: "\n")])
    }

    /// Sends bytes as they are.
    package func sendRaw(_ bytes: [UInt8]) throws(SystemError) {
        let descriptor = isSocket ? input.raw : output?.raw ?? -1
        var sent = 0
        while sent < bytes.count {
            let count = bytes.withUnsafeBytes { write(descriptor, $0.baseAddress! + sent, $0.count - sent) }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw SystemError(call: "write", code: errno) }
            sent += count
        }
    }

    /// The next line without its end; nil at the end of the input. Throws `ETIMEDOUT` after `timeoutMilliseconds`.
    package func receive(timeoutMilliseconds: Int64) throws(SystemError) -> [UInt8]? {
        let deadline = EventLoop.monotonicMilliseconds() + timeoutMilliseconds
        while true {
            if let end = buffer.firstIndex(of: UInt8(ascii: "\n")) {
                defer { buffer.removeFirst(end + 1) }
                return Array(buffer[..<end])
            }
            if hasEnded { return nil }
            try wait(until: deadline)
            try fill()
        }
    }

    /// Says that nothing more will be sent, so that the other side can finish.
    package func finishSending() {
        if isSocket { shutdown(input.raw, Int32(SHUT_WR)) } else { output = nil }
    }

    private func wait(until deadline: Int64) throws(SystemError) {
        while true {
            var query = pollfd(fd: input.raw, events: Int16(POLLIN), revents: 0)
            let count = poll(&query, 1, Int32(clamping: max(0, deadline - EventLoop.monotonicMilliseconds())))
            if count > 0 { return }
            if count == 0 { throw SystemError(call: "no answer came", code: ETIMEDOUT) }
            guard errno == EINTR else { throw SystemError(call: "poll", code: errno) }
        }
    }

    private func fill() throws(SystemError) {
        var chunk = [UInt8](repeating: 0, count: 64 * 1024)
        let count = read(input.raw, &chunk, chunk.count)
        if count < 0, errno == EINTR { return }
        guard count >= 0 else { throw SystemError(call: "read", code: errno) }
        hasEnded = count == 0
        buffer.append(contentsOf: chunk[..<count])
    }
}
