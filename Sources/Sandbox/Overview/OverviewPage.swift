import HTTP
import JSON

/// The page at `/`: what the sandbox holds, newest first, and its owner's orders as buttons.
struct OverviewPage {
    let account: Account
    /// Where the reader found the page.
    let host: String
    let key: String

    /// Rows that a list shows: enough to see what goes on, few enough to be fetched every other second.
    private enum Rows {
        static let objects = 25
        static let events = 60
    }

    var response: HTTPResponse {
        HTMLPage.response(
            title: "Dues sandbox", reach: .sandbox,
            """
            <div class="top"><h1>Dues sandbox</h1>
            <p class="faint">Stripe's billing API at <code>http://\(escaped(host))</code> with any key \
            <code>sk_test_…</code>; the lookup keys <code>basic</code> and <code>premium</code> name prices.</p></div>
            <p id="said" role="status"></p>
            <form id="owner" method="post">\(HTMLPage.hidden("key", key))\(HTMLPage.hidden("page", "true"))</form>
            <section id="clock" aria-label="Clock">
            <div id="now" data-live tabindex="-1">\(now)</div>
            <div class="buttons" role="group" aria-label="Advance the clock">\(advances)</div>
            </section>
            <div class="columns">
            <div>
            \(list("Subscriptions", .subscription, Rows.objects, subscription))
            \(list("Invoices", .invoice, Rows.objects, invoice))
            \(list("Customers", .customer, Rows.objects, customer))
            </div>
            <div>
            \(list("Events", .event, Rows.events, event))
            \(snapshots)
            </div>
            </div>
            """)
    }

    // MARK: The clock

    private var now: String {
        let next = account.store.nextDue(on: nil).map { next in
            "Next due: \(reference(next.id, as: escaped(next.kind.noun))) at \(moment(next.time))"
        }
        return """
            <p><time datetime="\(CivilDate(unix: account.now).iso)">\(moment(account.now))</time> <small>UTC\(ahead)</small></p>
            <p><small>\(next ?? "Nothing is to come.")</small></p>
            """
    }

    /// How far the clock is from that on the wall, in its largest unit.
    private var ahead: String {
        let minutes = account.clockOffset.magnitude / 60
        let units: [(length: UInt64, name: String)] = [(1440, "day"), (60, "hour"), (1, "minute")]
        guard let unit = units.first(where: { minutes >= $0.length }) else { return "" }
        let count = minutes / unit.length
        return ", \(count) \(unit.name)\(count == 1 ? "" : "s") \(account.clockOffset > 0 ? "ahead" : "behind")"
    }

    private var advances: String {
        ["hour", "day", "month"].map { (unit: String) in
            Order("clock/advance", "+1 \(unit)", said: "The clock is one \(unit) on.", id: "by-\(unit)", by: unit).html
        }.joined()
            + Order(
                "clock/advance", "To next due", said: "What was due next has happened.", id: "by-next", by: "next",
                isFirst: true
            ).html
    }

    // MARK: Lists

    /// The newest live objects of a kind, a row each.
    private func list(
        _ title: String, _ kind: ObjectKind, _ most: Int, _ row: (JSONObject) -> String
    ) -> String {
        let ids = account.store.ids(kind)
        let newest = Array(ids.reversed().lazy.compactMap { account.find(kind, $0) }.prefix(most))
        let shown = newest.map { "<li id=\"\(escaped($0.id))\">\(row($0))</li>" }
        let count = ids.count > most ? "the newest \(shown.count) of \(ids.count)" : "\(shown.count)"
        let name = title.lowercased()
        return """
            <section id="\(name)" data-live tabindex="-1" aria-labelledby="\(name)-title">
            <h2 id="\(name)-title">\(title) <small>\(count)</small></h2>
            \(shown.isEmpty ? "<p>None yet.</p>" : "<ul class=\"rows\">\n\(shown.joined(separator: "\n"))\n</ul>")
            </section>
            """
    }

    private func subscription(_ subscription: JSONObject) -> String {
        let customer = subscription.string("customer") ?? ""
        let method = account.defaultMethod(ofSubscription: subscription).map(account.methodWords)
        let isOver = Account.isOver(subscription)
        let decline = isOver ? [:] : account.known(.customer, customer).object("_declines")
        let warning = decline.string("code").map { " <span class=\"badge bad\">next payment fails: \($0)</span>" }
        return row(
            owner(customer) + " " + badge(subscription.string("status") ?? "") + (warning ?? ""),
            end: isOver ? "" : declineOrder(subscription.id, customer, isOrdered: warning != nil),
            facts: [account.planWords(subscription.id), account.nextWords(subscription), method ?? "no payment method"],
            reference(subscription.id))
    }

    private func declineOrder(_ subscription: String, _ customer: String, isOrdered: Bool) -> String {
        let path = "customers/\(customer)/decline_next"
        let id = "fail-\(subscription)"
        let whose = "of \(account.customerWords(customer))"
        return isOrdered
            ? Order(
                path, "Let it pass", said: "The next payment may pass.", id: id, times: 0,
                label: "Let it pass: the next payment \(whose)"
            ).html
            : Order(
                path, "Fail next renewal", said: "The next payment will fail.", id: id, times: 1,
                label: "Fail next renewal \(whose)"
            ).html
    }

    private func invoice(_ invoice: JSONObject) -> String {
        let total = Wording.money(invoice.integer("total") ?? 0, invoice.string("currency") ?? "usd")
        let attempt = invoice.integer("next_payment_attempt").map { "next attempt on \(CivilDate(unix: $0).words)" }
        return row(
            owner(invoice.string("customer") ?? "") + " " + badge(invoice.string("status") ?? ""), end: escaped(total),
            facts: [invoice.string("number"), CivilDate(unix: invoice.integer("created") ?? 0).words, attempt],
            reference(invoice.id))
    }

