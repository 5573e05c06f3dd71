/// `HTTPClient` against real sockets: what it sends, what it brings back, and how each way of failing is named.
internal import Glibc
internal import HTTP
internal import Synchronization
internal import TestSupport
internal import Testing

@Suite struct HTTPClientTests {
    @Test func `a response comes back with its status, header fields and body byte for byte`() async throws {
        let bytes = (0..<1000).map { UInt8(truncatingIfNeeded: $0 &* 7) }
        let server = SocketServer { _ in
            [
                .send("HTTP/1.1 207 Many\r\nX-A: one\r\nx-b:\t two \r\nX-A: three\r\nContent-Length: 1000\r\n\r\n"),
                .sendBytes(bytes),
            ]
        }
        defer { server.stop() }
        let client = HTTPClient()
        defer { client.shutdown() }
        let response = try await client.send(
            HTTPRequest(method: "GET", target: server.base + "/a/../b?c=%5B1%5D"), timeoutMilliseconds: 5000)
        #expect(response.status == 207)
        #expect(response.headers.values("x-a") == ["one", "three"])
        #expect(response.headers["X-B"] == "two")
        #expect(response.body == bytes)
        #expect(server.received.map(\.requestLine) == ["GET /a/../b?c=%5B1%5D HTTP/1.1"])
    }

    @Test(arguments: [
        ("GET", ""), ("DELETE", ""), ("POST", ""), ("POST", "a=1&b=\u{0}é"), ("DELETE", "x"), ("PATCH", "{}"),
    ])
    func `method, fields and body go out as they were given and nothing is added to them`(
        method: String, body: String
    ) async throws {
        let server = SocketServer { _ in [.reply(body: "ok")] }
        defer { server.stop() }
        let client = HTTPClient()
        defer { client.shutdown() }
        let request = HTTPRequest(
            method: method, target: server.base + "/x", headers: ["X-Empty": "", "X-Full": "a b"],
            body: Array(body.utf8))
        #expect(try await client.send(request, timeoutMilliseconds: 5000).body == Array("ok".utf8))
        let received = try #require(server.received.first)
        #expect(received.requestLine == "\(method) /x HTTP/1.1")
        #expect(received.body == Array(body.utf8))
        #expect(received.header("X-Full") == "a b")
        #expect(received.header("X-Empty") == "")
        #expect(received.header("Expect") == nil)
        #expect(received.header("Content-Type") == nil)
    }

    @Test func `a long body is sent at once, without waiting for 100-continue`() async throws {
        let server = SocketServer { _ in [.reply()] }
        defer { server.stop() }
        let client = HTTPClient()
        defer { client.shutdown() }
        let body = [UInt8](repeating: 0x61, count: 3 << 20)
        _ = try await client.send(
            HTTPRequest(method: "POST", target: server.base + "/", body: body), timeoutMilliseconds: 5000)
        #expect(server.received.first?.body == body)
    }

    @Test func `one connection serves requests that follow one another`() async throws {
        let server = SocketServer { .init(arrayLiteral: .reply(body: "\($0.number)")) }
        defer { server.stop() }
        let client = HTTPClient()
        defer { client.shutdown() }
        for number in 0..<5 {
            let response = try await client.send(
                HTTPRequest(method: "GET", target: server.base + "/"), timeoutMilliseconds: 5000)
            #expect(response.body == Array("\(number)".utf8))
        }
        #expect(server.connections == 1)
    }

    @Test func `a connection that the server closed after its answer is not missed`() async throws {
        let server = SocketServer { [.reply(body: "\($0.connection)"), .close] }
        defer { server.stop() }
        let client = HTTPClient()
        defer { client.shutdown() }
        for number in 0..<5 {
            let response = try await client.send(
                HTTPRequest(method: "POST", target: server.base + "/", body: [1]), timeoutMilliseconds: 5000)
            #expect(response.body == Array("\(number)".utf8))
            try await Task.sleep(for: .milliseconds(20))
        }
        #expect(server.received.count == 5)
    }

