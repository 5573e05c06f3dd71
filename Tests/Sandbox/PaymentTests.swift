import HTTP
import JSON
import Testing

@testable import Sandbox

/// Cards and what becomes of payments with them.
@Suite struct Payments {
    // MARK: The table of test cards

    struct Refusal: Sendable {
        let number: String
        let token: String
        let code: String
        let declineCode: String
    }

    static let refusals = [
        Refusal(number: "4000000000000002", token: "chargeDeclined", code: "card_declined", declineCode: "generic_decline"),
        Refusal(
            number: "4000000000009995", token: "visa_chargeDeclinedInsufficientFunds", code: "card_declined",
            declineCode: "insufficient_funds"),
        Refusal(
            number: "4000000000009987", token: "visa_chargeDeclinedLostCard", code: "card_declined",
            declineCode: "lost_card"),
        Refusal(
            number: "4000000000009979", token: "visa_chargeDeclinedStolenCard", code: "card_declined",
            declineCode: "stolen_card"),
        Refusal(
            number: "4000000000006975", token: "visa_chargeDeclinedVelocityLimitExceeded", code: "card_declined",
            declineCode: "card_velocity_exceeded"),
        Refusal(
            number: "4000000000000069", token: "chargeDeclinedExpiredCard", code: "expired_card",
            declineCode: "expired_card"),
        Refusal(
            number: "4000000000000127", token: "chargeDeclinedIncorrectCvc", code: "incorrect_cvc",
            declineCode: "incorrect_cvc"),
        Refusal(
            number: "4000000000000119", token: "chargeDeclinedProcessingError", code: "processing_error",
            declineCode: "processing_error"),
        Refusal(number: "4100000000000019", token: "radarBlock", code: "card_declined", declineCode: "fraudulent"),
    ]

    @Test(arguments: refusals)
    func `a card that declines is refused when it is attached, set up or charged`(_ refusal: Refusal) {
        let guest = Guest()
        let customer = guest.customer(paying: nil)
        let card = "type=card&card[number]=\(refusal.number)&card[exp_month]=8&card[exp_year]=2030&card[cvc]=314"
        let method = guest.post("/v1/payment_methods", card).id
        let attached = guest.call("POST", "/v1/payment_methods/\(method)/attach", "customer=\(customer)")
        #expect(attached.status == 402 && attached.error["code"] == .string(refusal.code))
        let setUp = guest.call("POST", "/v1/setup_intents", "confirm=true&payment_method=\(method)&customer=\(customer)")
        #expect(setUp.status == 402 && setUp.error["decline_code"] == .string(refusal.declineCode))
        for payment in [method, "pm_card_\(refusal.token)"] {
            let charged = guest.call(
                "POST", "/v1/payment_intents", "amount=500&currency=usd&confirm=true&payment_method=\(payment)")
            #expect(charged.status == 402 && charged.error["type"] == "card_error")
            #expect(charged.error["code"] == .string(refusal.code))
            #expect(charged.error["decline_code"] == .string(refusal.declineCode))
            #expect(charged["error.payment_intent.status"] == "requires_payment_method")
            let charge = guest.get("/v1/charges/\(charged.error["charge"]?.stringValue ?? "")")
            #expect(charge["status"] == "failed" && charge["failure_code"] == .string(refusal.code))
        }
    }

    @Test func `every card of the table has a number that adds up, and every token stands for one`() {
        let guest = Guest()
        for card in TestCard.all {
            let form = "type=card&card[number]=\(card.number)&card[exp_month]=8&card[exp_year]=2030&card[cvc]=314"
            let made = guest.post("/v1/payment_methods", form)
            #expect(made["card.last4"] == .string(String(card.number.suffix(4))))
            for name in card.names {
                #expect(guest.call("GET", "/v1/payment_methods").status == 200)
                #expect(TestCard.token("pm_card_\(name)")?.number == card.number, "\(name)")
            }
        }
        #expect(Set(TestCard.all.map(\.number)).count == TestCard.all.count)
        #expect(guest.post("/v1/payment_methods", "type=card&card[token]=tok_jp")["card.country"] == "JP")
    }

    @Test func `a card that fails only when it is charged can be attached`() {
        let guest = Guest()
        let customer = guest.customer(paying: "pm_card_chargeCustomerFail")
        let method = guest.get("/v1/customers/\(customer)")["invoice_settings.default_payment_method"]?.stringValue ?? ""
        let charged = guest.call(
            "POST", "/v1/payment_intents",
            "amount=500&currency=usd&confirm=true&customer=\(customer)&payment_method=\(method)&off_session=true")
        #expect(charged.status == 402 && charged.error["decline_code"] == "generic_decline")
    }