    private func customer(_ customer: JSONObject) -> String {
        let method = customer.object("invoice_settings").string("default_payment_method")
        let clock = customer.string("test_clock").flatMap { account.find(.testClock, $0)?.integer("frozen_time") }
        let balance = customer.integer("balance") ?? 0
        let money = Wording.money(balance, customer.string("currency") ?? "usd")
        return row(
            owner(customer.id) + (customer.flag("delinquent") ? " " + badge("delinquent") : ""),
            end: balance == 0 ? "" : "<small>balance</small> \(escaped(money))",
            facts: [
                customer.string("email"), method.map { account.methodWords(account.known(.paymentMethod, $0)) },
                clock.map { "on a test clock at \(CivilDate(unix: $0).words)" },
            ], reference(customer.id))
    }

    private func event(_ event: JSONObject) -> String {
        let type = event.string("type") ?? ""
        let isPending = (event.integer("pending_webhooks") ?? 0) > 0
        let again = Order(
            "events/\(event.id)/deliver", "Deliver again", said: "\(type) is on its way.", id: "deliver-\(event.id)",
            label: "Deliver again: \(type)")
        return row(
            reference(event.id, as: "<b>\(breakable(type))</b>")
                + (isPending ? " <span class=\"badge warn\">pending</span>" : ""),
            end: account.endpoints(wanting: type).isEmpty ? "" : again.html,
            facts: [moment(event.integer("created") ?? 0)],
            event.object("data").object("object").string("id").map { reference($0) } ?? "")
    }

    /// A row's first line, what stands at its end, and the line of facts under it.
    private func row(_ title: String, end: String, facts: [String?], _ link: String) -> String {
        """
        <div>\(title)</div><div class="end">\(end)</div>
        <div class="more"><small>\(escaped(facts.compactMap(\.self).joined(separator: " · ")))</small> \(link)</div>
        """
    }

    // MARK: Snapshots

    private var snapshots: String {
        let rows = account.snapshots.all.reversed().map { snapshot in
            let name = snapshot.string("name") ?? snapshot.id
            let order = Order(
                "snapshots/\(snapshot.id)/restore", "Restore", said: "The sandbox is as it was then.",
                id: "restore-\(snapshot.id)", label: "Restore \(name)", question: "Go back to the snapshot \(name)?")
            return "<li id=\"\(snapshot.id)\">"
                + row("<b>\(escaped(name))</b>", end: order.html, facts: [moment(snapshot.integer("now") ?? 0)], "")
                + "</li>"
        }
        return """
            <section id="snapshots" data-live tabindex="-1" aria-labelledby="snapshots-title">
            <h2 id="snapshots-title">Snapshots <small>\(rows.count)</small></h2>
            \(rows.isEmpty ? "" : "<ul class=\"rows\">\(rows.joined(separator: "\n"))</ul>")
            <div class="buttons">
            \(Order("snapshots", "Take a snapshot", said: "The snapshot is taken.", id: "snapshot").html)
            \(Order("reset", "Reset", said: "The sandbox has begun anew.", id: "reset",
                question: "Everything in the sandbox goes, but for its snapshots. Reset it?").html)
            </div>
            </section>
            """
    }

    // MARK: Parts

    private func badge(_ status: String) -> String {
        let tone =
            switch status {
            case "active", "paid": "good"
            case "trialing", "open", "draft", "incomplete", "paused": "warn"
            case "past_due", "unpaid", "uncollectible", "delinquent": "bad"
            default: ""
            }
        return "<span class=\"badge \(tone)\">\(escaped(String(status.map { $0 == "_" ? " " : $0 })))</span>"
    }

    /// A name of many words, to be broken between them where the line is short.
    private func breakable(_ name: String) -> String {
        escaped(name).replacing(".", with: ".<wbr>").replacing("_", with: "_<wbr>")
    }

    /// Whose a row is.
    private func owner(_ customer: String) -> String {
        reference(customer, as: "<b>\(escaped(account.customerWords(customer)))</b>")
    }

    /// A link to all that is known of an object; `shown` is escaped already.
    private func reference(_ id: String, as shown: String? = nil) -> String {
        let look = shown == nil ? " class=\"id\"" : ""
        return "<a href=\"\(ObjectPage.path)\(escaped(id))\"\(look)>\(shown ?? escaped(id))</a>"
    }

    private func moment(_ unix: Int64) -> String { "\(CivilDate(unix: unix).words), \(CivilDate(unix: unix).timeOfDay)" }

    private func escaped(_ text: String) -> String { HTMLPage.escaped(text) }
}

/// An order of the owner as a button. They share one form, which says whose they are.
private struct Order {
    let html: String

    /// `path`: under `/sandbox/`. `said`: what is announced when it is done. `label`: what the button is called where its text
    /// does not say enough by itself. `question`: what is asked before it is given. `by`, `times`: its parameter.
    init(
        _ path: String, _ text: String, said: String, id: String, by: String? = nil, times: Int? = nil,
        label: String? = nil, question: String? = nil, isFirst: Bool = false
    ) {
        let attributes: [(name: String, value: String?)] = [
            ("id", id), ("form", "owner"), ("formaction", "/sandbox/\(path)"), ("data-said", said),
            ("aria-label", label), ("data-question", question), ("class", isFirst ? "act" : nil),
            ("name", by.map { _ in "by" } ?? times.map { _ in "times" }), ("value", by ?? times.map(String.init)),
        ]
        let written = attributes.compactMap { attribute in
            attribute.value.map { " \(attribute.name)=\"\(HTMLPage.escaped($0))\"" }
        }
        html = "<button\(written.joined())>\(HTMLPage.escaped(text))</button>"
    }
}
