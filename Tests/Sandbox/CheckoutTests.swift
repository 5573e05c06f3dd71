import HTTP
import JSON
import Testing

@testable import Sandbox

/// Checkout sessions, and the page on which they are paid.
@Suite struct Checkout {
    private func session(_ guest: Guest, _ more: String = "", price: String = "basic") -> Guest.Answer {
        guest.post(
            "/v1/checkout/sessions",
            """
            mode=subscription&line_items[0][price]=\(guest.price(price))&line_items[0][quantity]=2\
            &success_url=https%3A%2F%2Fapp.example%2Fdone%3Fsession%3D%7BCHECKOUT_SESSION_ID%7D\
            &cancel_url=https%3A%2F%2Fapp.example%2Fcart&\(more)
            """)
    }

    /// Opens an address of the sandbox as a browser does, and reads what came.
    private func open(_ guest: Guest, _ url: String) -> String {
        let request = HTTPRequest(method: "GET", target: url.replacing("http://localhost", with: ""))
        return String(decoding: guest.engine.serve(request, now: guest.now).response.body, as: UTF8.self)
    }

    /// Sends a form of the page, as the browser would, and answers where it leads.
    private func send(_ guest: Guest, _ session: String, _ fields: String) -> String {
        let request = HTTPRequest(
            method: "POST", target: "/sandbox/checkout/\(session)/pay", headers: [:],
            body: Array("key=pk_test_sandbox&page=true&\(fields)".utf8))
        let response = guest.engine.serve(request, now: guest.now).response
        #expect(response.status == 303)
        return response.headers["Location"] ?? ""
    }

    private static let card = "email=jenny%40example.com&name=Jenny&expiry=12+/+34&cvc=123&number="

