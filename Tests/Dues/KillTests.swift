import Contract
import EventLoop
import Glibc
import JSON
import RPC
import TestSupport
import Testing

/// kill -9 in the one moment that cannot be undone: Stripe has done what it was asked, and its answer is on the way.
@Suite struct KillTests {
    struct Moment: Sendable, CustomTestStringConvertible {
        let method: String
        /// The params besides those that name the customer or the subscription.
        var params: JSONObject = [:]
        /// The request whose answer does not come.
        let request: (method: String, path: String)
        /// Whether that was all that was to be done.
        var isLast = true
        /// What the sandbox says of the subscription in the end.
        var found: JSONObject = [:]
        var testDescription: String { "\(method) \(JSONValue.object(params).text), \(request.method) \(request.path)" }
    }

    static let moments = [
        Moment(method: "CreateCustomer", params: ["email": "ada@example.com"], request: ("POST", "/v1/customers")),
        Moment(method: "CreateSubscription", params: ["lookupKey": "premium"], request: ("POST", "/v1/subscriptions")),
        Moment(method: "UpdatePlan", params: ["lookupKey": "premium"], request: ("POST", "/v1/subscriptions/*")),
        Moment(
            method: "UpdatePlan", params: ["lookupKey": "premium", "when": "periodEnd"],
            request: ("POST", "/v1/subscription_schedules"), isLast: false),
        Moment(
            method: "UpdatePlan", params: ["lookupKey": "premium", "when": "periodEnd"],
            request: ("POST", "/v1/subscription_schedules/*")),
        Moment(method: "Cancel", request: ("DELETE", "/v1/subscriptions/*"), found: ["status": "canceled"]),
        Moment(
            method: "Cancel", params: ["when": "periodEnd"], request: ("POST", "/v1/subscriptions/*"),
            found: ["cancel_at_period_end": true]),
        Moment(method: "Resume", request: ("POST", "/v1/subscriptions/*"), found: ["cancel_at_period_end": false]),
    ]

    /// A sandbox that outlives whoever is killed, with a customer who pays.
    private final class Scene {
        let api: SandboxAPI
        let customer: String
        let subscription: String
        private let sandbox: SandboxProcess
        private let flags: [String]

        init() throws {
            sandbox = try SandboxProcess()
            api = sandbox.api
            let subscriber = try sandbox.subscribe()
            customer = subscriber.customer
            subscription = subscriber.subscription
            flags = ["--stripe-base", sandbox.url, "--db", "sqlite:\(try Scratch.directory())/dues.db"]
        }

        func start() throws -> DuesProcess { try DuesProcess(flags, environment: ["STRIPE_SECRET_KEY": sandbox.secretKey]) }

        /// The ids of everything that has happened.
        func events() throws -> [JSONValue?] {
            (try api.get("/v1/events?limit=100")["data"]?.arrayValue ?? []).map { $0["id"] }
        }

        func stop() { sandbox.stop() }

        /// The params of a call with its key.
        func params(of moment: Moment) -> JSONValue {
            var params = moment.params
            switch moment.method {
            case "CreateCustomer": break
            case "CreateSubscription": params["customerId"] = .string(customer)
            default: params["subscriptionId"] = .string(subscription)
            }
            params["_meta"] = ["idempotencyKey": "before the fall"]
            return .object(params)
        }
    }

    @Test(arguments: moments)
    func `what was done and not written down is found done, once`(_ moment: Moment) async throws {
        try await offPool {
            let scene = try Scene()
            if moment.method == "Resume" {
                _ = try scene.api.post("/v1/subscriptions/\(scene.subscription)", ["cancel_at_period_end": "true"])
            }
            _ = try scene.api.post(
                "/sandbox/faults",
                ["method": moment.request.method, "path": moment.request.path, "delay_ms": "1500"])
            let params = scene.params(of: moment)
            let before = try scene.events()

            let first = try scene.start()
            let channel = LineChannel(socket: try first.tcp.connect())
            let call: JSONValue = ["jsonrpc": "2.0", "id": 1, "method": .string(moment.method), "params": params]
            try channel.send(call.bytes)
            #expect(try eventually { try scene.events() != before }, "Stripe did it")
            first.kill()
            let done = try scene.events()

            let second = try scene.start()
            let client = try second.client()
            // As long as Stripe is still at the first attempt, it says so.
            var answer = JSONValue.null
            try #require(
                try eventually {
                    do {
                        answer = try client.call(moment.method, params)
                        return true
                    } catch let error as RPCError where error.retryable {
                        return false
                    }
                })
            #expect(try client.call(moment.method, params) == answer)
            if moment.isLast { #expect(try scene.events() == done, "nothing was done a second time") }
            second.kill()
            let third = try scene.start()
            #expect(try third.client().call(moment.method, params) == answer)
            third.stop()
            try check(answer, moment, scene)
            scene.stop()
        }
    }

    private func check(_ answer: JSONValue, _ moment: Moment, _ scene: Scene) throws {
        let list = { (path: String) in try scene.api.get(path)["data"]?.arrayValue ?? [] }
        let customers = try list("/v1/customers?limit=100")
        let subscriptions = try list("/v1/subscriptions?status=all&limit=100")
        let schedules = try list("/v1/subscription_schedules?limit=100")
        let isNew = { (name: String) in moment.method == name ? 1 : 0 }
        #expect(customers.count == 1 + isNew("CreateCustomer"))
        #expect(subscriptions.count == 1 + isNew("CreateSubscription"))
        switch moment.method {
        case "CreateCustomer": #expect(customers.contains { $0["id"] == answer["customerId"] })
        case "CreateSubscription":
            let made = subscriptions.first { $0["id"] == answer["subscriptionId"] }
            #expect(made?["status"] == "incomplete" && answer["subscriptionId"] != .string(scene.subscription))
            #expect(answer["clientSecret"]?.stringValue?.hasPrefix("pi_") == true)
        case "UpdatePlan" where moment.params["when"] != nil:
            #expect(schedules.count == 1 && schedules[0]["phases"]?.arrayValue?.count == 2)
        case "UpdatePlan":
            #expect(subscriptions[0]["items"]?["data"]?[0]?["price"]?["lookup_key"] == "premium")
            let invoices = try list("/v1/invoices?limit=100")
            let changed = invoices.first { $0["billing_reason"] == "subscription_update" }
            #expect(invoices.count == 2 && answer["invoiceId"] == changed?["id"])
            #expect(answer["amountCharged"] == changed?["amount_paid"])
        default: break
        }
        for (name, value) in moment.found { #expect(subscriptions[0][name] == value) }
        if moment.method == "Resume" { #expect(answer["resumed"] == ["cancellation"]) }
    }
}
