internal import Contract
internal import EventLoop
internal import Glibc
internal import HTTP
internal import JSON
internal import RPC

/// A subscription from the first look at the plans to its end, played against a server of its own: what `make run` shows.
final class Tour {
    private let screen = Screen()
    private let server: ChildProcess
    private let client: RPCClient
    private let sandbox: String
    private let browser = HTTPClient()

    /// Starts a server on ports that the system picks, and dials it.
    init() throws(Failure) {
        do throws(SystemError) {
            server = try ChildProcess([
                Program.path, "serve", "--sandbox", "--tcp", "127.0.0.1:0", "--http", "127.0.0.1:0", "--sandbox-http",
                "127.0.0.1:0", "--log", "warning",
            ])
            let line = try server.channel.receive(timeoutMilliseconds: 20_000) ?? []
            guard let handshake = try? JSONValue(parsing: line), let tcp = handshake["tcp"]?.stringValue,
                let address = SocketAddress(tcp), let sandbox = handshake["sandbox"]?.stringValue
            else { throw SystemError(call: "the server did not start", code: 0) }
            self.sandbox = sandbox
            client = try RPCClient(address)
        } catch {
            throw Failure("\(error)")
        }
    }

    func run() throws(Failure) {
        screen.plain("Dues on a tour: a server of its own, a sandbox for Stripe, nothing leaves this machine.")
        let basic = try showPlans()
        let customer = try createCustomer("ada@example.com", "Ada Lovelace")
        let subscription = try subscribe(customer, basic)
        try pay(subscription, customer, basic)
        try upgrade(subscription.id, customer)
        try leave(subscription.id, customer)
        try decline(basic)
        finish()
    }

    private struct Sale {
        let id: String
        let clientSecret: String
    }

    // MARK: The story

    private func showPlans() throws(Failure) -> JSONValue {
        screen.chapter("1. What is for sale")
        let plans = try call("ListPlans")["plans"]?.arrayValue ?? []
        guard let basic = plans.first(where: { $0["lookupKey"] == "basic" }) else {
            throw Failure("there is no plan \"basic\"")
        }
        return basic
    }

    private func createCustomer(_ email: String, _ name: String) throws(Failure) -> String {
        screen.chapter("2. Somebody signs up")
        let created = try call("CreateCustomer", ["email": .string(email), "name": .string(name)])
        return try text(created, "customerId")
    }

    private func subscribe(_ customer: String, _ plan: JSONValue) throws(Failure) -> Sale {
        screen.chapter("3. They choose a plan; nothing is paid yet")
        let sale = try buy(customer)
        try expectAccess(customer, plan, allowed: false, reason: "INCOMPLETE")
        return sale
    }

    private func buy(_ customer: String) throws(Failure) -> Sale {
        let created = try call("CreateSubscription", ["customerId": .string(customer), "lookupKey": "basic"])
        try require(created["status"] == "incomplete", "the subscription should be incomplete")
        let sale = Sale(id: try text(created, "subscriptionId"), clientSecret: try text(created, "clientSecret"))
        try require(sale.clientSecret.hasPrefix("pi_"), "the client secret should be a payment intent's")
        return sale
    }

    private func pay(_ sale: Sale, _ customer: String, _ plan: JSONValue) throws(Failure) {
        screen.chapter("4. Their browser confirms the card, as Stripe.js does")
        let (status, intent) = try confirm(sale.clientSecret, card: "pm_card_visa")
        try require(status == 200, "the payment should have succeeded")
        screen.received(["status": intent["status"] ?? .null, "amount": intent["amount"] ?? .null])
        screen.remark("  Stripe's signed webhooks arrive, and access opens:")
        try expectAccess(customer, plan, allowed: true, reason: "ACTIVE")
        _ = try call("GetPaymentMethod", ["subscriptionId": .string(sale.id)])
    }

    private func upgrade(_ subscription: String, _ customer: String) throws(Failure) {
        screen.chapter("5. They look at an upgrade, and take it")
        let preview = try call("PreviewChange", ["subscriptionId": .string(subscription), "lookupKey": "premium"])
        screen.remark("  The quote binds: UpdatePlan charges exactly this, or nothing happens.")
        let updated = try call("UpdatePlan", ["quote": preview["quote"] ?? .null])
        try require(
            updated["amountCharged"] == preview["amountDueNow"], "the charge should be what the preview showed")
    }

