import Crypto
import HTTP
import JSON
import Testing

@testable import Sandbox

/// The wire: forms, tables, keys, errors, lists, expansion, idempotency.
@Suite struct Wire {
    @Test func `every endpoint's table reads, and no endpoint hides another`() {
        let routes = Account.productRoutes + Account.subscriptionRoutes + Account.previewRoutes + Account.invoiceRoutes
        #expect(routes.count > 15)
        let router = Router.standard
        let preview = router.find(method: "POST", path: ["v1", "invoices", "create_preview"])
        #expect(preview?.0.segments.last == "create_preview")
    }

    @Test(arguments: [
        "items[0][price]=p&items[0][quantity]=2&items[1][price]=q",
        "items%5B0%5D%5Bprice%5D=p&items%5B0%5D%5Bquantity%5D=2&items%5B1%5D%5Bprice%5D=q",
        "items[][price]=p&items[][quantity]=2&items[][price]=q",
        "items[0][price]=x&items[0][price]=p&items[0][quantity]=2&items[1][price]=q",
    ])
    func `the spellings of a nested form mean the same`(_ form: String) throws {
        let node = try #require(FormNode(form.utf8))
        let table = Parameter.table("items:[{price quantity:int}]")
        let decoded = try ParameterDecoder.decode(node, table)
        #expect(JSONValue.object(decoded) == ["items": [["price": "p", "quantity": 2], ["price": "q"]]])
    }

    @Test func `escapes and plus signs are decoded, broken escapes stand`() throws {
        let pairs = FormNode.pairs("a=1+2%26%C3%A9&b=%zz&c".utf8)
        #expect(pairs.map(\.value) == ["1 2&é", "%zz", ""])
    }

    struct Refusal: Sendable, CustomTestStringConvertible {
        let call: String
        let form: String
        let status: Int
        let code: String?
        let param: String?
        let message: String
        var testDescription: String { "\(call) \(form)" }
    }

    @Test(arguments: [
        Refusal(
            call: "POST /v1/customers", form: "nope=1", status: 400, code: "parameter_unknown", param: "nope",
            message: "Received unknown parameter: nope"),
        Refusal(
            call: "POST /v1/customers", form: "invoice_settings[nope]=x", status: 400, code: "parameter_unknown",
            param: "invoice_settings[nope]", message: "Received unknown parameter: invoice_settings[nope]"),
        Refusal(
            call: "GET /v1/customers", form: "limit=abc", status: 400, code: "parameter_invalid_integer",
            param: "limit", message: "Invalid integer: abc"),
        Refusal(
            call: "POST /v1/customers", form: "tax_exempt=maybe", status: 400, code: nil, param: "tax_exempt",
            message: "Invalid tax_exempt: must be one of none, reverse, or exempt"),
        Refusal(
            call: "POST /v1/products", form: "", status: 400, code: "parameter_missing", param: "name",
            message: "Missing required param: name."),
        Refusal(
            call: "GET /v1/customers/cus_x", form: "", status: 404, code: "resource_missing", param: "id",
            message: "No such customer: 'cus_x'"),
        Refusal(
            call: "GET /v1/prices/price_x", form: "", status: 404, code: "resource_missing", param: "price",
            message: "No such price: 'price_x'"),
        Refusal(
            call: "GET /v1/invoices/in_x", form: "", status: 404, code: "resource_missing", param: "invoice",
            message: "No such invoice: 'in_x'"),
        Refusal(
            call: "POST /v1/invoices/in_x/pay", form: "", status: 404, code: "resource_missing", param: "id",
            message: "No such invoice: 'in_x'"),
        Refusal(
            call: "GET /v1/nothing", form: "", status: 404, code: nil, param: nil,
            message: "Unrecognized request URL (GET: /v1/nothing). Please see https://stripe.com/docs or we can help at "
                + "https://support.stripe.com/."),
        Refusal(
            call: "GET /v1/prices", form: "expand[]=product", status: 400, code: nil, param: "expand",
            message: "This property cannot be expanded (product). You may want to try expanding 'data.product' instead."),
        Refusal(
            call: "GET /v1/prices", form: "expand[]=data.currency", status: 400, code: nil, param: "expand",
            message: "This property cannot be expanded (data.currency)."),
        Refusal(
            call: "POST /v1/subscription_items", form: "price=p", status: 400, code: "parameter_missing",
            param: "subscription", message: "Missing required param: subscription."),
    ])
    func `refusals have Stripe's words`(_ row: Refusal) {
        let parts = row.call.split(separator: " ").map(String.init)
        let answer = Guest().call(parts[0], parts[1], row.form)
        #expect(answer.status == row.status)
        #expect(answer["error.message"] == .string(row.message))
        #expect(answer["error.code"]?.stringValue == row.code)
        #expect(answer["error.param"]?.stringValue == row.param)
        #expect(answer["error.type"] == "invalid_request_error")
    }

