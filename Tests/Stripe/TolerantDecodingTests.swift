/// What moved between API versions is found in either home, what can be an id or an object in either form, and what is
/// deleted as the stub that it is.
internal import JSON
@testable internal import Stripe
internal import Testing

@Suite struct TolerantDecodingTests {
    /// One value in its two homes.
    struct Move: Sendable, CustomTestStringConvertible {
        let testDescription: String
        /// Holds the value `new`.
        let today: String
        /// Holds the value `old`.
        let before: String
        let read: @Sendable (JSONValue) -> String?

        init(_ what: String, today: String, before: String, _ read: @escaping @Sendable (JSONValue) -> String?) {
            testDescription = what
            self.today = today
            self.before = before
            self.read = read
        }
    }

    private static func subscription(_ read: @escaping @Sendable (StripeSubscription) -> String?)
        -> @Sendable (JSONValue) -> String?
    {
        { raw in
            StripeSubscription(raw.adding(["id": "sub_1", "status": "active", "customer": "cus_1"])).flatMap(read)
        }
    }

    private static func invoice(_ read: @escaping @Sendable (StripeInvoice) -> String?)
        -> @Sendable (JSONValue) -> String?
    {
        { raw in StripeInvoice(raw.adding(["currency": "usd", "total": 1, "amount_due": 1])).flatMap(read) }
    }

    private static func line(_ read: @escaping @Sendable (StripeInvoiceLine) -> String?)
        -> @Sendable (JSONValue) -> String?
    {
        { raw in StripeInvoiceLine(raw.adding(["amount": 1])).flatMap(read) }
    }

