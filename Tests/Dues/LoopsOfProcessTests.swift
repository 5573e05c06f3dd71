import Contract
import Crypto
import EventLoop
import Glibc
import JSON
import RPC
import TestSupport
import Testing

/// Several loops, on the real binary.
@Suite struct LoopsOfProcessTests {
    @Test func `a subscription is lived through on several loops, every call on another connection`() async throws {
        try await offPool {
            let server = try DuesProcess(["--sandbox", "--loops", "3"])
            for _ in 0..<3 {
                let story = Story(try server.client(), sandbox: server.sandbox)
                for step in Story.steps { try step.play(story) }
            }
            server.stop()
        }
    }

    @Test func `SIGTERM answers what is in flight on every loop, and ends with status 0`() async throws {
        try await offPool {
            let stripe = SocketServer { [.pause(milliseconds: 700), .reply(body: Self.customer($0.number))] }
            defer { stripe.stop() }
            let server = try DuesProcess(
                ["--loops", "2", "--stripe-base", stripe.base, "--db", "sqlite:\(try Scratch.directory())/dues.db"],
                environment: ["STRIPE_SECRET_KEY": "sk_test_slow", "STRIPE_WEBHOOK_SECRET": "whsec_x"])
            let channels = try (0..<4).map { _ in LineChannel(socket: try server.tcp.connect()) }
            for channel in channels {
                try channel.send(Self.createCustomer)
                // Its answer says that the call before it has begun.
                try channel.send(#"{"jsonrpc":"2.0","id":2,"method":"rpc.health"}"#.utf8)
                #expect(try channel.receive(timeoutMilliseconds: 10_000) != nil)
            }
            server.child.signal(SIGTERM)
            var ids: Set<String> = []
            for channel in channels {
                let answer = try JSONValue(parsing: try #require(try channel.receive(timeoutMilliseconds: 10_000)))
                ids.insert(try #require(answer["result"]?["customerId"]?.stringValue, "\(answer.text)"))
                #expect(try channel.receive(timeoutMilliseconds: 10_000) == nil)
            }
            #expect(ids == ["cus_slow0", "cus_slow1", "cus_slow2", "cus_slow3"])
            #expect(server.child.wait(timeoutMilliseconds: 10_000) == 0)
        }
    }

    @Test func `SIGHUP brings new tokens to every loop`() async throws {
        try await offPool {
            let path = try Scratch.directory() + "/tokens"
            try Scratch.write(Self.token("0ld"), to: path)
            let server = try DuesProcess(["--sandbox", "--loops", "2", "--tokens", path])
            let clients = try (0..<2).map { _ in try server.client() }
            for client in clients { #expect(Self.isLetIn("0ld", by: client)) }
            try Scratch.write(Self.token("n3w"), to: path)
            server.child.signal(SIGHUP)
            for client in clients {
                Self.wait { Self.isLetIn("n3w", by: client) }
                #expect(!Self.isLetIn("0ld", by: client))
            }
            server.stop()
        }
    }

    @Test(arguments: [("serve", 1), ("stdio", 1), ("serve --loops 2", 2)])
    func `there are as many loops as processors that the process may use, unless told`(words: String, count: Int)
        async throws
    {
        try await offPool {
            let log = try Scratch.directory() + "/log"
            let ports = words.hasPrefix("serve") ? "--tcp 127.0.0.1:0 --http 127.0.0.1:0 --sandbox-http 127.0.0.1:0" : ""
            let child = try ChildProcess([
                "/bin/sh", "-c", "exec taskset -c 0 \(DuesProcess.binary) \(words) --sandbox \(ports) 2>\(log)",
            ])
            if words == "stdio" { try child.channel.send(Array(#"{"jsonrpc":"2.0","id":1,"method":"rpc.hello"}"#.utf8)) }
            #expect(try child.channel.receive(timeoutMilliseconds: 20_000) != nil)
            child.signal(SIGTERM)
            #expect(child.wait(timeoutMilliseconds: 10_000) == 0)
            #expect(try Scratch.text(of: log).contains(" loops=\(count)\n"))
        }
    }

    static let createCustomer = Array(#"{"jsonrpc":"2.0","id":1,"method":"CreateCustomer","params":{}}"#.utf8)

    /// What a Stripe of the test's answers; another one each time.
    static func customer(_ number: Int) -> String {
        #"{"id":"cus_slow\#(number)","object":"customer","created":1,"livemode":false,"metadata":{}}"#
    }

    /// Waits for what must come, ten seconds at most.
    static func wait(_ isSo: () -> Bool) {
        let deadline = EventLoop.monotonicMilliseconds() + 10_000
        while !isSo(), EventLoop.monotonicMilliseconds() < deadline { usleep(2000) }
        #expect(isSo())
    }

    private static func token(_ token: String) -> String {
        let digest = Encoding.hexadecimal(Digest.sha256(Array(token.utf8)))
        return "{\"name\":\"t\",\"sha256\":\"\(digest)\",\"scopes\":[\"read\"]}\n"
    }

    private static func isLetIn(_ token: String, by client: RPCClient) -> Bool {
        let params: JSONValue = [
            "customerId": "c", "productId": "p", "_meta": ["authorization": .string("Bearer \(token)")],
        ]
        return (try? client.call("CheckAccess", params)) != nil
    }
}
