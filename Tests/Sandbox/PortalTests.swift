import HTTP
import JSON
import Testing

@testable import Sandbox

/// The customer portal: its configurations, its sessions, and its page.
@Suite struct Portal {
    private func page(_ guest: Guest, _ url: JSONValue?) -> (status: Int, text: String) {
        let path = (url?.stringValue ?? "").split(separator: "/", omittingEmptySubsequences: false).dropFirst(3).joined(
            separator: "/")
        let answer = guest.engine.handle(HTTPRequest(method: "GET", target: "/\(path)"), now: guest.now)
        return (answer.status, String(decoding: answer.body, as: UTF8.self))
    }

    /// Presses a button of a session's page, as its script does.
    private func press(_ guest: Guest, _ session: Guest.Answer, _ form: String) -> Guest.Answer {
        let secret = session["url"]?.stringValue?.split(separator: "/").last.map(String.init) ?? ""
        return guest.call("POST", "/sandbox/portal/\(secret)", form, key: "pk_test_1")
    }

    @Test func `a session leads to a page of the sandbox's own`() {
        let guest = Guest()
        let customer = guest.customer()
        _ = guest.post("/v1/customers/\(customer)", "name=A <b>Jenny</b>")
        let subscription = guest.subscription(of: customer, to: guest.price("basic"))
        let session = guest.call(
            "POST", "/v1/billing_portal/sessions", "customer=\(customer)&return_url=https://example.com/account",
            headers: ["Host": "127.0.0.1:7173"])
        #expect(session["object"] == "billing_portal.session")
        #expect(session["url"]?.stringValue?.hasPrefix("http://127.0.0.1:7173/p/session/test_") == true)
        #expect(session["configuration"]?.stringValue?.hasPrefix("bpc_") == true)
        #expect(session["_secret"] == nil)
        #expect(guest.events().last == "billing_portal.session.created")
        let (status, text) = page(guest, session["url"])
        #expect(status == 200)
        #expect(text.contains("1 × Basic (at $5.00 / month)"))
        #expect(text.contains("data-action=\"cancel\" data-subscription=\"\(subscription.id)\""))
        #expect(text.contains("A &lt;b&gt;Jenny&lt;/b&gt;"))
        #expect(text.contains("visa ending in 4242"))
        #expect(text.contains("https://example.com/account"))
        #expect(page(guest, "http://x/p/session/test_nobody").status == 404)
        #expect(guest.call("POST", "/v1/billing_portal/sessions")["error.param"] == "customer")
        let script = guest.call(
            "POST", "/v1/billing_portal/sessions", "customer=\(customer)&return_url=javascript:alert(1)")
        #expect(script["error.code"] == "url_invalid")
    }

