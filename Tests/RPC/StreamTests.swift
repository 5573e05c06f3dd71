import Contract
import EventLoop
import Glibc
import JSON
import Synchronization
import TestSupport
import Testing

@testable import RPC

/// Streaming calls over TCP, with streams of the test's own.
@Suite struct StreamTests {
    private struct Session {
        let thread: EventLoopThread
        let channel: LineChannel
        let source: FakeSource
        /// Tells the server that the source has more.
        let tell: @Sendable () -> Void
        /// Ends the server.
        let drain: @Sendable () -> Void

        /// With `unixPath` the connection is a Unix socket, which has small buffers of its own.
        init(_ limits: RPCLimits = RPCLimits(), values: Int = 0, unixPath: String? = nil) throws {
            let source = FakeSource(values: values)
            let (thread, (address, tell, drain)) = try EventLoopThread.start { loop throws(SystemError) in
                let server = RPCServer(
                    loop: loop, local: FakeLocal(source: source), upstream: FakeUpstream(), limits: limits)
                let bell = loop.makeBell { server.drain(graceMilliseconds: 60_000) { loop.stop() } }
                bell.listen()
                if let unixPath { try server.listen(.unix(unixPath, mode: 0o600)) }
                let address = try server.listen(SocketAddress(host: "127.0.0.1", port: 0))
                return (address, server.newsForStreams, { @Sendable in bell.ring() })
            }
            self.thread = thread
            self.source = source
            self.tell = tell
            self.drain = drain
            channel = LineChannel(socket: try unixPath.map(UnixSocket.connect) ?? address.connect())
        }

        func add(_ more: Int) {
            source.add(more)
            tell()
        }

        func send(_ lines: String...) throws { try channel.sendRaw(Array((lines.joined(separator: "\n") + "\n").utf8)) }

        func line(within milliseconds: Int64 = 60_000) throws -> JSONValue {
            try JSONValue(parsing: try #require(try channel.receive(timeoutMilliseconds: milliseconds)))
        }
    }

    /// `bytes` is about what each value has.
    private static func watch(
        id: String, mark: String = "m", bytes: Int = 0, timeout: Int? = nil
    ) -> String {
        let metadata = timeout.map { ",\"_meta\":{\"timeoutMs\":\($0)}" } ?? ""
        return
            #"{"jsonrpc":"2.0","id":\#(id),"method":"WatchEvents","params":{"customerId":"\#(mark)","after":\#(bytes)\#(metadata)}}"#
    }

    private static func cancel(_ id: String) -> String {
        #"{"jsonrpc":"2.0","method":"rpc.cancel","params":{"id":\#(id)}}"#
    }
    private static let health = #"{"jsonrpc":"2.0","id":"health","method":"rpc.health"}"#

    private func reason(_ line: JSONValue) -> JSONValue? { line["error"]?["data"]?["reason"] }

    @Test func `values come in order and numbered, new ones when the server is told, and one answer ends it`() async throws
    {
        try await offPool {
            let session = try Session(values: 3)
            defer { session.thread.stop() }
            try session.send(Self.watch(id: "\"\\u0061\""))
            for number in 1...5 {
                if number == 4 { session.add(2) }
                let line = try session.line()
                #expect(line.objectValue?.keys == ["jsonrpc", "method", "params"])
                #expect(line["method"] == "rpc.stream")
                #expect(line["params"]?.objectValue?.keys == ["id", "seq", "value"])
                #expect(line["params"]?["id"] == "a")
                #expect(line["params"]?["seq"] == .integer(Int64(number)))
                #expect(line["params"]?["value"]?["seq"] == .integer(Int64(number)))
            }
            try session.send(Self.cancel("\"a\""), Self.cancel("\"a\""))
            let answer = try session.line()
            #expect(answer["id"] == "a")
            #expect(answer["error"]?["code"] == -32001)
            #expect(reason(answer) == "CALLER_CANCELLED")
            session.add(9)
            try session.send(Self.health)
            #expect(try session.line()["id"] == "health", "nothing follows the answer")
        }
    }

    @Test func `what the server is told of is sent at once`() async throws {
        try await offPool {
            let session = try Session()
            defer { session.thread.stop() }
            try session.send(Self.watch(id: "1"))
            let start = EventLoop.monotonicMilliseconds()
            for number in 1...30 {
                session.add(1)
                #expect(try session.line()["params"]?["seq"] == .integer(Int64(number)))
            }
            // One that had to notice by itself would take a second for each.
            #expect(EventLoop.monotonicMilliseconds() - start < 15_000)
        }
    }

