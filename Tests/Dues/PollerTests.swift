import EventLoop
import Glibc
import JSON
import RPC
import TestSupport
import Testing

/// A server that no webhook ever reaches, on the real binary: it learns of everything all the same.
@Suite struct PollerTests {
    /// A sandbox that delivers nothing to anybody, and servers in front of it that share a database.
    private struct Scene {
        let sandbox: SandboxProcess
        let api: SandboxAPI
        private let flags: [String]

        init() throws {
            sandbox = try SandboxProcess()
            api = SandboxAPI(sandbox.url)
            let database = "sqlite:\(try Scratch.directory())/dues.db"
            flags = ["--stripe-base", sandbox.url, "--db", database, "--poll-seconds", "1"]
        }

        func start() throws -> DuesProcess {
            try DuesProcess(flags, environment: ["STRIPE_SECRET_KEY": sandbox.secretKey])
        }

        /// Somebody else's program signs a customer up, who pays.
        func subscribe() throws -> (customer: String, product: String, subscription: String) {
            let card = "pm_card_visa"
            let customer = try api.post(
                "/v1/customers", ["payment_method": card, "invoice_settings[default_payment_method]": card])
            let price = try #require(try api.get("/v1/prices?lookup_keys%5B%5D=basic")["data"]?[0])
            let id = try #require(customer["id"]?.stringValue)
            let subscription = try api.post(
                "/v1/subscriptions", ["customer": id, "items[0][price]": try #require(price["id"]?.stringValue)])
            return (
                id, try #require(price["product"]?.stringValue), try #require(subscription["id"]?.stringValue)
            )
        }
    }

    private static func hasAccess(_ client: RPCClient, _ who: (customer: String, product: String, subscription: String))
        throws -> Bool
    {
        let answer = try client.call(
            "CheckAccess", ["customerId": .string(who.customer), "productId": .string(who.product)])
        return answer["allowed"] == true
    }

    @Test func `what no webhook brings is known a moment later`() async throws {
        try await offPool {
            let scene = try Scene()
            let server = try scene.start()
            let client = try server.client()
            // The first look of all begins where nothing has happened yet.
            usleep(1_500_000)
            let who = try scene.subscribe()
            #expect(try eventually { try Self.hasAccess(client, who) })
            _ = try scene.api.delete("/v1/subscriptions/\(who.subscription)")
            #expect(try eventually { try !Self.hasAccess(client, who) })
            server.stop()
            scene.sandbox.stop()
        }
    }

    @Test func `a server that was down for two days catches up by itself`() async throws {
        try await offPool {
            let scene = try Scene()
            let first = try scene.start()
            usleep(1_500_000)
            first.kill()
            let joined = try scene.subscribe()
            _ = try scene.api.post("/sandbox/clock/advance", ["by": "day"])
            let left = try scene.subscribe()
            _ = try scene.api.delete("/v1/subscriptions/\(left.subscription)")
            _ = try scene.api.post("/sandbox/clock/advance", ["by": "day"])
            let second = try scene.start()
            let client = try second.client()
            #expect(try eventually { try Self.hasAccess(client, joined) })
            // Somebody who came and went meanwhile was a customer for a moment, as the events come in.
            #expect(
                try eventually {
                    let answer = try client.call(
                        "CheckAccess", ["customerId": .string(left.customer), "productId": .string(left.product)])
                    return answer["allowed"] == false && answer["reason"] == "CANCELED"
                })
            second.stop()
            scene.sandbox.stop()
        }
    }

    @Test func `where Stripe says what a customer is entitled to, that decides over features`() async throws {
        try await offPool {
            let scene = try Scene()
            let price = try #require(try scene.api.get("/v1/prices?lookup_keys%5B%5D=basic")["data"]?[0])
            let product = try #require(price["product"]?.stringValue)
            let feature = try scene.api.post("/v1/entitlements/features", ["name": "Exports", "lookup_key": "exports"])
            let id = try #require(feature["id"]?.stringValue)
            _ = try scene.api.post("/v1/products/\(product)/features", ["entitlement_feature": id])
            let server = try scene.start()
            let client = try server.client()
            usleep(1_500_000)
            let who = try scene.subscribe()
            let ask = { (feature: String) in
                try client.call("CheckAccess", ["customerId": .string(who.customer), "feature": .string(feature)])
            }
            #expect(
                try eventually {
                    let answer = try ask("exports")
                    return answer["allowed"] == true && answer["subscriptionId"]?.stringValue == who.subscription
                })
            #expect(try ask("imports")["allowed"] == false)
            _ = try scene.api.delete("/v1/subscriptions/\(who.subscription)")
            #expect(try eventually { try ask("exports")["allowed"] == false })
            server.stop()
            scene.sandbox.stop()
        }
    }
}
