package import EventLoop
internal import Glibc

/// Lines over what blocks: a socket's two directions, TLS on top of them, or a child's standard streams.
///
/// Belongs to one thread at a time; except over TLS, one thread may send while another receives.
package final class LineChannel {
    private let input: Way
    /// Touched by who sends, and nil once a pair's output is closed.
    private var output: Way?
    private var buffer: [UInt8] = []
    private var hasEnded = false

    /// Bytes that a line may have: more than any server of ours sends.
    private static let longestLine = 256 << 20

    private enum Way {
        case socket(Box)
        case stream(Box)
        case tls(TLSStream)

        final class Box {
            let descriptor: Descriptor
            init(_ descriptor: consuming Descriptor) { self.descriptor = descriptor }
        }

        var raw: Int32 {
            switch self {
            case .socket(let box), .stream(let box): box.descriptor.raw
            case .tls(let stream): stream.raw
            }
        }
    }

    package init(socket: consuming Descriptor) {
        input = .socket(Way.Box(socket))
        output = input
    }

    package init(tls: TLSStream) {
        input = .tls(tls)
        output = input
    }

    package init(input: consuming Descriptor, output: consuming Descriptor?) {
        self.input = .stream(Way.Box(input))
        self.output = if let output { .stream(Way.Box(output)) } else { nil }
    }

    /// Dials a server by TLS, whose certificate must bear the address's host.
    package convenience init(dialing address: SocketAddress, tls: TLSContext) throws(SystemError) {
        let socket = try address.connect()
        let stream: TLSStream
        do throws(TLSError) {
            stream = try TLSStream(socket, context: tls, host: address.host)
        } catch {
            throw SystemError(error)
        }
        self.init(tls: stream)
    }

    /// Sends `line` and its end.
    package func send(_ line: some Sequence<UInt8>) throws(SystemError) {
        try sendRaw(Array(line) + [UInt8(ascii: "\n")])
    }

    /// Sends bytes as they are.
    package func sendRaw(_ bytes: [UInt8]) throws(SystemError) {
        if case .tls(let stream) = output { return try asSystemError { () throws(TLSError) in try stream.write(bytes) } }
        let descriptor = output?.raw ?? -1
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
            guard buffer.count <= Self.longestLine else { throw SystemError(call: "a line is too long", code: EMSGSIZE) }
            try wait(until: deadline)
            try fill()
        }
    }

    /// Says that nothing more will be sent, so that the other side can finish.
    package func finishSending() {
        switch output {
        case .socket(let box): shutdown(box.descriptor.raw, Int32(SHUT_WR))
        case .stream, nil: output = nil
        // Whoever is gone need not be told.
        case .tls(let stream): try? stream.endWriting()
        }
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

    /// Whether TLS had more than was asked for, which is then in the buffer.
    private func takeReady() -> Bool {
        guard case .tls(let stream) = input else { return false }
        let bytes = stream.takeReady()
        buffer += bytes
        hasEnded = bytes.isEmpty && stream.session.peerHasEnded
        return !bytes.isEmpty || hasEnded
    }

    private func fill() throws(SystemError) {
        if case .tls(let stream) = input {
            return try asSystemError { () throws(TLSError) in try stream.receive() }
        }
        var chunk = [UInt8](repeating: 0, count: 64 * 1024)
        let count = read(input.raw, &chunk, chunk.count)
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
