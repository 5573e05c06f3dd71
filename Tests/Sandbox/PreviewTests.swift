import JSON
import Testing

@testable import Sandbox

/// Every preview equals the invoice that follows: over seeded random histories of one subscription, whatever its billing
/// mode, its prices and its discounts.
@Suite struct Previews {
    @Test(arguments: 1...16)
    func `whatever happens, the preview said so`(_ seed: Int) {
        var history = History(seed: UInt64(seed))
        history.run(steps: 24)
        #expect(history.comparisons > 0, "seed \(seed) compared too little")
    }
}

/// One customer's subscription, to which things happen. Each change is previewed, made, and compared.
private struct History {
    private let guest = Guest()
    private let seed: UInt64
    private var random: SandboxRandom
    private let customer: String
    private var prices: [String] = []
    private var coupons: [String] = []
    private var rates: [String] = []
    private var subscription = ""
    private var story: [String] = []
    /// How often a preview was held against what came.
    private(set) var comparisons = 0

    init(seed: UInt64) {
        self.seed = seed
        random = SandboxRandom(seed: seed &* 7919)
        customer = guest.customer()
        let product = guest.post("/v1/products", "name=Thing&unit_label=seat").id
        let meter = guest.post(
            "/v1/billing/meters", "display_name=Calls&event_name=calls&default_aggregation[formula]=sum"
        ).id
        let monthly = "recurring[interval]=month&"
        let tiered = monthly + "billing_scheme=tiered&tiers_mode="
        let terms = [
            monthly + "unit_amount=333", monthly + "unit_amount_decimal=12.345", monthly + "unit_amount=0",
            monthly + "unit_amount=800&transform_quantity[divide_by]=3&transform_quantity[round]=up",
            tiered + """
                graduated&tiers[0][up_to]=2&tiers[0][unit_amount]=701&tiers[0][flat_amount]=99&tiers[1][up_to]=inf\
                &tiers[1][unit_amount_decimal]=650.5
                """,
            tiered + "volume&tiers[0][up_to]=3&tiers[0][unit_amount]=1000&tiers[1][up_to]=inf&tiers[1][unit_amount]=777",
            "recurring[interval]=year&unit_amount=12001",
            "recurring[interval]=month&recurring[interval_count]=3&unit_amount=3333",
            monthly + "recurring[usage_type]=metered&recurring[meter]=\(meter)&unit_amount_decimal=0.7",
        ]
        prices = [guest.price("basic"), guest.price("premium")]
        for terms in terms { prices.append(guest.post("/v1/prices", "product=\(product)&currency=usd&\(terms)").id) }
        for terms in ["percentage=19.6&inclusive=false", "percentage=5&inclusive=true"] {
            rates.append(guest.post("/v1/tax_rates", "display_name=VAT&\(terms)").id)
        }
        for terms in [
            "percent_off=12.5&duration=forever", "amount_off=250&currency=usd&duration=once",
            "amount_off=333&currency=usd&duration=forever", "percent_off=33.3&duration=repeating&duration_in_months=2",
            "percent_off=50&duration=forever&applies_to[products][0]=\(product)",
        ] { coupons.append(guest.post("/v1/coupons", terms).id) }
    }

    mutating func run(steps: Int) {
        while subscription.isEmpty { open() }
        for _ in 0..<steps where live["status"] != "canceled" {
            switch draw(15) {
            case 0...5: change()
            case 12: decline()
            case 13: pause()
            case 14: planEnd()
            case 6: wait()
            case 7: addItem()
            case 8: adjustBalance()
            case 9: use()
            default: renew()
            }
        }
        if live["status"] != "canceled" { cancel() }
    }

    private mutating func draw(_ bound: Int) -> Int { Int(random.next() % UInt64(bound)) }
    private mutating func pick(_ values: [String]) -> String { values[draw(values.count)] }

    // MARK: What happens

