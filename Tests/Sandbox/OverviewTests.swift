import HTTP
import JSON
import Testing

@testable import Sandbox

/// The owner's pages: what they show, whom they show it to, and who may press their buttons.
@Suite struct Overview {
    private func page(_ guest: Guest, _ path: String = "/", _ headers: HTTPHeaders = ["Host": "127.0.0.1:7173"]) -> (
        status: Int, headers: HTTPHeaders, text: String
    ) {
        let answer = guest.engine.handle(HTTPRequest(method: "GET", target: path, headers: headers), now: guest.now)
        return (answer.status, answer.headers, String(decoding: answer.body, as: UTF8.self))
    }

    @Test func `the page shows what the sandbox holds`() {
        let guest = Guest()
        let customer = guest.customer()
        let subscription = guest.subscription(of: customer, to: guest.price("basic"))
        let text = page(guest).text
        #expect(text.contains("1 × Basic (at $5.00 / month) · renews on 1 Dec 2026 · visa ending in 4242"))
        #expect(text.contains("<li id=\"\(subscription.id)\">"))
        #expect(text.contains("<li id=\"\(customer)\">"))
        #expect(text.contains("<b>customer.<wbr>subscription.<wbr>created</b>"))
        #expect(text.contains("<span class=\"badge good\">paid</span>"))
        #expect(text.contains("1 Nov 2026, 00:00:00"))
        #expect(text.contains("formaction=\"/sandbox/customers/\(customer)/decline_next\""))
        #expect(!text.contains("/deliver\""), "nobody wants events")
        guest.engine.hasConfiguredEndpoint = true
        #expect(page(guest).text.contains("/deliver\""))
        _ = guest.post("/sandbox/customers/\(customer)/decline_next")
        #expect(page(guest).text.contains("next payment fails: generic_decline"))
        guest.advance(90_000)
        #expect(page(guest).text.contains("UTC, 1 day ahead"))
        guest.advance(29 * 86_400)
        #expect(page(guest).text.contains("<span class=\"badge bad\">past due</span>"))
    }

    @Test func `an empty sandbox says so, and a full one shows its newest`() {
        let guest = Guest()
        #expect(page(guest).text.contains("None yet."))
        let ids = (0..<70).map { guest.post("/v1/customers", "name=Customer \($0)").id }
        let text = page(guest).text
        #expect(text.contains("the newest 25 of 70"))
        #expect(text.contains("the newest 60 of 7"))
        #expect(text.contains("<li id=\"\(ids[69])\">"))
        #expect(!text.contains("<li id=\"\(ids[3])\">"))
        #expect(text.utf8.count < 65_536)
    }

    @Test func `whatever was written into objects is text`() {
        let guest = Guest()
        let evil = "%3Cscript%3Ealert(1)%3C/script%3E%22onload=%22%27"
        let customer = guest.post("/v1/customers", "name=\(evil)&email=\(evil)@example.com&metadata[a]=\(evil)").id
        let product = guest.post("/v1/products", "name=\(evil)").id
        let price = guest.post(
            "/v1/prices", "product=\(product)&currency=usd&unit_amount=900&recurring[interval]=month"
        ).id
        _ = guest.subscription(of: customer, to: price, "payment_behavior=default_incomplete")
        _ = guest.post("/sandbox/snapshots", "name=\(evil)")
        for path in ["/", "/sandbox/objects/\(customer)", "/sandbox/objects/\(product)", "/sandbox/objects/\(evil)"] {
            let text = page(guest, path).text
            #expect(!text.contains("<script>"), "\(path)")
            #expect(!text.contains("\"onload"), "\(path)")
        }
        #expect(page(guest, "/sandbox/objects/cus_%3Cscript%3E").status == 404)
    }

    @Test func `an object's page leads to the objects that it names`() {
        let guest = Guest()
        let customer = guest.customer()
        let subscription = guest.subscription(of: customer, to: guest.price("basic")).id
        let shown = page(guest, "/sandbox/objects/\(subscription)")
        #expect(shown.status == 200)
        #expect(shown.text.contains("<a href=\"/sandbox/objects/\(customer)\">\(customer)</a>&quot;"))
        #expect(!shown.text.contains("&quot;_"), "what is the sandbox's own stays hidden")
        #expect(page(guest, "/sandbox/objects/\(customer)_x").status == 404)
        _ = guest.call("DELETE", "/v1/customers/\(customer)")
        #expect(page(guest, "/sandbox/objects/\(customer)").text.contains("deleted"))
    }

    @Test func `pages bring their own style and script, and nothing else`() {
        let guest = Guest()
        let shown = page(guest)
        let policy = shown.headers["Content-Security-Policy"] ?? ""
        #expect(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"))
        #expect(shown.headers["Access-Control-Allow-Origin"] == nil, "no other page may read it")
        #expect(shown.text.contains("href=\"/sandbox/page.css\"") && shown.text.contains("src=\"/sandbox/page.js\""))
        let style = page(guest, "/sandbox/page.css")
        #expect(style.headers["Content-Type"]?.hasPrefix("text/css") == true)
        let script = page(guest, "/sandbox/page.js")
        #expect(script.headers["Content-Type"]?.hasPrefix("text/javascript") == true)
        for text in [shown.text, style.text, script.text] {
            #expect(!text.contains("https://") && !text.contains("url(") && !text.contains("@import"))
        }
    }

