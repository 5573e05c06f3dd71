import JSON
import Testing

@testable import Sandbox

/// Coupons and promotion codes at work: what they take off, from which lines, for how long, and whom they are refused.
@Suite struct Discounts {
    private static let month: Int64 = 30 * 86_400

    struct Share: Sendable {
        let percent: String?
        let amount: Int64?
        let lines: [Int64]
        let taken: [Int64]
    }

    @Test(arguments: [
        Share(percent: nil, amount: 500, lines: [1000, 2000], taken: [166, 334]),
        Share(percent: "10.0", amount: nil, lines: [333], taken: [33]),
        Share(percent: "10.0", amount: nil, lines: [333, 333, 334], taken: [33, 33, 34]),
        Share(percent: "50.0", amount: nil, lines: [333, 333, 333, 1], taken: [166, 166, 167, 1]),
        Share(percent: "100.0", amount: nil, lines: [1, 2, 3], taken: [1, 2, 3]),
        Share(percent: nil, amount: 5000, lines: [1000, 2000], taken: [1000, 2000]),
        Share(percent: nil, amount: 500, lines: [0, 0], taken: [0, 0]),
        Share(percent: nil, amount: 500, lines: [], taken: []),
    ])
    func `a discount is spread in proportion, floored, the rest on the last line`(_ row: Share) {
        let terms = DiscountTerms(
            id: "di_1", percent: row.percent.flatMap { ExactAmount(decimal: $0) }, amount: row.amount, products: nil)
        #expect(terms.shares(of: row.lines) == row.taken)
    }

    /// A coupon's id.
    private func coupon(_ guest: Guest, _ form: String) -> String { guest.post("/v1/coupons", form).id }

    @Test func `a coupon for ever takes its part off every invoice, and the preview says so`() throws {
        let guest = Guest()
        let coupon = coupon(guest, "percent_off=10&duration=forever")
        let customer = guest.customer()
        let foretold = guest.post(
            "/v1/invoices/create_preview",
            """
            customer=\(customer)&subscription_details[items][0][price]=\(guest.price("basic"))\
            &discounts[0][coupon]=\(coupon)
            """)
        let mark = guest.eventCount
        let subscription = guest.subscription(
            of: customer, to: guest.price("basic"),
            "discounts[0][coupon]=\(coupon)&expand[]=latest_invoice&expand[]=discounts")
        let deep = guest.get("/v1/subscriptions/\(subscription.id)", "expand[]=discounts.source.coupon")
        #expect(deep["discounts.0.source.coupon.percent_off"]?.doubleValue == 10)
        #expect(guest.events(since: mark).contains("customer.discount.created"))
        let discount = try #require(subscription["discounts.0.id"]?.stringValue)
        #expect(subscription["discounts.0.source.coupon"] == .string(coupon))
        #expect(subscription["discounts.0.subscription"] == .string(subscription.id))
        #expect(subscription["discounts.0.end"] == .null)
        let invoice = try #require(subscription["latest_invoice"])
        #expect(invoice.at("subtotal") == 500)
        #expect(invoice.at("total") == 450)
        #expect(invoice.at("amount_paid") == 450)
        #expect(foretold["amount_due"] == 450)
        #expect(invoice.at("discounts") == [.string(discount)])
        #expect(invoice.at("total_discount_amounts") == [["amount": 50, "discount": .string(discount)]])
        #expect(invoice.at("lines.data.0.amount") == 500)
        #expect(invoice.at("lines.data.0.discount_amounts") == [["amount": 50, "discount": .string(discount)]])
        guest.advance(Self.month + 3600)
        #expect(guest.get("/v1/invoices", "subscription=\(subscription.id)")["data.0.amount_paid"] == 450)
        #expect(guest.get("/v1/coupons/\(coupon)")["times_redeemed"] == 1)
    }

    @Test func `a coupon for once is used up by the first invoice`() {
        let guest = Guest()
        let coupon = coupon(guest, "amount_off=200&currency=usd&duration=once")
        let subscription = guest.subscription(
            of: guest.customer(), to: guest.price("basic"), "discounts[0][coupon]=\(coupon)&expand[]=latest_invoice")
        #expect(subscription["latest_invoice.amount_paid"] == 300)
        #expect(guest.get("/v1/subscriptions/\(subscription.id)")["discounts"] == [])
        #expect(guest.events().contains("customer.discount.deleted"))
        guest.advance(Self.month + 3600)
        #expect(guest.get("/v1/invoices", "subscription=\(subscription.id)")["data.0.amount_paid"] == 500)
    }

    @Test func `a repeating coupon ends with its months`() {
        let guest = Guest()
        let coupon = coupon(guest, "percent_off=50&duration=repeating&duration_in_months=2")
        let subscription = guest.subscription(
            of: guest.customer(), to: guest.price("basic"), "discounts[0][coupon]=\(coupon)&expand[]=discounts")
        let end = CivilDate(unix: guest.now).adding(months: 2).unix
        #expect(subscription["discounts.0.end"] == .integer(end))
        guest.advance(Self.month + 3600)
        let second = guest.post("/v1/invoices/create_preview", "subscription=\(subscription.id)")
        guest.advance(31 * 86_400)
        let totals = guest.get("/v1/invoices", "subscription=\(subscription.id)")["data"]?.arrayValue?.map { $0["total"] }
        #expect(totals == [500, 250, 250])
        #expect(second["total"] == 500, "the third invoice comes when the two months are over")
        #expect(guest.get("/v1/subscriptions/\(subscription.id)")["discounts"] == [])
    }

