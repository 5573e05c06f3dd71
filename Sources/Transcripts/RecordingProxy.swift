package import EventLoop
package import RPC
internal import Synchronization

/// Stands between one client and one server, hands every line on, and has it written down.
package struct RecordingProxy: @unchecked Sendable {  // of each channel one thread receives and another sends, as it allows
    private let client: LineChannel
    private let server: LineChannel
    private let recorder: Recorder

    package init(client: LineChannel, server: LineChannel, recorder: Recorder) {
        self.client = client
        self.server = server
        self.recorder = recorder
    }

    /// Returns when both sides have ended.
    package func run() throws(SystemError) {
        let requests = try Thread.start { [self] in
            Self.relay(from: client, to: server, recorder.sent, whenEnded: recorder.clientEnded)
        }
        Self.relay(from: server, to: client, recorder.received, whenEnded: recorder.serverEnded)
        requests.join()
    }

    /// Hands lines on until one side has ended; the other then learns of it. Everything is noted before it is handed on, so that
    /// what follows from it is noted behind it.
    private static func relay(
        from source: LineChannel, to target: LineChannel, _ note: ([UInt8]) -> Void, whenEnded: () -> Void
    ) {
        while let line = try? source.receive(timeoutMilliseconds: forever) {
            note(line)
            guard (try? target.send(line)) != nil else { break }
        }
        whenEnded()
        target.finishSending()
    }

    /// A year, in milliseconds.
    private static let forever: Int64 = 365 * 86_400_000
}