    private mutating func open() {
        var form: [(String, String)] = [("items[0][price]", pick(prices)), ("items[0][quantity]", "\(1 + draw(5))")]
        let mode = pick(["classic", "flexible", "flexible"])
        form.append(("billing_mode[type]", mode))
        if mode == "flexible", draw(2) == 0 { form.append(("billing_mode[flexible][proration_discounts]", "itemized")) }
        if draw(3) == 0 { form.append(("items[0][discounts][0][coupon]", pick(coupons))) }
        if draw(3) == 0 { form.append(("default_tax_rates[0]", pick(rates))) }
        if draw(4) == 0 { form.append(("trial_end", "\(guest.now + 86_400 * 9)")) }
        if draw(4) == 0 { form.append(("billing_cycle_anchor", "\(guest.now + 86_400 * 11)")) }
        if form.contains(where: { $0.0 == "trial_end" }) { form.removeAll { $0.0 == "billing_cycle_anchor" } }
        let discount = draw(2) == 0 ? [("discounts[0][coupon]", pick(coupons))] : []
        let preview = guest.call(
            "POST", "/v1/invoices/create_preview", encode(previewed(form) + discount + [("customer", customer)]))
        let made = guest.call(
            "POST", "/v1/subscriptions",
            encode(form + discount + [("customer", customer), ("expand[0]", "latest_invoice")]))
        story.append("open \(encode(form + discount))")
        guard made.status == 200 else {
            expect(preview.status == 400, "a subscription that cannot be made has no preview: \(made.body.text)")
            return
        }
        subscription = made.id
        if let invoice = made["latest_invoice"], !invoice.isNull { compare(preview.body, invoice) }
    }

    private var live: JSONValue { guest.get("/v1/subscriptions/\(subscription)").body }

    /// An update of items, cycle, trial or discounts.
    private mutating func change() {
        let items = live.at("items.data")?.arrayValue ?? []
        var form: [(String, String)] = []
        var discounts: [(String, String)] = []
        switch draw(12) {
        case 0, 1:
            form = [("items[0][id]", item(items)), ("items[0][quantity]", "\(draw(7))")]
        case 2, 3:
            form = [
                ("items[0][id]", item(items)), ("items[0][price]", pick(prices)), ("items[0][quantity]", "\(1 + draw(6))"),
            ]
        case 4: form = [("items[0][price]", pick(prices))]
        case 5: form = [("items[0][id]", item(items)), ("items[0][deleted]", "true")]
        case 9: form = [("billing_cycle_anchor[type]", "now")]
        case 6: form = [("cancel_at_period_end", draw(4) == 0 ? "true" : "false")]
        case 7: form = draw(3) == 0 ? [("default_tax_rates", "")] : [("default_tax_rates[0]", pick(rates))]
        case 8: discounts = draw(3) == 0 ? [("discounts", "")] : [("discounts[0][coupon]", pick(coupons))]
        default: form = [("trial_end", draw(2) == 0 ? "now" : "\(guest.now + 86_400 * Int64(1 + draw(40)))")]
        }
        form.append(("proration_behavior", pick(["create_prorations", "always_invoice", "none"])))
        if draw(3) == 0 { form.append(("proration_date", "\(guest.now - Int64(draw(86_400)))")) }
        update(form, discounts)
    }

    /// A renewal that is not paid at once, and a change before it is: what follows is foretold all the same.
    private mutating func decline() {
        story.append("\(guest.now) declined")
        pay(with: "pm_card_chargeCustomerFail")
        renew()
        if live["status"] != "canceled" { change() }
        pay(with: "pm_card_visa")
        for invoice in guest.get("/v1/invoices", "customer=\(customer)&status=open")["data"]?.arrayValue ?? [] {
            _ = guest.post("/v1/invoices/\(invoice["id"]?.stringValue ?? "")/pay")
        }
    }

    private func pay(with token: String) {
        let method = guest.post("/v1/payment_methods/\(token)/attach", "customer=\(customer)").id
        _ = guest.post("/v1/customers/\(customer)", "invoice_settings[default_payment_method]=\(method)")
    }

    /// A pause whose credits are invoiced, some days, and a resumption.
    private mutating func pause() {
        guard live["status"] == "active", live.at("billing_mode.type") == "flexible" else { return }
        let from = pick(["now", "none", "item_current_period_start"])
        act(
            "pause", [("bill_for[unused_time_from][type]", from)], previewed: "[pause]",
            with: ["invoicing_behavior=invoice"])
        guard live["status"] == "paused" else { return }
        guest.now += 86_400 * Int64(1 + draw(12))
        settle()
        let anchor = pick(["now", "unchanged"])
        let behavior = pick(["create_prorations", "always_invoice", "none"])
        act(
            "resume", [("billing_cycle_anchor[type]", anchor), ("proration_behavior", behavior)], previewed: "",
            with: [], and: "&subscription_details[resume_at]=now")
    }

