import JSON
import Testing

@testable import Sandbox

/// Prices of every kind: tiers, packages, fractions of a cent, other currencies, and what they come to on invoices.
@Suite struct Prices {
    struct Row: Sendable {
        let tiers: [(upTo: Int64?, unit: String, flat: String?)]
        let quantity: Int64
        let graduated: Int64
        let volume: Int64
    }

    private static let plain: [(upTo: Int64?, unit: String, flat: String?)] = [
        (5, "700", nil), (10, "650", nil), (nil, "600", nil),
    ]
    private static let flat: [(upTo: Int64?, unit: String, flat: String?)] = [
        (5, "500", "1000"), (10, "400", "2000"), (nil, "100", "3000"),
    ]

    /// The first rows are Stripe's own (docs.stripe.com/products-prices/pricing-models).
    static let rows: [Row] = [
        Row(tiers: plain, quantity: 1, graduated: 700, volume: 700),
        Row(tiers: plain, quantity: 5, graduated: 3500, volume: 3500),
        Row(tiers: plain, quantity: 6, graduated: 4150, volume: 3900),
        Row(tiers: plain, quantity: 10, graduated: 6750, volume: 6500),
        Row(tiers: plain, quantity: 11, graduated: 7350, volume: 6600),
        Row(tiers: plain, quantity: 20, graduated: 12_750, volume: 12_000),
        Row(tiers: flat, quantity: 0, graduated: 1000, volume: 1000),
        Row(tiers: flat, quantity: 1, graduated: 1500, volume: 1500),
        Row(tiers: flat, quantity: 6, graduated: 5900, volume: 4400),
        Row(tiers: flat, quantity: 12, graduated: 10_700, volume: 4200),
    ]

    @Test(arguments: rows)
    func `tiers ask for each stretch or for all at the price that is reached`(_ row: Row) {
        let tiers = row.tiers.map { tier -> JSONValue in
            [
                "up_to": .optional(tier.upTo), "unit_amount_decimal": .string(tier.unit),
                "flat_amount_decimal": .optional(tier.flat),
            ]
        }
        for (mode, amount) in [("graduated", row.graduated), ("volume", row.volume)] {
            let price: JSONObject = ["_tiers": .array(tiers), "tiers_mode": .string(mode)]
            #expect(Pricing.amount(price, ExactAmount(row.quantity))?.rounded == amount, "\(mode)")
        }
    }

    @Test(
        arguments: [
            ("up", 60, 0, 0), ("up", 60, 1, 8), ("up", 60, 60, 8), ("up", 60, 61, 16), ("down", 60, 59, 0),
            ("down", 60, 121, 16),
        ] as [(String, Int64, Int64, Int64)])
    func `packages are counted whole`(_ round: String, _ size: Int64, _ quantity: Int64, _ amount: Int64) {
        let price: JSONObject = [
            "unit_amount_decimal": "8", "transform_quantity": ["divide_by": .integer(size), "round": .string(round)],
        ]
        #expect(Pricing.amount(price, ExactAmount(quantity))?.rounded == amount)
    }

    private func product(_ guest: Guest, _ more: String = "") -> String {
        guest.post("/v1/products", "name=API\(more)").id
    }

    private let tiers = """
        tiers[0][up_to]=5&tiers[0][unit_amount]=700&tiers[1][up_to]=10&tiers[1][unit_amount_decimal]=650.5\
        &tiers[1][flat_amount]=100&tiers[2][up_to]=inf&tiers[2][unit_amount]=600
        """

