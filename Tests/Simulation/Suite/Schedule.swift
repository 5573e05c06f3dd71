import Contract
import JSON
import TestSupport

@testable import Simulation

/// One caller's wish, and everything that may go wrong with it: made by a seed, played until the wish is fulfilled, and then
/// looked at by what is left in Stripe.
struct Schedule {
    enum Wish: CaseIterable {
        case customer, subscription, subscriptionBesideOthers, plan, planByQuote, planLater, cancel, cancelLater, resume
    }

    /// What is wrong in the end.
    struct Failure: Error {
        let what: String
    }

    let seed: UInt64
    let wish: Wish
    private let stripe: FaultyStripe
    private let world: World
    private var random: Seeded
    private var process: PlayedProcess
    private var customer = ""
    private var subscription = ""
    private var answers: [[UInt8]] = []

    init(seed: UInt64, _ scheduler: Scheduler, in makeWorld: (Scheduler, FaultyStripe) throws -> World) throws {
        self.seed = seed
        random = Seeded(seed)
        stripe = FaultyStripe(seed: random.next(), scheduler)
        world = try makeWorld(scheduler, stripe)
        // Half of all wishes are subscriptions: they are what must not be doubled.
        let wishes = Wish.allCases + [.subscription, .subscription, .subscription, .subscriptionBesideOthers]
        wish = wishes[Int(random.next() % UInt64(wishes.count))]
        process = try PlayedProcess(world)
    }

    var trace: String { "schedule \(seed), \(wish):\n\(stripe.trace)" }

    mutating func play() async throws {
        var params = try await setScene()
        params["_meta"] = ["idempotencyKey": .string("schedule \(seed)")]
        let rounds = 8
        for round in 1...rounds {
            // Every storm passes; the callers, who do not know that, call as long as they are told that it is worth it.
            let faults: UInt64 = round == rounds ? 0 : [10, 30, 60, 90][Int(random.next() % 4)]
            let callers = (0..<(random.next() % 4 == 0 ? 2 : 1)).map { index in
                Caller(
                    "round \(round), caller \(index + 1)", seed: random.next(), faults: faults,
                    deaths: round == rounds ? 0 : random.next() % 3 == 0 ? 40 : 0)
            }
            try await callAtOnce(callers, .object(params))
            // Now and then stragglers arrive, the process is replaced, and time passes.
            if random.next() % 3 == 0 { stripe.settle() }
            if process.life.isOver || random.next() % 5 == 0 {
                stripe.note("a new process")
                process = try PlayedProcess(world)
            }
            await world.scheduler.pause(milliseconds: Int64(random.next() % 20_000))
            if !answers.isEmpty, random.next() % 2 == 0 { break }
        }
        stripe.settle()
        process = try PlayedProcess(world)
        try await callAtOnce([Caller("the last", seed: 0, faults: 0, deaths: 0)], .object(params))
        try checkAnswers()
    }

    private mutating func callAtOnce(_ callers: [Caller], _ params: JSONValue) async throws {
        let outcomes = await withTaskGroup(of: Result<[UInt8], RPCError>?.self) { [process, wish] group in
            for caller in callers { group.addTask { await process.call(wish.method, params, by: caller) } }
            var outcomes: [Result<[UInt8], RPCError>?] = []
            for await outcome in group { outcomes.append(outcome) }
            return outcomes
        }
        for outcome in outcomes {
            switch outcome {
            case .success(let answer)?: answers.append(answer)
            case .failure(let error)?:
                guard error.retryable || error.reason == Reason.callerCancelled.name else {
                    throw Failure(what: "the caller is told to give up: \(error)")
                }
            case nil: break
            }
        }
    }

    // MARK: The scene

    /// What has to be there before the wish makes sense; answers the params of the call.
    private mutating func setScene() async throws -> JSONObject {
        guard wish != .customer else { return ["email": "ada@example.com"] }
        let card = "payment_method=pm_card_visa&invoice_settings[default_payment_method]=pm_card_visa"
        customer = try id(stripe.ask("POST", "/v1/customers", wish == .subscription ? "name=Ada" : card))
        if wish == .subscription { return ["customerId": .string(customer), "lookupKey": "basic"] }
        let basic = try id(stripe.ask("GET", "/v1/prices?lookup_keys[]=basic")["data"]?[0])
        subscription = try id(
            stripe.ask("POST", "/v1/subscriptions", "customer=\(customer)&items[0][price]=\(basic)"))
        // The first moments of a month cost nothing.
        await world.scheduler.pause(milliseconds: 10 * 86_400_000)
        let itself: JSONValue = .string(subscription)
        switch wish {
        case .customer, .subscription: return [:]
        case .subscriptionBesideOthers:
            return ["customerId": .string(customer), "lookupKey": "basic", "allowDuplicate": true]
        case .plan: return ["subscriptionId": itself, "lookupKey": "premium"]
        case .planLater: return ["subscriptionId": itself, "lookupKey": "premium", "when": "periodEnd"]
        case .planByQuote:
            let preview = await process.call(.previewChange, ["subscriptionId": itself, "lookupKey": "premium"])
            guard case .success(let bytes)? = preview, let quote = try JSONValue(parsing: bytes)["quote"] else {
                throw Failure(what: "no quote")
            }
            return ["quote": quote]
        case .cancel: return ["subscriptionId": itself]
        case .cancelLater: return ["subscriptionId": itself, "when": "periodEnd"]
        case .resume:
            _ = stripe.ask("POST", "/v1/subscriptions/\(subscription)", "cancel_at_period_end=true")
            return ["subscriptionId": itself]
        }
    }

