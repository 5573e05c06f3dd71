/// The server's end of one connection: bytes in the clear or under TLS, and the requests among them.
import EventLoop
internal import Glibc

/// Belongs to the connection's thread.
final class ServedLine {
    private let peer: Int32
    private let session: TLSSession?
    private var received: [UInt8] = []

    /// The socket stays its owner's.
    init(_ peer: Int32, _ tls: TLSContext?) {
        self.peer = peer
        do {
            session = try tls.map { context throws(TLSError) in try TLSSession(context) }
        } catch {
            preconditionFailure("a test cannot start a session of TLS: \(error)")
        }
    }

    /// The next request's head and body; nil when there will be none.
    func readRequest() -> (head: String, body: [UInt8])? {
        while true {
            if let end = Self.headEnd(received) {
                let head = String(decoding: received[..<end], as: UTF8.self)
                let length = SocketServer.Received(connection: 0, number: 0, head: head, body: []).header("Content-Length")
                let total = end + 4 + (length.flatMap { Int($0) } ?? 0)
                if received.count >= total {
                    defer { received.removeFirst(total) }
                    return (head, Array(received[(end + 4)..<total]))
                }
            }
            guard receive() else { return nil }
        }
    }

    func write(_ bytes: [UInt8]) -> Bool {
        guard let session else { return send(bytes) }
        session.send(bytes)
        return flush(session)
    }

    /// Says that nothing more comes.
    func end() {
        guard let session else { return }
        session.end()
        _ = flush(session)
    }

    /// Has the connection end with RST when it is closed.
    func abort() {
        var linger = linger(l_onoff: 1, l_linger: 0)
        setsockopt(peer, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout.size(ofValue: linger)))
    }

    /// Waits until the client has gone.
    func waitForEnd() {
        var byte: UInt8 = 0
        while recv(peer, &byte, 1, 0) > 0 {}
    }

    /// - Returns: whether there may be more.
    private func receive() -> Bool {
        var chunk = [UInt8](repeating: 0, count: 65_536)
        let count = recv(peer, &chunk, chunk.count, 0)
        guard count > 0 else { return false }
        guard let session else {
            received += chunk[..<count]
            return true
        }
        session.receive(chunk.span.extracting(0..<count), into: &received)
        let isSent = flush(session)
        if case .failed = session.state { return false }
        return isSent && !session.peerHasEnded
    }

    private func flush(_ session: TLSSession) -> Bool {
        var encrypted: [UInt8] = []
        session.takeEncrypted(into: &encrypted)
        return send(encrypted)
    }

    private func send(_ bytes: [UInt8]) -> Bool {
        var sent = 0
        while sent < bytes.count {
            let count = bytes[sent...].withUnsafeBytes {
                Glibc.send(peer, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { return false }
            sent += count
        }
        return true
    }

    private static func headEnd(_ bytes: [UInt8]) -> Int? {
        guard bytes.count >= 4 else { return nil }
        return (0...(bytes.count - 4)).first { bytes[$0..<($0 + 4)].elementsEqual("\r\n\r\n".utf8) }
    }
}
