import Contract
import EventLoop
import Glibc
import JSON
import Synchronization
import TestSupport
import Testing

@testable import RPC

/// The engine over TCP, with methods of the test's own.
@Suite struct RPCServerTests {
    private struct Session {
        let thread: EventLoopThread
        let channel: LineChannel

        init(_ limits: RPCLimits = RPCLimits()) throws {
            let (thread, address) = try EventLoopThread.start { loop throws(SystemError) in
                let server = RPCServer(loop: loop, local: FakeLocal(), upstream: FakeUpstream(), limits: limits)
                return try server.listen(SocketAddress(host: "127.0.0.1", port: 0))
            }
            self.thread = thread
            channel = LineChannel(socket: try address.connect())
        }

        /// Sends lines and reads as many answers as are expected.
        func exchange(_ lines: [String], answers count: Int) throws -> [JSONValue] {
            for line in lines { try channel.send(Array(line.utf8)) }
            return try (0..<count).map { _ in try answer() }
        }

        func answer() throws -> JSONValue {
            try JSONValue(parsing: try #require(try channel.receive(timeoutMilliseconds: 60_000)))
        }
    }

    private static func wait(_ milliseconds: Int, id: String, cursor: String = "c", timeout: Int? = nil) -> String {
        let metadata = timeout.map { ",\"_meta\":{\"timeoutMs\":\($0)}" } ?? ""
        return
            #"{"jsonrpc":"2.0","id":\#(id),"method":"ListPlans","params":{"limit":\#(milliseconds),"cursor":"\#(cursor)"\#(metadata)}}"#
    }

