/// Answers of resource calls: pages, shapes that do not fit, and a cancellation whose first answer was lost.
internal import JSON
internal import Stripe
internal import TestSupport
internal import Testing

@Suite struct ResourceCallTests {
    @Test func `a list is walked by the last id of each page`() async throws {
        let harness = try Harness { request in
            request.requestLine.contains("starting_after=evt_2")
                ? [.reply(body: #"{"data":[\#(Self.event("evt_1"))],"has_more":false}"#)]
                : [.reply(body: #"{"data":[\#(Self.event("evt_3")),\#(Self.event("evt_2"))],"has_more":true}"#)]
        }
        var filter = EventFilter()
        var ids: [String] = []
        repeat {
            let page = try await harness.client.listEvents(filter).object
            ids += page.data.map(\.id)
            filter.page.startingAfter = page.nextCursor
        } while filter.page.startingAfter != nil
        #expect(ids == ["evt_3", "evt_2", "evt_1"])
    }

    private static func item(_ number: Int) -> String { #"{"id":"si_\#(number)","price":"price_\#(number)"}"# }

    private static let partial =
        #"{"id":"sub_1","object":"subscription","customer":"cus_1","status":"active","items":{"data":[\#(item(1))],"has_more":true}}"#

    @Test func `a subscription comes with all its items, however many its reply embeds`() async throws {
        let harness = try Harness { request in
            guard request.requestLine.contains("subscription_items") else { return [.reply(body: Self.partial)] }
            return request.requestLine.contains("starting_after=si_1")
                ? [.reply(body: #"{"data":[\#(Self.item(2))],"has_more":true}"#)]
                : [.reply(body: #"{"data":[\#(Self.item(3))],"has_more":false}"#)]
        }
        let answer = try await harness.client.retrieveSubscription("sub_1")
        #expect(answer.object.items.map(\.id) == ["si_1", "si_2", "si_3"] && !answer.object.itemsHaveMore)
        #expect(answer.reply.value["items"]?["data"]?.arrayValue?.count == 3)
    }

    @Test func `a change has succeeded also where its other items cannot be read`() async throws {
        let harness = try Harness { request in
            request.requestLine.contains("subscription_items") ? [.refusal(404)] : [.reply(body: Self.partial)]
        }
        let answer = try await harness.client.updateSubscription("sub_1", SubscriptionUpdate())
        #expect(answer.object.items.map(\.id) == ["si_1"] && answer.object.itemsHaveMore)
        await #expect(throws: StripeError.self) { try await harness.client.retrieveSubscription("sub_1") }
    }

    private static func event(_ id: String) -> String {
        #"{"id":"\#(id)","type":"customer.created","created":1,"data":{"object":{"id":"cus_1","object":"customer"}}}"#
    }

    @Test(arguments: [#"{}"#, #"{"data":{}}"#, #"{"data":[{"id":"evt_1"}]}"#, #"{"data":[3]}"#])
    func `a list that does not fit is garbled, not shortened`(body: String) async throws {
        let harness = try Harness { _ in [.reply(headers: ["Request-Id: req_1"], body: body)] }
        let error = await #expect(throws: StripeError.self) { try await harness.client.listEvents(EventFilter()) }
        guard case .garbled? = error?.kind else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(error?.requestID == "req_1")
    }

    @Test func `an object of another shape is garbled, and may have been made`() async throws {
        let harness = try Harness { _ in [.reply(body: #"{"object":"customer"}"#)] }
        let error = await #expect(throws: StripeError.self) {
            try await harness.client.createCustomer(CustomerParameters())
        }
        guard case .garbled? = error?.kind else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(error?.mayHaveBeenExecuted == true)
    }

    @Test func `options reach the call`() async throws {
        let harness = try Harness { _ in [.reply(body: #"{"id":"cus_1"}"#)] }
        let answer = try await harness.client.createCustomer(
            CustomerParameters(), StripeCallOptions(idempotencyKey: "mine"))
        #expect(answer.object.id == "cus_1")
        #expect(harness.server.received.first?.header("Idempotency-Key") == "mine")
        let error = await #expect(throws: StripeError.self) {
            try await harness.client.retrieveCustomer(
                "cus_1", StripeCallOptions(deadline: ContinuousClock.now - .seconds(1)))
        }
        #expect(error?.kind == .deadline)
    }

    static let missing = SocketServer.Step.refusal(
        404, code: "resource_missing", message: "No such subscription: 'sub_1'")

    static func cancelled(_ status: String) -> SocketServer.Step {
        .reply(body: #"{"id":"sub_1","status":"\#(status)","customer":"cus_1","items":{"data":[]}}"#)
    }

    @Test(arguments: ["canceled", "incomplete_expired"])
    func `a cancellation whose answer was lost is found done`(status: String) async throws {
        let harness = try Harness { request in
            if request.number == 0 { return [.reset] }
            return request.requestLine.hasPrefix("DELETE") ? [Self.missing] : [Self.cancelled(status)]
        }
        let answer = try await harness.client.cancelSubscription("sub_1", SubscriptionCancellation())
        #expect(answer.object.status == status)
        #expect(harness.server.received.map { $0.requestLine.prefix { $0 != " " } } == ["DELETE", "DELETE", "GET"])
    }

    @Test func `a cancellation of what never was stays refused`() async throws {
        let never = try Harness { _ in [Self.missing] }
        let error = await #expect(throws: StripeError.self) {
            try await never.client.cancelSubscription("sub_1", SubscriptionCancellation())
        }
        #expect(error?.refusal?.category == .resourceMissing(.init(object: "subscription", id: "sub_1")))
        #expect(never.server.received.count == 1)

        let lost = try Harness { $0.number == 0 ? [.reset] : [Self.missing] }
        let second = await #expect(throws: StripeError.self) {
            try await lost.client.cancelSubscription("sub_1", SubscriptionCancellation())
        }
        #expect(second?.refusal?.httpStatus == 404)

        let alive = try Harness { request in
            if request.number == 0 { return [.reset] }
            return request.requestLine.hasPrefix("DELETE") ? [Self.missing] : [Self.cancelled("active")]
        }
        await #expect(throws: StripeError.self) {
            try await alive.client.cancelSubscription("sub_1", SubscriptionCancellation())
        }
    }
}
