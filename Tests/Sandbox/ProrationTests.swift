import JSON
import Testing

@testable import Sandbox

/// Proration through the API: Stripe's worked examples in both billing modes and by every behaviour.
@Suite struct Prorations {
    /// A subscription from the start of an example's period, on the way to its change.
    private func begin(
        _ row: Arithmetic.Proration, _ mode: String
    ) -> (guest: Guest, subscription: String, change: String, preview: String) {
        let guest = Guest(at: row.start)
        let product = guest.post("/v1/products", "name=Plan").id
        let interval = row.end - row.start > 40 * 86_400 ? "year" : "month"
        func price(_ unit: Int64) -> String {
            guest.post(
                "/v1/prices", "product=\(product)&currency=usd&unit_amount=\(unit)&recurring[interval]=\(interval)"
            ).id
        }
        let old = price(row.old.unit)
        let new = row.new.unit == row.old.unit ? old : price(row.new.unit)
        let subscription = guest.subscription(
            of: guest.customer(), to: old, "items[0][quantity]=\(row.old.quantity)&billing_mode[type]=\(mode)")
        #expect(subscription["items.data.0.current_period_end"] == .integer(row.end), "the period is that of the example")
        guest.now = min(max(row.date, row.start), row.end - 1)
        let terms = [
            ("id", subscription["items.data.0.id"]?.stringValue ?? ""), ("price", new), ("quantity", "\(row.new.quantity)"),
        ]
        let change = terms.map { "items[0][\($0.0)]=\($0.1)" }.joined(separator: "&")
        let preview = terms.map { "subscription_details[items][0][\($0.0)]=\($0.1)" }.joined(separator: "&")
        return (guest, subscription.id, change, "subscription=\(subscription.id)&\(preview)")
    }