    @Test func `calls of one connection run at the same time, and each is answered once`() async throws {
        try await offPool {
            let session = try Session()
            defer { session.thread.stop() }
            let answers = try session.exchange(
                [Self.wait(80, id: "1"), Self.wait(1, id: "\"two\""), #"{"jsonrpc":"2.0","id":3,"method":"rpc.health"}"#],
                answers: 3)
            #expect(answers.compactMap { $0["id"] } == [3, "two", 1])
            #expect(answers.allSatisfy { $0["result"] != nil })
        }
    }

    @Test func `a call in its usual form is answered by heart, and in any other it is made`() async throws {
        try await offPool {
            let session = try Session()
            defer { session.thread.stop() }
            let params = #"{"customerId":"cus_recalled","productId":"prod_1"}"#
            let usual = { (id: String) in #"{"jsonrpc":"2.0","id":\#(id),"method":"CheckAccess","params":\#(params)}"# }
            let other = #"{"jsonrpc":"2.0","method":"CheckAccess","params":\#(params),"id":3}"#
            let answers = try session.exchange(
                [usual("1"), usual("\"2\""), other, "[" + usual("4") + "]", usual("5") + "}", usual("6") + "\r"],
                answers: 6)
            #expect(answers[0] == ["jsonrpc": "2.0", "id": 1, "result": "recalled"])
            #expect(answers[1]["id"] == "2" && answers[1]["result"]?["allowed"] == true)
            #expect(answers[2]["id"] == 3 && answers[2]["result"]?["allowed"] == true)
            #expect(answers[3].arrayValue?.first?["result"]?["allowed"] == true)
            #expect(answers[4]["error"]?["code"] == -32700)
            #expect(answers[5] == ["jsonrpc": "2.0", "id": 6, "result": "recalled"])
        }
    }

    @Test func `a last line that ends with the input has its time like any other`() async throws {
        try await offPool {
            var limits = RPCLimits()
            limits.lineMilliseconds = 20
            let answers = try Wire(limits).exchange(Self.wait(90, id: "1"))
            #expect(answers.map(summary) == ["1 result"])
        }
    }

    @Test func `a name of a million marks is said back in short`() async throws {
        try await offPool {
            let name = "x" + String(repeating: "\u{301}", count: 300_000)
            let answers = try Wire().exchange(#"{"jsonrpc":"2.0","id":1,"method":"\#(name)"}"# + "\n")
            #expect(answers.count == 1)
            #expect(answers.allSatisfy { summary($0) == "1 -32601" && $0.utf8.count < 1000 })
        }
    }

    @Test func `a batch is answered by one line when its last call is done, notifications not at all`() async throws {
        try await offPool {
            let session = try Session()
            defer { session.thread.stop() }
            let notification = #"{"jsonrpc":"2.0","method":"ListPlans","params":{"limit":1}}"#
            let answers = try session.exchange(
                [
                    "[\(Self.wait(30, id: "1")),\(notification),7,\(Self.wait(1, id: "2"))]", "[\(notification)]",
                    notification, Self.wait(1, id: "9"),
                ],
                answers: 2)
            #expect(answers[0]["id"] == 9, "what comes without waiting is answered first")
            let batch = try #require(answers[1].arrayValue)
            #expect(Set(batch.compactMap { $0["id"]?.text }) == ["1", "2", "null"])
        }
    }

    @Test(arguments: [
        ("nonsense", -32700, "PARSE_ERROR"), ("[]", -32600, "INVALID_REQUEST"), ("{}", -32600, "INVALID_REQUEST"),
        (#"{"jsonrpc":"2.0","id":1,"method":"NoSuch"}"#, -32601, "METHOD_NOT_FOUND"),
        (#"{"jsonrpc":"2.0","id":1,"method":"rpc.nothing"}"#, -32601, "METHOD_NOT_FOUND"),
        (#"{"jsonrpc":"2.0","id":1,"method":"CheckAccess","params":["cus_1"]}"#, -32602, "SCHEMA"),
        (#"{"jsonrpc":"2.0","id":1,"method":"CheckAccess"}"#, -32602, "SCHEMA"),
        (#"{"jsonrpc":"2.0","id":1,"method":"rpc.cancel","params":{"id":3}}"#, -32600, "INVALID_REQUEST"),
        (
            #"{"jsonrpc":"2.0","id":1,"method":"IngestWebhook","params":{"payload":"{}","signature":"t=1"}}"#, -32016,
            "SIGNATURE_INVALID"
        ),
    ])
    func `what cannot be done is answered with its error, and the connection lives on`(
        line: String, code: Int64, reason: String
    ) async throws {
        try await offPool {
            let session = try Session()
            defer { session.thread.stop() }
            let answers = try session.exchange(
                [line, #"{"jsonrpc":"2.0","id":"after","method":"rpc.health"}"#], answers: 2)
            let error = try #require(answers.first { $0["id"] != "after" }?["error"])
            #expect(error["code"] == .integer(code))
            #expect(error["data"]?["reason"] == .string(reason))
            #expect(answers.contains { $0["id"] == "after" && $0["result"] != nil })
        }
    }

    @Test func `a line that is too long is refused, and the next one is served`() async throws {
        try await offPool {
            var limits = RPCLimits()
            limits.lineBytes = 2000
            let session = try Session(limits)
            defer { session.thread.stop() }
            let answers = try session.exchange([String(repeating: "x", count: 300_000), Self.wait(1, id: "2")], answers: 2)
            #expect(answers[0]["error"]?["code"] == -32600)
            #expect(answers[0]["error"]?["data"]?["status"] == "RESOURCE_EXHAUSTED")
            #expect(answers[0]["id"] == .null)
            #expect(answers[1]["id"] == 2)
        }
    }

    @Test func `calls and batches beyond the limits are refused`() async throws {
        try await offPool {
            var limits = RPCLimits()
            limits.callsPerConnection = 2
            limits.batchLength = 2
            let session = try Session(limits)
            defer { session.thread.stop() }
            let entry = Self.wait(1, id: "1")
            let answers = try session.exchange(
                [Self.wait(90, id: "1"), Self.wait(90, id: "2"), Self.wait(1, id: "3"), "[\(entry),\(entry),\(entry)]"],
                answers: 4)
            #expect(answers[0]["error"]?["data"]?["reason"] == "TOO_MANY_CALLS")
            #expect(answers[0]["error"]?["data"]?["retryable"] == true)
            #expect(answers[1]["error"]?["data"]?["reason"] == "BATCH_TOO_LONG")
            #expect(Set(answers[2...].compactMap { $0["id"]?.integerValue }) == [1, 2])
        }
    }

    @Test func `a deadline ends a call, once`() async throws {
        try await offPool {
            let session = try Session()
            defer { session.thread.stop() }
            let answers = try session.exchange([Self.wait(60, id: "1", timeout: 10), Self.wait(99, id: "2")], answers: 2)
            #expect(answers[0]["error"]?["data"]?["status"] == "DEADLINE_EXCEEDED")
            #expect(answers[1]["id"] == 2, "the late end of the first call says nothing more")
        }
    }

    @Test func `a cancelled call is answered with CANCELLED, and the others go on`() async throws {
        try await offPool {
            let session = try Session()
            defer { session.thread.stop() }
            let cancel = #"{"jsonrpc":"2.0","method":"rpc.cancel","params":{"id":"a"}}"#
            let answers = try session.exchange(
                [Self.wait(100, id: "\"a\""), Self.wait(50, id: "\"b\""), cancel], answers: 2)
            #expect(answers[0]["id"] == "a")
            #expect(answers[0]["error"]?["code"] == -32001)
            #expect(answers[1]["id"] == "b")
        }
    }

    @Test func `at the end of the input what is in flight is answered, and then the server closes`() async throws {
        try await offPool {
            let session = try Session()
            defer { session.thread.stop() }
            for id in 1...20 { try session.channel.send(Array(Self.wait(30, id: "\(id)").utf8)) }
            session.channel.finishSending()
            var ids: Set<Int64> = []
            while let line = try session.channel.receive(timeoutMilliseconds: 60_000) {
                ids.insert(try #require(try JSONValue(parsing: line)["id"]?.integerValue))
            }
            #expect(ids == Set(1...20))
        }
    }

    @Test(arguments: [1, 2, 7])
    func `bytes in any pieces give the same answers`(size: Int) throws {
        let session = try Session()
        defer { session.thread.stop() }
        let health = #"{"jsonrpc":"2.0","id":"é","method":"rpc.health"}"#
        let access = #"{"jsonrpc":"2.0","id":2,"method":"CheckAccess","params":{"customerId":"cus_1","productId":"p"}}"#
        let text = "\(health)\r\n\n\(access)\n[\(health),\(access)]\n"
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            try session.channel.sendRaw(Array(rest.prefix(size)))
            rest = rest.dropFirst(size)
        }
        let answers = try (0..<3).map { _ in try session.answer() }
        #expect(answers[0]["id"] == "é")
        #expect(answers[1]["result"]?["productId"] == "p")
        #expect(answers[2].arrayValue?.count == 2)
    }

    @Test func `a line that dribbles is not waited for, and one that is held back by us is`() async throws {
        try await offPool {
            var limits = RPCLimits()
            limits.lineMilliseconds = 150
            let session = try Session(limits)
            defer { session.thread.stop() }
            #expect(try session.exchange([Self.wait(1, id: "1")], answers: 1)[0]["id"] == 1)
            for byte in Array(#"{"jsonrpc":"2.0""#.utf8) {
                try? session.channel.sendRaw([byte])
                usleep(20_000)
            }
            #expect(try session.answer()["error"]?["data"]?["reason"] == "LINE_TOO_SLOW")
            #expect(try session.channel.receive(timeoutMilliseconds: 60_000) == nil)
        }
    }

    @Test func `a connection that says nothing is closed, one that waits for its answer is not`() async throws {
        try await offPool {
            var limits = RPCLimits()
            limits.idleMilliseconds = 60
            let session = try Session(limits)
            defer { session.thread.stop() }
            #expect(try session.exchange([Self.wait(100, id: "1")], answers: 1)[0]["id"] == 1)
            #expect(try session.answer()["error"]?["data"]?["reason"] == "IDLE_TOO_LONG")
            #expect(try session.channel.receive(timeoutMilliseconds: 60_000) == nil)
        }
    }

    @Test func `a client that reads nothing is not read either, and loses nothing`() async throws {
        try await offPool {
            var limits = RPCLimits()
            limits.outputHighWaterBytes = 64 * 1024
            let session = try Session(limits)
            defer { session.thread.stop() }
            let health = Array(#"{"jsonrpc":"2.0","id":1,"method":"rpc.health"}"#.utf8)
            let channel = SendableChannel(session.channel)
            let sender = try Thread.start { for _ in 0..<20_000 { try? channel.value.send(health) } }
            var count = 0
            while count < 20_000 {
                #expect(try session.channel.receive(timeoutMilliseconds: 60_000) != nil)
                count += 1
            }
            sender.join()
        }
    }
}

/// One thread sends and another receives: the two directions share nothing but the descriptor.
private struct SendableChannel: @unchecked Sendable {  // see above
    let value: LineChannel
    init(_ value: LineChannel) { self.value = value }
}
