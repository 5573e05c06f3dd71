import EventLoop
import Glibc

/// Sends back what comes, and closes when the peer has ended and all is sent.
final class Echo: ConnectionHandler {
    func received(_ bytes: Span<UInt8>, on connection: Connection) {
        bytes.withUnsafeBufferPointer { connection.write(Array($0)) }
    }
    func ended(_ connection: Connection) { connection.closeAfterFlush() }
    func drained(_ connection: Connection) {}
    func closed(_ connection: Connection) {}
}

/// Sends `message` and the end through `socket` while it reads; answers what came back.
func echo(_ message: [UInt8], through socket: borrowing Descriptor) throws -> [UInt8] {
    let raw = socket.raw
    let writer = try Thread.start {
        writeAll(message, to: raw)
        shutdown(raw, Int32(SHUT_WR))
    }
    let received = readToEnd(raw)
    writer.join()
    return received
}

/// Writes all of `bytes`, unless the peer is gone.
func writeAll(_ bytes: [UInt8], to raw: Int32) {
    var sent = 0
    while sent < bytes.count {
        let count = bytes.withUnsafeBytes {
            send(raw, $0.baseAddress! + sent, $0.count - sent, Int32(MSG_NOSIGNAL))
        }
        if count <= 0 { return }
        sent += count
    }
}

/// Everything until the peer ends or breaks off.
func readToEnd(_ raw: Int32) -> [UInt8] {
    var received: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 65536)
    while case let count = read(raw, &chunk, chunk.count), count > 0 { received += chunk[..<count] }
    return received
}

/// Carries what a loop's thread made through a test's, which only hands it back.
struct UncheckedBox<Value>: @unchecked Sendable {  // opened on the loop's thread alone
    let value: Value
    init(_ value: Value) { self.value = value }
}