    /// Calls an action of the subscription's, and holds the invoice that it makes, if it does, to its preview. `path`: where in
    /// `subscription_details` the preview wants the form; `rest`: what the action alone takes; `more`: what the preview does.
    private mutating func act(
        _ action: String, _ form: [(String, String)], previewed path: String, with rest: [String], and more: String = ""
    ) {
        story.append("\(guest.now) \(action) \(encode(form))")
        let last = live["latest_invoice"]
        let details = form.map { name, value in
            let head = name.prefix { $0 != "[" }
            return "subscription_details\(path)[\(head)]\(name.dropFirst(head.count))=\(value)"
        }
        let preview = guest.call(
            "POST", "/v1/invoices/create_preview",
            (["subscription=\(subscription)"] + details).joined(separator: "&") + more)
        let done = guest.call(
            "POST", "/v1/subscriptions/\(subscription)/\(action)", ([encode(form)] + rest).joined(separator: "&"))
        guard done.status == 200 else {
            return expect(preview.status == 400, "what is refused has no preview: \(done.body.text)")
        }
        guard let latest = done["latest_invoice"], latest != last, let id = latest.stringValue else { return }
        compare(preview.body, guest.get("/v1/invoices/\(id)").body)
    }

    /// An end that is planned inside a period or later, or is planned no more.
    private mutating func planEnd() {
        let end = draw(3) == 0 ? "" : "\(guest.now + 86_400 * Int64(1 + draw(70)))"
        update([("cancel_at", end), ("proration_behavior", pick(["create_prorations", "always_invoice", "none"]))], [])
        guard draw(3) > 0 else { return }
        wait()
        if live["status"] != "canceled" { update([("cancel_at", "")], []) }
    }

    /// The end: what is unused is given back and what was used is asked for.
    private mutating func cancel() {
        story.append("\(guest.now) cancel")
        let last = live["latest_invoice"]
        let preview = guest.call(
            "POST", "/v1/invoices/create_preview",
            "subscription=\(subscription)&subscription_details[cancel_now]=true")
        let ended = guest.call(
            "DELETE", "/v1/subscriptions/\(subscription)", "prorate=true&invoice_now=true&expand[]=latest_invoice")
        guard let invoice = ended["latest_invoice"], invoice["id"] != last, !invoice.isNull else {
            expect(preview.status == 404, "no invoice where none was foretold: \(preview.body.text)")
            return
        }
        compare(preview.body, invoice, isDraft: true)
        settle()
        compare(preview.body, guest.get("/v1/invoices/\(invoice["id"]?.stringValue ?? "")").body)
    }

    private mutating func item(_ items: [JSONValue]) -> String {
        items[draw(items.count)]["id"]?.stringValue ?? ""
    }

    private mutating func update(_ form: [(String, String)], _ discounts: [(String, String)]) {
        story.append("\(guest.now) \(encode(form + discounts))")
        let last = live["latest_invoice"]
        let preview = guest.call(
            "POST", "/v1/invoices/create_preview",
            encode(previewed(form) + discounts + [("subscription", subscription)]))
        let changed = guest.call("POST", "/v1/subscriptions/\(subscription)", encode(form + discounts))
        guard changed.status == 200 else {
            expect(preview.status == changed.status, "a change that is refused has no preview: \(changed.body.text)")
            expect(preview["error.message"] == changed["error.message"], "the words are the same")
            return
        }
        guard let latest = changed["latest_invoice"], latest != last, let id = latest.stringValue else {
            let next = guest.call("POST", "/v1/invoices/create_preview", "subscription=\(subscription)")
            expect(next.status == preview.status, "\(next.body.text) after \(preview.body.text)")
            if next.status == 200 { compare(preview.body, next.body) }
            return
        }
        compare(preview.body, guest.get("/v1/invoices/\(id)").body)
    }

    /// Lets time pass.
    private mutating func wait() {
        guest.now += 60 + Int64(draw(9)) * 86_400 + Int64(draw(86_400))
        settle()
    }

    /// Waits for every draft to become final: what it takes from the balance is not there for the next.
    private func settle() {
        while guest.get("/v1/invoices", "customer=\(customer)&status=draft")["data.0"] != nil { guest.now += 3601 }
    }

