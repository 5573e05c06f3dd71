import JSON
import Stripe
import Testing

@testable import Service

@Suite struct OrdersTests {
    @Test func `an order is the same after it was kept`() throws {
        let items = [
            SubscriptionItemChange(id: "si_1", price: "price_1", quantity: 3), SubscriptionItemChange(price: "price_2"),
            SubscriptionItemChange(id: "si_2", deleted: true),
        ]
        let order = SubscriptionOrder(items: items, promotionCode: "promo_1")
        let kept = try #require(SubscriptionOrder(try JSONValue(parsing: order.json.bytes)))
        #expect(kept.items == items && kept.promotionCode == "promo_1")
        let none = try #require(
            SubscriptionOrder(try JSONValue(parsing: SubscriptionOrder(items: [], promotionCode: nil).json.bytes)))
        #expect(none.items.isEmpty && none.promotionCode == nil)
    }

    @Test(arguments: [nil, 1_700_000_000] as [Int64?])
    func `a change of plan is the same after it was kept`(prorationDate: Int64?) throws {
        let json: JSONValue = [
            "subscription": "sub_1",
            "items": [["id": "si_1", "price": "price_1", "quantity": 2, "deleted": nil, "replaces": "price_0"]],
            "prorationBehavior": "always_invoice", "isAtPeriodEnd": .bool(prorationDate == nil), "interval": "month",
            "intervalCount": 3, "prorationDate": prorationDate.map { .integer($0) } ?? .null,
            "effectiveAt": 1_700_000_001, "invoiceBefore": "in_1", "schedule": "sub_sched_1",
        ]
        let order = try #require(PlanOrder(json))
        #expect(order.json == json)
        #expect(order.items.map(\.change) == [SubscriptionItemChange(id: "si_1", price: "price_1", quantity: 2)])
        #expect(order.isAtPeriodEnd == (prorationDate == nil))
        #expect(order.prorationDate == prorationDate)
    }

    @Test(arguments: [["cancellation"], ["pausedCollection", "pause"], []])
    func `what is to be taken back is the same after it was kept`(resumed: [String]) throws {
        let json: JSONValue = ["resumed": .array(resumed.map { .string($0) }), "cancelsAtDate": true]
        #expect(try #require(ResumeOrder(json)).json == json)
    }

    @Test func `what is no order is none`() {
        #expect(ResumeOrder([:]) == nil)
        #expect(SubscriptionOrder([:]) == nil)
        #expect(PlanOrder(["subscription": "sub_1"]) == nil)
    }
}