    @Test func `a stream notices what nobody told it within seconds`() async throws {
        try await offPool {
            let session = try Session()
            defer { session.thread.stop() }
            try session.send(Self.watch(id: "1"), Self.health)
            #expect(try session.line()["id"] == "health")
            session.source.add(1)
            #expect(try session.line(within: 3000)["params"]?["seq"] == 1)
        }
    }

    @Test func `a deadline ends a stream after what came before it`() async throws {
        try await offPool {
            let session = try Session(values: 2)
            defer { session.thread.stop() }
            try session.send(Self.watch(id: "1", timeout: 60))
            #expect(try session.line()["params"]?["seq"] == 1)
            #expect(try session.line()["params"]?["seq"] == 2)
            let answer = try session.line()
            #expect(answer["error"]?["code"] == -32004)
            #expect(reason(answer) == "DEADLINE_PASSED")
        }
    }

    @Test func `a stream that fails ends with its error, and one that cannot open begins with it`() async throws {
        try await offPool {
            let session = try Session(values: 9)
            defer { session.thread.stop() }
            try session.send(Self.watch(id: "1", mark: "fails"))
            #expect(try session.line()["params"]?["seq"] == 1)
            #expect(try session.line()["params"]?["seq"] == 2)
            #expect(reason(try session.line()) == "STORE_UNAVAILABLE")
            try session.send(Self.watch(id: "2", bytes: 404))
            #expect(reason(try session.line()) == "CURSOR_OUT_OF_RANGE")
        }
    }

    @Test func `a stream in a batch is refused, and one without an id does nothing`() async throws {
        try await offPool {
            let session = try Session(values: 1)
            defer { session.thread.stop() }
            let notification = Self.watch(id: "1").replacing("\"id\":1,", with: "")
            try session.send(notification, "[\(Self.watch(id: "1")),\(Self.health),\(notification)]")
            let answers = try #require(try session.line().arrayValue)
            #expect(answers.count == 2)
            #expect(answers.first { $0["id"] == 1 }?["error"]?["code"] == -32600)
            #expect(answers.first { $0["id"] == "health" }?["result"] != nil)
            try session.send(Self.health)
            #expect(try session.line()["id"] == "health")
            #expect(session.source.given.load(ordering: .relaxed) == 0)
        }
    }

    @Test func `at the end of the input a stream gives what there is, ends with its result, and the server closes`()
        async throws
    {
        try await offPool {
            let session = try Session(values: 200)
            defer { session.thread.stop() }
            try session.send(Self.watch(id: "1"), Self.watch(id: "2"))
            session.channel.finishSending()
            var sequences: [Int64: [Int64]] = [:]
            var results: [Int64: JSONValue] = [:]
            while let bytes = try session.channel.receive(timeoutMilliseconds: 60_000) {
                let line = try JSONValue(parsing: bytes)
                if let id = line["params"]?["id"]?.integerValue {
                    #expect(results[id] == nil, "nothing follows the answer")
                    sequences[id, default: []].append(line["params"]?["seq"]?.integerValue ?? 0)
                } else {
                    results[line["id"]?.integerValue ?? 0] = line["result"]
                }
            }
            #expect(sequences == [1: Array(1...200), 2: Array(1...200)])
            #expect(results == [1: ["after": 200], 2: ["after": 200]])
        }
    }

    @Test func `a last line that takes the last stream back is answered all the same`() async throws {
        try await offPool {
            let session = try Session()
            defer { session.thread.stop() }
            try session.send(Self.watch(id: "1"))
            let cancel = #"{"jsonrpc":"2.0","method":"rpc.cancel","params":{"id":1}}"#
            try session.channel.sendRaw(Array("[\(Self.health),\(cancel)]".utf8))
            session.channel.finishSending()
            var lines: [JSONValue] = []
            while let bytes = try session.channel.receive(timeoutMilliseconds: 60_000) {
                lines.append(try JSONValue(parsing: bytes))
            }
            #expect(lines.count == 2)
            #expect(lines.contains { $0.arrayValue?.first?["id"] == "health" })
            #expect(lines.contains { $0["id"] == 1 })
        }
    }

    @Test func `a stream that waits ends with the input too`() async throws {
        try await offPool {
            let session = try Session()
            defer { session.thread.stop() }
            try session.send(Self.watch(id: "1"), Self.health)
            #expect(try session.line()["id"] == "health")
            usleep(20_000)
            session.channel.finishSending()
            #expect(try session.line()["result"] == ["after": 0])
            #expect(try session.channel.receive(timeoutMilliseconds: 60_000) == nil)
        }
    }