    @Test(arguments: Arithmetic.prorations.filter { $0.date < $0.end }, ["classic", "flexible"])
    func `a change is invoiced to the cent, as its preview said`(_ row: Arithmetic.Proration, _ mode: String) {
        let (guest, subscription, change, preview) = begin(row, mode)
        let foretold = guest.post(
            "/v1/invoices/create_preview",
            "\(preview)&subscription_details[proration_behavior]=always_invoice&subscription_details[proration_date]=\(row.date)"
        )
        let changed = guest.post(
            "/v1/subscriptions/\(subscription)",
            "\(change)&proration_behavior=always_invoice&proration_date=\(row.date)&expand[]=latest_invoice")
        for invoice in [changed["latest_invoice"] ?? .null, foretold.body] {
            #expect(
                invoice.at("lines.data")?.arrayValue?.map { $0["amount"] } == [.integer(row.credit), .integer(row.debit)])
            #expect(invoice.at("lines.data.0.period.start") == .integer(row.date))
            #expect(invoice.at("lines.data.1.period.end") == .integer(row.end))
            #expect(invoice.at("total") == .integer(row.credit + row.debit))
        }
        #expect(foretold["amount_due"] == changed["latest_invoice.amount_due"])
    }

    @Test(arguments: Arithmetic.prorations.filter { $0.date < $0.end })
    func `what is not invoiced now waits for the renewal, or is not asked for`(_ row: Arithmetic.Proration) {
        for (behavior, more) in [("create_prorations", row.credit + row.debit), ("none", 0)] {
            let (guest, subscription, change, _) = begin(row, "flexible")
            let last = guest.get("/v1/subscriptions/\(subscription)")["latest_invoice"]
            let changed = guest.post(
                "/v1/subscriptions/\(subscription)",
                "\(change)&proration_behavior=\(behavior)&proration_date=\(row.date)")
            #expect(changed["latest_invoice"] == last)
            guest.now = row.end
            let renewal = guest.get("/v1/subscriptions/\(subscription)", "expand[]=latest_invoice")
            #expect(renewal["latest_invoice.total"] == .integer(row.new.unit * row.new.quantity + more))
        }
    }

    /// 10 to 20 without proration, then back with a third of the month to go
    /// (docs.stripe.com/billing/subscriptions/billing-mode).
    @Test(arguments: [("classic", -667, 333), ("flexible", -334, 333)] as [(String, Int64, Int64)])
    func `classic credits the price, flexible what was paid`(_ mode: String, _ credit: Int64, _ debit: Int64) {
        let row = Arithmetic.Proration(
            name: "up", old: (1000, 1), new: (2000, 1), start: 1_775_001_600, end: 1_777_593_600, date: 1_775_865_600,
            credit: 0, debit: 0)
        let (guest, subscription, change, _) = begin(row, mode)
        let old = guest.get("/v1/subscriptions/\(subscription)")["items.data.0.price.id"]?.stringValue ?? ""
        _ = guest.post("/v1/subscriptions/\(subscription)", "\(change)&proration_behavior=none")
        let item = guest.get("/v1/subscriptions/\(subscription)")["items.data.0.id"]?.stringValue ?? ""
        guest.now = 1_776_729_600
        let back = guest.post(
            "/v1/subscriptions/\(subscription)",
            "items[0][id]=\(item)&items[0][price]=\(old)&proration_behavior=always_invoice&expand[]=latest_invoice")
        #expect(back["latest_invoice.lines.data"]?.arrayValue?.map { $0["amount"] } == [.integer(credit), .integer(debit)])
    }

    // MARK: Hindsight

    @Test(arguments: ["classic", "flexible"])
    func `a subscription that began before asks for that time at once`(_ mode: String) {
        let guest = Guest()
        let price = guest.price("premium")
        let start = CivilDate(unix: guest.now).adding(months: -2).unix - 15 * 86_400
        let customer = guest.customer()
        let foretold = guest.post(
            "/v1/invoices/create_preview",
            """
            customer=\(customer)&subscription_details[items][0][price]=\(price)&subscription_details[start_date]=\(start)\
            &subscription_details[billing_mode][type]=\(mode)
            """)
        let subscription = guest.subscription(
            of: customer, to: price, "backdate_start_date=\(start)&billing_mode[type]=\(mode)&expand[]=latest_invoice")
        #expect(subscription["start_date"] == .integer(start))
        #expect(subscription["items.data.0.current_period_start"] == .integer(guest.now))
        // August has 31 days, of which fifteen come to 725; then two whole months, and the one that begins.
        let amounts = subscription["latest_invoice.lines.data"]?.arrayValue?.map { $0["amount"]?.integerValue }
        #expect(amounts == (mode == "classic" ? [3725, 1500] : [725, 1500, 1500, 1500]))
        #expect(foretold["total"] == subscription["latest_invoice.total"])
        #expect(foretold["lines.data.0.description"] == subscription["latest_invoice.lines.data.0.description"])
        let free = guest.subscription(
            of: customer, to: price, "backdate_start_date=\(start)&proration_behavior=none&expand[]=latest_invoice")
        #expect(free["latest_invoice.total"] == 1500)
        let future = guest.call(
            "POST", "/v1/subscriptions",
            "customer=\(customer)&items[0][price]=\(price)&backdate_start_date=\(guest.now + 9)")
        #expect(future["error.param"] == "backdate_start_date")
    }

    // MARK: Intervals

    private func prices(_ guest: Guest) -> (month: String, year: String, week: String) {
        let product = guest.post("/v1/products", "name=Plan").id
        func price(_ amount: Int64, _ interval: String) -> String {
            guest.post(
                "/v1/prices", "product=\(product)&currency=usd&unit_amount=\(amount)&recurring[interval]=\(interval)"
            ).id
        }
        return (price(1000, "month"), price(10_000, "year"), price(300, "week"))
    }

    @Test(arguments: ["classic", "flexible"], ["create_prorations", "always_invoice", "none"])
    func `another interval begins now and is invoiced at once`(_ mode: String, _ behavior: String) {
        let guest = Guest()
        let prices = prices(guest)
        let subscription = guest.subscription(of: guest.customer(), to: prices.month, "billing_mode[type]=\(mode)")
        let item = subscription["items.data.0.id"]?.stringValue ?? ""
        guest.now += 15 * 86_400
        let changed = guest.post(
            "/v1/subscriptions/\(subscription.id)",
            """
            items[0][id]=\(item)&items[0][price]=\(prices.year)&proration_behavior=\(behavior)&expand[]=latest_invoice
            """)
        let expected: [Int64] = behavior == "none" ? [10_000] : [-500, 10_000]
        #expect(changed["latest_invoice.lines.data"]?.arrayValue?.map { $0["amount"]?.integerValue } == expected)
        #expect(changed["latest_invoice.status"] == "paid")
        #expect(changed["items.data.0.current_period_start"] == .integer(guest.now))
        let year = CivilDate(unix: guest.now).adding(months: 12).unix
        #expect(changed["items.data.0.current_period_end"] == .integer(year))
        #expect((changed["billing_cycle_anchor"] == .integer(guest.now)) == (mode == "classic"))
    }

    @Test func `items may differ in their intervals where billing is flexible`() {
        let guest = Guest()
        let prices = prices(guest)
        let customer = guest.customer()
        let both = "customer=\(customer)&items[0][price]=\(prices.month)&items[1][price]=\(prices.year)"
        let classic = guest.call("POST", "/v1/subscriptions", both + "&billing_mode[type]=classic")
        #expect(classic.status == 400)
        let flexible = guest.post("/v1/subscriptions", both + "&expand[]=latest_invoice")
        #expect(flexible["latest_invoice.total"] == 11_000)
        let odd = "customer=\(customer)&items[0][price]=\(prices.week)&items[1][price]=\(prices.month)"
        #expect(guest.call("POST", "/v1/subscriptions", odd).status == 400)
        guest.advance(30 * 86_400 + 3600)
        #expect(guest.get("/v1/invoices", "subscription=\(flexible.id)")["data.0.total"] == 1000)
    }

    @Test(arguments: ["classic", "flexible"])
    func `from free to paid, classic billing begins anew`(_ mode: String) {
        let guest = Guest()
        let prices = prices(guest)
        let product = guest.get("/v1/prices/\(prices.month)")["product"]?.stringValue ?? ""
        let free = guest.post(
            "/v1/prices", "product=\(product)&currency=usd&unit_amount=0&recurring[interval]=month"
        ).id
        let subscription = guest.subscription(of: guest.customer(), to: free, "billing_mode[type]=\(mode)")
        let item = subscription["items.data.0.id"]?.stringValue ?? ""
        guest.now += 15 * 86_400
        let changed = guest.post(
            "/v1/subscriptions/\(subscription.id)",
            "items[0][id]=\(item)&items[0][price]=\(prices.month)&expand[]=latest_invoice")
        if mode == "classic" {
            #expect(changed["latest_invoice.total"] == 1000)
            #expect(changed["items.data.0.current_period_start"] == .integer(guest.now))
        } else {
            #expect(changed["latest_invoice.id"] == subscription["latest_invoice"])
            #expect(guest.post("/v1/invoices/create_preview", "subscription=\(subscription.id)")["total"] == 1500)
        }
    }
}