    @Test(arguments: ["flexible", "classic"])
    func `a customer cancels at the period's end, changes their mind, and cancels again`(_ mode: String) {
        let guest = Guest()
        let customer = guest.customer()
        let subscription = guest.subscription(of: customer, to: guest.price("basic"), "billing_mode[type]=\(mode)")
        let session = guest.post("/v1/billing_portal/sessions", "customer=\(customer)")
        let path = "/v1/subscriptions/\(subscription.id)"
        let end = subscription["items.data.0.current_period_end"]
        #expect(
            press(guest, session, "action=cancel&subscription=\(subscription.id)&feedback=unused").status == 200)
        let canceled = guest.get(path)
        #expect(canceled["cancel_at"] == end)
        #expect(canceled["cancel_at_period_end"] == .bool(mode == "classic"))
        #expect(canceled["cancellation_details.feedback"] == "unused")
        #expect(page(guest, session["url"]).text.contains("data-action=\"resume\""))
        #expect(press(guest, session, "action=resume&subscription=\(subscription.id)").status == 200)
        #expect(guest.get(path)["cancel_at"] == .null)
        #expect(guest.get(path)["cancel_at_period_end"] == false)
        #expect(press(guest, session, "action=cancel&subscription=\(subscription.id)").status == 200)
        guest.advance(30 * 86_400)
        #expect(guest.get(path)["status"] == "canceled")
        let late = press(guest, session, "action=resume&subscription=\(subscription.id)")
        #expect(late["error.code"] == "resource_missing")
    }

    @Test func `a new method becomes the customer's default and the subscription's own`() {
        let guest = Guest()
        let customer = guest.customer(paying: nil)
        let method = guest.post("/v1/payment_methods/pm_card_visa/attach", "customer=\(customer)").id
        let subscription = guest.subscription(of: customer, to: guest.price("basic"), "default_payment_method=\(method)")
        let session = guest.post("/v1/billing_portal/sessions", "customer=\(customer)")
        let mark = guest.eventCount
        #expect(press(guest, session, "action=method&payment_method=pm_card_mastercard").status == 200)
        let after = guest.get("/v1/customers/\(customer)", "expand[]=invoice_settings.default_payment_method")
        #expect(after["invoice_settings.default_payment_method.card.brand"] == "mastercard")
        #expect(
            guest.get("/v1/subscriptions/\(subscription.id)")["default_payment_method"]
                == after["invoice_settings.default_payment_method.id"])
        #expect(
            guest.events(since: mark) == [
                "payment_method.attached", "customer.updated", "customer.subscription.updated",
            ])
        let declined = press(guest, session, "action=method&payment_method=pm_card_chargeDeclined")
        #expect(declined.status == 402)
    }

    @Test func `a configuration says what the page allows`() {
        let guest = Guest()
        let customer = guest.customer()
        let premium = guest.get("/v1/prices", "lookup_keys[]=premium")
        let price = premium["data.0.id"]?.stringValue ?? ""
        let configuration = guest.post(
            "/v1/billing_portal/configurations",
            "features[invoice_history][enabled]=true&features[subscription_update][enabled]=true"
                + "&features[subscription_update][default_allowed_updates][0]=price"
                + "&features[subscription_update][proration_behavior]=always_invoice"
                + "&features[subscription_update][products][0][product]=\(premium["data.0.product"]?.stringValue ?? "")"
                + "&features[subscription_update][products][0][prices][0]=\(price)&business_profile[headline]=Hello")
        #expect(configuration["is_default"] == false)
        #expect(configuration["features.subscription_cancel.enabled"] == false)
        #expect(configuration["features.subscription_update.products.0.prices.0"] == .string(price))
        #expect(configuration["business_profile.headline"] == "Hello")
        let subscription = guest.subscription(of: customer, to: guest.price("basic"))
        let session = guest.post(
            "/v1/billing_portal/sessions",
            "customer=\(customer)&configuration=\(configuration.id)&expand[]=configuration")
        #expect(session["configuration.id"] == .string(configuration.id))
        let refused = press(guest, session, "action=cancel&subscription=\(subscription.id)")
        #expect(refused["error.message"] == "The portal's configuration does not allow `subscription_cancel`.")
        #expect(press(guest, session, "action=update&subscription=\(subscription.id)&price=\(price)").status == 200)
        let changed = guest.get("/v1/subscriptions/\(subscription.id)", "expand[]=latest_invoice")
        #expect(changed["items.data.0.price.lookup_key"] == "premium")
        #expect(changed["latest_invoice.status"] == "paid")
        let path = "/v1/billing_portal/configurations/\(configuration.id)"
        let updated = guest.post(path, "features[subscription_cancel][enabled]=true&active=false&metadata[a]=b")
        #expect(updated["features.subscription_cancel.mode"] == "at_period_end")
        #expect(updated["features.invoice_history.enabled"] == true)
        #expect(guest.get("/v1/billing_portal/configurations", "active=true")["data"] == [])
        #expect(guest.events().last == "billing_portal.configuration.updated")
        let closed = guest.call(
            "POST", "/v1/billing_portal/sessions", "customer=\(customer)&configuration=\(configuration.id)")
        #expect(closed["error.param"] == "configuration")
    }

    @Test func `a flow is for one thing and leads back`() {
        let guest = Guest()
        let customer = guest.customer()
        let subscription = guest.subscription(of: customer, to: guest.price("basic"))
        let session = guest.post(
            "/v1/billing_portal/sessions",
            "customer=\(customer)&flow_data[type]=subscription_cancel"
                + "&flow_data[subscription_cancel][subscription]=\(subscription.id)"
                + "&flow_data[after_completion][type]=redirect"
                + "&flow_data[after_completion][redirect][return_url]=https://example.com/done")
        #expect(session["flow.type"] == "subscription_cancel")
        #expect(session["flow.subscription_cancel"] == ["retention": .null, "subscription": .string(subscription.id)])
        #expect(session["flow.after_completion.redirect.return_url"] == "https://example.com/done")
        #expect(session["flow.subscription_update"] == .null)
        #expect(page(guest, session["url"]).text.contains("https://example.com/done"))
        let other = guest.call(
            "POST", "/v1/billing_portal/sessions",
            "customer=\(guest.customer())&flow_data[type]=subscription_cancel"
                + "&flow_data[subscription_cancel][subscription]=\(subscription.id)")
        #expect(other["error.param"] == "flow_data[subscription_cancel][subscription]")
    }
}
