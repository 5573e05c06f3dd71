import Contract
import EventLoop
import HTTP
import JSON
import RPC
import TestSupport
import Testing

/// The methods beyond the story, on the real binary with its sandbox.
@Suite struct MethodTests {
    /// A server with a customer who pays for basic.
    private final class Paying {
        let server: DuesProcess
        let story: Story

        init(_ flags: [String] = ["--sandbox"]) throws {
            server = try DuesProcess(flags)
            story = Story(try server.client(), sandbox: server.sandbox)
            for name in ["list the plans", "sign up", "subscribe", "pay", "enter"] {
                try #require(Story.steps.first { $0.name == name }).play(story)
            }
        }

        func call(_ method: String, _ params: JSONValue) throws -> JSONValue { try story.client.call(method, params) }

        func refusal(_ method: String, _ params: JSONValue) -> RPCError? {
            #expect(throws: RPCError.self) { try self.story.client.call(method, params) }
        }
    }

    @Test func `what does not exist is NOT_FOUND, by its kind`() async throws {
        try await offPool {
            let paying = try Paying()
            let customer = JSONValue.string(paying.story.customer)
            let cases: [(String, JSONValue, String)] = [
                ("CreateSubscription", ["customerId": "cus_none", "lookupKey": "basic"], "NO_SUCH_CUSTOMER"),
                ("CreateSubscription", ["customerId": customer, "priceId": "price_none"], "NO_SUCH_PRICE"),
                ("CreateSubscription", ["customerId": customer, "lookupKey": "none"], "NO_SUCH_PRICE"),
                ("GetSubscription", ["subscriptionId": "sub_none"], "NO_SUCH_SUBSCRIPTION"),
                ("Cancel", ["subscriptionId": "sub_none"], "NO_SUCH_SUBSCRIPTION"),
                ("PreviewChange", ["subscriptionId": "sub_none", "lookupKey": "premium"], "NO_SUCH_SUBSCRIPTION"),
                (
                    "PreviewChange", ["subscriptionId": .string(paying.story.subscription), "lookupKey": "none"],
                    "NO_SUCH_PRICE"
                ),
                (
                    "PreviewChange",
                    [
                        "subscriptionId": .string(paying.story.subscription),
                        "items": [["itemId": "si_none", "quantity": 2]],
                    ],
                    "NO_SUCH_ITEM"
                ),
                ("GetPaymentMethod", ["paymentMethodId": "pm_none"], "NO_SUCH_PAYMENT_METHOD"),
                ("GetPaymentMethod", ["customerId": "cus_none"], "NO_SUCH_CUSTOMER"),
                ("CreateCustomer", ["paymentMethodId": "pm_none"], "NO_SUCH_PAYMENT_METHOD"),
            ]
            for (method, params, reason) in cases {
                let error = paying.refusal(method, params)
                #expect(error?.reason == reason, "\(method) \(params.text): \(error?.message ?? "")")
                #expect(error?.status == .notFound && error?.code == -32005)
            }
            paying.server.stop()
        }
    }

