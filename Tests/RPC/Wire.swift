import EventLoop
import Glibc
import JSON
import TestSupport

@testable import RPC

/// The engine behind a Unix socket, met as bytes: one connection for each exchange, which ends with its answers.
final class Wire {
    private let folder: Folder
    private let thread: EventLoopThread

    init(_ limits: RPCLimits = RPCLimits()) throws {
        folder = try Folder()
        let path = folder.path("socket")
        thread = try EventLoopThread.start { loop throws(SystemError) in
            let server = RPCServer(loop: loop, local: FakeLocal(), upstream: FakeUpstream(), limits: limits)
            try server.listen(.unix(path, mode: 0o600))
        }.thread
    }

    deinit { thread.stop() }

    /// Another connection, for tests that hold a dialogue.
    func dial() throws -> LineChannel { LineChannel(socket: try UnixSocket.connect(folder.path("socket"))) }

    /// Sends `text`, says that it is all, and answers every line until the server closes.
    func exchange(_ text: String) throws -> [String] {
        try exchange([Array(text.utf8)[...]]).map { String(decoding: $0, as: UTF8.self) }
    }

    /// Sends each piece when the server has taken the one before, so that it meets the pieces as they are.
    func exchange(_ pieces: [ArraySlice<UInt8>]) throws -> [[UInt8]] {
        let socket = try UnixSocket.connect(folder.path("socket"))
        let raw = socket.raw
        let channel = LineChannel(socket: socket)
        for piece in pieces {
            try channel.sendRaw(Array(piece))
            if pieces.count > 1 { Self.waitUntilTaken(raw) }
        }
        channel.finishSending()
        var lines: [[UInt8]] = []
        while let line = try channel.receive(timeoutMilliseconds: 60_000) { lines.append(line) }
        return lines
    }

    /// Bounded, for a server may leave what it does not want to read; then pieces merge.
    private static func waitUntilTaken(_ socket: Int32) {
        for _ in 0..<100_000 {
            var unread: Int32 = 0
            guard ioctl(socket, UInt(TIOCOUTQ), &unread) == 0, unread > 0 else { return }
            sched_yield()
        }
    }
}

/// An answer in short, `7 result` or `null -32600`; those of a batch between brackets, sorted.
///
/// A line that is no JSON-RPC 2.0 response, with its three members and no other, is `strange`.
func summary(_ line: String) -> String {
    guard let value = try? JSONValue(parsing: line) else { return "strange: \(line)" }
    guard let batch = value.arrayValue else { return summary(value) }
    return "[\(batch.map(summary).sorted().joined(separator: ", "))]"
}

private func summary(_ answer: JSONValue) -> String {
    guard answer["jsonrpc"] == "2.0", let id = answer["id"], answer.objectValue?.members.count == 3 else {
        return "strange: \(answer.text)"
    }
    if answer["result"]?.objectValue != nil { return "\(id.text) result" }
    guard let code = answer["error"]?["code"]?.integerValue, answer["error"]?["message"]?.stringValue?.isEmpty == false,
        answer["error"]?["data"]?["status"] != nil, answer["error"]?["data"]?["reason"] != nil
    else { return "strange: \(answer.text)" }
    return "\(id.text) \(code)"
}