    // MARK: Who may look, and order

    @Test(arguments: ["127.0.0.1:7173", "localhost:7173", "[::1]:7173", "sandbox.localhost", "192.168.0.4"])
    func `the page is there under this machine's own names`(_ host: String) {
        #expect(page(Guest(), "/", ["Host": host]).text.contains("id=\"owner\""))
    }

    @Test(arguments: [
        "evil.example", "localhost.evil.example", "127.0.0.1.evil.example:7173", "1x", "host.docker.internal",
    ])
    func `a name that a web site may have lent to this machine sees nothing`(_ host: String) {
        let guest = Guest()
        let customer = guest.customer()
        let text = page(guest, "/", ["Host": host]).text
        #expect(!text.contains("id=\"owner\"") && !text.contains(customer) && !text.contains("sk_test"))
        #expect(!page(guest, "/sandbox/objects/\(customer)", ["Host": host]).text.contains("jenny@example.com"))
    }

    @Test func `with strict keys there is no page that carries one`() {
        let keys = SandboxKeys(secretKey: "sk_test_only", publishableKey: "pk_test_only", isStrict: true)
        let engine = SandboxEngine(seed: 7, openedAt: 0, keys: keys)
        let answer = engine.handle(HTTPRequest(method: "GET", target: "/", headers: ["Host": "localhost"]), now: 0)
        #expect(answer.status == 200)
        #expect(!String(decoding: answer.body, as: UTF8.self).contains("sk_test_only"))
    }

    /// Who sends an order, by the headers of a browser, and whether it is taken.
    @Test(
        arguments: [
            ("127.0.0.1:7173", nil, nil, true),
            ("127.0.0.1:7173", "http://127.0.0.1:7173", "same-origin", true),
            ("localhost:7173", "http://localhost:7173", nil, true),
            ("127.0.0.1:7173", "https://evil.example", nil, false),
            ("127.0.0.1:7173", "https://evil.example", "cross-site", false),
            ("127.0.0.1:7173", "http://127.0.0.1:3000", "same-site", false),
            ("127.0.0.1:7173", "null", nil, false),
            ("127.0.0.1:7173", nil, "cross-site", false),
            ("evil.example:7173", "http://evil.example:7173", "same-origin", false),
            ("host.docker.internal:7173", nil, nil, true),
        ] as [(String, String?, String?, Bool)])
    func `orders come from programs and from the page`(_ row: (host: String, origin: String?, site: String?, taken: Bool)) {
        let guest = Guest()
        let customer = guest.customer()
        let mark = guest.entries.count
        var headers: HTTPHeaders = ["Host": row.host]
        if let origin = row.origin { headers.add("Origin", origin) }
        if let site = row.site { headers.add("Sec-Fetch-Site", site) }
        for path in [
            "clock/advance?seconds=60", "customers/\(customer)/decline_next", "snapshots", "settings?upcoming_days=3",
            "snapshots/snap_1/restore", "reset",
        ] {
            let answer = guest.call("POST", "/sandbox/\(path)", headers: headers)
            #expect(answer.status == (row.taken ? 200 : 403), "\(path): \(answer.body.text)")
        }
        let deleted = guest.call("DELETE", "/sandbox/faults", headers: headers)
        #expect(deleted.status == (row.taken ? 200 : 403))
        #expect((guest.entries.count > mark) == row.taken)
    }

    @Test func `the customer's pages may be anywhere`() {
        let guest = Guest()
        let customer = guest.customer(paying: nil)
        let intent = guest.post(
            "/v1/payment_intents",
            "amount=900&currency=eur&confirm=true&payment_method=pm_card_threeDSecure2Required&customer=\(customer)")
        #expect(intent["status"] == "requires_action")
        let answer = guest.call(
            "POST", "/sandbox/authenticate/\(intent.id)",
            "outcome=succeed&client_secret=\(intent["client_secret"]?.stringValue ?? "")", key: "pk_test_1",
            headers: ["Host": "127.0.0.1:7173", "Origin": "https://shop.example", "Sec-Fetch-Site": "cross-site"])
        #expect(answer["status"] == "succeeded")
    }

    @Test func `a button leads back to the page`() {
        let guest = Guest()
        let answer = guest.call(
            "POST", "/sandbox/clock/advance", "by=day&page=true",
            headers: ["Host": "localhost:7173", "Origin": "http://localhost:7173"])
        #expect(answer.status == 303)
        #expect(answer.headers["Location"] == "/")
        #expect(guest.engine.clockOffset == 86_400)
        #expect(guest.entries.count == 1)
    }
}
