import JSON
import Testing

@testable import Sandbox

/// The search language, and the endpoints that speak it.
@Suite struct Search {
    /// Percent-encodes what means something in a query string.
    private func encoded(_ query: String) -> String {
        query.reduce(into: "") { text, character in
            switch character {
            case " ": text += "+"
            case "\"": text += "%22"
            case "&": text += "%26"
            case "+": text += "%2B"
            default: text.append(character)
            }
        }
    }

    private func guest() -> Guest {
        let guest = Guest()
        for (name, tier) in [("Jenny Rosen", "gold"), ("Jean Valjean", "silver"), ("Mary", "")] {
            let more = tier.isEmpty ? "" : "&metadata[tier]=\(tier)&email=\(name.prefix(4))@example.com"
            _ = guest.post("/v1/customers", "name=\(name)\(more)")
            guest.now += 10
        }
        return guest
    }

    @Test(arguments: [
        ("name:\"jenny rosen\"", ["Jenny Rosen"]), ("name~\"jea\"", ["Jean Valjean"]),
        ("-name~\"jen\"", ["Mary", "Jean Valjean"]),
        ("metadata[\"tier\"]:\"gold\"", ["Jenny Rosen"]), ("metadata['tier']:'silver'", ["Jean Valjean"]),
        ("email:null", ["Mary"]), ("-email:null AND name~\"val\"", ["Jean Valjean"]),
        ("name:\"Mary\" OR metadata[\"tier\"]:\"gold\"", ["Mary", "Jenny Rosen"]),
        ("email:\"jenn@example.com\" name:\"Jenny Rosen\"", ["Jenny Rosen"]),
        ("created>1793491205 AND created<=1793491210", ["Jean Valjean"]),
        ("-metadata[\"tier\"]:null", ["Jean Valjean", "Jenny Rosen"]),
        ("name:\"nobody\"", []),
    ])
    func `queries find customers, newest first`(_ query: String, _ names: [String]) {
        let answer = guest().get("/v1/customers/search", "query=\(encoded(query))")
        #expect(answer["object"] == "search_result")
        #expect(answer["data"]?.arrayValue?.compactMap { $0["name"]?.stringValue } == names)
        #expect(answer["has_more"] == false)
        #expect(answer["next_page"] == .null)
    }

    @Test(arguments: [
        "", "name", "name:Jenny", "name>\"a\"", "created~\"123\"", "name:\"open", "AND name:\"a\"", "name:\"a\" AND",
        "name:\"a\" AND email:\"b\" OR phone:\"c\"", "(name:\"a\")", "name~\"ab\"", "metadata:\"a\"",
    ])
    func `what is no query is refused`(_ query: String) {
        let answer = guest().get("/v1/customers/search", "query=\(encoded(query))")
        #expect(answer.status == 400, "\(query)")
        #expect(answer["error.param"] == "query")
    }

    @Test func `pages go on, and the count comes when it is asked for`() {
        let guest = guest()
        let query = "query=\(encoded("created>1"))&limit=2"
        let first = guest.get("/v1/customers/search", query + "&expand[]=total_count")
        #expect(first["total_count"] == 3)
        #expect(first["has_more"] == true)
        let second = guest.get("/v1/customers/search", "\(query)&page=\(first["next_page"]?.stringValue ?? "")")
        #expect(second["data"]?.arrayValue?.count == 1)
        #expect(second["total_count"] == nil)
        #expect(guest.get("/v1/customers/search", "\(query)&page=zzz")["error.param"] == "page")
        let unknown = guest.get("/v1/subscriptions/search", "query=\(encoded("name:\"a\""))")
        #expect(
            unknown["error.message"]
                == .string(
                    "Field `name` is an unsupported search field for resource `subscriptions`. See "
                        + "http://stripe.com/docs/search#query-fields-for-subscriptions for a list of supported fields."))
    }

    @Test func `subscriptions, invoices, intents, prices and products are found`() {
        let guest = Guest()
        let customer = guest.customer()
        let subscription = guest.subscription(of: customer, to: guest.price("basic"), "metadata[order]=6735")
        let cases = [
            ("subscriptions", "status:\"active\" AND metadata[\"order\"]:\"6735\"", subscription.id),
            ("invoices", "subscription:\"\(subscription.id)\" AND total>=500", subscription["latest_invoice"]?.stringValue),
            ("prices", "lookup_key:\"basic\" AND active:\"true\"", guest.price("basic")),
            ("products", "name~\"asi\"", guest.get("/v1/prices", "lookup_keys[]=basic")["data.0.product"]?.stringValue),
        ]
        for (resource, query, id) in cases {
            let answer = guest.get("/v1/\(resource)/search", "query=\(encoded(query))")
            #expect(answer["data.0.id"]?.stringValue == id, "\(resource): \(answer.body.text)")
            #expect(answer["url"] == .string("/v1/\(resource)/search"))
        }
        let charged = encoded("amount:500 AND customer:\"\(customer)\"")
        let intents = guest.get("/v1/payment_intents/search", "query=\(charged)&expand[]=data.customer")
        #expect(intents["data.0.customer.id"] == .string(customer))
        #expect(intents["data.0.status"] == "succeeded")
        _ = guest.call("DELETE", "/v1/customers/\(customer)")
        #expect(guest.get("/v1/subscriptions/search", "query=\(encoded("status:\"active\""))")["data"] == [])
        #expect(guest.get("/v1/customers/search", "query=\(encoded("name:\"Jenny\""))")["data"] == [])
    }
}