    @Test func `a session is paid on its page, and only then are there a customer and a subscription`() throws {
        let guest = Guest()
        let made = session(guest, "client_reference_id=7&metadata[a]=b&subscription_data[metadata][plan]=x")
        #expect(made["status"] == "open" && made["payment_status"] == "unpaid" && made["customer"] == .null)
        #expect(made["amount_total"] == 1000 && made["currency"] == "usd" && made["ui_mode"] == "hosted_page")
        #expect(made["expires_at"] == .integer(guest.now + 86_400))
        let url = try #require(made["url"]?.stringValue)
        let page = open(guest, url)
        #expect(page.contains("2 × Basic") && page.contains("$10.00") && page.contains("name=\"number\""))
        let mark = guest.eventCount
        let back = send(guest, made.id, Self.card + "4242+4242+4242+4242")
        #expect(back == "https://app.example/done?session=\(made.id)")
        #expect(
            guest.events(since: mark) == [
                "customer.created", "payment_method.attached", "customer.subscription.created", "invoice.created",
                "invoice.finalized", "payment_intent.created", "charge.succeeded", "payment_intent.succeeded",
                "invoice.updated", "invoice.paid", "invoice.payment_succeeded", "invoice_payment.paid",
                "customer.subscription.updated", "checkout.session.completed",
            ])
        let done = guest.get(
            "/v1/checkout/sessions/\(made.id)",
            "expand[]=subscription&expand[]=invoice&expand[]=customer&expand[]=line_items")
        #expect(done["status"] == "complete" && done["payment_status"] == "paid" && done["url"] == .null)
        #expect(done["subscription.status"] == "active" && done["subscription.metadata.plan"] == "x")
        #expect(done["subscription.items.data.0.quantity"] == 2 && done["invoice.amount_paid"] == 1000)
        #expect(done["customer.email"] == "jenny@example.com" && done["customer_details.email"] == "jenny@example.com")
        #expect(done["line_items.data.0.amount_total"] == 1000 && done["client_reference_id"] == "7")
        #expect(open(guest, url).contains("complete"))
        #expect(send(guest, made.id, Self.card + "4242424242424242").contains("error="), "once is enough")
        guest.advance(Billing.month + 3600)
        #expect(guest.get("/v1/subscriptions/\(done["subscription.id"]?.stringValue ?? "")")["status"] == "active")
    }

    @Test func `a declined card leaves nothing but the words on the page`() {
        let guest = Guest()
        let made = session(guest)
        let mark = guest.eventCount
        for number in ["4000000000009995", "4000000000000341", "4242424242424241"] {
            let again = send(guest, made.id, Self.card + number)
            #expect(again.hasPrefix("/sandbox/checkout/\(made.id)?error=Your%20card"), "\(again)")
            #expect(open(guest, again).contains("role=\"alert\">Your card"))
        }
        #expect(guest.eventCount == mark && guest.get("/v1/customers")["data"] == [])
        #expect(guest.get("/v1/checkout/sessions/\(made.id)")["status"] == "open")
        let refused = guest.call("POST", "/sandbox/checkout/\(made.id)/pay", "payment_method=pm_card_chargeCustomerFail")
        #expect(refused.status == 402 && refused.error["code"] == "card_declined")
        #expect(guest.eventCount == mark)
    }

    @Test(arguments: ["succeed", "fail"])
    func `a card that asks leads to the bank's question first`(_ outcome: String) throws {
        let guest = Guest()
        let made = session(guest)
        let question = send(guest, made.id, Self.card + "4000002500003155")
        let page = open(guest, question)
        #expect(page.contains("3D Secure"))
        let method = try #require(question.components(separatedBy: "method=").last)
        let back = send(guest, made.id, "payment_method=\(method)&authenticated=\(outcome)&email=jenny%40example.com")
        let done = guest.get("/v1/checkout/sessions/\(made.id)")
        #expect(done["status"] == (outcome == "succeed" ? "complete" : "open"))
        #expect(back.contains("error=") == (outcome == "fail"))
        #expect(
            guest.call("POST", "/sandbox/checkout/\(made.id)/pay", "payment_method=pm_card_threeDSecure2Required").status
                >= 400)
    }

    @Test func `a trial without a card asks for an email alone`() {
        let guest = Guest()
        let made = session(guest, "subscription_data[trial_period_days]=7&payment_method_collection=if_required")
        #expect(made["amount_total"] == 0)
        let bare = open(guest, made["url"]?.stringValue ?? "")
        #expect(!bare.contains("name=\"number\""))
        _ = send(guest, made.id, "email=jenny%40example.com")
        let done = guest.get("/v1/checkout/sessions/\(made.id)", "expand[]=subscription")
        #expect(done["payment_status"] == "no_payment_required" && done["subscription.status"] == "trialing")
        let carded = session(guest, "subscription_data[trial_period_days]=7&customer_email=mary@example.com")
        let filled = open(guest, carded["url"]?.stringValue ?? "")
        #expect(filled.contains("value=\"mary@example.com\""))
        _ = send(guest, carded.id, Self.card + "4242424242424242")
        let later = guest.get("/v1/checkout/sessions/\(carded.id)", "expand[]=subscription.default_payment_method")
        #expect(later["subscription.default_payment_method.card.last4"] == "4242")
    }

    @Test func `a debit is confirmed after the session, either way`() {
        for (token, status, event) in [
            ("pm_sepaDebit_successDelayed_at", "paid", "checkout.session.async_payment_succeeded"),
            ("pm_sepaDebit_failedDelayed_at", "unpaid", "checkout.session.async_payment_failed"),
        ] {
            let guest = Guest()
            let made = session(guest)
            let done = guest.post("/sandbox/checkout/\(made.id)/pay", "payment_method=\(token)&email=a@example.com")
            #expect(done["status"] == "complete" && done["payment_status"] == "unpaid")
            guest.advance(180)
            #expect(guest.get("/v1/checkout/sessions/\(made.id)")["payment_status"] == .string(status))
            #expect(guest.events().last == event)
        }
    }

    @Test func `a session expires by the clock or by hand, and not twice`() {
        let guest = Guest()
        let early = session(guest, "expires_at=\(guest.now + 1800)")
        let late = session(guest)
        let mark = guest.eventCount
        guest.advance(1800)
        #expect(guest.events(since: mark) == ["checkout.session.expired"])
        #expect(guest.get("/v1/checkout/sessions/\(early.id)")["status"] == "expired")
        #expect(guest.post("/v1/checkout/sessions/\(late.id)/expire")["url"] == .null)
        #expect(guest.call("POST", "/v1/checkout/sessions/\(late.id)/expire").status == 400)
        #expect(guest.get("/v1/checkout/sessions", "status=open")["data"] == [])
        #expect(guest.get("/v1/checkout/sessions/cs_test_nope").error["param"] == "session")
        #expect(guest.get("/v1/checkout/sessions")["data"]?.arrayValue?.count == 2)
    }

    @Test func `payments and setups go the same way`() {
        let guest = Guest()
        let product = guest.post("/v1/products", "name=Book").id
        let price = guest.post("/v1/prices", "product=\(product)&currency=eur&unit_amount=1200").id
        let form = "success_url=https://app.example/done&line_items[0][price]=\(price)&line_items[0][quantity]=1"
        let once = guest.post("/v1/checkout/sessions", "mode=payment&\(form)&payment_intent_data[metadata][order]=9")
        let paid = guest.post("/sandbox/checkout/\(once.id)/pay", "payment_method=pm_card_visa&expand[]=payment_intent")
        #expect(paid["payment_status"] == "paid" && paid["payment_intent.amount_received"] == 1200)
        #expect(paid["payment_intent.metadata.order"] == "9" && paid["customer"] == .null)
        let customer = guest.customer(paying: nil)
        let setup = guest.post(
            "/v1/checkout/sessions", "mode=setup&currency=eur&customer=\(customer)&success_url=https://app.example/done")
        let saved = guest.post("/sandbox/checkout/\(setup.id)/pay", "payment_method=pm_card_visa&expand[]=setup_intent")
        #expect(saved["payment_status"] == "no_payment_required" && saved["setup_intent.status"] == "succeeded")
        #expect(guest.get("/v1/customers/\(customer)/payment_methods")["data"]?.arrayValue?.count == 1)
        let mixed = guest.post(
            "/v1/checkout/sessions",
            """
            mode=subscription&\(form.replacing(price, with: guest.price("basic")))&line_items[1][quantity]=1\
            &line_items[1][price_data][currency]=usd&line_items[1][price_data][unit_amount]=900\
            &line_items[1][price_data][product_data][name]=Setup
            """)
        #expect(mixed["amount_total"] == 1400)
        let both = guest.post("/sandbox/checkout/\(mixed.id)/pay", "payment_method=pm_card_visa&expand[]=invoice")
        #expect(both["invoice.amount_paid"] == 1400)
    }

    @Test func `a customer session shows what was allowed, and nothing else`() {
        let guest = Guest()
        let made = guest.post(
            "/v1/customer_sessions",
            """
            customer=\(guest.customer())&components[payment_element][enabled]=true\
            &components[payment_element][features][payment_method_save]=enabled
            """)
        #expect(made["components.payment_element.features.payment_method_save"] == "enabled")
        #expect(made["components.payment_element.features.payment_method_remove"] == "disabled")
        #expect(made["components.buy_button.enabled"] == false && made["components.customer_sheet.features"] == .null)
        #expect(made["expires_at"] == .integer(guest.now + 1800))
        #expect(made["client_secret"]?.stringValue?.hasPrefix("cuss_secret_") == true)
        #expect(
            guest.call("POST", "/v1/customer_sessions", "customer=cus_1&components[buy_button][enabled]=true").status == 400
        )
    }

    @Test(arguments: [
        ("mode=subscription", "success_url"), ("mode=nope", "mode"), ("success_url=https://a.example", "mode"),
        ("mode=subscription&success_url=https://a.example", "line_items"),
        ("mode=subscription&ui_mode=embedded_page", "return_url"),
        ("mode=setup&success_url=https://a.example&expires_at=1", "expires_at"),
        ("mode=setup&success_url=a.example", "success_url"),
        ("mode=setup&success_url=https://a.example&subscription_data[description]=x", "subscription_data"),
    ])
    func `a session that makes no sense is refused`(_ form: String, _ param: String) {
        let refused = Guest().call("POST", "/v1/checkout/sessions", form)
        #expect(refused.status == 400 && refused.error["param"] == .string(param), "\(refused.body.text)")
    }

    @Test func `taxes and discounts are in what the session comes to, and in the invoice that follows`() {
        let guest = Guest()
        let vat = guest.post("/v1/tax_rates", "display_name=VAT&percentage=20&inclusive=false").id
        let coupon = guest.post("/v1/coupons", "percent_off=10&duration=once").id
        let form = """
            mode=subscription&success_url=https://example.com&line_items[0][price]=\(guest.price("basic"))\
            &line_items[0][quantity]=2&line_items[0][tax_rates][0]=\(vat)&discounts[0][coupon]=\(coupon)
            """
        let made = guest.post("/v1/checkout/sessions", form + "&expand[]=line_items")
        #expect(made["amount_subtotal"] == 1000 && made["amount_total"] == 1080)
        #expect(made["total_details.amount_tax"] == 180 && made["total_details.amount_discount"] == 100)
        #expect(made["line_items.data.0.amount_tax"] == 180 && made["line_items.data.0.amount_total"] == 1080)
        #expect(made["total_details.breakdown"] == nil)
        let listed = guest.get("/v1/checkout/sessions", "expand[]=data.total_details.breakdown")
        let shown = guest.get("/v1/checkout/sessions/\(made.id)", "expand[]=total_details.breakdown")
        #expect(listed["data.0.total_details"] == shown["total_details"])
        let items = guest.get("/v1/checkout/sessions/\(made.id)/line_items", "expand[]=data.discounts&expand[]=data.taxes")
        #expect(items["data.0.discounts"] == shown["total_details.breakdown.discounts"])
        #expect(items["data.0.taxes"] == shown["total_details.breakdown.taxes"])
        #expect(shown["total_details.breakdown.taxes.0.amount"] == 180)
        #expect(shown["total_details.breakdown.taxes.0.taxable_amount"] == 900)
        #expect(shown["total_details.breakdown.taxes.0.rate.display_name"] == "VAT")
        #expect(shown["total_details.breakdown.discounts.0.amount"] == 100)
        #expect(shown["total_details.breakdown.discounts.0.discount.source.coupon"] == .string(coupon))
        #expect(shown["total_details.breakdown.discounts.0.discount.checkout_session"] == .string(made.id))
        _ = guest.call(
            "POST", "/sandbox/checkout/\(made.id)/pay", "payment_method=pm_card_visa&email=j@example.com")
        let done = guest.get("/v1/checkout/sessions/\(made.id)", "expand[]=invoice")
        #expect(done["status"] == "complete" && done["invoice.total"] == 1080)
        let unknown = guest.call(
            "POST", "/v1/checkout/sessions", form.split(separator: vat).joined(separator: "txr_none"))
        #expect(unknown["error.param"] == "line_items[0][tax_rates][0]")
    }
}