    @Test(arguments: [
        ("authenticationRequiredOnSetup", true), ("authenticationRequired", false),
        ("authenticationRequiredSetupForOffSession", true),
    ])
    func `a renewal passes with a card that was set up, unless the bank always asks`(_ token: String, _ passes: Bool) throws
    {
        let guest = Guest()
        let customer = guest.customer(paying: nil)
        let subscription = guest.subscription(
            of: customer, to: guest.price("basic"),
            """
            payment_behavior=default_incomplete&payment_settings[save_default_payment_method]=on_subscription\
            &expand[]=latest_invoice.confirmation_secret
            """)
        let secret = subscription["latest_invoice.confirmation_secret.client_secret"]?.stringValue ?? ""
        let intent = secret.components(before: "_secret")
        let confirmed = guest.call(
            "POST", "/v1/payment_intents/\(intent)/confirm",
            "client_secret=\(secret)&payment_method=pm_card_\(token)&return_url=https://example.com/back", key: "pk_test_1")
        #expect(confirmed["status"] == "requires_action")
        _ = guest.post("/sandbox/authenticate/\(intent)", "outcome=succeed")
        #expect(guest.get("/v1/subscriptions/\(subscription.id)")["status"] == "active")
        guest.advance(Billing.month + 3600)
        #expect(guest.get("/v1/subscriptions/\(subscription.id)")["status"] == (passes ? "active" : "past_due"))
    }

    @Test func `a payment that may not wait for the customer fails instead`() {
        let guest = Guest()
        for more in ["off_session=true", "error_on_requires_action=true"] {
            let refused = guest.call(
                "POST", "/v1/payment_intents",
                "amount=500&currency=usd&confirm=true&payment_method=pm_card_authenticationRequired&\(more)")
            #expect(refused.status == 402 && refused.error["code"] == "authentication_required")
            #expect(refused.error["charge"] == nil && refused["error.payment_intent.latest_charge"] == .null)
        }
    }

    // MARK: 3D Secure

    /// What a form of a page of the sandbox sends, by the buttons' value.
    private func press(_ guest: Guest, _ page: String, _ outcome: String) -> HTTPResponse {
        var pairs = ["outcome=\(outcome)"]
        for part in page.components(separatedBy: "<input type=\"hidden\" name=\"").dropFirst() {
            let name = part.prefix { $0 != "\"" }
            let value = part.dropFirst(name.count + "\" value=\"".count).prefix { $0 != "\"" }
            pairs.append("\(name)=\(value)")
        }
        let action = page.components(separatedBy: "action=\"")[1].prefix { $0 != "\"" }
        let request = HTTPRequest(
            method: "POST", target: String(action), headers: [:], body: Array(pairs.joined(separator: "&").utf8))
        return guest.engine.serve(request, now: guest.now).response
    }

    private func page(_ guest: Guest, _ url: String) -> String {
        let path = url.replacing("http://localhost", with: "")
        let request = HTTPRequest(method: "GET", target: path)
        return String(decoding: guest.engine.serve(request, now: guest.now).response.body, as: UTF8.self)
    }

