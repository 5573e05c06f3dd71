import JSON
import Testing

@testable import Sandbox

/// Tax rates at work: on top or inside, after discounts, on credits too.
@Suite struct Taxes {
    private func rate(_ guest: Guest, _ percentage: String, inclusive: Bool = false) -> String {
        guest.post("/v1/tax_rates", "display_name=VAT&percentage=\(percentage)&inclusive=\(inclusive)").id
    }

    struct Row: Sendable {
        let amount: Int64
        let rates: [(percentage: String, inclusive: Bool)]
        let taxes: [Int64]
    }

    @Test(arguments: [
        Row(amount: 1000, rates: [("20.0", false)], taxes: [200]), Row(amount: 1000, rates: [("20.0", true)], taxes: [167]),
        Row(amount: 333, rates: [("7.7", false)], taxes: [26]), Row(amount: 50, rates: [("5.0", false)], taxes: [3]),
        Row(amount: -50, rates: [("5.0", false)], taxes: [-3]), Row(amount: 0, rates: [("5.0", false)], taxes: [0]),
        Row(amount: 1000, rates: [("5.0", false), ("9.975", false)], taxes: [50, 100]),
        Row(amount: 1200, rates: [("10.0", true), ("10.0", true)], taxes: [100, 100]),
        Row(amount: 1100, rates: [("10.0", true), ("10.0", false)], taxes: [100, 100]),
        Row(amount: 5, rates: [], taxes: []),
    ])
    func `each tax is rounded half up by itself`(_ row: Row) {
        let rates = row.rates.map { rate -> JSONValue in
            ["id": "txr_1", "percentage": .number(rate.percentage), "inclusive": .bool(rate.inclusive)]
        }
        let taxes = Account.taxes(on: row.amount, rates, exempt: "none")
        #expect(taxes.map { $0["amount"]?.integerValue } == row.taxes)
        #expect(Account.taxes(on: row.amount, rates, exempt: "exempt").allSatisfy { $0["amount"] == 0 })
    }

    @Test func `a subscription's taxes are on its invoices, after the discount, as the preview says`() {
        let guest = Guest()
        let customer = guest.customer()
        let coupon = guest.post("/v1/coupons", "percent_off=10&duration=forever").id
        let rate = rate(guest, "19")
        let foretold = guest.post(
            "/v1/invoices/create_preview",
            """
            customer=\(customer)&subscription_details[items][0][price]=\(guest.price("premium"))\
            &subscription_details[default_tax_rates][0]=\(rate)&discounts[0][coupon]=\(coupon)
            """)
        let subscription = guest.subscription(
            of: customer, to: guest.price("premium"),
            "default_tax_rates[0]=\(rate)&discounts[0][coupon]=\(coupon)&expand[]=latest_invoice")
        #expect(subscription["default_tax_rates.0.id"] == .string(rate))
        for invoice in [foretold.body, subscription["latest_invoice"] ?? .null] {
            #expect(invoice.at("subtotal") == 1500)
            #expect(invoice.at("total_excluding_tax") == 1350)
            #expect(invoice.at("total") == 1607)
            #expect(invoice.at("amount_due") == 1607)
            #expect(invoice.at("total_taxes.0.amount") == 257)
            #expect(invoice.at("total_taxes.0.taxable_amount") == 1350)
            #expect(invoice.at("lines.data.0.taxes.0.tax_rate_details.tax_rate") == .string(rate))
        }
        let item = subscription["items.data.0.id"]?.stringValue ?? ""
        guest.now += 15 * 86_400
        let down = guest.post(
            "/v1/subscriptions/\(subscription.id)",
            "items[0][id]=\(item)&items[0][price]=\(guest.price("basic"))&proration_behavior=always_invoice&expand[]=latest_invoice"
        )
        #expect(down["latest_invoice.lines.data"]?.arrayValue?.map { $0.at("taxes.0.amount") } == [-128, 43])
        #expect(down["latest_invoice.total"] == .integer(-675 + 225 - 128 + 43))
    }

    @Test func `an item's own rates stand in the place of the others, and the exempt pay none`() {
        let guest = Guest()
        let (high, low) = (rate(guest, "20"), rate(guest, "5", inclusive: true))
        let customer = guest.customer()
        let form = """
            items[0][tax_rates][0]=\(low)&items[1][price]=\(guest.price("premium"))&default_tax_rates[0]=\(high)\
            &expand[]=latest_invoice
            """
        let mixed = guest.subscription(of: customer, to: guest.price("basic"), form)
        #expect(mixed["items.data.0.tax_rates.0.inclusive"] == true)
        #expect(mixed["latest_invoice.total"] == 2300)
        #expect(mixed["latest_invoice.subtotal_excluding_tax"] == 1976)
        #expect(mixed["latest_invoice.total_excluding_tax"] == 1976)
        #expect(mixed["latest_invoice.total_taxes"]?.arrayValue?.map { $0["amount"] } == [24, 300])
        _ = guest.post("/v1/customers/\(customer)", "tax_exempt=exempt")
        let exempt = guest.subscription(of: customer, to: guest.price("basic"), form)
        #expect(exempt["latest_invoice.total"] == 2000)
        #expect(exempt["latest_invoice.total_taxes.0.taxability_reason"] == "customer_exempt")
        _ = guest.post("/v1/tax_rates/\(high)", "active=false")
        let refused = guest.call(
            "POST", "/v1/subscriptions",
            "customer=\(customer)&items[0][price]=\(guest.price("basic"))&default_tax_rates[0]=\(high)")
        #expect(refused["error.param"] == "default_tax_rates[0]")
    }

    @Test func `invoices by hand and their credit notes know taxes`() {
        let guest = Guest()
        let customer = guest.customer()
        let rate = rate(guest, "25")
        let invoice = guest.post("/v1/invoices", "customer=\(customer)&default_tax_rates[0]=\(rate)").id
        _ = guest.post("/v1/invoiceitems", "customer=\(customer)&invoice=\(invoice)&amount=1000&currency=usd")
        let open = guest.post("/v1/invoices/\(invoice)/finalize")
        #expect(open["total"] == 1250)
        let line = open["lines.data.0.id"]?.stringValue ?? ""
        let note = guest.post(
            "/v1/credit_notes",
            "invoice=\(invoice)&lines[0][type]=invoice_line_item&lines[0][invoice_line_item]=\(line)&lines[0][amount]=400")
        #expect(note["subtotal"] == 400)
        #expect(note["total"] == 500)
        #expect(note["total_excluding_tax"] == 400)
        #expect(guest.get("/v1/invoices/\(invoice)")["amount_remaining"] == 750)
    }

    @Test func `automatic tax is shown, and adds nothing`() {
        let guest = Guest()
        let subscription = guest.subscription(
            of: guest.customer(), to: guest.price("basic"), "automatic_tax[enabled]=true&expand[]=latest_invoice")
        #expect(subscription["automatic_tax.enabled"] == true)
        #expect(subscription["automatic_tax.liability.type"] == "self")
        #expect(subscription["latest_invoice.automatic_tax.status"] == "complete")
        #expect(subscription["latest_invoice.total"] == 500)
    }
}