    private func id(_ object: JSONValue?) throws -> String {
        guard let id = object?["id"]?.stringValue else { throw Failure(what: "the scene lacks something") }
        return id
    }

    // MARK: What is left

    /// One answer, whoever asked and whenever, and it is true.
    private func checkAnswers() throws {
        guard let first = answers.first else { throw Failure(what: "the last call was not answered") }
        try expect(answers.allSatisfy { $0 == first }, "the answers differ")
        let answer = try JSONValue(parsing: first)
        let list = { (path: String) in stripe.ask("GET", path)["data"]?.arrayValue ?? [] }
        if wish == .customer {
            let customers = list("/v1/customers?limit=100")
            try expect(customers.count == 1, "\(customers.count) customers")
            return try expect(answer["customerId"] == customers[0]["id"], "another customer")
        }
        let subscriptions = list("/v1/subscriptions?status=all&limit=100")
        let invoices = list("/v1/invoices?limit=100")
        let found = { (id: JSONValue?) in subscriptions.first { $0["id"] == id } }
        switch wish {
        case .customer: break
        case .subscription, .subscriptionBesideOthers:
            let others = wish == .subscription ? 0 : 1
            try expect(subscriptions.count == others + 1, "\(subscriptions.count) subscriptions")
            try expect(invoices.count == others + 1, "\(invoices.count) invoices")
            try expect(answer["subscriptionId"] != .string(subscription), "the answer is the older subscription")
            try expect(found(answer["subscriptionId"])?["status"] == "incomplete", "another subscription")
            return try expect(answer["clientSecret"]?.stringValue?.contains("_secret_") == true, "no client secret")
        case .plan, .planByQuote:
            try expect(invoices.count == 2, "\(invoices.count) invoices")
            let changed = invoices.first { $0["billing_reason"] == "subscription_update" }
            try expect(answer["invoiceId"] == changed?["id"], "the change's invoice is another one")
            try expect(answer["amountCharged"] == changed?["amount_paid"], "another amount was charged")
            try expect(Self.lookupKeys(found(.string(subscription))) == ["premium"], "the plan did not change")
        case .planLater:
            try expect(invoices.count == 1, "\(invoices.count) invoices")
            try expect(Self.lookupKeys(found(.string(subscription))) == ["basic"], "the plan changed at once")
            let schedules = list("/v1/subscription_schedules?limit=100")
            try expect(schedules.count == 1, "\(schedules.count) schedules")
            try expect(schedules[0]["phases"]?.arrayValue?.count == 2, "the change does not wait")
        case .cancel: try expect(found(.string(subscription))?["status"] == "canceled", "it goes on")
        case .cancelLater:
            try expect(found(.string(subscription))?["cancel_at_period_end"] == true, "it goes on")
        case .resume:
            try expect(found(.string(subscription))?["cancel_at_period_end"] == false, "it ends")
            try expect(answer["resumed"] == ["cancellation"], "something else was resumed")
        }
        try expect(subscriptions.count == 1, "\(subscriptions.count) subscriptions")
    }

    private static func lookupKeys(_ subscription: JSONValue?) -> [String] {
        (subscription?["items"]?["data"]?.arrayValue ?? []).compactMap { $0["price"]?["lookup_key"]?.stringValue }
    }

    private func expect(_ condition: Bool, _ otherwise: String) throws {
        if !condition { throw Failure(what: otherwise) }
    }
}

extension Schedule.Wish {
    var method: Method {
        switch self {
        case .customer: .createCustomer
        case .subscription, .subscriptionBesideOthers: .createSubscription
        case .plan, .planByQuote, .planLater: .updatePlan
        case .cancel, .cancelLater: .cancel
        case .resume: .resume
        }
    }
}
