import EventLoop
import Glibc
import JSON
import RPC
import TestSupport
import Testing

/// What systemd asks of a service, and gives it, on the real binary.
@Suite struct SupervisionTests {
    // MARK: Telling

    @Test(arguments: [false, true])
    func `a manager is told of the start, a reload and the end, at a path or an abstract name`(isAbstract: Bool)
        async throws
    {
        try await offPool {
            let directory = try Scratch.directory()
            let address = isAbstract ? "@" + directory.dropFirst(5) : "\(directory)/notify"
            let manager = try Datagrams(at: address)
            let server = try DuesProcess(["--sandbox"], environment: ["NOTIFY_SOCKET": address])
            #expect(manager.receive(timeoutMilliseconds: 10_000) == "READY=1\nSTATUS=Serving on \(server.tcp)")
            let before = EventLoop.monotonicMilliseconds() * 1000
            server.child.signal(SIGHUP)
            let reloading = try #require(manager.receive(timeoutMilliseconds: 10_000)).split(separator: "\n")
            #expect(reloading.first == "RELOADING=1")
            let time = try #require(reloading.last?.split(separator: "="))
            #expect(time.first == "MONOTONIC_USEC")
            #expect(Int64(time.last ?? "").map { $0 >= before && $0 <= before + 60_000_000 } == true)
            #expect(manager.receive(timeoutMilliseconds: 10_000)?.hasPrefix("READY=1\n") == true)
            server.stop()
            #expect(manager.receive(timeoutMilliseconds: 1000)?.hasPrefix("STOPPING=1\n") == true)
            #expect(manager.receive(timeoutMilliseconds: 100) == nil)
        }
    }