    @Test func `an item's own coupon comes before that of the subscription, each on what is left`() {
        let guest = Guest()
        let half = coupon(guest, "percent_off=50&duration=forever")
        let off = coupon(guest, "amount_off=100&currency=usd&duration=forever")
        let subscription = guest.subscription(
            of: guest.customer(), to: guest.price("premium"),
            "items[0][discounts][0][coupon]=\(half)&discounts[0][coupon]=\(off)&expand[]=latest_invoice")
        #expect(subscription["latest_invoice.total"] == 650)
        #expect(subscription["latest_invoice.lines.data.0.discount_amounts.0.amount"] == 750)
        #expect(subscription["latest_invoice.lines.data.0.discount_amounts.1.amount"] == 100)
        #expect(subscription["items.data.0.discounts"]?.arrayValue?.count == 1)
    }

    @Test func `a coupon for a product leaves other lines alone`() {
        let guest = Guest()
        let basic = guest.get("/v1/prices/\(guest.price("basic"))")["product"]?.stringValue ?? ""
        let coupon = coupon(guest, "percent_off=100&duration=forever&applies_to[products][0]=\(basic)")
        let subscription = guest.subscription(
            of: guest.customer(), to: guest.price("basic"),
            "items[1][price]=\(guest.price("premium"))&discounts[0][coupon]=\(coupon)&expand[]=latest_invoice")
        #expect(subscription["latest_invoice.total"] == 1500)
        #expect(subscription["latest_invoice.lines.data.1.discount_amounts"] == [])
    }

    @Test func `discounts are replaced, kept by id, and taken away`() throws {
        let guest = Guest()
        let first = coupon(guest, "percent_off=10&duration=forever")
        let second = coupon(guest, "percent_off=20&duration=forever")
        let path = "/v1/subscriptions/\(guest.subscription(of: guest.customer(), to: guest.price("basic")).id)"
        let given = guest.post(path, "discounts[0][coupon]=\(first)")
        let kept = try #require(given["discounts.0"]?.stringValue)
        let both = guest.post(path, "discounts[0][discount]=\(kept)&discounts[1][coupon]=\(second)")
        #expect(both["discounts.0"] == .string(kept))
        #expect(both["discounts"]?.arrayValue?.count == 2)
        let mark = guest.eventCount
        let one = guest.post(path, "discounts[0][discount]=\(both["discounts.1"]?.stringValue ?? "")")
        #expect(one["discounts"]?.arrayValue?.count == 1)
        #expect(guest.events(since: mark) == ["customer.discount.deleted", "customer.subscription.updated"])
        let deleted = guest.call("DELETE", "\(path)/discount")
        #expect(deleted["deleted"] == true)
        #expect(deleted["source.coupon"] == .string(second))
        let none = guest.call("DELETE", "\(path)/discount")
        #expect(none.status == 404)
        #expect(guest.post(path, "discounts[0][coupon]=\(first)")["discounts"]?.arrayValue?.count == 1)
        #expect(guest.post(path, "discounts=")["discounts"] == [])
    }

    // MARK: Refusals

    @Test func `expired, used up and unknown coupons are refused`() {
        let guest = Guest()
        let customer = guest.customer()
        let short = coupon(guest, "percent_off=10&duration=once&redeem_by=\(guest.now + 60)")
        let single = coupon(guest, "percent_off=10&duration=once&max_redemptions=1")
        let euros = coupon(guest, "amount_off=100&currency=eur&duration=once")
        func answer(_ coupon: String) -> Guest.Answer {
            guest.call(
                "POST", "/v1/subscriptions",
                "customer=\(customer)&items[0][price]=\(guest.price("basic"))&discounts[0][coupon]=\(coupon)")
        }
        #expect(answer(single).status == 200)
        #expect(answer(single)["error.message"] == .string("Coupon \(single) is used up and cannot be applied."))
        #expect(guest.get("/v1/coupons/\(single)")["valid"] == false)
        guest.now += 61
        #expect(answer(short)["error.code"] == "coupon_expired")
        #expect(guest.get("/v1/coupons/\(short)")["valid"] == false)
        #expect(answer("NOPE")["error.message"] == "No such coupon: 'NOPE'")
        #expect(answer(euros).status == 400)
        #expect(guest.get("/v1/coupons/\(euros)")["times_redeemed"] == 0, "what is refused leaves no trace")
    }

