import Contract
import EventLoop
import Glibc
import JSON
import RPC
import TestSupport
import Testing

/// The guide's story, a step a function, against whatever transport the client speaks.
final class Story {
    var client: RPCClient
    var sandbox: String
    let web = Web()
    private(set) var customer = ""
    private(set) var subscription = ""
    private(set) var clientSecret = ""
    private(set) var basicProduct: JSONValue = .null
    private(set) var premiumProduct: JSONValue = .null

    init(_ client: RPCClient, sandbox: String) {
        self.client = client
        self.sandbox = sandbox
    }

    func listPlans() throws {
        let plans = try #require(try client.call("ListPlans")["plans"]?.arrayValue)
        let plan = { (key: String) in try #require(plans.first { $0["lookupKey"] == .string(key) }) }
        let basic = try plan("basic")
        #expect(basic["unitAmount"] == 500 && basic["currency"] == "usd" && basic["interval"] == "month")
        #expect(try plan("premium")["unitAmount"] == 1500)
        basicProduct = basic["productId"] ?? .null
        premiumProduct = try plan("premium")["productId"] ?? .null
    }

    func signUp() throws {
        let created = try client.call(
            "CreateCustomer", ["email": "ada@example.com", "name": "Ada", "metadata": ["tier": "1"]])
        customer = try #require(created["customerId"]?.stringValue)
        #expect(created["customer"]?["email"] == "ada@example.com")
        try expectAccess(basicProduct, false, "NO_SUBSCRIPTION")
    }

    func subscribe() throws {
        let created = try client.call("CreateSubscription", ["customerId": .string(customer), "lookupKey": "basic"])
        #expect(created["status"] == "incomplete")
        #expect(created["intent"] == "payment")
        subscription = try #require(created["subscriptionId"]?.stringValue)
        clientSecret = try #require(created["clientSecret"]?.stringValue)
        #expect(clientSecret.hasPrefix("pi_"))
        try expectAccess(basicProduct, false, "INCOMPLETE")
    }

    func decline() throws {
        let (status, answer) = try web.confirm(clientSecret, card: "pm_card_chargeDeclinedInsufficientFunds", at: sandbox)
        #expect(status == 402)
        #expect(answer["error"]?["decline_code"] == "insufficient_funds")
        #expect(try look()["status"] == "incomplete")
        try expectAccess(basicProduct, false, "INCOMPLETE")
    }

    func pay() throws {
        let (status, answer) = try web.confirm(clientSecret, card: "pm_card_visa", at: sandbox)
        #expect(status == 200)
        #expect(answer["status"] == "succeeded")
    }

    func enter() throws {
        try expectAccess(basicProduct, true, "ACTIVE")
        let method = try client.call("GetPaymentMethod", ["subscriptionId": .string(subscription)])
        #expect(method["type"] == "card")
        #expect(method["card"]?["brand"] == "visa" && method["card"]?["last4"] == "4242")
        #expect(method["usedFor"] == "subscription")
    }

    func upgrade() throws {
        let preview = try client.call("PreviewChange", ["subscriptionId": .string(subscription), "lookupKey": "premium"])
        let due = try #require(preview["amountDueNow"]?.integerValue)
        #expect((999...1000).contains(due), "a month has just begun: nearly all of the difference")
        #expect(preview["nextRenewal"]?["amount"] == 1500)
        #expect(preview["currency"] == "usd")
        let sum = (preview["lines"]?.arrayValue ?? []).compactMap { $0["amount"]?.integerValue }.reduce(0, +)
        #expect(sum == due)
        let updated = try client.call("UpdatePlan", ["quote": preview["quote"] ?? .null])
        #expect(updated["amountCharged"] == .integer(due))
        #expect(updated["status"] == "active")
        #expect(updated["pendingUpdate"] == .null)
        let again = #expect(throws: RPCError.self) {
            try self.client.call("UpdatePlan", ["quote": preview["quote"] ?? .null])
        }
        #expect(again?.reason == "QUOTE_CHANGED", "a quote that was used charges nothing more")
        try expectAccess(premiumProduct, true, "ACTIVE")
        try expectAccess(basicProduct, false, "NO_SUBSCRIPTION")
    }

    func leave() throws {
        let canceled = try client.call("Cancel", ["subscriptionId": .string(subscription), "feedback": "too_expensive"])
        #expect(canceled["status"] == "canceled")
        #expect(canceled["endsAt"]?.stringValue != nil)
        try expectAccess(premiumProduct, false, "CANCELED")
        let again = #expect(throws: RPCError.self) {
            try self.client.call("Cancel", ["subscriptionId": .string(self.subscription)])
        }
        #expect(again?.reason == "SUBSCRIPTION_ENDED")
    }

    /// Every step, in the order in which it is told.
    static let steps: [(name: String, play: @Sendable (Story) throws -> Void)] = [
        ("list the plans", { try $0.listPlans() }), ("sign up", { try $0.signUp() }), ("subscribe", { try $0.subscribe() }),
        ("be declined", { try $0.decline() }), ("pay", { try $0.pay() }), ("enter", { try $0.enter() }),
        ("upgrade", { try $0.upgrade() }), ("leave", { try $0.leave() }),
    ]

    /// The subscription as GetSubscription shows it.
    func look() throws -> JSONValue {
        let found = try client.call("GetSubscription", ["subscriptionId": .string(subscription)])
        return found["subscription"] ?? .null
    }

    /// Asks until the answer is the expected one: webhooks take a moment.
    func expectAccess(_ product: JSONValue, _ allowed: Bool, _ reason: String) throws {
        var answer: JSONValue = .null
        let isSo = try eventually {
            answer = try client.call("CheckAccess", ["customerId": .string(customer), "productId": product])
            return answer["allowed"] == .bool(allowed) && answer["reason"] == .string(reason)
        }
        #expect(isSo, "access should be \(allowed) for \(reason), and is \(answer.text)")
    }
}