    @Test func `a watchdog is told more often than it asks for, and only by whom it watches`() async throws {
        try await offPool {
            let address = try Scratch.directory() + "/notify"
            let manager = try Datagrams(at: address)
            var environment = ["NOTIFY_SOCKET": address, "WATCHDOG_USEC": "400000"]
            let server = try DuesProcess(["--sandbox"], environment: environment)
            #expect(manager.receive(timeoutMilliseconds: 10_000)?.hasPrefix("READY=1\n") == true)
            for _ in 0..<3 { #expect(manager.receive(timeoutMilliseconds: 10_000) == "WATCHDOG=1") }
            server.stop()
            while manager.receive(timeoutMilliseconds: 100) != nil {}
            environment["WATCHDOG_PID"] = "1"
            let other = try DuesProcess(["--sandbox"], environment: environment)
            #expect(manager.receive(timeoutMilliseconds: 10_000)?.hasPrefix("READY=1\n") == true)
            #expect(manager.receive(timeoutMilliseconds: 500) == nil)
            other.stop()
        }
    }

    @Test func `a manager that is gone is no reason not to serve`() async throws {
        try await offPool {
            let server = try DuesProcess(["--sandbox"], environment: ["NOTIFY_SOCKET": "/nowhere/notify"])
            #expect(try server.client().call("rpc.health")["status"] == "SERVING")
            server.stop()
        }
    }

    // MARK: Inherited sockets

    @Test func `inherited sockets serve calls over TCP and Unix, and webhooks, and their places are named`() async throws {
        try await offPool {
            let path = try Scratch.directory() + "/dues.sock"
            let (tcp, unix, http) = (try InheritedSocket(), try InheritedSocket(unixPath: path), try InheritedSocket())
            let run = try Self.start(
                ["serve", "--sandbox", "--sandbox-http", "127.0.0.1:0"], [tcp, unix, http], "a:b:http")
            let handshake = try run.handshake()
            #expect(handshake["tcp"]?.stringValue == tcp.address)
            #expect(handshake["unix"]?.stringValue == path)
            #expect(handshake["http"]?.stringValue == http.address)
            #expect(
                handshake["inherited"]
                    == .array([.string(tcp.address), .string("unix:\(path)"), .string(http.address)]))
            for client in [try RPCClient(try #require(SocketAddress(tcp.address))), try RPCClient(unixPath: path)] {
                let story = Story(client, sandbox: try #require(handshake["sandbox"]?.stringValue))
                for step in Story.steps { try step.play(story) }
            }
            run.child.signal(SIGTERM)
            #expect(run.child.wait(timeoutMilliseconds: 15_000) == 0)
            var status = stat()
            #expect(stat(path, &status) == 0, "the file is its maker's, for the next start")
        }
    }

    @Test func `addresses that are asked for are listened on beside inherited sockets`() async throws {
        try await offPool {
            let socket = try InheritedSocket()
            let words = ["serve", "--sandbox", "--sandbox-http", "127.0.0.1:0", "--http", "127.0.0.1:0"]
            let run = try Self.start(words + ["--tcp", "127.0.0.1:0"], [socket], nil)
            let handshake = try run.handshake()
            let own = try #require(handshake["tcp"]?.stringValue)
            #expect(own != socket.address)
            #expect(handshake["inherited"] == .array([.string(socket.address)]))
            for address in [own, socket.address] {
                let client = try RPCClient(try #require(SocketAddress(address)))
                #expect(try client.call("rpc.health")["status"] == "SERVING")
            }
            run.child.signal(SIGTERM)
            #expect(run.child.wait(timeoutMilliseconds: 15_000) == 0)
        }
    }

    @Test func `standard streams serve inherited sockets too`() async throws {
        try await offPool {
            let socket = try InheritedSocket()
            let run = try Self.start(["stdio", "--sandbox"], [socket], nil)
            let client = try RPCClient(try #require(SocketAddress(socket.address)))
            #expect(try client.call("rpc.health")["status"] == "SERVING")
            run.child.channel.finishSending()
            #expect(run.child.wait(timeoutMilliseconds: 15_000) == 0)
        }
    }

    @Test func `sockets that are another process's are left alone`() async throws {
        try await offPool {
            let server = try DuesProcess(
                ["--sandbox"], environment: ["LISTEN_PID": "1", "LISTEN_FDS": "nonsense", "LISTEN_FDNAMES": "a:b"])
            #expect(try server.client().call("rpc.health")["status"] == "SERVING")
            server.stop()
        }
    }

    @Test func `what is inherited and no listening stream socket is refused with the reason`() async throws {
        try await offPool {
            let serve = ["serve", "--sandbox", "--http", "127.0.0.1:0", "--sandbox-http", "127.0.0.1:0"]
            let path = try Scratch.directory() + "/http.sock"
            let cases: [(inherited: [InheritedSocket], names: String?, count: String?, reason: String)] = [
                ([try InheritedSocket(kind: SOCK_DGRAM)], nil, nil, "no listening stream socket"),
                ([try InheritedSocket(isListening: false)], "calls", nil, "\"calls\" cannot be used"),
                ([], nil, "1", "no socket"),
                ([], nil, "many", "LISTEN_FDS must be a number"),
                ([try InheritedSocket()], "a:b", nil, "LISTEN_FDNAMES names 2"),
                ([try InheritedSocket(unixPath: path)], "http", nil, "must be one of TCP"),
                ([try InheritedSocket(address: INADDR_ANY)], nil, nil, "--tokens"),
                ([try InheritedSocket(address: INADDR_ANY)], "http", nil, "--insecure-plaintext"),
            ]
            for (inherited, names, count, reason) in cases {
                let run = try Self.start(serve, inherited, names, count: count)
                #expect(run.child.wait(timeoutMilliseconds: 20_000) == 64, "\(reason)")
                let errors = try Scratch.text(of: run.errors)
                #expect(errors.contains(reason), "\(errors)")
            }
        }
    }

    private struct Run {
        let child: ChildProcess
        let errors: String

        func handshake() throws -> JSONValue {
            let line = try child.channel.receive(timeoutMilliseconds: 20_000)
            let said = try Scratch.text(of: errors)
            return try JSONValue(parsing: try #require(line, "\(said)"))
        }
    }

    /// Starts the binary with `inherited` as descriptors 3 and up. A shell says LISTEN_PID, which it can because the process
    /// that it becomes keeps its number.
    private static func start(
        _ words: [String], _ inherited: [InheritedSocket], _ names: String?, count: String? = nil
    ) throws -> Run {
        let errors = try Scratch.directory() + "/errors"
        // Moved out of the way first, so that none is overwritten before its turn.
        let away = inherited.enumerated().map { "\(50 + $0.offset)<&\($0.element.descriptor)" }
        let back = inherited.indices.map { "\(3 + $0)<&\(50 + $0)" }
        // Whatever the tests themselves may have there is not inherited.
        let next = "\(3 + inherited.count)<&-"
        let script =
            "exec \((away + back + [next]).joined(separator: " ")) 2>\(errors)\nexport LISTEN_PID=$$\nexec \"$@\""
        var environment = ["LISTEN_FDS": count ?? String(inherited.count)]
        if let names { environment["LISTEN_FDNAMES"] = names }
        let child = try ChildProcess(
            ["/bin/bash", "-c", script, "start", DuesProcess.binary] + words, environment: environment)
        return Run(child: child, errors: errors)
    }
}

/// A socket that a child may inherit.
private final class InheritedSocket {
    let descriptor: Int32

    init(kind: __socket_type = SOCK_STREAM, address: UInt32 = 0x7F00_0001, isListening: Bool = true) throws {
        descriptor = socket(AF_INET, Int32(kind.rawValue), 0)
        var name = sockaddr_in()
        name.sin_family = sa_family_t(AF_INET)
        name.sin_addr.s_addr = address.bigEndian
        let status = withUnsafePointer(to: &name) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        try #require(status == 0)
        if kind == SOCK_STREAM, isListening { try #require(listen(descriptor, 64) == 0) }
    }

    init(unixPath: String) throws {
        descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        var name = sockaddr_un()
        name.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &name.sun_path) { $0.copyBytes(from: Array(unixPath.utf8)) }
        let status = withUnsafePointer(to: &name) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        try #require(status == 0)
        try #require(listen(descriptor, 64) == 0)
    }

    deinit { close(descriptor) }

    /// `127.0.0.1` and the port that the system picked.
    var address: String {
        var name = sockaddr_in()
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        withUnsafeMutablePointer(to: &name) { pointer in
            _ = pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &length) }
        }
        return "127.0.0.1:\(UInt16(bigEndian: name.sin_port))"
    }
}