    @Test func `keys come as Bearer, as Basic or as a parameter; others are refused`() {
        let engine = SandboxEngine(seed: 1, openedAt: 0)
        func status(_ headers: HTTPHeaders, _ target: String = "/v1/prices") -> Int {
            engine.handle(HTTPRequest(method: "GET", target: target, headers: headers), now: 1).status
        }
        #expect(status(["Authorization": "Bearer sk_test_x"]) == 200)
        #expect(status(["Authorization": "Basic c2tfdGVzdF94Og=="]) == 200)
        #expect(status([:]) == 401)
        #expect(status(["Authorization": "Bearer sk_live_x"]) == 401)
        #expect(status(["Authorization": "Bearer sk_test_"]) == 401)
        let strict = SandboxEngine(
            seed: 1, openedAt: 0, keys: SandboxKeys(secretKey: "sk_test_mine", isStrict: true))
        let other = HTTPRequest(method: "GET", target: "/v1/prices", headers: ["Authorization": "Bearer sk_test_x"])
        let refused = strict.handle(other, now: 1)
        #expect(refused.status == 401)
        #expect(!String(decoding: refused.body, as: UTF8.self).contains("sk_test_x\""))
        let mine = HTTPRequest(method: "GET", target: "/v1/prices", headers: ["Authorization": "Bearer sk_test_mine"])
        #expect(strict.handle(mine, now: 1).status == 200)
    }

    @Test func `an idempotency key gives the first answer again, a decline too, and refuses another request`() {
        let guest = Guest()
        let key: HTTPHeaders = ["Idempotency-Key": "k1"]
        let first = guest.call("POST", "/v1/customers", "name=A&email=a", headers: key)
        let again = guest.call("POST", "/v1/customers", "email=a&name=A", headers: key)
        #expect(again.id == first.id)
        #expect(again.headers["Idempotent-Replayed"] == "true")
        #expect(first.headers["Idempotent-Replayed"] == nil)
        #expect(again.headers["Original-Request"] == first.headers["Request-Id"])
        let other = guest.call("POST", "/v1/customers", "name=B", headers: key)
        #expect(other.status == 400)
        #expect(other["error.type"] == "idempotency_error")

        let fresh: HTTPHeaders = ["Idempotency-Key": "k2"]
        #expect(guest.call("POST", "/v1/customers", "nope=1", headers: fresh).status == 400)
        #expect(guest.call("POST", "/v1/customers", "name=C", headers: fresh).status == 200, "a refusal is not kept")
        let decline: HTTPHeaders = ["Idempotency-Key": "k3"]
        let path = "/v1/payment_methods/pm_card_chargeDeclined/attach"
        let form = "customer=\(first.id)"
        #expect(guest.call("POST", path, form, headers: decline).status == 402)
        #expect(guest.call("POST", path, form, headers: decline).headers["Idempotent-Replayed"] == "true")
        guest.now += 24 * 3600
        #expect(guest.call("POST", "/v1/customers", "name=A&email=a", headers: key).id != first.id, "a day has passed")
    }

