import HTTP
import JSON

/// The page of a session, as plain as can be: a form for a test card, the bank's question where the card asks for it, and
/// the way back to the shop.
extension Account {
    // MARK: Paying

    /// The form was sent. With `page` a browser is led on, and a refusal is shown on the page again; otherwise the session
    /// is answered. `payment_method` stands for what a customer could type: any token or method.
    func payCheckoutSession(_ call: Call) throws(APIFailure) -> JSONValue {
        let id = call.id
        let session = try named(.checkoutSession, id)
        let isPage = call.params.flag("page")
        let point = savepoint
        do throws(APIFailure) {
            guard session.string("status") == "open" else {
                throw .invalid("This Checkout Session has a status of \(session.string("status") ?? "").")
            }
            let payment = try checkoutPayment(session, call.params)
            if let method = payment.method, asksCustomer(method), !call.params.has("authenticated") {
                guard !isPage else { return ["_location": .string("/sandbox/checkout/\(id)?method=\(method.id)")] }
                throw .card(
                    "authentication_required", "This card asks for the customer: say authenticated=succeed or fail.",
                    param: "authenticated")
            }
            if call.params.string("authenticated") == "fail" {
                throw .card(
                    "payment_intent_authentication_failure",
                    "We are unable to authenticate your payment method. Please choose a different payment method and try "
                        + "again.", param: nil)
            }
            try complete(id, payment)
        } catch {
            rollback(to: point)
            guard isPage else { throw error.forgetting }
            return ["_location": .string("/sandbox/checkout/\(id)?error=\(Self.percentEncoded(error.message))")]
        }
        return isPage
            ? ["_location": .string(wayBack(known(.checkoutSession, id)))] : .object(rendered(.checkoutSession, id))
    }

    private func asksCustomer(_ method: JSONObject) -> Bool {
        if case .authenticates? = Self.testCard(of: method)?.behavior { return true }
        return false
    }

    private func checkoutPayment(_ session: JSONObject, _ params: JSONObject) throws(APIFailure) -> CheckoutPayment {
        var payment = CheckoutPayment(method: nil, email: params["email"] ?? .null, name: params["name"] ?? .null)
        if let given = params.string("payment_method") {
            payment.method = try method(given, param: "payment_method")
        } else if params.has("number") {
            var card: JSONObject = [:]
            card.copy(["cvc", "exp_month", "exp_year", "number"], from: params)
            if let expiry = params.string("expiry") {
                let parts = expiry.split(separator: "/").map { $0.filter(\.isNumber) }
                card["exp_month"] = .optional(parts.first.flatMap { Int64($0) })
                card["exp_year"] = .optional(parts.last.flatMap { Int64($0) })
            }
            var details: JSONObject = [:]
            details.copy(["email", "name"], from: params)
            payment.method = try makeMethod(
                ["type": "card", "card": .object(card), "billing_details": .object(details)], prefix: "")
        } else if needsMethod(session) {
            throw .missing("number")
        }
        return payment
    }

    private func needsMethod(_ session: JSONObject) -> Bool {
        session.string("mode") == "setup" || session.integer("amount_total") ?? 0 > 0
            || session.string("payment_method_collection") != "if_required"
    }

    /// The `success_url`, in which Stripe writes the session's id.
    private func wayBack(_ session: JSONObject) -> String {
        guard let url = session.string("success_url") ?? session.string("return_url") else {
            return "/sandbox/checkout/\(session.id)"
        }
        return ["{CHECKOUT_SESSION_ID}", "%7BCHECKOUT_SESSION_ID%7D"].reduce(url) {
            $0.replacing($1, with: session.id)
        }
    }

    private static func percentEncoded(_ text: String) -> String {
        var encoded = ""
        for byte in text.utf8 {
            let character = Character(Unicode.Scalar(byte))
            if byte < 128, character.isLetter || character.isNumber {
                encoded.append(character)
            } else {
                encoded += "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
            }
        }
        return encoded
    }

    // MARK: The page

    func checkoutPage(_ id: String, query: String, key: String) -> HTTPResponse {
        guard let session = find(.checkoutSession, id) else {
            return HTMLPage.response(404, title: "No such session", "<h1>No such Checkout Session</h1>")
        }
        let status = session.string("status") ?? ""
        guard status == "open" else {
            return HTMLPage.response(
                title: "Checkout",
                "<h1>Checkout</h1><p>This session is <b id=\"status\">\(HTMLPage.escaped(status))</b>.</p>")
        }
        let asked = FormNode.pairs(query.utf8)
        let hidden = HTMLPage.hidden("key", key) + HTMLPage.hidden("page", "true")
        let method = asked.first { $0.name == "method" }?.value
        let body =
            method.map { bankQuestion(session, $0, hidden) }
            ?? form(session, error: asked.first { $0.name == "error" }?.value, hidden)
        return HTMLPage.response(title: "Checkout", body)
    }

    private func bankQuestion(_ session: JSONObject, _ method: String, _ hidden: String) -> String {
        """
        <h1>3D Secure, as the sandbox plays it</h1>
        <p>Your bank asks whether it is you who pays.</p>
        <form method="post" action="/sandbox/checkout/\(session.id)/pay">
        \(hidden)\(HTMLPage.hidden("payment_method", method))
        <button name="authenticated" value="succeed">Complete</button>
        <button name="authenticated" value="fail" class="other">Fail</button>
        </form>
        """
    }

    private func form(_ session: JSONObject, error: String?, _ hidden: String) -> String {
        let currency = session.string("currency") ?? "usd"
        let rows = checkoutItems(of: session.id).map { item in
            let quantity = item.integer("quantity").map { "\($0) × " } ?? ""
            let amount = Wording.money(item.integer("amount_total") ?? 0, currency)
            return "<tr><td>\(HTMLPage.escaped(quantity + (item.string("description") ?? "")))</td><td>\(amount)</td></tr>"
        }
        let total = session.integer("amount_total").map {
            "<tr><td><b>Due today</b></td><td><b id=\"total\">\(Wording.money($0, currency))</b></td></tr>"
        }
        let email = session.object("customer_details").string("email") ?? ""
        let card = """
            <label>Card number <input name="number" inputmode="numeric" autocomplete="cc-number" required></label>
            <div class="row">
            <label>MM / YY <input name="expiry" inputmode="numeric" autocomplete="cc-exp" placeholder="12 / 34" required></label>
            <label>CVC <input name="cvc" inputmode="numeric" autocomplete="cc-csc" required></label>
            </div>
            <label>Name on the card <input name="name" autocomplete="cc-name"></label>
            """
        let verb = ["setup": "Save the card", "payment": "Pay"][session.string("mode") ?? ""] ?? "Subscribe"
        let cancel = session.string("cancel_url").map { "<p><a href=\"\(HTMLPage.escaped($0))\">Back to the shop</a></p>" }
        return """
            <h1>Checkout</h1>
            <table>\(rows.joined())\(total ?? "")</table>
            \(error.map { "<p class=\"error\" role=\"alert\">\(HTMLPage.escaped($0))</p>" } ?? "")
            <form method="post" action="/sandbox/checkout/\(session.id)/pay">
            \(hidden)
            <label>Email <input name="email" type="email" autocomplete="email" required value="\(HTMLPage.escaped(email))"></label>
            \(needsMethod(session) ? card : "")
            <button>\(verb)</button>
            </form>
            \(cancel ?? "")
            """
    }
}

extension APIFailure {
    /// The same refusal where nothing of what led to it is kept.
    fileprivate var forgetting: APIFailure {
        var failure = self
        failure.keepsChanges = false
        return failure
    }
}