    @Test(arguments: [("succeed", "succeeded"), ("fail", "failed")])
    func `the bank's page sends the browser back with what Stripe adds`(_ outcome: String, _ status: String) {
        let guest = Guest()
        let intent = guest.post(
            "/v1/payment_intents",
            """
            amount=500&currency=usd&confirm=true&payment_method=pm_card_threeDSecure2Required\
            &return_url=https%3A%2F%2Fapp.example%2Fback%3Forder%3D7%23top
            """)
        let url = intent["next_action.redirect_to_url.url"]?.stringValue ?? ""
        let shown = page(guest, url)
        #expect(shown.contains("$5.00"))
        let back = press(guest, shown, outcome)
        let secret = intent["client_secret"]?.stringValue ?? ""
        #expect(back.status == 303)
        #expect(
            back.headers["Location"]
                == "https://app.example/back?order=7&payment_intent=\(intent.id)&payment_intent_client_secret=\(secret)"
                + "&redirect_status=\(status)#top")
        let after = guest.get("/v1/payment_intents/\(intent.id)")
        #expect(after["status"] == (outcome == "succeed" ? "succeeded" : "requires_payment_method"))
        #expect(!page(guest, url).contains("<form"), "nothing is left to confirm")
    }

    @Test func `a setup that needs the customer comes back the same way`() {
        let guest = Guest()
        let customer = guest.customer(paying: nil)
        let intent = guest.post(
            "/v1/setup_intents",
            """
            customer=\(customer)&confirm=true&payment_method=pm_card_authenticationRequiredOnSetup\
            &return_url=myapp%3A%2F%2Fback
            """)
        #expect(intent["status"] == "requires_action")
        let back = press(guest, page(guest, intent["next_action.redirect_to_url.url"]?.stringValue ?? ""), "succeed")
        #expect(
            back.headers["Location"]?.hasPrefix("myapp://back?setup_intent=\(intent.id)&setup_intent_client_secret=")
                == true)
        #expect(guest.get("/v1/setup_intents/\(intent.id)")["status"] == "succeeded")
    }

    @Test func `Stripe.js opens the page itself, and no page leads to a script`() {
        let guest = Guest()
        let form = "amount=500&currency=usd&confirm=true&payment_method=pm_card_threeDSecure2Required"
        #expect(guest.post("/v1/payment_intents", form)["next_action.type"] == "use_stripe_sdk")
        let both = guest.post("/v1/payment_intents", form + "&use_stripe_sdk=true&return_url=https://example.com")
        #expect(both["next_action.type"] == "use_stripe_sdk")
        for url in ["javascript:alert(1)", "javascript://%250aalert(1)", "example.com"] {
            let refused = guest.call("POST", "/v1/payment_intents", form + "&return_url=\(url)")
            #expect(refused.status == 400 && refused.error["param"] == "return_url", "\(url)")
        }
        #expect(page(guest, "/sandbox/authenticate/pi_nope").contains("No such intent"))
    }

    // MARK: Holds

    private func hold(_ guest: Guest) -> Guest.Answer {
        guest.post(
            "/v1/payment_intents", "amount=2000&currency=usd&confirm=true&payment_method=pm_card_visa&capture_method=manual"
        )
    }

    @Test func `a hold is captured in part, once`() {
        let guest = Guest()
        let held = hold(guest)
        #expect(held["status"] == "requires_capture" && held["amount_capturable"] == 2000 && held["amount_received"] == 0)
        let charge = "/v1/charges/\(held["latest_charge"]?.stringValue ?? "")"
        let before = guest.get(charge)
        #expect(before["status"] == "succeeded" && before["paid"] == true && before["captured"] == false)
        #expect(before["payment_method_details.card.capture_before"] == .integer(guest.now + 7 * 86_400))
        #expect(before["balance_transaction"] == .null)
        let path = "/v1/payment_intents/\(held.id)/capture"
        for (amount, param, code) in [
            ("0", "amount", "parameter_invalid_integer"), ("2001", "amount_to_capture", "amount_too_large"),
            ("-100", "amount_to_capture", nil),
        ] as [(String, String, JSONValue?)] {
            let refused = guest.call("POST", path, "amount_to_capture=\(amount)")
            #expect(refused.error["param"] == .string(param) && refused.error["code"] == code, "\(amount)")
        }
        let mark = guest.eventCount
        let captured = guest.post(path, "amount_to_capture=1500")
        #expect(captured["status"] == "succeeded" && captured["amount_received"] == 1500)
        #expect(captured["amount_capturable"] == 0)
        #expect(guest.events(since: mark) == ["charge.captured", "payment_intent.succeeded"])
        let after = guest.get(charge)
        #expect(after["amount_captured"] == 1500 && after["amount_refunded"] == 0 && after["refunded"] == false)
        #expect(guest.call("POST", path).error["code"] == "payment_intent_unexpected_state")
    }

    @Test func `a hold grows where that was asked for, and no other does`() {
        let guest = Guest()
        let form = "payment_method_options[card][request_incremental_authorization]=if_available"
        let held = guest.post(
            "/v1/payment_intents",
            "amount=2000&currency=usd&confirm=true&payment_method=pm_card_visa&capture_method=manual&\(form)")
        let path = "/v1/payment_intents/\(held.id)/increment_authorization"
        #expect(guest.call("POST", path, "amount=1500").error["param"] == "amount")
        let grown = guest.post(path, "amount=2600")
        #expect(grown["amount"] == 2600 && grown["amount_capturable"] == 2600)
        #expect(guest.post("/v1/payment_intents/\(held.id)/capture")["amount_received"] == 2600)
        let other = hold(guest)
        #expect(guest.call("POST", "/v1/payment_intents/\(other.id)/increment_authorization", "amount=2600").status == 400)
        #expect(
            guest.call("POST", "/v1/payment_intents/\(other.id)/apply_customer_balance").status == 400, "it has no cash")
    }

    @Test func `a hold goes back when it is canceled, and when nobody captures it`() {
        let guest = Guest()
        let first = hold(guest)
        #expect(guest.post("/v1/payment_intents/\(first.id)/cancel")["status"] == "canceled")
        #expect(guest.get("/v1/charges/\(first["latest_charge"]?.stringValue ?? "")")["refunded"] == true)
        let second = hold(guest)
        let mark = guest.eventCount
        guest.advance(7 * 86_400)
        #expect(guest.events(since: mark) == ["charge.expired", "payment_intent.canceled"])
        #expect(guest.get("/v1/payment_intents/\(second.id)")["cancellation_reason"] == "automatic")
    }
}

extension String {
    func components(separatedBy separator: String) -> [String] {
        var parts: [String] = []
        var rest = self[...]
        while let range = rest.firstRange(of: separator) {
            parts.append(String(rest[..<range.lowerBound]))
            rest = rest[range.upperBound...]
        }
        return parts + [String(rest)]
    }
}