    @Test func `pages go both ways, and a deleted customer still is a cursor`() throws {
        let guest = Guest()
        let ids = (0..<5).map { guest.post("/v1/customers", "email=p&name=\($0)").id }
        func page(_ form: String) -> [String] {
            (guest.get("/v1/customers", form)["data"]?.arrayValue ?? []).compactMap { $0["id"]?.stringValue }
        }
        #expect(page("limit=2") == [ids[4], ids[3]])
        #expect(guest.get("/v1/customers", "limit=2")["has_more"] == true)
        _ = guest.call("DELETE", "/v1/customers/\(ids[3])")
        #expect(page("limit=2&starting_after=\(ids[3])") == [ids[2], ids[1]])
        #expect(page("limit=1&ending_before=\(ids[0])") == [ids[1]])
        #expect(page("ending_before=\(ids[2])") == [ids[4]])
        #expect(page("limit=0").count == 1)
        #expect(page("limit=101").count == 4)
        #expect(guest.get("/v1/customers", "starting_after=cus_no").status == 400)
        #expect(page("created[gt]=\(guest.now)") == [])
        #expect(page("created=\(guest.now)").count == 4)
    }

    @Test func `metadata merges, and empty values remove`() {
        let guest = Guest()
        let customer = guest.post("/v1/customers", "metadata[a]=1&metadata[b]=2").id
        let merged = guest.post("/v1/customers/\(customer)", "metadata[b]=&metadata[c]=3")
        #expect(merged["metadata"] == ["a": "1", "c": "3"])
        let mark = guest.eventCount
        #expect(guest.post("/v1/customers/\(customer)", "metadata=")["metadata"] == [:])
        #expect(guest.events(since: mark) == ["customer.updated"])
        #expect(guest.post("/v1/customers/\(customer)", "name=")["name"] == .null)
    }

    @Test func `metadata has fifty keys at most, those that were there included`() {
        let guest = Guest()
        let full = (1...50).map { "metadata[k\($0)]=v" }.joined(separator: "&")
        let customer = guest.post("/v1/customers", full).id
        #expect(guest.call("POST", "/v1/customers/\(customer)", "metadata[more]=v").status == 400)
        #expect(guest.get("/v1/customers/\(customer)")["metadata.more"] == nil, "nothing was kept")
        #expect(guest.post("/v1/customers/\(customer)", "metadata[k1]=&metadata[more]=v")["metadata.more"] == "v")
    }

    @Test func `a currency is one of Stripe's`() {
        let guest = Guest()
        let form = "unit_amount=1&product_data[name]=P&currency="
        #expect(guest.post("/v1/prices", form + "EUR")["currency"] == "eur")
        let refused = guest.call("POST", "/v1/prices", form + "xyz")
        #expect(refused.status == 400 && refused.error["param"] == "currency")
        let words = "Invalid currency: xyz. Stripe currently supports these currencies: usd, aed, afn, "
        #expect(refused.error["message"]?.stringValue?.hasPrefix(words) == true)
    }

    @Test func `older versions of the API see older shapes`() {
        let guest = Guest()
        let old: HTTPHeaders = ["Stripe-Version": "2026-08-26.dahlia"]
        let customer = guest.customer()
        let subscription = guest.subscription(of: customer, to: guest.price("basic")).id
        let path = "/v1/subscriptions/\(subscription)"
        #expect(guest.get(path).body.objectValue?.has("status_details") == true)
        let shown = guest.call("GET", path, headers: old)
        #expect(shown.body.objectValue?.has("status_details") == false)
        #expect(shown.headers["Stripe-Version"] == "2026-08-26.dahlia")
    }

    @Test(
        arguments: [
            (
                #"{"id":"evt_test_webhook","object":"event"}"#, "whsec_test_secret", 1_700_000_000,
                "d95c6b7477fbd7e9f90b1b0ef5f9c7ac25abca5382460e0d988c2b2a5b71b990"
            ),
            ("", "whsec_test_secret", 1_700_000_002, "83853fe6f945369644e0f7e5e3f95b8b638181e6b36d378e490aff386a46fa1c"),
            (
                #"{"id":"evt_utf8","name":"Zoë – 東京 €"}"#, "whsec_test_secret", 1_700_000_001,
                "7734a0c174c7171f0a790f0ee73e3d49edfe378c492c586967709f1b21fcd317"
            ),
        ] as [(String, String, Int64, String)])
    func `events are signed as Stripe's own library verifies`(_ body: String, _ secret: String, _ time: Int64, _ v1: String)
    {
        #expect(WebhookRequest.signature(secret: secret, body: Array(body.utf8), time: time) == "t=\(time),v1=\(v1)")
    }
}
