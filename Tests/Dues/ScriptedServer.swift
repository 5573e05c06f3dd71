import EventLoop
import Glibc
import JSON
import RPC
import TestSupport
import Testing

/// The real binary in front of a Stripe that answers by script.
final class ScriptedServer {
    let stripe: SocketServer
    let process: DuesProcess

    init(_ flags: [String] = [], _ script: @escaping @Sendable (SocketServer.Received) -> [SocketServer.Step]) throws {
        stripe = SocketServer(script)
        let directory = try Scratch.directory()
        process = try DuesProcess(
            ["--stripe-base", stripe.base, "--db", "sqlite:\(directory)/dues.db"] + flags,
            environment: ["STRIPE_SECRET_KEY": "sk_test_scripted", "STRIPE_WEBHOOK_SECRET": DuesProcess.webhookSecret])
    }

    func stop() {
        process.stop()
        stripe.stop()
    }

    /// Waits until the script has seen so many clients leave it; false where that does not come.
    func clientsLeave(_ count: Int) -> Bool { eventually { self.stripe.clientsGone >= count } }
}

extension LineChannel {
    /// Sends a line as it is.
    func send(_ line: String) throws { try send(line.utf8) }

    /// The next answer.
    func answer() throws -> JSONValue {
        try JSONValue(parsing: try #require(try receive(timeoutMilliseconds: 30_000), "the server closed the connection"))
    }

    /// One call and its answer.
    func ask(_ line: String) throws -> JSONValue {
        try send(line)
        return try answer()
    }
}
