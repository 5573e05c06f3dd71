package import EventLoop
internal import Glibc
internal import JSON
package import RPC
internal import Testing

/// The real binary, serving, with everything that a test does to it.
package final class DuesProcess {
    package static let webhookSecret = "whsec_test_of_the_real_binary"

    package let child: ChildProcess
    package let tcp: SocketAddress
    package let http: String
    package let sandbox: String
    package let unix: String?

    /// The binary stands beside the bundle of tests.
    package static var binary: String {
        var buffer = [CChar](repeating: 0, count: 4096)
        let count = readlink("/proc/self/exe", &buffer, buffer.count - 1)
        let path = String(decoding: buffer[..<max(0, count)].map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return path.split(separator: "/").dropLast().reduce("") { $0 + "/" + $1 } + "/dues"
    }

    /// Starts `dues serve` and waits for its handshake. Ports are 0 unless the flags say otherwise.
    ///
    /// Where the environment's DUES_LOGS names a folder, the log goes there, and tells of what goes well too: it is searched
    /// for secrets once all tests have run (`Tests/Hygiene`).
    package init(_ flags: [String] = ["--sandbox"], environment: [String: String] = [:]) throws {
        let logs = getenv("DUES_LOGS").map { String(cString: $0) }
        var words = logs.map { ["/bin/sh", "-c", "exec \"$0\" \"$@\" 2>>'\($0)/servers'"] } ?? []
        words += [Self.binary, "serve", "--log", logs == nil ? "error" : "info"] + flags
        for flag in ["--tcp", "--http"] + (flags.contains("--sandbox") ? ["--sandbox-http"] : [])
        where !flags.contains(flag) {
            words += [flag, "127.0.0.1:0"]
        }
        // What a test does not ask for does not reach Stripe.
        if !flags.contains("--poll-seconds") { words += ["--poll-seconds", "0"] }
        // Who writes to one that is killed has an error, and is not killed too.
        signal(SIGPIPE, SIG_IGN)
        child = try ChildProcess(words, environment: environment)
        let line = try #require(try child.channel.receive(timeoutMilliseconds: 20_000), "the server ended at once")
        let handshake = try JSONValue(parsing: line)
        #expect(handshake["dues"] == 1)
        #expect(handshake["pid"] == .integer(Int64(child.pid)))
        tcp = try #require(handshake["tcp"]?.stringValue.flatMap(SocketAddress.init))
        http = "http://" + (handshake["http"]?.stringValue ?? "")
        sandbox = handshake["sandbox"]?.stringValue ?? ""
        unix = handshake["unix"]?.stringValue
    }

    package func client() throws -> RPCClient { try RPCClient(tcp) }

    /// As a power failure would end it.
    package func kill() {
        child.signal(SIGKILL)
        #expect(child.wait(timeoutMilliseconds: 10_000) == -SIGKILL)
    }

    /// As a supervisor would end it; everything is finished and the status is 0.
    package func stop() {
        child.signal(SIGTERM)
        #expect(child.wait(timeoutMilliseconds: 15_000) == 0)
    }

    /// A port that nobody listens on just now, for a server that must come back to the same one.
    package static func freePort() throws -> UInt16 {
        let loop = try EventLoop()
        let listener = try Listener(SocketAddress(host: "127.0.0.1", port: 0), on: loop) { $0.close() }
        defer { listener.close() }
        return listener.address.port
    }
}
