import EventLoop
import JSON
import RPC
import TestSupport
import Testing

/// A server that no webhook ever reaches, on the real binary: it learns of everything all the same.
@Suite struct PollerTests {
    /// A sandbox that delivers nothing to anybody, and servers in front of it that share a database.
    private struct Scene {
        let sandbox: SandboxProcess
        private let flags: [String]

        init() throws {
            sandbox = try SandboxProcess()
            let database = "sqlite:\(try Scratch.directory())/dues.db"
            flags = ["--stripe-base", sandbox.url, "--db", database, "--poll-seconds", "1"]
        }

        func start() throws -> DuesProcess {
            try DuesProcess(flags, environment: ["STRIPE_SECRET_KEY": sandbox.secretKey])
        }
    }

    private static func access(_ client: RPCClient, _ who: SandboxProcess.Subscriber) throws -> JSONValue {
        try client.call("CheckAccess", ["customerId": .string(who.customer), "productId": .string(who.product)])
    }

    @Test func `what no webhook brings is known a moment later`() async throws {
        try await offPool {
            let scene = try Scene()
            let server = try scene.start()
            let client = try server.client()
            let who = try scene.sandbox.subscribe()
            #expect(try eventually { try Self.access(client, who)["allowed"] == true })
            _ = try scene.sandbox.api.delete("/v1/subscriptions/\(who.subscription)")
            #expect(try eventually { try Self.access(client, who)["allowed"] == false })
            server.stop()
            scene.sandbox.stop()
        }
    }

    @Test func `a server that was down for two days catches up by itself`() async throws {
        try await offPool {
            let scene = try Scene()
            let first = try scene.start()
            let before = try scene.sandbox.subscribe()
            let witness = try first.client()
            #expect(try eventually { try Self.access(witness, before)["allowed"] == true })
            first.kill()
            let joined = try scene.sandbox.subscribe()
            _ = try scene.sandbox.api.post("/sandbox/clock/advance", ["by": "day"])
            let left = try scene.sandbox.subscribe()
            _ = try scene.sandbox.api.delete("/v1/subscriptions/\(left.subscription)")
            _ = try scene.sandbox.api.post("/sandbox/clock/advance", ["by": "day"])
            let second = try scene.start()
            let client = try second.client()
            #expect(try eventually { try Self.access(client, joined)["allowed"] == true })
            // Somebody who came and went meanwhile was a customer for a moment, as the events come in.
            #expect(
                try eventually {
                    let answer = try Self.access(client, left)
                    return answer["allowed"] == false && answer["reason"] == "CANCELED"
                })
            second.stop()
            scene.sandbox.stop()
        }
    }

    @Test func `where Stripe says what a customer is entitled to, that decides over features`() async throws {
        try await offPool {
            let scene = try Scene()
            let price = try #require(try scene.sandbox.api.get("/v1/prices?lookup_keys%5B%5D=basic")["data"]?[0])
            let product = try #require(price["product"]?.stringValue)
            let feature = try scene.sandbox.api.post("/v1/entitlements/features", ["name": "Exports", "lookup_key": "exports"])
            let id = try #require(feature["id"]?.stringValue)
            _ = try scene.sandbox.api.post("/v1/products/\(product)/features", ["entitlement_feature": id])
            let server = try scene.start()
            let client = try server.client()
            let who = try scene.sandbox.subscribe()
            let ask = { (feature: String) in
                try client.call("CheckAccess", ["customerId": .string(who.customer), "feature": .string(feature)])
            }
            #expect(
                try eventually {
                    let answer = try ask("exports")
                    return answer["allowed"] == true && answer["subscriptionId"]?.stringValue == who.subscription
                })
            #expect(try ask("imports")["allowed"] == false)
            _ = try scene.sandbox.api.delete("/v1/subscriptions/\(who.subscription)")
            #expect(try eventually { try ask("exports")["allowed"] == false })
            server.stop()
            scene.sandbox.stop()
        }
    }
}