    @Test func `a promotion code minds its customer, the first transaction and the smallest amount`() {
        let guest = Guest()
        let coupon = coupon(guest, "percent_off=10&duration=forever")
        let promotion = "promotion[type]=coupon&promotion[coupon]=\(coupon)"
        let customer = guest.customer()
        func subscribe(_ code: String, _ price: String = "basic", of customer: String) -> Guest.Answer {
            guest.call(
                "POST", "/v1/subscriptions",
                "customer=\(customer)&items[0][price]=\(guest.price(price))&discounts[0][promotion_code]=\(code)")
        }
        let first = guest.post("/v1/promotion_codes", "\(promotion)&restrictions[first_time_transaction]=true").id
        #expect(subscribe(first, of: customer).status == 200)
        #expect(
            subscribe(first, of: customer)["error.message"]
                == "This promotion code cannot be redeemed because the associated customer has prior transactions.")
        let own = guest.post("/v1/promotion_codes", "\(promotion)&customer=\(customer)").id
        #expect(subscribe(own, of: guest.customer()).status == 400)
        #expect(subscribe(own, of: customer).status == 200)
        let large = guest.post(
            "/v1/promotion_codes",
            "\(promotion)&restrictions[minimum_amount]=1000&restrictions[minimum_amount_currency]=usd"
        ).id
        #expect(subscribe(large, of: customer).status == 400)
        let made = subscribe(large, "premium", of: customer)
        #expect(made.status == 200)
        let changed = guest.call("POST", "/v1/subscriptions/\(made.id)", "discounts[0][promotion_code]=\(large)")
        #expect(changed["error.message"]?.stringValue?.contains("`minimum_amount`") == true)
        let twice = guest.post("/v1/promotion_codes", "\(promotion)&max_redemptions=1").id
        #expect(subscribe(twice, of: customer).status == 200)
        #expect(guest.get("/v1/promotion_codes/\(twice)")["active"] == false)
        #expect(subscribe(twice, of: customer).status == 400)
    }

    // MARK: Prorations

    /// Items of 10 and 20 with five dollars off: half way through the period the item of 10 goes
    /// (docs.stripe.com/billing/subscriptions/billing-mode).
    @Test(arguments: [("classic", -250, 0), ("flexible", -417, 0), ("itemized", -500, -83)] as [(String, Int64, Int64)])
    func `a removed item gives back what it cost with its discount`(_ mode: String, _ amount: Int64, _ taken: Int64) {
        let guest = Guest()
        let product = guest.post("/v1/products", "name=Seats").id
        let terms = "product=\(product)&currency=usd&recurring[interval]=month&unit_amount="
        let ten = guest.post("/v1/prices", terms + "1000").id
        let twenty = guest.post("/v1/prices", terms + "2000").id
        let coupon = coupon(guest, "amount_off=500&currency=usd&duration=forever")
        let billing =
            mode == "itemized"
            ? "billing_mode[type]=flexible&billing_mode[flexible][proration_discounts]=itemized"
            : "billing_mode[type]=\(mode)"
        let subscription = guest.subscription(
            of: guest.customer(), to: ten, "items[1][price]=\(twenty)&discounts[0][coupon]=\(coupon)&\(billing)")
        let item = subscription["items.data.0.id"]?.stringValue ?? ""
        guest.now += Self.month / 2
        let form = "items[0][id]=\(item)&items[0][deleted]=true&proration_behavior=always_invoice&expand[]=latest_invoice"
        let changed = guest.post("/v1/subscriptions/\(subscription.id)", form)
        #expect(changed["latest_invoice.lines.data.0.amount"] == .integer(amount))
        #expect(changed["latest_invoice.total"] == .integer(amount - taken))
        let shares = changed["latest_invoice.lines.data.0.discount_amounts"]?.arrayValue ?? []
        #expect(shares.compactMap { $0["amount"]?.integerValue }.reduce(0, +) == taken)
    }

    @Test func `an upgrade asks for the discounted price, and says so`() {
        let guest = Guest()
        let coupon = coupon(guest, "percent_off=30&duration=forever")
        let subscription = guest.subscription(
            of: guest.customer(), to: guest.price("basic"), "discounts[0][coupon]=\(coupon)")
        let item = subscription["items.data.0.id"]?.stringValue ?? ""
        guest.now += 10 * 86_400
        let change = "[items][0][id]=\(item)&CHANGE[items][0][price]=\(guest.price("premium"))&CHANGE[proration_behavior]"
        let preview = guest.post(
            "/v1/invoices/create_preview",
            "subscription=\(subscription.id)&subscription_details"
                + change.split(separator: "CHANGE").joined(separator: "subscription_details") + "=always_invoice")
        let changed = guest.post(
            "/v1/subscriptions/\(subscription.id)",
            """
            items[0][id]=\(item)&items[0][price]=\(guest.price("premium"))&proration_behavior=always_invoice\
            &expand[]=latest_invoice
            """)
        #expect(changed["latest_invoice.lines.data.0.amount"] == -234)
        #expect(changed["latest_invoice.lines.data.1.amount"] == 700)
        #expect(
            changed["latest_invoice.lines.data.1.description"]
                == "Remaining time on Premium (with 30.0% off) after 11 Nov 2026"
        )
        #expect(preview["total"] == changed["latest_invoice.total"])
    }
}