    @Test func `a server that ends says so to its streams, and does not wait for them`() async throws {
        try await offPool {
            let session = try Session(values: 1)
            try session.send(Self.watch(id: "1"))
            #expect(try session.line()["params"]?["seq"] == 1)
            session.drain()
            let answer = try session.line()
            #expect(answer["error"]?["code"] == -32014)
            #expect(reason(answer) == "SHUTTING_DOWN")
            #expect(try session.channel.receive(timeoutMilliseconds: 5000) == nil)
            session.thread.stop()
        }
    }

    @Test func `streams count as calls in flight, until they end`() async throws {
        try await offPool {
            var limits = RPCLimits()
            limits.callsPerConnection = 2
            limits.callsInAll = 3
            let session = try Session(limits)
            defer { session.thread.stop() }
            try session.send(Self.watch(id: "1"), Self.watch(id: "2"), Self.watch(id: "3"))
            let refusal = try session.line()
            #expect(refusal["id"] == 3)
            #expect(reason(refusal) == "TOO_MANY_CALLS")
            for _ in 0..<5 {
                try session.send(Self.cancel("2"), Self.watch(id: "2"))
                #expect(reason(try session.line()) == "CALLER_CANCELLED")
            }
            session.add(1)
            #expect(Set([try session.line(), try session.line()].map { $0["params"]?["id"]?.text }) == ["1", "2"])
        }
    }

    @Test func `a connection with a stream is not idle`() async throws {
        try await offPool {
            var limits = RPCLimits()
            limits.idleMilliseconds = 60
            let session = try Session(limits)
            defer { session.thread.stop() }
            try session.send(Self.watch(id: "1"))
            usleep(300_000)
            session.add(1)
            #expect(try session.line()["params"]?["seq"] == 1)
            try session.send(Self.cancel("1"))
            #expect(reason(try session.line()) == "CALLER_CANCELLED")
            #expect(reason(try session.line()) == "IDLE_TOO_LONG")
        }
    }

    @Test func `streams take turns, and calls are answered between them`() async throws {
        try await offPool {
            var limits = RPCLimits()
            limits.outputHighWaterBytes = 64 * 1024
            let session = try Session(limits, values: .max)
            defer { session.thread.stop() }
            try session.send(Self.watch(id: "1"), Self.watch(id: "2"), Self.watch(id: "3"))
            var counts: [String: Int] = [:]
            var isAnswered = false
            for number in 0..<200_000 where !isAnswered {
                if number == 100 { try session.send(Self.health) }
                let line = try session.line()
                isAnswered = line["id"] == "health"
                counts[line["params"]?["id"]?.text ?? "", default: 0] += 1
                let given = ["1", "2", "3"].map { counts[$0] ?? 0 }
                #expect((given.max() ?? 0) - (given.min() ?? 0) <= 2, "\(given)")
            }
            #expect(isAnswered)
            // Ended one after the other, the rest goes on.
            try session.send(Self.cancel("1"), Self.cancel("3"))
            var ended: Set<String> = []
            while ended.count < 2 {
                let line = try session.line()
                if line["error"] != nil { ended.insert(line["id"]?.text ?? "") }
            }
            #expect(ended == ["1", "3"])
            #expect(try session.line()["params"]?["id"] == 2)
        }
    }

    @Test func `a client that does not read is not given more than the limit, and loses nothing`() async throws {
        try await offPool {
            var limits = RPCLimits()
            limits.outputHighWaterBytes = 256 * 1024
            let count = 400
            let folder = try Folder()
            let session = try Session(limits, values: count, unixPath: folder.path("stream.sock"))
            defer { session.thread.stop() }
            try session.send(Self.watch(id: "1", bytes: 20_000))
            var before = -1
            while case let given = session.source.given.load(ordering: .relaxed), given != before {
                before = given
                usleep(200_000)
            }
            // What the socket's own buffers take comes on top; eight million bytes would be all.
            #expect(before > 0 && before * 20_000 < 2_000_000, "\(before) values of 20000 bytes were made")
            for number in 1...count {
                let line = try #require(try session.channel.receive(timeoutMilliseconds: 60_000))
                let isNext = String(decoding: line.prefix(120), as: UTF8.self).contains(#""seq":\#(number),"value""#)
                try #require(isNext, "value \(number) comes next")
            }
        }
    }
}