    @Test func `what precedes the final response and what trails a chunked body stays out of its fields`() async throws {
        let server = SocketServer { _ in
            [
                .send("HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"),
                .send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-T\r\n\r\n"),
                .send("3\r\nabc\r\n2\r\nde\r\n0\r\nX-T: late\r\n\r\n"),
            ]
        }
        defer { server.stop() }
        let client = HTTPClient()
        defer { client.shutdown() }
        let response = try await client.send(
            HTTPRequest(method: "GET", target: server.base + "/"), timeoutMilliseconds: 5000)
        #expect(response.body == Array("abcde".utf8))
        #expect(response.headers["Link"] == nil)
        #expect(response.headers["X-T"] == nil)
    }

    @Test func `a redirect is an answer like any other`() async throws {
        let server = SocketServer { _ in [.reply(302, headers: ["Location: /elsewhere"])] }
        defer { server.stop() }
        let client = HTTPClient()
        defer { client.shutdown() }
        let response = try await client.send(
            HTTPRequest(method: "GET", target: server.base + "/"), timeoutMilliseconds: 5000)
        #expect(response.status == 302)
        #expect(server.received.count == 1)
    }

    @Test func `a hundred requests at once all come back, each with its own answer`() async throws {
        let server = SocketServer { [.pause(milliseconds: 5), .reply(body: String($0.requestLine))] }
        defer { server.stop() }
        var configuration = HTTPClientConfiguration()
        configuration.maximumConnectionsPerHost = 8
        let client = HTTPClient(configuration)
        defer { client.shutdown() }
        let answers = try await withThrowingTaskGroup(of: (Int, String).self) { group in
            for number in 0..<100 {
                group.addTask {
                    let response = try await client.send(
                        HTTPRequest(method: "GET", target: server.base + "/\(number)"), timeoutMilliseconds: 20_000)
                    return (number, String(decoding: response.body, as: UTF8.self))
                }
            }
            return try await group.reduce(into: [Int: String]()) { $0[$1.0] = $1.1 }
        }
        #expect(answers.count == 100)
        #expect(answers.allSatisfy { $0.value == "GET /\($0.key) HTTP/1.1" })
        #expect((1...8).contains(server.connections))
    }

    @Test func `a proxy that is configured gets the request, and is told whom it is for`() async throws {
        let proxy = SocketServer { _ in [.reply(body: "by proxy")] }
        defer { proxy.stop() }
        var configuration = HTTPClientConfiguration()
        configuration.proxy = proxy.base
        let client = HTTPClient(configuration)
        defer { client.shutdown() }
        let response = try await client.send(
            HTTPRequest(method: "GET", target: "http://stripe.invalid/v1/x"), timeoutMilliseconds: 5000)
        #expect(response.body == Array("by proxy".utf8))
        #expect(proxy.received.map(\.requestLine) == ["GET http://stripe.invalid/v1/x HTTP/1.1"])
    }

    /// Answers, resets, silences, cancellations, time-outs and a shutdown in the middle of all of it.
    @Test(arguments: [0, 1, 7, 40])
    func `whatever happens, each request is answered exactly once`(pauseMilliseconds: Int) async throws {
        let server = SocketServer { request in
            switch request.number % 5 {
            case 0: [.reply(body: "ok")]
            case 1: [.pause(milliseconds: 3), .reply(status(request.number))]
            case 2: [.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab"), .reset]
            case 3: [.close]
            default: [.hang]
            }
        }
        defer { server.stop() }
        var configuration = HTTPClientConfiguration()
        configuration.maximumConnectionsPerHost = 16
        configuration.maximumTransfers = 150
        let client = HTTPClient(configuration)
        let answers = Mutex([Int](repeating: 0, count: 300))
        for number in 0..<300 {
            let transfer = client.start(
                HTTPRequest(method: "POST", target: server.base + "/\(number)"),
                timeoutMilliseconds: number % 3 == 0 ? Int64(number % 20) : 60_000
            ) { _ in answers.withLock { $0[number] += 1 } }
            if number % 4 == 0 { transfer.cancel() }
            if number % 6 == 0 { transfer.cancel() }
        }
        try await Task.sleep(for: .milliseconds(pauseMilliseconds))
        client.shutdown()
        #expect(answers.withLock { $0 } == [Int](repeating: 1, count: 300))
    }
}

private func status(_ number: Int) -> Int { number % 2 == 0 ? 200 : 503 }