    static let moves: [Move] = [
        Move(
            "a subscription's period", today: #"{"items":{"data":[{"id":"si_1","current_period_end":2}]}}"#,
            before: #"{"items":{"data":[{"id":"si_1"}]},"current_period_end":1}"#,
            subscription { $0.currentPeriodEnd.map { $0 == 2 ? "new" : "old" } }),
        Move(
            "an item's price", today: #"{"items":{"data":[{"id":"si_1","price":{"id":"new"},"plan":{"id":"old"}}]}}"#,
            before: #"{"items":{"data":[{"id":"si_1","price":null,"plan":{"id":"old"}}]}}"#,
            subscription { $0.items.first?.priceID }),
        Move(
            "an item's product",
            today:
                #"{"items":{"data":[{"id":"si_1","price":{"id":"p","product":"new"},"plan":{"id":"p","product":"old"}}]}}"#,
            before: #"{"items":{"data":[{"id":"si_1","price":"p","plan":{"id":"p","product":{"id":"old"}}}]}}"#,
            subscription { $0.items.first?.productID }),
        Move(
            "a subscription's discount", today: #"{"discounts":["new"]}"#,
            before: #"{"discount":{"id":"old","object":"discount","coupon":{"id":"co_1"}}}"#,
            subscription { $0.discounts.first?.id }),
        Move(
            "a subscription's secret",
            today: #"{"latest_invoice":{"currency":"usd","total":1,"amount_due":1,"id":"in_1","#
                + #""confirmation_secret":{"client_secret":"new","type":"payment_intent"}}}"#,
            before: #"{"latest_invoice":{"currency":"usd","total":1,"amount_due":1,"id":"in_1","#
                + #""payment_intent":{"id":"pi_1","client_secret":"old"}}}"#,
            subscription { $0.confirmation.clientSecret }),
        Move(
            "an invoice's subscription", today: #"{"parent":{"subscription_details":{"subscription":"new"}}}"#,
            before: #"{"subscription":"old"}"#, invoice { $0.subscriptionID }),
        Move(
            "an invoice's secret", today: #"{"confirmation_secret":{"client_secret":"new"}}"#,
            before: #"{"confirmation_secret":null,"payment_intent":{"id":"pi_1","client_secret":"old"}}"#,
            invoice { $0.clientSecret }),
        Move(
            "an invoice's payment intent", today: #"{"payments":{"data":[{"payment":{"payment_intent":"new"}}]}}"#,
            before: #"{"payment_intent":"old"}"#, invoice { $0.paymentIntentIDs.first }),
        Move(
            "an invoice's discount", today: #"{"discounts":["new","other"]}"#, before: #"{"discount":{"id":"old"}}"#,
            invoice { $0.discounts.first?.id }),
        Move(
            "a line's price", today: #"{"pricing":{"price_details":{"price":"new"}}}"#, before: #"{"price":{"id":"old"}}"#,
            line { $0.priceID }),
        Move(
            "a line's plan", today: #"{"price":{"id":"new"}}"#, before: #"{"price":null,"plan":{"id":"old"}}"#,
            line { $0.priceID }),
        Move(
            "a line's product", today: #"{"pricing":{"price_details":{"product":"new"}}}"#,
            before: #"{"price":{"id":"p","product":"old"}}"#, line { $0.productID }),
        Move(
            "a line's proration", today: #"{"parent":{"invoice_item_details":{"proration":true}}}"#,
            before: #"{"proration":false}"#, line { $0.isProration ? "new" : "old" }),
        Move(
            "a line's item", today: #"{"parent":{"subscription_item_details":{"subscription_item":"new"}}}"#,
            before: #"{"subscription_item":"old"}"#, line { $0.subscriptionItemID }),
        Move(
            "a promotion code's coupon", today: #"{"id":"promo_1","promotion":{"coupon":"new","type":"coupon"}}"#,
            before: #"{"id":"promo_1","coupon":{"id":"old"}}"#
        ) { StripePromotionCode($0)?.coupon?.id },
        Move(
            "an entitlement's lookup key", today: #"{"id":"ent_1","lookup_key":"new"}"#,
            before: #"{"id":"ent_1","feature":{"id":"feat_1","lookup_key":"old"}}"#
        ) { StripeActiveEntitlement($0)?.lookupKey },
    ]

    @Test(arguments: moves)
    func `what moved is found in either home, today's first`(move: Move) throws {
        let (today, before) = (try JSONValue(parsing: move.today), try JSONValue(parsing: move.before))
        #expect(move.read(today) == "new")
        #expect(move.read(before) == "old")
        #expect(move.read(before.adding(today)) == "new")
        #expect(move.read([:]) == nil || move.testDescription == "a line's proration")
    }

    @Test(arguments: [
        #""cus_1""#, #"{"id":"cus_1","object":"customer","email":"a@b.c"}"#,
        #"{"id":"cus_1","object":"customer","deleted":true}"#,
    ])
    func `a reference is an id, an object or the stub of a deleted one`(customer: String) throws {
        let customer = try JSONValue(parsing: customer)
        let owned = customer.owned
        #expect(StripeSubscription(owned)?.customer.id == "cus_1")
        #expect(StripeInvoice(owned)?.customer?.id == "cus_1")
        #expect(StripePaymentMethod(owned)?.customer?.id == "cus_1")
        #expect(StripePaymentIntent(owned)?.customer?.id == "cus_1")
        #expect(StripeSetupIntent(owned)?.customer?.id == "cus_1")
        #expect(StripeSchedule(owned)?.customer?.id == "cus_1")
        #expect(StripePromotionCode(owned)?.customer?.id == "cus_1")
        #expect((StripeSubscription(owned)?.customer.object != nil) == (customer.kind == .object))
    }

    @Test func `a deleted product is a stub, on its price too`() throws {
        let stub: JSONValue = ["id": "prod_1", "object": "product", "deleted": true]
        #expect(StripeProduct(stub)?.isDeleted == true)
        let price: JSONValue = ["id": "price_1", "product": stub]
        #expect(StripePrice(price)?.product?.id == "prod_1")
        #expect(StripePrice(price)?.expandedProduct?.isDeleted == true)
        #expect(StripeSubscriptionItem(["id": "si_1", "price": price])?.productID == "prod_1")
        #expect(
            StripePromotionCode(["id": "promo_1", "promotion": ["coupon": ["id": "co_1", "deleted": true]]])?.coupon?.id
                == "co_1")
    }

    @Test func `what is not there is not known, rather than false or none`() throws {
        let price = try #require(StripePrice(["id": "price_1"]))
        #expect(price.isActive == nil && price.product == nil && price.unitAmount == nil)
        let product = try #require(StripeProduct(["id": "prod_1"]))
        #expect(product.isActive == nil && product.name == nil)
        let invoice = try #require(StripeInvoice(["currency": "usd", "total": 1, "amount_due": 1]))
        #expect(invoice.amountPaid == nil && invoice.status == nil && invoice.attemptCount == nil)
        #expect(StripeCustomer(["id": "cus_1"])?.balance == nil)
    }
}

extension JSONValue {
    /// The object with the members of `other`, which win.
    fileprivate func adding(_ other: JSONValue) -> JSONValue {
        let members = [self, other].flatMap { $0.objectValue?.map { ($0.key, $0.value) } ?? [] }
        return .object(JSONObject(members))
    }

    /// An object that belongs to the customer that this is, and is enough of anything to be read.
    fileprivate var owned: JSONValue {
        [
            "id": "x_1", "status": "active", "type": "card", "currency": "usd", "total": 1, "amount_due": 1,
            "customer": self,
        ]
    }
}
