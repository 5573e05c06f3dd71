import EventLoop
import Glibc
import JSON
import RPC
import TestSupport
import Testing

/// `dues sandbox` at work, for clients of Stripe that are programs of their own.
final class SandboxProcess {
    private let child: ChildProcess
    let url: String
    let secretKey: String
    let publishableKey: String

    init(_ flags: [String] = []) throws {
        child = try ChildProcess([DuesProcess.binary, "sandbox", "--http", "127.0.0.1:0"] + flags)
        let line = try #require(try child.channel.receive(timeoutMilliseconds: 20_000), "the sandbox ended at once")
        let started = try JSONValue(parsing: line)
        url = try #require(started["sandbox"]?.stringValue)
        secretKey = try #require(started["secretKey"]?.stringValue)
        publishableKey = try #require(started["publishableKey"]?.stringValue)
    }

    func stop() {
        child.signal(SIGTERM)
        #expect(child.wait(timeoutMilliseconds: 15_000) == 0)
    }
}

/// A program of the system, from its start to its end.
struct ProgramRun {
    /// Nil where it did not end in time.
    let status: Int32?
    /// Both of its outputs, as they came.
    let output: String

    init(_ words: [String], environment: [String: String] = [:], timeoutMilliseconds: Int64 = 600_000) throws {
        let folder = try Folder()
        let path = folder.path("output")
        let child = try ChildProcess(
            ["/bin/sh", "-c", "exec \"$@\" >\"$0\" 2>&1 </dev/null", path] + words, environment: environment)
        status = child.wait(timeoutMilliseconds: timeoutMilliseconds)
        output = try Scratch.text(of: path)
    }
}
