import JSON
import Store
import Testing

@testable import Service

@Suite struct MirrorMappingTests {
    @Test func `what was expanded is put back to ids, and no client secret is kept`() throws {
        let subscription: JSONValue = [
            "id": "sub_1", "object": "subscription", "customer": ["id": "cus_1", "object": "customer"], "status": "active",
            "created": 5,
            "items": ["object": "list", "data": [["id": "si_1", "price": ["id": "price_1", "product": "prod_1"]]]],
            "latest_invoice": [
                "id": "in_1", "object": "invoice", "confirmation_secret": ["client_secret": "pi_1_secret_x"],
            ],
            "pending_setup_intent": ["id": "seti_1", "object": "setup_intent", "client_secret": "seti_1_secret_x"],
        ]
        let object = try #require(MirrorObject(subscription))
        let raw = try JSONValue(parsing: object.raw)
        #expect(raw["latest_invoice"] == "in_1" && raw["customer"] == "cus_1" && raw["pending_setup_intent"] == "seti_1")
        #expect(!object.raw.contains("_secret_"))
        guard case .subscription(let record) = object.record else {
            Issue.record("the record is of another kind")
            return
        }
        #expect(record.customer == "cus_1" && record.items.map(\.product) == ["prod_1"])
    }

    @Test func `a deleted stub is an object that is gone`() throws {
        let object = try #require(MirrorObject(["id": "cus_1", "object": "customer", "deleted": true]))
        #expect(object.isDeleted && object.kind == .customers)
    }

    @Test func `what an object does not say is told from what it says is null`() throws {
        let object = try #require(MirrorObject(["id": "cus_1", "object": "customer", "email": nil]))
        #expect(object.unsaid == ["name"])
        let older = try #require(
            MirrorObject(["id": "prod_1", "object": "product", "name": "Pro", "features": [["name": "reports"]]]))
        #expect(older.unsaid == ["active"], "features stood elsewhere once")
    }

    @Test func `a subscription that came without all its items is partial`() throws {
        let items: JSONValue = ["object": "list", "has_more": true, "data": [["id": "si_1", "price": "price_1"]]]
        let object: JSONValue = [
            "id": "sub_1", "object": "subscription", "customer": "cus_1", "status": "active", "items": items,
        ]
        #expect(try #require(MirrorObject(object)).isPartial)
    }

    @Test(arguments: ["charge", "balance", "plan"])
    func `what the mirror does not hold is passed over`(type: String) {
        #expect(MirrorObject(["id": "x_1", "object": .string(type)]) == nil)
    }
}
