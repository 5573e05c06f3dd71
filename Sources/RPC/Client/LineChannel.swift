package import EventLoop
internal import Glibc

/// Lines over what blocks: a socket's two directions, TLS on top of them, or a child's standard streams.
package final class LineChannel {
    private var way: Way
    private var buffer: [UInt8] = []
    private var hasEnded = false

    private enum Way {
        case socket(Box)
        /// The output is nil once closed.
        case pair(input: Box, output: Box?)
        case tls(TLSStream)

        final class Box {
            let descriptor: Descriptor
            init(_ descriptor: consuming Descriptor) { self.descriptor = descriptor }
        }

        var input: Int32 {
            switch self {
            case .socket(let box), .pair(let box, _): box.descriptor.raw
            case .tls(let stream): stream.raw
            }
        }
    }

    package init(socket: consuming Descriptor) { way = .socket(Way.Box(socket)) }

    package init(tls: TLSStream) { way = .tls(tls) }

    package init(input: consuming Descriptor, output: consuming Descriptor?) {
        let output: Way.Box? = if let output { Way.Box(output) } else { nil }
        way = .pair(input: Way.Box(input), output: output)
    }

    /// Sends `line` and its end.
    package func send(_ line: some Sequence<UInt8>) throws(SystemError) {
        try sendRaw(Array(line) + [UInt8(ascii: "\n")])
    }

    /// Sends bytes as they are.
    package func sendRaw(_ bytes: [UInt8]) throws(SystemError) {
        let descriptor: Int32
        switch way {
        case .socket(let box): descriptor = box.descriptor.raw
        case .pair(_, let output): descriptor = output?.descriptor.raw ?? -1
        case .tls(let stream): return try asSystemError { () throws(TLSError) in try stream.write(bytes) }
        }
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
            if takeReady() { continue }
            try wait(until: deadline)
            try fill()
        }
    }

    /// Says that nothing more will be sent, so that the other side can finish.
    package func finishSending() {
        switch way {
        case .socket(let box): shutdown(box.descriptor.raw, Int32(SHUT_WR))
        case .pair(let input, _): way = .pair(input: input, output: nil)
        // Whoever is gone need not be told.
        case .tls(let stream): try? stream.endWriting()
        }
    }

    private func wait(until deadline: Int64) throws(SystemError) {
        while true {
            var query = pollfd(fd: way.input, events: Int16(POLLIN), revents: 0)
            let count = poll(&query, 1, Int32(clamping: max(0, deadline - EventLoop.monotonicMilliseconds())))
            if count > 0 { return }
            if count == 0 { throw SystemError(call: "no answer came", code: ETIMEDOUT) }
            guard errno == EINTR else { throw SystemError(call: "poll", code: errno) }
        }
    }

    /// Whether TLS had more than was asked for, which is then in the buffer.
    private func takeReady() -> Bool {
        guard case .tls(let stream) = way else { return false }
        let bytes = stream.takeReady()
        buffer += bytes
        hasEnded = bytes.isEmpty && stream.session.peerHasEnded
        return !bytes.isEmpty || hasEnded
    }

    private func fill() throws(SystemError) {
        if case .tls(let stream) = way {
            return try asSystemError { () throws(TLSError) in try stream.receive() }
        }
        var chunk = [UInt8](repeating: 0, count: 64 * 1024)
        let count = read(way.input, &chunk, chunk.count)
        if count < 0, errno == EINTR { return }
        guard count >= 0 else { throw SystemError(call: "read", code: errno) }
        hasEnded = count == 0
        buffer.append(contentsOf: chunk[..<count])
    }

    private func asSystemError(_ body: () throws(TLSError) -> Void) throws(SystemError) {
        do { try body() } catch { throw SystemError(error) }
    }
}

extension SystemError {
    /// A failure of TLS where any failure of a channel is expected.
    init(_ error: TLSError) { self.init(call: "\(error.step):", code: 0, subject: error.reason) }
}