    private func leave(_ subscription: String, _ customer: String) throws(Failure) {
        screen.chapter("6. They leave")
        let canceled = try call("Cancel", ["subscriptionId": .string(subscription), "feedback": "other"])
        try require(canceled["status"] == "canceled", "the subscription should be canceled")
        let product = canceled["subscription"]?["items"]?[0]?["productId"] ?? .null
        try expectAccess(customer, ["productId": product], allowed: false, reason: "CANCELED")
    }

    private func decline(_ plan: JSONValue) throws(Failure) {
        screen.chapter("7. Somebody else's card is declined")
        let customer = try createCustomerQuietly()
        let sale = try buy(customer)
        let (status, answer) = try confirm(sale.clientSecret, card: "pm_card_chargeDeclined")
        try require(status == 402, "the card should have been declined")
        screen.refused(answer["error"]?["message"]?.stringValue ?? "declined")
        let found = try call("GetSubscription", ["subscriptionId": .string(sale.id)])
        try require(found["subscription"]?["status"] == "incomplete", "the subscription should be incomplete still")
        try expectAccess(customer, plan, allowed: false, reason: "INCOMPLETE")
    }

    private func createCustomerQuietly() throws(Failure) -> String {
        try text(try call("CreateCustomer", ["email": "charles@example.com"]), "customerId")
    }

    private func finish() {
        client.close()
        server.signal(SIGTERM)
        server.end()
        browser.shutdown()
        screen.chapter("That is all of it. To keep a server running:")
        screen.plain("  \(CommandLine.arguments[0]) serve --sandbox")
        screen.plain("and to call it from another terminal:")
        screen.plain("  \(CommandLine.arguments[0]) call ListPlans")
        screen.plain("  \(CommandLine.arguments[0]) call CreateCustomer '{\"email\":\"ada@example.com\"}'")
    }

    // MARK: What it is made of

    private func call(_ method: String, _ params: JSONValue = [:]) throws(Failure) -> JSONValue {
        screen.sent(method, params)
        do throws(RPCError) {
            let result = try client.call(method, params)
            screen.received(result)
            return result
        } catch {
            throw Failure("\(method) failed: \(error.status.name) \(error.reason): \(error.message)")
        }
    }

    /// Asks until the answer is the expected one: webhooks take a moment. A second is more than they need.
    private func expectAccess(
        _ customer: String, _ plan: JSONValue, allowed: Bool, reason: String
    ) throws(Failure) {
        let params: JSONValue = ["customerId": .string(customer), "productId": plan["productId"] ?? .null]
        let deadline = EventLoop.monotonicMilliseconds() + 1000
        while true {
            let answer: JSONValue
            do throws(RPCError) { answer = try client.call("CheckAccess", params) } catch {
                throw Failure("CheckAccess failed: \(error.message)")
            }
            let isExpected = answer["allowed"] == .bool(allowed) && answer["reason"] == .string(reason)
            if isExpected || EventLoop.monotonicMilliseconds() > deadline {
                screen.sent("CheckAccess", params)
                screen.received(answer)
                return try require(isExpected, "access should be \(allowed ? "open" : "closed") (\(reason))")
            }
            usleep(5000)
        }
    }

    /// What a browser does with a client secret: it needs no secret key.
    private func confirm(_ clientSecret: String, card: String) throws(Failure) -> (status: Int, answer: JSONValue) {
        let intent = clientSecret.split(separator: "_secret_").first.map(String.init) ?? clientSecret
        let form = "key=pk_test_tour&client_secret=\(clientSecret)&payment_method=\(card)"
        let request = HTTPRequest(
            method: "POST", target: "\(sandbox)/v1/payment_intents/\(intent)/confirm",
            headers: ["Content-Type": "application/x-www-form-urlencoded"], body: Array(form.utf8))
        screen.sent("POST /v1/payment_intents/…/confirm", ["payment_method": .string(card)])
        do throws(HTTPClientError) {
            let response = try blocking { [browser] () async throws(HTTPClientError) in
                try await browser.send(request, timeoutMilliseconds: 10_000)
            }
            return (response.status, (try? JSONValue(parsing: response.body)) ?? .null)
        } catch {
            throw Failure("the sandbox did not answer: \(error)")
        }
    }

    private func text(_ value: JSONValue, _ member: String) throws(Failure) -> String {
        guard let text = value[member]?.stringValue else { throw Failure("the answer has no \(member)") }
        return text
    }

    private func require(_ condition: Bool, _ expectation: String) throws(Failure) {
        if !condition { throw Failure("the tour went wrong: \(expectation)") }
    }
}