    @Test func `a declined card is FAILED_PRECONDITION with what Stripe said`() async throws {
        try await offPool {
            let server = try DuesProcess()
            let client = try server.client()
            let error = #expect(throws: RPCError.self) {
                try client.call("CreateCustomer", ["paymentMethodId": "pm_card_chargeDeclinedInsufficientFunds"])
            }
            #expect(error?.reason == "CARD_DECLINED" && error?.status == .failedPrecondition)
            #expect(error?.stripe?.declineCode == "insufficient_funds")
            #expect(error?.stripe?.httpStatus == 402)
            #expect(error?.stripe?.requestId?.hasPrefix("req_") == true)
            let customer = try client.call("CreateCustomer", ["paymentMethodId": "pm_card_mastercard"])
            let method = try client.call("GetPaymentMethod", ["customerId": customer["customerId"] ?? .null])
            #expect(method["card"]?["brand"] == "mastercard")
            #expect(method["usedFor"] == "customerDefault")
            server.stop()
        }
    }

    @Test func `a second subscription to the same product is refused, with the id of the first`() async throws {
        try await offPool {
            let paying = try Paying()
            var params: JSONObject = ["customerId": .string(paying.story.customer), "lookupKey": "basic"]
            let error = paying.refusal("CreateSubscription", .object(params))
            #expect(error?.reason == "DUPLICATE_SUBSCRIPTION" && error?.code == -32006)
            #expect(error?.subjectId == paying.story.subscription)
            params["allowDuplicate"] = true
            let second = try paying.call("CreateSubscription", .object(params))
            #expect(second["status"] == "incomplete")
            params["allowDuplicate"] = nil
            params["lookupKey"] = "premium"
            #expect(
                try paying.call("CreateSubscription", .object(params))["status"] == "incomplete", "another product is free")
            paying.server.stop()
        }
    }

    @Test func `a call with an idempotency key happens once, also after kill -9`() async throws {
        try await offPool {
            let flags = [
                "--sandbox", "--db", "sqlite:\(try Scratch.directory())/dues.db", "--http",
                "127.0.0.1:\(try DuesProcess.freePort())", "--sandbox-http", "127.0.0.1:\(try DuesProcess.freePort())",
            ]
            let first = try DuesProcess(flags)
            let key: JSONValue = ["idempotencyKey": "sign-up-1"]
            let call: JSONValue = ["email": "ada@example.com", "name": "Ada", "_meta": key]
            let created = try first.client().call("CreateCustomer", call)
            #expect(try first.client().call("CreateCustomer", call) == created)
            first.kill()
            let second = try DuesProcess(flags)
            let client = try second.client()
            #expect(
                try client.call("CreateCustomer", ["_meta": key, "name": "Ada", "email": "ada@example.com"]) == created)
            let verbose: JSONValue = ["idempotencyKey": "sign-up-1", "verbose": true]
            let replayed = try client.call("CreateCustomer", ["name": "Ada", "email": "ada@example.com", "_meta": verbose])
            #expect(replayed["_meta"]?["replayed"] == true && replayed["_meta"]?["attempts"] == 0)
            for (method, params) in [
                ("CreateCustomer", ["email": "eve@example.com", "_meta": key] as JSONValue),
                ("Cancel", ["subscriptionId": "sub_1", "_meta": key]),
            ] {
                let error = #expect(throws: RPCError.self) { try client.call(method, params) }
                #expect(error?.reason == "IDEMPOTENCY_MISMATCH" && error?.status == .alreadyExists)
            }
            second.stop()
        }
    }

    @Test func `a verbose call is told what it took`() async throws {
        try await offPool {
            let server = try DuesProcess()
            let plans = try server.client().call("ListPlans", ["_meta": ["verbose": true]])
            #expect(plans["_meta"]?["attempts"] == 1)
            #expect(plans["_meta"]?["stripeRequestIds"]?[0]?.stringValue?.hasPrefix("req_") == true)
            #expect(try server.client().call("ListPlans")["_meta"] == nil)
            server.stop()
        }
    }

    @Test func `plans are listed page by page`() async throws {
        try await offPool {
            let server = try DuesProcess()
            let first = try server.client().call("ListPlans", ["limit": 1])
            let cursor = try #require(first["nextCursor"]?.stringValue)
            let second = try server.client().call("ListPlans", ["limit": 1, "cursor": .string(cursor)])
            #expect(second["nextCursor"] == .null)
            let keys = [first, second].compactMap { $0["plans"]?[0]?["lookupKey"]?.stringValue }
            #expect(Set(keys) == ["basic", "premium"])
            server.stop()
        }
    }

    @Test func `a trial opens access before anything is paid, and asks for a card to come`() async throws {
        try await offPool {
            let server = try DuesProcess()
            let story = Story(try server.client(), sandbox: server.sandbox)
            try story.listPlans()
            try story.signUp()
            let created = try story.client.call(
                "CreateSubscription", ["customerId": .string(story.customer), "lookupKey": "basic", "trialDays": 14])
            #expect(created["status"] == "trialing")
            #expect(created["intent"] == "setup")
            #expect(created["clientSecret"]?.stringValue?.hasPrefix("seti_") == true)
            try story.expectAccess(story.basicProduct, true, "TRIALING")
            server.stop()
        }
    }

    @Test func `an upgrade that cannot be paid keeps the old plan and its access`() async throws {
        try await offPool {
            let paying = try Paying()
            let story = paying.story
            let api = SandboxAPI(paying.server.sandbox)
            let method = try api.post("/v1/payment_methods/pm_card_chargeCustomerFail/attach", ["customer": story.customer])
            let id = try #require(method["id"]?.stringValue)
            _ = try api.post("/v1/subscriptions/\(story.subscription)", ["default_payment_method": id])
            let updated = try paying.call(
                "UpdatePlan", ["subscriptionId": .string(story.subscription), "lookupKey": "premium"])
            #expect(updated["pendingUpdate"]?["items"]?[0]?["productId"] == story.premiumProduct)
            #expect(updated["amountCharged"] == 0)
            #expect(updated["intent"] == "payment")
            #expect(updated["effectiveAt"] == .null)
            try story.expectAccess(story.basicProduct, true, "ACTIVE")
            try story.expectAccess(story.premiumProduct, false, "NO_SUBSCRIPTION")
            let secret = try #require(updated["clientSecret"]?.stringValue)
            #expect(try story.web.confirm(secret, card: "pm_card_visa", at: story.sandbox).status == 200)
            try story.expectAccess(story.premiumProduct, true, "ACTIVE")
            paying.server.stop()
        }
    }

    @Test(arguments: [
        ("always_invoice", 500, 1000), ("create_prorations", 0, 1500), ("none", 0, 1000),
    ])
    func `a preview says what is due now and at the renewal`(behavior: String, now: Int64, renewal: Int64) async throws {
        try await offPool {
            let paying = try Paying()
            let change: JSONValue = [
                "subscriptionId": .string(paying.story.subscription), "quantity": 2, "prorationBehavior": .string(behavior),
            ]
            let preview = try paying.call("PreviewChange", change)
            // The first seconds of a month cost less than a cent, and proration rounds down.
            let due = try #require(preview["amountDueNow"]?.integerValue)
            #expect((max(0, now - 1)...now).contains(due))
            let later = try #require(preview["nextRenewal"]?["amount"]?.integerValue)
            #expect((renewal - 1...renewal).contains(later))
            let updated = try paying.call("UpdatePlan", ["quote": preview["quote"] ?? .null])
            #expect(updated["amountCharged"] == .integer(due))
            #expect(updated["subscription"]?["items"]?[0]?["quantity"] == 2)
            paying.server.stop()
        }
    }

    @Test func `a quote that was tampered with, or whose subscription has changed, changes nothing`() async throws {
        try await offPool {
            let paying = try Paying()
            let subscription = JSONValue.string(paying.story.subscription)
            let preview = try paying.call("PreviewChange", ["subscriptionId": subscription, "lookupKey": "premium"])
            let quote = try #require(preview["quote"]?.stringValue)
            for damaged in [
                String(quote.dropLast()), quote + "A", "dq1.AAAA.AAAA", "x", quote.replacing("dq1", with: "dq2"),
            ] {
                #expect(paying.refusal("UpdatePlan", ["quote": .string(damaged)])?.reason == "QUOTE_INVALID")
            }
            _ = try paying.call("UpdatePlan", ["subscriptionId": subscription, "quantity": 3])
            let error = paying.refusal("UpdatePlan", ["quote": .string(quote)])
            #expect(error?.reason == "QUOTE_CHANGED" && error?.status == .failedPrecondition)
            let found = try paying.story.look()
            #expect(found["items"]?[0]?["lookupKey"] == "basic" && found["items"]?[0]?["quantity"] == 3)
            paying.server.stop()
        }
    }

    @Test func `a cancellation with the period's end keeps access until then`() async throws {
        try await offPool {
            let paying = try Paying()
            let canceled = try paying.call(
                "Cancel", ["subscriptionId": .string(paying.story.subscription), "when": "periodEnd", "comment": "bye"])
            #expect(canceled["status"] == "active")
            #expect(canceled["cancelAtPeriodEnd"] == true)
            #expect(canceled["endsAt"] == canceled["subscription"]?["items"]?[0]?["currentPeriodEnd"])
            try paying.story.expectAccess(paying.story.basicProduct, true, "ACTIVE")
            paying.server.stop()
        }
    }
}
