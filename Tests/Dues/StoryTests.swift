import EventLoop
import Glibc
import JSON
import RPC
import TestSupport
import Testing

@Suite struct StoryTests {
    @Test func `a customer subscribes, over TCP`() async throws {
        try await offPool {
            let server = try DuesProcess()
            let story = Story(try server.client(), sandbox: server.sandbox)
            for step in Story.steps { try step.play(story) }
            server.stop()
        }
    }

    @Test func `a customer subscribes, over stdio`() async throws {
        try await offPool {
            let sandbox = "127.0.0.1:\(try DuesProcess.freePort())"
            let client = try RPCClient(
                spawning: [DuesProcess.binary, "stdio", "--sandbox", "--sandbox-http", sandbox, "--log", "error"])
            let story = Story(client, sandbox: "http://\(sandbox)")
            for step in Story.steps { try step.play(story) }
            #expect(client.close() == 0, "the end of its input ends the server, with status 0")
        }
    }

    @Test func `the tour ends by itself, and well`() async throws {
        try await offPool {
            let tour = try ChildProcess([DuesProcess.binary, "tour"], environment: ["NO_COLOR": "1"])
            var lines: [String] = []
            while let line = try tour.channel.receive(timeoutMilliseconds: 30_000) {
                lines.append(String(decoding: line, as: UTF8.self))
            }
            #expect(tour.wait(timeoutMilliseconds: 10_000) == 0)
            for method in ["ListPlans", "CreateCustomer", "CreateSubscription", "PreviewChange", "UpdatePlan", "Cancel"] {
                #expect(lines.contains { $0.contains("→ \(method)") }, "the tour shows \(method)")
            }
            #expect(lines.contains { $0.contains("serve --sandbox") }, "the newcomer is told how to go on")
        }
    }

    /// The sandbox, the database and the ports are the same; the process is another one after every step.
    @Test func `after kill -9 at any point of the story everything answered is still there`() async throws {
        try await offPool {
            let directory = try Scratch.directory()
            let flags = [
                "--sandbox", "--db", "sqlite:\(directory)/dues.db", "--sandbox-http",
                "127.0.0.1:\(try DuesProcess.freePort())", "--http", "127.0.0.1:\(try DuesProcess.freePort())",
            ]
            var server = try DuesProcess(flags)
            let story = Story(try server.client(), sandbox: server.sandbox)
            for step in Story.steps {
                try step.play(story)
                let before: JSONValue = story.subscription.isEmpty ? .null : try story.look()
                server.kill()
                server = try DuesProcess(flags)
                story.client = try server.client()
                let after: JSONValue = story.subscription.isEmpty ? .null : try story.look()
                #expect(after == before, "after \(step.name)")
            }
            try story.expectAccess(story.premiumProduct, false, "CANCELED")
            server.stop()
        }
    }

    /// Stripe goes on while the server is gone: what it could not deliver it delivers later.
    @Test func `a payment while the server is dead opens access when it is back`() async throws {
        try await offPool {
            let directory = try Scratch.directory()
            let http = "127.0.0.1:\(try DuesProcess.freePort())"
            let stripe = try ChildProcess([
                DuesProcess.binary, "sandbox", "--http", "127.0.0.1:0", "--webhook", "http://\(http)/webhook",
            ])
            let keys = try JSONValue(parsing: try #require(try stripe.channel.receive(timeoutMilliseconds: 10_000)))
            let base = try #require(keys["sandbox"]?.stringValue)
            let environment = [
                "STRIPE_SECRET_KEY": try #require(keys["secretKey"]?.stringValue),
                "STRIPE_WEBHOOK_SECRET": try #require(keys["webhookSecret"]?.stringValue),
            ]
            let flags = ["--stripe-base", base, "--db", "sqlite:\(directory)/dues.db", "--http", http]
            let first = try DuesProcess(flags, environment: environment)
            let story = Story(try first.client(), sandbox: base)
            try story.listPlans()
            try story.signUp()
            try story.subscribe()
            first.kill()
            try story.pay()
            let second = try DuesProcess(flags, environment: environment)
            story.client = try second.client()
            try story.enter()
            try story.upgrade()
            second.stop()
            stripe.signal(SIGTERM)
            #expect(stripe.wait(timeoutMilliseconds: 10_000) == 0)
        }
    }
}
