/// Every way in which `HTTPClient` fails, its name, and whether the server may have seen the request.
internal import Glibc
internal import HTTP
internal import Synchronization
internal import TestSupport
internal import Testing

@Suite struct HTTPClientFailureTests {
    struct Broken: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let steps: [SocketServer.Step]
        let kind: HTTPClientError.Kind
    }

    @Test(arguments: [
        Broken(testDescription: "reset before any byte", steps: [.reset], kind: .connectionLost),
        Broken(testDescription: "closed before any byte", steps: [.close], kind: .connectionLost),
        Broken(
            testDescription: "reset in the header", steps: [.send("HTTP/1.1 200 OK\r\nX-"), .reset], kind: .connectionLost),
        Broken(
            testDescription: "closed in the body",
            steps: [.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"), .close], kind: .connectionLost),
        Broken(
            testDescription: "closed in a chunk",
            steps: [.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab"), .close],
            kind: .connectionLost),
        Broken(testDescription: "not HTTP", steps: [.send("SSH-2.0-OpenSSH_9.2\r\n"), .close], kind: .protocolError),
        Broken(testDescription: "silence", steps: [.hang], kind: .timeout),
        Broken(
            testDescription: "silence in the body",
            steps: [.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"), .hang], kind: .timeout),
        Broken(
            testDescription: "a body over the bound",
            steps: [.reply(body: String(repeating: "x", count: 5000)), .hang], kind: .responseTooLarge),
        Broken(
            testDescription: "header fields over the bound",
            steps: [.reply(headers: (0..<90).map { "X-\($0): " + String(repeating: "y", count: 100) }), .hang],
            kind: .responseTooLarge),
    ])
    func `an answer that breaks is named, and was perhaps acted upon`(_ broken: Broken) async throws {
        let server = SocketServer { _ in broken.steps }
        defer { server.stop() }
        var configuration = HTTPClientConfiguration()
        configuration.maximumResponseBytes = 4096
        configuration.maximumHeaderBytes = 8192
        let client = HTTPClient(configuration)
        defer { client.shutdown() }
        let error = await #expect(throws: HTTPClientError.self) {
            try await client.send(
                HTTPRequest(method: "POST", target: server.base + "/?secret=1", headers: ["Authorization": "hidden"]),
                timeoutMilliseconds: broken.kind == .timeout ? 500 : 5000)
        }
        #expect(error?.kind == broken.kind)
        #expect(error?.mayHaveBeenSent == true)
        #expect(error?.message.contains("secret") == false && error?.message.contains("hidden") == false)
    }

    @Test func `a body exactly at the bound is whole`() async throws {
        let server = SocketServer { _ in [.reply(body: String(repeating: "x", count: 4096))] }
        defer { server.stop() }
        var configuration = HTTPClientConfiguration()
        configuration.maximumResponseBytes = 4096
        let client = HTTPClient(configuration)
        defer { client.shutdown() }
        let response = try await client.send(
            HTTPRequest(method: "GET", target: server.base + "/"), timeoutMilliseconds: 5000)
        #expect(response.body.count == 4096)
    }

    @Test func `a refused connection was surely not sent`() async {
        let error = await failure(HTTPRequest(method: "GET", target: "http://127.0.0.1:\(SocketServer.closedPort())/"))
        #expect(error?.kind == .connect)
        #expect(error?.mayHaveBeenSent == false)
    }

    @Test func `a server that does not speak TLS gets no request`() async {
        let server = SocketServer(opening: { _ in [.send("220 mail ready\r\n")] }) { _ in [.reply()] }
        defer { server.stop() }
        let error = await failure(HTTPRequest(method: "GET", target: "https://127.0.0.1:\(server.port)/"))
        #expect(error?.kind == .tls)
        #expect(error?.mayHaveBeenSent == false)
        #expect(server.received.isEmpty)
    }

    @Test(arguments: [
        HTTPRequest(method: "GET", target: "/v1/prices"),
        HTTPRequest(method: "GET", target: "file:///etc/passwd"),
        HTTPRequest(method: "GET", target: "http://127.0.0.1/a b"),
        HTTPRequest(method: "GET", target: "http://127.0.0.1/\r\nX: y"),
        HTTPRequest(method: "GET X", target: "http://127.0.0.1/"),
        HTTPRequest(method: "", target: "http://127.0.0.1/"),
        HTTPRequest(method: "GET", target: "http://127.0.0.1/", headers: ["X": "a\r\nY: b"]),
        HTTPRequest(method: "GET", target: "http://127.0.0.1/", headers: ["X": "a\u{0}"]),
        HTTPRequest(method: "GET", target: "http://127.0.0.1/", headers: ["X:": "a"]),
        HTTPRequest(method: "GET", target: "http://127.0.0.1/", headers: ["": "a"]),
    ])
    func `a request that could say more than was meant is not sent`(_ request: HTTPRequest) async {
        let error = await failure(request)
        #expect(error?.kind == .invalidRequest)
        #expect(error?.mayHaveBeenSent == false)
    }

    @Test func `cancelling the task closes the connection under the request`() async throws {
        let server = SocketServer { _ in [.hang] }
        defer { server.stop() }
        let client = HTTPClient()
        defer { client.shutdown() }
        let task = Task {
            try await client.send(HTTPRequest(method: "GET", target: server.base + "/"), timeoutMilliseconds: 60_000)
        }
        try await eventually { server.received.count == 1 }
        task.cancel()
        let error = await #expect(throws: HTTPClientError.self) { try await task.value }
        #expect(error?.kind == .cancelled)
        #expect(error?.mayHaveBeenSent == true)
        try await eventually { server.clientsGone == 1 }
    }

    @Test func `a task that is cancelled before it begins sends nothing that is answered`() async {
        let server = SocketServer { _ in [.hang] }
        defer { server.stop() }
        let client = HTTPClient()
        defer { client.shutdown() }
        let task = Task {
            while !Task.isCancelled { await Task.yield() }
            return try await client.send(
                HTTPRequest(method: "GET", target: server.base + "/"), timeoutMilliseconds: 60_000)
        }
        task.cancel()
        let error = await #expect(throws: HTTPClientError.self) { try await task.value }
        #expect(error?.kind == .cancelled)
    }

    @Test func `one request too many is refused at once, and room returns with the answers`() async throws {
        let server = SocketServer { $0.head.contains("/hang") ? [.hang] : [.reply()] }
        defer { server.stop() }
        var configuration = HTTPClientConfiguration()
        configuration.maximumTransfers = 3
        let client = HTTPClient(configuration)
        defer { client.shutdown() }
        let hanging = (0..<3).map { _ in
            client.start(HTTPRequest(method: "GET", target: server.base + "/hang"), timeoutMilliseconds: 60_000) { _ in }
        }
        let refused = await failure(HTTPRequest(method: "GET", target: server.base + "/"), client: client)
        #expect(refused?.kind == .overloaded)
        #expect(refused?.mayHaveBeenSent == false)
        hanging[0].cancel()
        try await eventually {
            let response = try? await client.send(
                HTTPRequest(method: "GET", target: server.base + "/"), timeoutMilliseconds: 5000)
            return response?.status == 200
        }
    }

    @Test func `waiting for a connection counts against the request's own time`() async {
        let server = SocketServer { _ in [.hang] }
        defer { server.stop() }
        var configuration = HTTPClientConfiguration()
        configuration.maximumConnectionsPerHost = 1
        let client = HTTPClient(configuration)
        defer { client.shutdown() }
        client.start(HTTPRequest(method: "GET", target: server.base + "/1"), timeoutMilliseconds: 60_000) { _ in }
        let error = await failure(HTTPRequest(method: "GET", target: server.base + "/2"), 500, client: client)
        #expect(error?.kind == .timeout)
        #expect(error?.mayHaveBeenSent == false)
    }

    @Test func `shutdown answers what is in flight, joins the thread, and later requests fail`() async throws {
        let server = SocketServer { _ in [.hang] }
        defer { server.stop() }
        let client = HTTPClient()
        let failures = Mutex<[HTTPClientError.Kind]>([])
        for _ in 0..<10 {
            client.start(HTTPRequest(method: "GET", target: server.base + "/"), timeoutMilliseconds: 60_000) { result in
                if case .failure(let error) = result { failures.withLock { $0.append(error.kind) } }
            }
        }
        client.shutdown()
        client.shutdown()
        #expect(failures.withLock { $0 } == Array(repeating: .cancelled, count: 10))
        let late = await failure(HTTPRequest(method: "GET", target: server.base + "/"), client: client)
        #expect(late?.kind == .cancelled)
    }

    @Test func `the client may be shut down and let go by its own completion`() async throws {
        let server = SocketServer { _ in [.reply()] }
        defer { server.stop() }
        for _ in 0..<20 {
            let status = await withCheckedContinuation { continuation in
                let client = HTTPClient()
                client.start(HTTPRequest(method: "GET", target: server.base + "/"), timeoutMilliseconds: 5000) { result in
                    client.shutdown()
                    continuation.resume(returning: (try? result.get())?.status)
                }
            }
            #expect(status == 200)
        }
    }

    // MARK: Helpers

    private func failure(
        _ request: HTTPRequest, _ timeoutMilliseconds: Int64 = 5000, client: HTTPClient = HTTPClient()
    ) async -> HTTPClientError? {
        await #expect(throws: HTTPClientError.self) {
            try await client.send(request, timeoutMilliseconds: timeoutMilliseconds)
        }
    }

    private func eventually(_ condition: () async -> Bool) async throws {
        for _ in 0..<500 {
            if await condition() { return }
            try await Task.sleep(for: .milliseconds(10))
        }
        Issue.record("did not happen within 5 s")
    }
}