    private mutating func addItem() {
        let amount = Int64(draw(900)) - 300
        let discount = draw(3) == 0 && amount > 0 ? "&discounts[0][coupon]=\(coupons[0])" : ""
        let tag = draw(2) == 0 ? "&subscription=\(subscription)" : ""
        story.append("item of \(amount)\(discount)\(tag)")
        _ = guest.post("/v1/invoiceitems", "customer=\(customer)&currency=usd&amount=\(amount)\(discount)\(tag)")
    }

    private mutating func adjustBalance() {
        let amount = Int64(draw(1200)) - 800
        story.append("balance by \(amount)")
        _ = guest.post("/v1/customers/\(customer)/balance_transactions", "amount=\(amount)&currency=usd")
    }

    private mutating func use() {
        let value = draw(5000)
        story.append("\(guest.now) use of \(value)")
        _ = guest.post(
            "/v1/billing/meter_events",
            "event_name=calls&payload[stripe_customer_id]=\(customer)&payload[value]=\(value)")
    }

    /// The next period begins, and an hour later its invoice is final.
    private mutating func renew() {
        let ends = (live.at("items.data")?.arrayValue ?? []).compactMap { $0["current_period_end"]?.integerValue }
        guard let end = ends.min() else { return }
        story.append("renewal at \(end)")
        let last = live["latest_invoice"]
        let preview = guest.call("POST", "/v1/invoices/create_preview", "subscription=\(subscription)")
        guest.now = max(guest.now, end)
        let latest = live["latest_invoice"]
        guard latest != last, let id = latest?.stringValue else {
            expect(preview.status == 404, "no invoice where none was foretold: \(preview.body.text)")
            return
        }
        let draft = guest.get("/v1/invoices/\(id)").body
        expect(draft["status"] == "draft", "a renewal begins as a draft")
        compare(preview.body, draft, isDraft: true)
        guest.now += 3601
        compare(preview.body, guest.get("/v1/invoices/\(id)").body)
        settle()
    }

    // MARK: Comparing

    private func expect(_ condition: Bool, _ words: String) {
        #expect(condition, "seed \(seed): \(words)\n\(story.joined(separator: "\n"))")
    }

    private mutating func compare(_ preview: JSONValue, _ invoice: JSONValue, isDraft: Bool = false) {
        comparisons += 1
        let foretold = facts(preview, isDraft)
        let found = facts(invoice, isDraft)
        expect(foretold == found, "foretold \(foretold)\nfound \(found)")
    }

    /// What has to agree: the lines in order, and the sums.
    private func facts(_ invoice: JSONValue, _ isDraft: Bool) -> [String] {
        var facts = (invoice.at("lines.data")?.arrayValue ?? []).prefix(10).map { line in
            let shares = (line["discount_amounts"]?.arrayValue ?? []).map { $0["amount"]?.integerValue ?? 0 }
            let parts: [JSONValue?] = [
                line["amount"], line["description"], line["quantity_decimal"], line.at("period.start"),
                line.at("period.end"), line.at("pricing.unit_amount_decimal"),
                line.at("parent.subscription_item_details.proration"),
            ]
            return parts.map { $0?.text ?? "-" }.joined(separator: " ") + " \(shares)"
        }
        for key in ["subtotal", "total", "currency", "period_start", "period_end"]
            + (isDraft ? [] : ["amount_due", "starting_balance", "ending_balance"])
        {
            facts.append("\(key) \(invoice[key]?.text ?? "-")")
        }
        facts.append("taxes \((invoice["total_taxes"]?.arrayValue ?? []).map { $0["amount"]?.text ?? "-" })")
        let discounts = invoice["total_discount_amounts"]?.arrayValue ?? []
        facts.append("discounts \(discounts.map { $0["amount"]?.integerValue ?? 0 })")
        return facts
    }

    // MARK: Forms

    private func encode(_ form: [(String, String)]) -> String {
        form.map { "\($0.0)=\($0.1)" }.joined(separator: "&")
    }

    /// The form of an update as a preview takes it.
    private func previewed(_ form: [(String, String)]) -> [(String, String)] {
        form.map { name, value in
            let head = name.prefix { $0 != "[" }
            return ("subscription_details[\(head)]\(name.dropFirst(head.count))", value)
        }
    }
}