    @Test func `a graduated price makes a line for each tier, in words that name it`() {
        let guest = Guest()
        let product = product(guest, "&unit_label=seat")
        let price = guest.post(
            "/v1/prices",
            """
            product=\(product)&currency=usd&recurring[interval]=month&billing_scheme=tiered&tiers_mode=graduated&\(tiers)\
            &expand[]=tiers
            """)
        #expect(price["unit_amount"] == .null)
        #expect(price["tiers.1.unit_amount"] == .null)
        #expect(price["tiers.1.unit_amount_decimal"] == "650.5")
        #expect(price["tiers.2.up_to"] == .null)
        #expect(guest.get("/v1/prices/\(price.id)")["tiers"] == nil)
        let subscription = guest.subscription(
            of: guest.customer(), to: price.id, "items[0][quantity]=11&expand[]=latest_invoice")
        let lines = subscription["latest_invoice.lines.data"]?.arrayValue ?? []
        #expect(
            lines.map { $0["description"] } == [
                "5 seat × API (Tier 1 at $7.00 / month)", "5 seat × API (Tier 2 at $6.505 / month)",
                "API (Tier 2 at $1.00 / month)", "1 seat × API (Tier 3 at $6.00 / month)",
            ])
        #expect(lines.map { $0["amount"] } == [3500, 3253, 100, 600])
        #expect(subscription["latest_invoice.amount_paid"] == 7453)
        let item = subscription["items.data.0.id"]?.stringValue ?? ""
        guest.now += 15 * 86_400
        let less = guest.post(
            "/v1/subscriptions/\(subscription.id)",
            "items[0][id]=\(item)&items[0][quantity]=5&proration_behavior=always_invoice&expand[]=latest_invoice")
        // All four lines are credited as one for half of the month, and the whole new configuration is asked for.
        #expect(less["latest_invoice.lines.data.0.amount"] == -3727)
        #expect(less["latest_invoice.lines.data.1.amount"] == 1750)
    }

    @Test(arguments: [
        "tiers[0][up_to]=5&tiers[0][unit_amount]=1", "tiers[0][up_to]=inf&tiers[0][unit_amount]=1&tiers[1][up_to]=inf",
        "tiers[0][up_to]=5&tiers[0][unit_amount]=1&tiers[1][up_to]=5&tiers[1][unit_amount]=1&tiers[2][up_to]=inf",
        "tiers[0][up_to]=inf", "unit_amount=5&tiers[0][up_to]=inf&tiers[0][unit_amount]=1",
        "transform_quantity[divide_by]=5&transform_quantity[round]=up&tiers[0][up_to]=inf&tiers[0][unit_amount]=1",
        "tiers[0][unit_amount]=1", "tiers[0][up_to]=abc&tiers[0][unit_amount]=1",
        "tiers[0][up_to]=inf&tiers[0][unit_amount]=1&tiers[0][unit_amount_decimal]=1",
    ])
    func `tiers that do not fit together are refused`(_ form: String) {
        let guest = Guest()
        let answer = guest.call(
            "POST", "/v1/prices",
            "product=\(product(guest))&currency=usd&recurring[interval]=month&billing_scheme=tiered&tiers_mode=volume&\(form)"
        )
        #expect(answer.status == 400)
        #expect(guest.get("/v1/prices", "limit=100")["data"]?.arrayValue?.count == 2)
    }

    @Test func `one price sells in several currencies`() {
        let guest = Guest()
        let price = guest.post(
            "/v1/prices",
            """
            product=\(product(guest))&currency=usd&unit_amount=1000&recurring[interval]=month\
            &currency_options[eur][unit_amount]=900&currency_options[jpy][unit_amount]=1500&expand[]=currency_options
            """)
        #expect(price["currency_options.usd.unit_amount"] == 1000)
        #expect(price["currency_options.jpy.unit_amount_decimal"] == "1500")
        let customer = guest.customer()
        for (currency, amount, words) in [("eur", 900, "€9.00"), ("jpy", 1500, "¥1500")] as [(String, Int64, String)] {
            let subscription = guest.subscription(
                of: customer, to: price.id, "currency=\(currency)&expand[]=latest_invoice")
            #expect(subscription["currency"] == .string(currency))
            #expect(subscription["latest_invoice.amount_paid"] == .integer(amount))
            #expect(
                subscription["latest_invoice.lines.data.0.description"] == .string("1 × API (at \(words) / month)"))
            #expect(subscription["items.data.0.price.currency"] == "usd", "the price itself stays what it is")
        }
        let refused = guest.call(
            "POST", "/v1/subscriptions", "customer=\(customer)&items[0][price]=\(price.id)&currency=gbp")
        #expect(refused.status == 400)
        let loud = guest.call("POST", "/v1/prices/\(price.id)", "currency_options[GBP][unit_amount]=800")
        #expect(loud["error.param"] == "currency_options")
        let more = guest.post("/v1/prices/\(price.id)", "currency_options[gbp][unit_amount]=800&expand[]=currency_options")
        #expect(more["currency_options.gbp.unit_amount"] == 800)
        #expect(more["currency_options.eur.unit_amount"] == 900)
        #expect(guest.call("POST", "/v1/prices/\(price.id)", "currency_options[gbp][nope]=1").status == 400)
    }

    @Test func `amounts below the smallest charge wait on the balance`() {
        let guest = Guest()
        let price = guest.post(
            "/v1/prices", "product=\(product(guest))&currency=jpy&unit_amount=30&recurring[interval]=month"
        ).id
        let customer = guest.customer()
        let subscription = guest.subscription(of: customer, to: price, "expand[]=latest_invoice")
        #expect(subscription["status"] == "active")
        #expect(subscription["latest_invoice.amount_due"] == 0)
        #expect(subscription["latest_invoice.ending_balance"] == 30)
        #expect(guest.get("/v1/customers/\(customer)/balance_transactions")["data.0.type"] == "invoice_too_small")
        guest.advance(30 * 86_400 + 3600)
        #expect(guest.get("/v1/invoices", "customer=\(customer)")["data.0.amount_paid"] == 60)
    }
}
