import HTTP
import JSON

/// The bank's side of 3D Secure: a page that asks the customer yes or no, and what follows from the answer.
extension Account {
    static let authenticationRoutes: [Route] = [
        Route(
            "POST /sandbox/authenticate/{intent}", "outcome:(succeed|fail) page:bool", browsers: true,
            Account.authenticate)
    ]

    private static func kind(ofIntent id: String) -> ObjectKind {
        id.hasPrefix("seti_") ? .setupIntent : .paymentIntent
    }

    /// The customer has passed or failed 3D Secure for an intent that waits for it. A `page` is answered by the way back.
    func authenticate(_ call: Call) throws(APIFailure) -> JSONValue {
        let kind = Self.kind(ofIntent: call.id)
        let intent = try named(kind, call.id, param: "intent")
        let action = intent.object("next_action")
        guard intent.string("status") == "requires_action", let method = intent.string("payment_method"),
            action.string("type") != "verify_with_microdeposits"
        else {
            throw .invalid("This intent does not wait for authentication.", code: "\(kind.rawValue)_unexpected_state")
        }
        let passed = call.params.string("outcome") != "fail"
        if kind == .setupIntent {
            try authenticateSetup(intent, method, passed)
        } else {
            authenticatePayment(intent, method, passed)
        }
        let after = known(kind, call.id)
        if call.params.flag("page") {
            let back = action.object("redirect_to_url").string("return_url")
            return ["_location": .string(back.map { wayBack($0, kind, after) } ?? "/sandbox/authenticate/\(call.id)")]
        }
        return .object(visible(rendered(kind, call.id), to: call.caller))
    }

    private func authenticatePayment(_ intent: JSONObject, _ method: String, _ passed: Bool) {
        let attempt = PaymentAttempt(isAuthenticated: true)
        let result: PaymentResult
        if passed {
            result = pay(intent.id, with: known(.paymentMethod, method), attempt)
        } else {
            result = .declined(failAuthentication(.paymentIntent, intent.id, method))
        }
        if let invoice = intent.string("_invoice") { settle(invoice, result, automatic: false) }
    }

    private func authenticateSetup(_ intent: JSONObject, _ method: String, _ passed: Bool) throws(APIFailure) {
        if passed {
            try setUp(intent.id, known(.paymentMethod, method), PaymentAttempt(isAuthenticated: true))
        } else {
            _ = failAuthentication(.setupIntent, intent.id, method)
        }
    }

    private func failAuthentication(_ kind: ObjectKind, _ id: String, _ method: String) -> APIFailure {
        abandonIntent(
            kind, id, method, code: "\(kind.rawValue)_authentication_failure",
            message: "We are unable to authenticate your payment method. Please choose a different payment method and try "
                + "again.")
    }

    // MARK: The page

    /// The `return_url` with what Stripe adds to it; its own parameters are kept.
    private func wayBack(_ url: String, _ kind: ObjectKind, _ intent: JSONObject) -> String {
        let status =
            switch intent.string("status") {
            case "succeeded", "requires_capture": "succeeded"
            case "processing": "pending"
            default: "failed"
            }
        let secret = intent.string("client_secret") ?? ""
        let name = kind.rawValue
        let added = "\(name)=\(intent.id)&\(name)_client_secret=\(secret)&redirect_status=\(status)"
        let parts = url.split(separator: "#", maxSplits: 1, omittingEmptySubsequences: false)
        let fragment = parts.count > 1 ? "#\(parts[1])" : ""
        return "\(parts[0])\(parts[0].contains("?") ? "&" : "?")\(added)\(fragment)"
    }

    /// The bank's question about an intent that waits, or how it went.
    func authenticationPage(_ id: String, key: String) -> HTTPResponse {
        let kind = Self.kind(ofIntent: id)
        guard let intent = find(kind, id) else {
            return HTMLPage.response(404, title: "No such intent", "<h1>No such intent</h1>")
        }
        let title = "3D Secure, as the sandbox plays it"
        guard intent.string("status") == "requires_action" else {
            let status = HTMLPage.escaped(intent.string("status") ?? "")
            return HTMLPage.response(
                title: title,
                "<h1>\(title)</h1><p>There is nothing to confirm: the payment is <b id=\"status\">\(status)</b>.</p>")
        }
        let amount = intent.integer("amount").map { Wording.money($0, intent.string("currency") ?? "usd") }
        let question =
            amount.map { "Your bank asks whether you want to pay \(HTMLPage.escaped($0))." }
            ?? "Your bank asks whether this card may be saved for later payments."
        let form = """
            <h1>\(title)</h1>
            <p>\(question)</p>
            <form method="post" action="/sandbox/authenticate/\(HTMLPage.escaped(id))">
            \(HTMLPage.hidden("key", key))
            \(HTMLPage.hidden("client_secret", intent.string("client_secret") ?? ""))
            \(HTMLPage.hidden("page", "true"))
            <button name="outcome" value="succeed">Complete</button>
            <button name="outcome" value="fail" class="other">Fail</button>
            </form>
            """
        return HTMLPage.response(title: title, form)
    }
}
