package import EventLoop
internal import Glibc

/// A TCP client that never waits for the server: bytes go out and come in as the kernel takes and gives them.
package final class RawClient {
    private let socket: Box
    /// Bytes that came after the last whole line.
    private var partial: [UInt8] = []
    /// How many of them are known to hold no line's end.
    private var searched = 0
    /// Whether the server has closed, or cut the connection off.
    package private(set) var hasEnded = false

    private final class Box {
        let descriptor: Descriptor
        init(_ descriptor: consuming Descriptor) { self.descriptor = descriptor }
    }

    package init(_ address: SocketAddress) throws(SystemError) {
        socket = Box(try address.connect())
        let raw = socket.descriptor.raw
        _ = fcntl(raw, F_SETFL, fcntl(raw, F_GETFL) | O_NONBLOCK)
    }

    /// Closes without a word of farewell: the server meets a RST, whatever was under way.
    package func reset() {
        var option = linger(l_onoff: 1, l_linger: 0)
        setsockopt(
            socket.descriptor.raw, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout.size(ofValue: option)))
    }

    /// Says that nothing more will be sent.
    package func finishSending() { shutdown(socket.descriptor.raw, Int32(SHUT_WR)) }

    /// Gives the kernel what it takes now; answers how many bytes that was.
    @discardableResult
    package func offer(_ bytes: ArraySlice<UInt8>) -> Int {
        let count = bytes.withUnsafeBytes {
            send(socket.descriptor.raw, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
        }
        if count < 0, errno != EAGAIN, errno != EINTR { hasEnded = true }
        return max(0, count)
    }

    /// Sends as much of `bytes` as goes without reading anything, until nothing has gone for `patience` milliseconds; answers
    /// how many bytes went.
    package func push(_ bytes: [UInt8], patience: Int32) -> Int {
        var sent = 0
        while sent < bytes.count, !hasEnded, wait(for: POLLOUT, milliseconds: patience) { sent += offer(bytes[sent...]) }
        return sent
    }

    /// Sends all of `bytes` and reads all the while, until `body` has had every line that it wants and answers false, or the
    /// server has closed. Answers whether that came before `timeoutMilliseconds` without progress.
    @discardableResult
    package func exchange(
        _ bytes: ArraySlice<UInt8>, timeoutMilliseconds: Int32 = 30_000, _ body: (ArraySlice<UInt8>) throws -> Bool
    ) rethrows -> Bool {
        var rest = bytes
        while !hasEnded {
            guard wait(for: rest.isEmpty ? POLLIN : POLLIN | POLLOUT, milliseconds: timeoutMilliseconds) else {
                return false
            }
            if !rest.isEmpty { rest = rest.dropFirst(offer(rest)) }
            if try !take(body) { return true }
        }
        return true
    }

    /// Sends all of `bytes`, and hands over what comes meanwhile. Answers whether all of it went.
    @discardableResult
    package func sendAll(
        _ bytes: ArraySlice<UInt8>, timeoutMilliseconds: Int32 = 30_000, _ body: (ArraySlice<UInt8>) -> Void = { _ in }
    ) -> Bool {
        var rest = bytes
        while !rest.isEmpty, !hasEnded, wait(for: POLLIN | POLLOUT, milliseconds: timeoutMilliseconds) {
            rest = rest.dropFirst(offer(rest))
            take {
                body($0)
                return true
            }
        }
        return rest.isEmpty
    }

    /// The next `count` lines, or those that came before the server closed or fell silent, after sending `text`.
    package func ask(_ text: String, lines count: Int, timeoutMilliseconds: Int32 = 30_000) -> [String] {
        var lines: [String] = []
        exchange(Array(text.utf8)[...], timeoutMilliseconds: timeoutMilliseconds) { line in
            lines.append(String(decoding: line, as: UTF8.self))
            return lines.count < count
        }
        return lines
    }

    private func wait(for events: Int32, milliseconds: Int32) -> Bool {
        var query = pollfd(fd: socket.descriptor.raw, events: Int16(events), revents: 0)
        return poll(&query, 1, milliseconds) > 0
    }

    /// Reads what is there; false once `body` wants no more. Lines behind the one that it wanted last are kept for the next time.
    @discardableResult
    private func take(_ body: (ArraySlice<UInt8>) throws -> Bool) rethrows -> Bool {
        withUnsafeTemporaryAllocation(byteCount: 256 * 1024, alignment: 1) { chunk in
            let count = recv(socket.descriptor.raw, chunk.baseAddress, chunk.count, 0)
            if count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR) { hasEnded = true }
            if count > 0 { partial += UnsafeRawBufferPointer(rebasing: chunk[..<count]) }
        }
        var start = 0
        defer {
            partial.removeFirst(start)
            searched = start == 0 ? partial.count : 0
        }
        while let end = endOfLine(from: max(start, searched)) {
            let line = partial[start..<end]
            start = end + 1
            if try !body(line) { return false }
        }
        return true
    }

    /// Where the next line ends. By memchr: a debug build looks at one byte after the other very slowly.
    private func endOfLine(from start: Int) -> Int? {
        partial.withUnsafeBytes { bytes in
            guard start < bytes.count, let base = bytes.baseAddress else { return nil }
            return memchr(base + start, Int32(UInt8(ascii: "\n")), bytes.count - start).map { UnsafeRawPointer($0) - base }
        }
    }
}
