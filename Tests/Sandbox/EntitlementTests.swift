import JSON
import Testing

@testable import Sandbox

/// Features, and who is entitled to them when.
@Suite struct Entitlements {
    private func product(_ guest: Guest, _ key: String) -> String {
        guest.get("/v1/prices", "lookup_keys[]=\(key)")["data.0.product"]?.stringValue ?? ""
    }

    /// The lookup keys of what a customer is entitled to.
    private func held(_ guest: Guest, _ customer: String) -> [JSONValue] {
        (guest.get("/v1/entitlements/active_entitlements", "customer=\(customer)")["data"]?.arrayValue ?? [])
            .compactMap { $0["lookup_key"] }.reversed()
    }

    @Test func `features are kept, listed and archived`() {
        let guest = Guest()
        let feature = guest.post("/v1/entitlements/features", "name=Exports&lookup_key=exports&metadata[a]=b")
        #expect(feature.id.hasPrefix("feat_test_61"))
        #expect(feature["active"] == true)
        let twin = guest.call("POST", "/v1/entitlements/features", "name=Other&lookup_key=exports")
        #expect(twin["error.param"] == "lookup_key")
        #expect(guest.get("/v1/entitlements/features", "lookup_key=exports")["data.0.id"] == .string(feature.id))
        let path = "/v1/entitlements/features/\(feature.id)"
        #expect(guest.post(path, "active=false&name=Old")["name"] == "Old")
        #expect(guest.get("/v1/entitlements/features")["data"] == [])
        #expect(guest.get("/v1/entitlements/features", "archived=true")["data.0.metadata.a"] == "b")
        #expect(guest.post("/v1/entitlements/features", "name=Other&lookup_key=exports").id != feature.id)
        #expect(guest.get("/v1/entitlements/features/feat_none")["error.code"] == "resource_missing")
    }

    @Test func `a product grants the features that are attached to it`() {
        let guest = Guest()
        let basic = product(guest, "basic")
        let feature = guest.post("/v1/entitlements/features", "name=Exports&lookup_key=exports")
        let attached = guest.post("/v1/products/\(basic)/features", "entitlement_feature=\(feature.id)")
        #expect(attached.id.hasPrefix("prodft_"))
        #expect(attached["entitlement_feature"] == feature.body)
        let twice = guest.call("POST", "/v1/products/\(basic)/features", "entitlement_feature=\(feature.id)")
        #expect(twice["error.param"] == "entitlement_feature")
        #expect(guest.get("/v1/products/\(basic)/features")["data.0.id"] == .string(attached.id))
        #expect(guest.get("/v1/products/\(product(guest, "premium"))/features/\(attached.id)").status == 404)
        let path = "/v1/products/\(basic)/features/\(attached.id)"
        #expect(guest.get(path).body == attached.body)
        #expect(
            guest.call("DELETE", path).body == [
                "deleted": true, "id": .string(attached.id), "object": "product_feature",
            ])
        #expect(guest.get("/v1/products/\(basic)/features")["data"] == [])
    }

    @Test func `a customer has them while the subscription lives, and the event says so last`() throws {
        let guest = Guest()
        let feature = guest.post("/v1/entitlements/features", "name=Exports&lookup_key=exports")
        _ = guest.post("/v1/products/\(product(guest, "basic"))/features", "entitlement_feature=\(feature.id)")
        let customer = guest.customer()
        let mark = guest.eventCount
        let subscription = guest.subscription(of: customer, to: guest.price("basic"))
        #expect(guest.events(since: mark).last == "entitlements.active_entitlement_summary.updated")
        let event = try guest.event("entitlements.active_entitlement_summary.updated")
        #expect(event.at("data.object.customer") == .string(customer))
        #expect(event.at("data.object.entitlements.data.0.lookup_key") == "exports")
        #expect(event.at("data.object.entitlements.url") == .string("/v1/customer/\(customer)/entitlements"))
        #expect(event.at("data.previous_attributes.entitlements.data") == [])
        let list = guest.get("/v1/entitlements/active_entitlements", "customer=\(customer)&expand[]=data.feature")
        #expect(list["data.0.feature"] == feature.body)
        let id = list["data.0.id"]?.stringValue ?? ""
        #expect(id.hasPrefix("ent_test_61"))
        #expect(guest.get("/v1/entitlements/active_entitlements/\(id)")["feature"] == .string(feature.id))
        _ = guest.call("DELETE", "/v1/subscriptions/\(subscription.id)")
        #expect(held(guest, customer) == [])
        #expect(
            guest.events().suffix(2) == [
                "customer.subscription.deleted", "entitlements.active_entitlement_summary.updated",
            ])
        #expect(guest.get("/v1/entitlements/active_entitlements/\(id)").status == 404)
        #expect(guest.get("/v1/entitlements/active_entitlements")["error.param"] == "customer")
    }

    @Test func `an unpaid beginning grants nothing, another price grants other features at once`() {
        let guest = Guest()
        for key in ["basic", "premium"] {
            let feature = guest.post("/v1/entitlements/features", "name=\(key)&lookup_key=\(key)-feature")
            _ = guest.post("/v1/products/\(product(guest, key))/features", "entitlement_feature=\(feature.id)")
        }
        let waiting = guest.customer(paying: nil)
        _ = guest.subscription(of: waiting, to: guest.price("basic"), "payment_behavior=default_incomplete")
        #expect(held(guest, waiting) == [])
        let customer = guest.customer()
        let subscription = guest.subscription(of: customer, to: guest.price("basic"))
        #expect(held(guest, customer) == ["basic-feature"])
        let item = subscription["items.data.0.id"]?.stringValue ?? ""
        let mark = guest.eventCount
        _ = guest.post("/v1/invoices/create_preview", "subscription=\(subscription.id)")
        #expect(guest.eventCount == mark)
        _ = guest.post("/v1/subscription_items/\(item)", "price=\(guest.price("premium"))")
        #expect(held(guest, customer) == ["premium-feature"])
    }

    @Test func `what is attached or detached later counts from the next period on`() {
        let guest = Guest()
        let basic = product(guest, "basic")
        let first = guest.post("/v1/entitlements/features", "name=First&lookup_key=first")
        let attached = guest.post("/v1/products/\(basic)/features", "entitlement_feature=\(first.id)")
        let customer = guest.customer()
        let subscription = guest.subscription(of: customer, to: guest.price("basic"))
        _ = guest.call("DELETE", "/v1/products/\(basic)/features/\(attached.id)")
        let second = guest.post("/v1/entitlements/features", "name=Second&lookup_key=second")
        _ = guest.post("/v1/products/\(basic)/features", "entitlement_feature=\(second.id)")
        _ = guest.post("/v1/subscriptions/\(subscription.id)", "metadata[a]=b")
        #expect(held(guest, customer) == ["first"])
        guest.advance(30 * 86_400)
        #expect(held(guest, customer) == ["second"])
    }
}
