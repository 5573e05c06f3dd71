import JSON
import Testing

@testable import Sandbox

/// What a schedule's phases say about money: discounts, tax rates, and what is asked for once.
@Suite struct PhaseMoney {
    private static let month: Int64 = 30 * 86_400

    @Test func `a phase brings its discounts, its taxes and its one-time prices, and takes them along`() {
        let guest = Guest()
        let basic = guest.price("basic")
        let coupon = guest.post("/v1/coupons", "percent_off=20&duration=forever").id
        let rate = guest.post("/v1/tax_rates", "display_name=VAT&percentage=10&inclusive=false").id
        let product = guest.get("/v1/prices/\(basic)")["product"]?.stringValue ?? ""
        let setup = guest.post("/v1/prices", "product=\(product)&currency=usd&unit_amount=1000").id
        let schedule = guest.post(
            "/v1/subscription_schedules",
            """
            customer=\(guest.customer())&start_date=now&phases[0][items][0][price]=\(basic)\
            &phases[0][discounts][0][coupon]=\(coupon)&phases[0][default_tax_rates][0]=\(rate)\
            &phases[0][add_invoice_items][0][price]=\(setup)&phases[0][duration][interval]=month\
            &phases[1][items][0][price]=\(basic)&phases[1][discounts][0][coupon]=\(coupon)\
            &phases[1][duration][interval]=month&phases[2][items][0][price]=\(basic)&phases[2][duration][interval]=month
            """)
        #expect(schedule["phases.0.discounts.0.coupon"] == .string(coupon))
        #expect(schedule["phases.0.default_tax_rates.0.id"] == .string(rate))
        #expect(schedule["phases.0.add_invoice_items.0.price"] == .string(setup))
        let subscription = schedule["subscription"]?.stringValue ?? ""
        let first = guest.get("/v1/subscriptions/\(subscription)", "expand[]=latest_invoice")
        // 1500 less a fifth, and a tenth of that.
        #expect(first["latest_invoice.total"] == 1320)
        let discount = first["discounts.0"]
        guest.advance(Self.month)
        let second = guest.get("/v1/subscriptions/\(subscription)", "expand[]=latest_invoice")
        #expect(second["discounts.0"] == discount, "what is there of the same coupon stays")
        #expect(second["default_tax_rates"] == [])
        #expect(second["latest_invoice.total"] == 400)
        guest.advance(Self.month + 86_400)
        let third = guest.get("/v1/subscriptions/\(subscription)", "expand[]=latest_invoice")
        #expect(third["discounts"] == [])
        #expect(third["latest_invoice.total"] == 500)
    }

    @Test func `items of a phase have discounts and taxes of their own`() {
        let guest = Guest()
        let coupon = guest.post("/v1/coupons", "percent_off=50&duration=forever").id
        let rate = guest.post("/v1/tax_rates", "display_name=VAT&percentage=10&inclusive=false").id
        let basic = guest.price("basic")
        let subscription = guest.subscription(of: guest.customer(), to: basic)
        let schedule = guest.post("/v1/subscription_schedules", "from_subscription=\(subscription.id)")
        let form = """
            phases[0][items][0][price]=\(basic)&phases[0][start_date]=\(guest.now)\
            &phases[0][end_date]=\(guest.now + Self.month)&phases[1][items][0][price]=\(basic)\
            &phases[1][items][0][discounts][0][coupon]=\(coupon)&phases[1][items][0][tax_rates][0]=\(rate)\
            &phases[1][duration][interval]=month
            """
        _ = guest.post("/v1/subscription_schedules/\(schedule.id)", form)
        let preview = guest.post("/v1/invoices/create_preview", "subscription=\(subscription.id)")
        #expect(preview["total"] == 275)
        guest.advance(Self.month)
        let after = guest.get("/v1/subscriptions/\(subscription.id)", "expand[]=latest_invoice")
        #expect(after["latest_invoice.total"] == 275)
        #expect(after["items.data.0.discounts"]?.arrayValue?.count == 1)
    }

    @Test func `what a phase names has to be there`() {
        let guest = Guest()
        let basic = guest.price("basic")
        let form = "customer=\(guest.customer())&start_date=now&phases[0][items][0][price]=\(basic)"
        for (more, param) in [
            ("&phases[0][discounts][0][coupon]=none", "phases[0][discounts][0][coupon]"),
            ("&phases[0][default_tax_rates][0]=txr_none", "phases[0][default_tax_rates][0]"),
            (
                "&phases[0][items][0][discounts][0][promotion_code]=promo_none",
                "phases[0][items][0][discounts][0][promotion_code]"
            ),
            ("&phases[0][add_invoice_items][0][quantity]=1", "phases[0][add_invoice_items][0][price]"),
        ] {
            let refused = guest.call("POST", "/v1/subscription_schedules", form + more)
            #expect(refused.status == 400)
            #expect(refused["error.param"] == .string(param))
        }
    }
}
