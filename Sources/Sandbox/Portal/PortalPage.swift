import HTTP
import JSON

/// The page of a portal session: a customer's subscriptions, and buttons for what the configuration allows.
struct PortalPage {
    let account: Account
    let session: JSONObject
    let publishableKey: String

    private var customer: JSONObject { account.known(.customer, session.string("customer") ?? "") }
    private var features: JSONObject {
        account.known(.portalConfiguration, session.string("configuration") ?? "").object("features")
    }
    private var flow: JSONObject { session.object("flow") }

    var response: HTTPResponse {
        let name = account.customerWords(customer.id)
        return HTMLPage.response(
            title: "Billing (sandbox)",
            """
            <h1>Billing</h1><p>The customer portal of the sandbox, for \(HTMLPage.escaped(name)).</p>
            <p id="error" class="error" role="alert"></p>
            \(subscriptions)
            \(method)
            \(invoices)
            \(back.map { "<p><a id=\"return\" href=\"\(HTMLPage.escaped($0))\">Return</a></p>" } ?? "")
            \(script)
            """)
    }

    private var back: String? { session.string("return_url") }

    // MARK: Sections

    private var subscriptions: String {
        let live = account.all(.subscription, where: "customer", is: customer.id).filter { !Account.isOver($0) }
        guard !live.isEmpty else { return "<p>There are no subscriptions.</p>" }
        return live.map(section).joined(separator: "\n")
    }

    private func section(_ subscription: JSONObject) -> String {
        """
        <section data-subscription="\(subscription.id)">
        <h2>\(HTMLPage.escaped(account.planWords(subscription.id)))</h2>
        <p>\(subscription.string("status") ?? ""), \(account.nextWords(subscription) ?? "")</p>
        \(buttons(subscription, ends: subscription.integer("cancel_at") != nil))
        </section>
        """
    }

    private func buttons(_ subscription: JSONObject, ends: Bool) -> String {
        var buttons = ""
        if features.object("subscription_cancel").flag("enabled") {
            buttons += button(ends ? "resume" : "cancel", ends ? "Don't cancel" : "Cancel subscription", subscription)
        }
        let update = features.object("subscription_update")
        guard update.flag("enabled") else { return buttons }
        if flow.object("subscription_update_confirm").string("subscription") == subscription.id {
            return buttons + button("update", "Confirm the change", subscription)
        }
        let offered = update.array("products").flatMap { $0["prices"]?.arrayValue ?? [] }.compactMap(\.stringValue)
        guard !offered.isEmpty else { return buttons }
        let options = offered.compactMap { account.find(.price, $0) }.map { price in
            "<option value=\"\(price.id)\">"
                + HTMLPage.escaped(account.priceWords(price, 1)) + "</option>"
        }
        return buttons + "<select>\(options.joined())</select>" + button("update", "Change plan", subscription)
    }

    private func button(_ action: String, _ label: String, _ subscription: JSONObject) -> String {
        "<button data-action=\"\(action)\" data-subscription=\"\(subscription.id)\">\(label)</button>"
    }

    private var method: String {
        guard features.object("payment_method_update").flag("enabled") else { return "" }
        let current = customer.object("invoice_settings").string("default_payment_method")
        let shown = current.map { account.methodWords(account.known(.paymentMethod, $0)) } ?? "none"
        return """
            <section><h2>Payment method</h2><p>Now: \(HTMLPage.escaped(shown))</p>
            <label>Test payment method <input id="token" value="pm_card_visa"></label>
            <button data-action="method">Use it</button></section>
            """
    }

    private var invoices: String {
        guard features.object("invoice_history").flag("enabled") else { return "" }
        let rows = account.all(.invoice, where: "customer", is: customer.id).reversed().prefix(12).map { invoice in
            let amount = Wording.money(invoice.integer("total") ?? 0, invoice.string("currency") ?? "usd")
            let date = CivilDate(unix: invoice.integer("created") ?? 0).words
            return "<li>\(date): \(amount), \(invoice.string("status") ?? "")</li>"
        }
        return rows.isEmpty ? "" : "<section><h2>Invoices</h2><ul>\(rows.joined())</ul></section>"
    }

    /// The buttons' script: tells the sandbox, then shows the page again, or leaves where the flow says so.
    private var script: String {
        let completion = flow.object("after_completion")
        let leaves = completion.string("type") == "redirect" ? completion.object("redirect").string("return_url") : nil
        let data: JSONValue = [
            "key": .string(publishableKey), "secret": session["_secret"] ?? .null, "leaves": .optional(leaves),
        ]
        // A "<" inside a script would let the text end it.
        let text = data.text.split(separator: "<", omittingEmptySubsequences: false).joined(separator: "\\u003c")
        return """
            <script>
            const data = \(text);
            for (const button of document.querySelectorAll('button')) button.onclick = async () => {
              const form = new URLSearchParams({key: data.key, action: button.dataset.action});
              const chosen = button.previousElementSibling;
              if (button.dataset.subscription) form.set('subscription', button.dataset.subscription);
              if (chosen instanceof HTMLSelectElement) form.set('price', chosen.value);
              if (button.dataset.action === 'method') form.set('payment_method', document.getElementById('token').value);
              const answer = await fetch('/sandbox/portal/' + data.secret, {method: 'POST', body: form});
              if (!answer.ok) {
                document.getElementById('error').textContent = (await answer.json()).error.message;
              } else if (data.leaves) {
                location.href = data.leaves;
              } else {
                location.reload();
              }
            };
            </script>
            """
    }
}

extension Account {
    func portalPage(_ secret: String, key: String) -> HTTPResponse {
        guard let session = portalSession(secret: secret) else {
            return HTMLPage.response(404, title: "No such session", "<h1>No such portal session</h1>")
        }
        return PortalPage(account: self, session: session, publishableKey: key).response
    }
}
