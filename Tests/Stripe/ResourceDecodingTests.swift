/// Stripe's objects as ours: today's shapes, older ones, and what nobody has heard of yet.
internal import JSON
internal import Stripe
internal import Testing

@Suite struct ResourceDecodingTests {
    static let item: JSONValue = [
        "id": "si_1", "current_period_start": 100, "current_period_end": 200, "quantity": 2,
        "price": ["id": "price_1", "product": "prod_1", "unit_amount": 1500, "currency": "usd"],
    ]

    static func subscription(_ fields: [(String, JSONValue)]) -> JSONValue {
        var object: JSONObject = [
            "id": "sub_1", "object": "subscription", "status": "active", "customer": "cus_1",
            "items": ["object": "list", "has_more": false, "data": [item]],
        ]
        for (key, value) in fields { object[key] = value }
        return .object(object)
    }

    @Test func `a subscription is read with its items`() throws {
        let subscription = try #require(
            StripeSubscription(
                Self.subscription([
                    ("cancel_at_period_end", true), ("cancel_at", 200), ("metadata", ["a": "b"]), ("ended_at", nil),
                    ("pending_update", ["expires_at": 300]), ("default_payment_method", ["id": "pm_1", "type": "card"]),
                    ("never_heard_of", [1]),
                ])))
        #expect(subscription.customer.id == "cus_1")
        #expect(subscription.items.first?.priceID == "price_1")
        #expect(subscription.items.first?.productID == "prod_1")
        #expect(subscription.items.first?.price?.unitAmount == 1500)
        #expect(subscription.items.first?.quantity == 2)
        #expect(subscription.currentPeriodStart == 100)
        #expect(subscription.currentPeriodEnd == 200)
        #expect(subscription.willEnd && !subscription.hasEnded)
        #expect(subscription.metadata == ["a": "b"])
        #expect(subscription.pendingUpdate?["expires_at"]?.integerValue == 300)
        #expect(subscription.defaultPaymentMethod?.id == "pm_1")
        #expect(subscription.defaultPaymentMethod?.object?["type"]?.stringValue == "card")
        #expect(subscription.raw["never_heard_of"] == [1])
    }

    @Test func `an older API version's period stands on the subscription, its price in the plan`() throws {
        let older = Self.subscription([
            ("current_period_start", 10), ("current_period_end", 20),
            ("items", ["data": [["id": "si_1", "plan": ["id": "plan_1", "product": "prod_1"]]]]),
        ])
        let subscription = try #require(StripeSubscription(older))
        #expect(subscription.currentPeriodStart == 10)
        #expect(subscription.currentPeriodEnd == 20)
        #expect(subscription.items.first?.priceID == "plan_1")
        #expect(subscription.items.first?.productID == "prod_1")
    }

    @Test func `the period of several items runs from the earliest start to the latest end`() throws {
        let mixed = Self.subscription([
            (
                "items",
                [
                    "data": [
                        ["id": "si_1", "current_period_start": 50, "current_period_end": 60],
                        ["id": "si_2", "current_period_start": 10, "current_period_end": 90],
                    ], "has_more": true,
                ]
            )
        ])
        let subscription = try #require(StripeSubscription(mixed))
        #expect(subscription.currentPeriodStart == 10)
        #expect(subscription.currentPeriodEnd == 90)
        #expect(subscription.itemsHaveMore)
    }

    @Test func `a status and a type that nobody has heard of pass`() throws {
        #expect(StripeSubscription(Self.subscription([("status", "hibernating")]))?.status == "hibernating")
        #expect(StripePaymentMethod(["id": "pm_1", "type": "shells", "shells": ["n": 3]])?.details?["n"] == 3)
    }

    @Test(arguments: [
        (#"{"latest_invoice":"in_1","pending_setup_intent":null}"#, StripeConfirmation.none),
        (
            #"{"latest_invoice":{"id":"in_1","currency":"usd","total":5,"amount_due":5,"confirmation_secret":{"client_secret":"pi_s"}}}"#,
            .payment(clientSecret: "pi_s")
        ),
        (
            #"{"latest_invoice":{"id":"in_1","currency":"usd","total":5,"amount_due":5,"payment_intent":{"id":"pi_1","client_secret":"old"}}}"#,
            .payment(clientSecret: "old")
        ),
        (
            #"{"latest_invoice":{"id":"in_1","currency":"usd","total":0,"amount_due":0,"confirmation_secret":null},"pending_setup_intent":{"id":"seti_1","status":"requires_payment_method","client_secret":"se_s"}}"#,
            .setup(clientSecret: "se_s")
        ),
        (#"{"pending_setup_intent":{"id":"seti_1","status":"succeeded","client_secret":"se_s"}}"#, .none),
        (#"{"pending_setup_intent":"seti_1"}"#, .none),
    ])
    func `what the customer has yet to confirm is found where it stands`(fields: String, expected: StripeConfirmation)
        throws
    {
        let members = try #require(try JSONValue(parsing: fields).objectValue)
        let subscription = try #require(StripeSubscription(Self.subscription(members.map { ($0.key, $0.value) })))
        #expect(subscription.confirmation == expected)
    }

    @Test func `an object without what it is for is none`() {
        #expect(StripeSubscription(["id": "sub_1", "status": "active"]) == nil)
        #expect(StripeSubscription(["status": "active", "customer": "cus_1"]) == nil)
        #expect(StripeCustomer(["object": "customer"]) == nil)
        #expect(StripeCustomer([1]) == nil)
        #expect(StripeInvoice(["id": "in_1", "currency": "usd"]) == nil)
        #expect(StripeEvent(["id": "evt_1", "type": "x", "created": 1]) == nil)
        #expect(StripeReference("") == nil)
        #expect(StripeReference(["object": "customer"]) == nil)
    }

    @Test func `a deleted customer is a stub`() throws {
        let customer = try #require(StripeCustomer(["id": "cus_1", "object": "customer", "deleted": true]))
        #expect(customer.isDeleted)
        #expect(customer.email == nil && customer.metadata.isEmpty)
    }

    @Test func `an invoice is read with its lines, old and new`() throws {
        let invoice = try #require(
            StripeInvoice([
                "id": "in_1", "currency": "usd", "total": -334, "amount_due": 0, "status": "paid", "customer": "cus_1",
                "parent": ["type": "subscription_details", "subscription_details": ["subscription": "sub_1"]],
                "status_transitions": ["paid_at": 7],
                "payments": [
                    "data": [
                        ["is_default": false, "payment": ["payment_intent": "pi_2"]],
                        ["is_default": true, "payment": ["payment_intent": ["id": "pi_1"]]],
                        ["payment": ["type": "charge", "charge": "ch_1"]],
                    ]
                ],
                "lines": [
                    "has_more": true,
                    "data": [
                        [
                            "id": "il_1", "amount": -667, "description": "Unused time", "period": ["start": 1, "end": 2],
                            "parent": [
                                "type": "invoice_item_details", "subscription_item_details": nil,
                                "invoice_item_details": ["proration": true],
                            ],
                            "pricing": ["price_details": ["price": "price_1", "product": "prod_1"]],
                        ],
                        [
                            "id": "il_2", "amount": 333,
                            "parent": ["subscription_item_details": ["proration": true, "subscription_item": "si_1"]],
                        ],
                        ["id": "il_3", "amount": 2000, "parent": ["subscription_item_details": ["proration": false]]],
                        ["id": "il_4", "amount": 1, "proration": true, "price": ["id": "price_0", "product": "prod_0"]],
                    ],
                ],
            ]))
        #expect(invoice.subscriptionID == "sub_1")
        #expect(invoice.paidAt == 7)
        #expect(invoice.paymentIntentIDs == ["pi_1", "pi_2"])
        #expect(invoice.lines.map(\.isProration) == [true, true, false, true])
        #expect(invoice.lines.map(\.priceID) == ["price_1", nil, nil, "price_0"])
        #expect(invoice.lines.map(\.productID) == ["prod_1", nil, nil, "prod_0"])
        #expect(invoice.lines[1].subscriptionItemID == "si_1")
        #expect(invoice.lines[0].periodStart == 1 && invoice.lines[0].periodEnd == 2)
        #expect(invoice.linesHaveMore)
        #expect(invoice.prorationTotal == -333)
        let older: JSONValue = ["currency": "usd", "total": 1, "amount_due": 1, "subscription": ["id": "sub_0"]]
        #expect(StripeInvoice(older)?.subscriptionID == "sub_0")
    }

    @Test func `prorations that overflow have no sum`() throws {
        let lines: JSONValue = [
            ["amount": 9_223_372_036_854_775_807, "proration": true], ["amount": 1, "proration": true],
        ]
        let invoice = try #require(
            StripeInvoice(["currency": "usd", "total": 1, "amount_due": 1, "lines": ["data": lines]]))
        #expect(invoice.prorationTotal == nil)
    }

    @Test(
        arguments: [
            ("/v1/customers/cus_1", "cus_1", "customers", "cus_1", nil),
            ("/v1/subscriptions/sub_1", "sub_1", "subscriptions", nil, "sub_1"),
            ("/v1/billing/meters/mtr_1", "mtr_1", "billing/meters", nil, nil),
            ("/v2/core/accounts/acct_1", "acct_1", nil, nil, nil),
        ] as [(String, String, String?, String?, String?)])
    func `a thin event knows what it names`(
        url: String, id: String, collection: String?, customer: String?, subscription: String?
    ) throws {
        let raw: JSONValue = [
            "id": "evt_1", "object": "v2.core.event", "type": "v1.x.updated", "created": "1970-01-02T00:00:05.999Z",
            "related_object": ["id": .string(id), "type": "x", "url": .string(url)],
        ]
        let event = try #require(StripeEvent(raw))
        #expect(event.created == 86_405)
        #expect(event.related?.collection == collection)
        #expect(event.related == nil || event.related?.id == id)
        #expect(event.customerID == customer)
        #expect(event.subscriptionID == subscription)
    }

    @Test(
        arguments: [
            ("2000-02-29T23:59:59Z", 951_868_799), ("1969-12-31T23:59:59Z", -1),
            ("2026-09-17T06:20:52.246Z", 1_789_626_052),
            ("2026-13-01T00:00:00Z", nil), ("2026-09-17T06:20:52", nil), ("2026-09-17 06:20:52Z", nil),
            ("2026-9-17T06:20:52Z", nil),
            ("2026-09-17T24:00:00Z", nil), ("2026-09-17T+6:20:52Z", nil), ("", nil),
        ] as [(String, Int64?)])
    func `a time of the v2 API is read to the second`(text: String, seconds: Int64?) {
        let event = StripeEvent(["id": "e", "object": "v2.core.event", "type": "t", "created": .string(text)])
        #expect(event?.created == seconds)
    }

    @Test(
        arguments: [
            (#"{"object":"subscription","id":"sub_1","customer":"cus_1"}"#, "sub_1", "cus_1", "sub_1"),
            (#"{"object":"customer","id":"cus_1"}"#, "cus_1", "cus_1", nil),
            (
                #"{"object":"invoice","id":"in_1","customer":"cus_1","parent":{"subscription_details":{"subscription":"sub_1"}}}"#,
                "in_1", "cus_1", "sub_1"
            ),
            (#"{"object":"invoice","customer":{"id":"cus_1"},"subscription":"sub_1"}"#, nil, "cus_1", "sub_1"),
            (#"{"object":"payment_method","id":"pm_1","customer":null}"#, "pm_1", nil, nil),
            (#"{"object":"balance"}"#, nil, nil, nil),
        ] as [(String, String?, String?, String?)])
    func `an event knows what it is about`(object: String, id: String?, customer: String?, subscription: String?) throws {
        let event = try #require(
            StripeEvent([
                "id": "evt_1", "type": "x.updated", "created": 5, "api_version": "2026-10-28.endive", "livemode": false,
                "data": ["object": try JSONValue(parsing: object), "previous_attributes": ["status": "active"]],
                "request": ["id": "req_1", "idempotency_key": "k"],
            ]))
        #expect(event.objectID == id)
        #expect(event.customerID == customer)
        #expect(event.subscriptionID == subscription)
        #expect(event.previousAttributes?["status"]?.stringValue == "active")
        #expect(event.requestID == "req_1" && event.requestIdempotencyKey == "k")
    }

    @Test func `a price carries its product where it was expanded, and a card its face`() throws {
        let price = try #require(
            StripePrice([
                "id": "price_1", "unit_amount": nil, "unit_amount_decimal": "0.5", "lookup_key": "pro",
                "recurring": ["interval": "month", "interval_count": 3, "usage_type": "licensed"],
                "product": ["id": "prod_1", "name": "Pro", "marketing_features": [["name": "Fast"], ["name": "Safe"]]],
            ]))
        #expect(price.unitAmount == nil && price.unitAmountDecimal == "0.5")
        #expect(price.interval == "month" && price.intervalCount == 3)
        #expect(price.expandedProduct?.name == "Pro")
        #expect(price.expandedProduct?.marketingFeatures == ["Fast", "Safe"])
        #expect(StripePrice(["id": "price_1", "product": "prod_1"])?.expandedProduct == nil)
        let method = try #require(
            StripePaymentMethod([
                "id": "pm_1", "type": "card", "billing_details": ["email": "a@b.c"],
                "card": [
                    "brand": "visa", "last4": "4242", "exp_month": 4, "exp_year": 2030, "wallet": ["type": "apple_pay"],
                ],
            ]))
        #expect(method.card?.last4 == "4242" && method.card?.expYear == 2030)
        #expect(method.card?.walletType == "apple_pay")
        #expect(method.billingEmail == "a@b.c")
    }

    @Test func `no way of printing an object shows its secrets`() throws {
        let subscription = try #require(
            StripeSubscription(
                Self.subscription([("pending_setup_intent", ["id": "seti_1", "status": "x", "client_secret": "hidden"])])))
        #expect(subscription.confirmation.clientSecret == "hidden")
        var text = "\(subscription) \(subscription.confirmation) \(String(reflecting: subscription))"
        dump((subscription, subscription.confirmation), to: &text)
        #expect(text.contains("sub_1"))
        #expect(!text.contains("hidden"))
    }

    @Test func `a portal session shows its id, and its url to nobody who does not ask for it`() throws {
        let raw: JSONValue = [
            "id": "bps_1", "object": "billing_portal.session", "url": "https://billing.stripe.com/p/session/hidden",
            "customer": "cus_1", "configuration": ["id": "bpc_1"], "return_url": "https://a.b", "locale": nil,
        ]
        let session = try #require(StripePortalSession(raw))
        #expect(session.url == "https://billing.stripe.com/p/session/hidden")
        #expect(session.customer?.id == "cus_1" && session.configuration?.id == "bpc_1")
        #expect(session.returnURL == "https://a.b" && session.locale == nil)
        let reply = StripeReply(value: raw, requestID: "req_1", attempts: 1, isReplayed: false, date: nil, milliseconds: 1)
        var text = "\(session) \(String(reflecting: session)) \(reply)"
        dump((session, reply), to: &text)
        #expect(text.contains("bps_1") && text.contains("req_1"))
        #expect(!text.contains("hidden"))
        #expect(StripePortalSession(["id": "bps_1"]) == nil)
    }
}
