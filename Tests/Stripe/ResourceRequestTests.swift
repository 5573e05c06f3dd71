/// What each call of a resource sends: the request line and the form, exactly.
internal import Stripe
internal import TestSupport
internal import Testing

@Suite struct ResourceRequestTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let line: String
        let body: String
        let call: @Sendable (StripeClient) async throws -> Void

        init(_ line: String, _ body: String = "", _ call: @escaping @Sendable (StripeClient) async throws -> Void) {
            testDescription = line
            self.line = line
            self.body = body
            self.call = call
        }
    }

    @Test(arguments: customerCases + catalogueCases + subscriptionCases + invoiceCases + otherCases)
    func `a call sends exactly this`(_ example: Case) async throws {
        let harness = try Harness { _ in [.reply(body: "{}")] }
        // An empty object is no resource: the answer is not what is tested here.
        _ = try? await example.call(harness.client)
        let request = try #require(harness.server.received.first)
        #expect(request.requestLine == example.line + " HTTP/1.1")
        #expect(String(decoding: request.body, as: UTF8.self) == example.body)
    }

    static let customerCases: [Case] = [
        Case(
            "POST /v1/customers",
            "email=a%40b.c&name=Zo%C3%AB&address[line1]=1%20Road&address[postal_code]=X&address[country]=GB"
                + "&shipping[name]=Zo%C3%AB&shipping[address][city]=Ely&shipping[phone]=1&metadata[a]=1&metadata[b]="
                + "&payment_method=pm_1&invoice_settings[default_payment_method]=pm_1&test_clock=clock_1"
        ) { client in
            var parameters = CustomerParameters()
            parameters.email = "a@b.c"
            parameters.name = "Zoë"
            var address = StripeAddress()
            address.line1 = "1 Road"
            address.postalCode = "X"
            address.country = "GB"
            parameters.address = address
            var city = StripeAddress()
            city.city = "Ely"
            parameters.shipping = StripeShipping(name: "Zoë", address: city, phone: "1")
            parameters.metadata = ["b": "", "a": "1"]
            parameters.paymentMethod = "pm_1"
            parameters.defaultPaymentMethod = "pm_1"
            parameters.testClock = "clock_1"
            _ = try await client.createCustomer(parameters)
        },
        Case("POST /v1/customers") { _ = try await $0.createCustomer(CustomerParameters()) },
        Case("POST /v1/customers/cus_1", "description=") { client in
            var parameters = CustomerParameters()
            parameters.description = ""
            _ = try await client.updateCustomer("cus_1", parameters)
        },
        Case("GET /v1/customers/cus_1?expand[0]=tax") { _ = try await $0.retrieveCustomer("cus_1", expand: ["tax"]) },
        Case("GET /v1/payment_methods/pm_1") { _ = try await $0.retrievePaymentMethod("pm_1") },
        Case("GET /v1/customers/cus_1/payment_methods?type=card&limit=2&starting_after=pm_0") {
            _ = try await $0.listPaymentMethods(
                customer: "cus_1", type: "card", page: StripePage(limit: 2, startingAfter: "pm_0"))
        },
        Case("POST /v1/payment_methods/pm_1/attach", "customer=cus_1") {
            _ = try await $0.attachPaymentMethod("pm_1", customer: "cus_1")
        },
    ]

    static let catalogueCases: [Case] = [
        Case(
            "GET /v1/prices?lookup_keys[0]=pro%20monthly&lookup_keys[1]=b&active=true&product=prod_1&type=recurring"
                + "&currency=usd&limit=100&starting_after=price_0&expand[0]=data.product"
        ) { client in
            var filter = PriceFilter()
            filter.lookupKeys = ["pro monthly", "b"]
            filter.active = true
            filter.product = "prod_1"
            filter.type = "recurring"
            filter.currency = "usd"
            filter.page = StripePage(limit: 100, startingAfter: "price_0")
            filter.expandsProduct = true
            _ = try await client.listPrices(filter)
        },
        Case("GET /v1/prices") { _ = try await $0.listPrices(PriceFilter()) },
        Case("GET /v1/prices/price_1?expand[0]=product") {
            _ = try await $0.retrievePrice("price_1", expand: ["product"])
        },
        Case("GET /v1/products/prod_1") { _ = try await $0.retrieveProduct("prod_1") },
        Case("GET /v1/products/prod_1/features") { _ = try await $0.listProductFeatures(product: "prod_1") },
        Case("GET /v1/promotion_codes?code=SPRING%2025&active=true") {
            _ = try await $0.listPromotionCodes(code: "SPRING 25")
        },
    ]

    static let subscriptionCases: [Case] = [
        Case(
            "POST /v1/subscriptions",
            "customer=cus_1&items[0][price]=price_1&items[0][quantity]=2&items[1][price]=price_2"
                + "&payment_behavior=default_incomplete&billing_mode[type]=flexible"
                + "&payment_settings[save_default_payment_method]=on_subscription&trial_period_days=14&currency=eur"
                + "&discounts[0][promotion_code]=promo_1&default_payment_method=pm_1&collection_method=send_invoice"
                + "&days_until_due=30&metadata[k]=v&expand[0]=latest_invoice.confirmation_secret"
                + "&expand[1]=pending_setup_intent"
        ) { client in
            var creation = SubscriptionCreation(
                customer: "cus_1",
                items: [SubscriptionItemChange(price: "price_1", quantity: 2), SubscriptionItemChange(price: "price_2")])
            creation.trialPeriodDays = 14
            creation.currency = "eur"
            creation.promotionCode = "promo_1"
            creation.defaultPaymentMethod = "pm_1"
            creation.collectionMethod = "send_invoice"
            creation.daysUntilDue = 30
            creation.metadata = ["k": "v"]
            _ = try await client.createSubscription(creation)
        },
        Case("GET /v1/subscriptions/sub_1") { _ = try await $0.retrieveSubscription("sub_1") },
        Case("GET /v1/subscriptions?customer=cus_1&price=price_1&status=all&limit=3&expand[0]=data.customer") { client in
            var filter = SubscriptionFilter()
            filter.customer = "cus_1"
            filter.price = "price_1"
            filter.status = "all"
            filter.page.limit = 3
            filter.expand = ["data.customer"]
            _ = try await client.listSubscriptions(filter)
        },
        Case("GET /v1/subscription_items?subscription=sub_1&limit=100") {
            _ = try await $0.listSubscriptionItems(subscription: "sub_1", page: StripePage(limit: 100))
        },
        Case(
            "POST /v1/subscriptions/sub_1",
            "items[0][id]=si_1&items[0][price]=price_2&items[0][quantity]=1&items[1][id]=si_2&items[1][deleted]=true"
                + "&proration_behavior=always_invoice&proration_date=1777000000&payment_behavior=pending_if_incomplete"
                + "&expand[0]=latest_invoice.confirmation_secret&expand[1]=pending_setup_intent"
        ) { client in
            var update = SubscriptionUpdate()
            update.items = [
                SubscriptionItemChange(id: "si_1", price: "price_2", quantity: 1),
                SubscriptionItemChange(id: "si_2", deleted: true),
            ]
            update.prorationBehavior = .alwaysInvoice
            update.prorationDate = 1_777_000_000
            update.paymentBehavior = .pendingIfIncomplete
            _ = try await client.updateSubscription("sub_1", update)
        },
        Case(
            "POST /v1/subscriptions/sub_1",
            "cancel_at_period_end=true&cancellation_details[comment]=bye&cancellation_details[feedback]=unused"
        ) { client in
            var update = SubscriptionUpdate()
            update.cancelAtPeriodEnd = true
            update.cancellationDetails = CancellationDetails(comment: "bye", feedback: "unused")
            update.expand = []
            _ = try await client.updateSubscription("sub_1", update)
        },
        Case("POST /v1/subscriptions/sub_1", "cancel_at=&default_payment_method=") { client in
            var update = SubscriptionUpdate()
            update.clearsCancelAt = true
            update.defaultPaymentMethod = ""
            update.expand = []
            _ = try await client.updateSubscription("sub_1", update)
        },
        Case("DELETE /v1/subscriptions/sub_1") {
            _ = try await $0.cancelSubscription("sub_1", SubscriptionCancellation(details: CancellationDetails()))
        },
        Case(
            "DELETE /v1/subscriptions/sub_1?prorate=true&invoice_now=false&cancellation_details[feedback]=too_expensive"
        ) {
            _ = try await $0.cancelSubscription(
                "sub_1",
                SubscriptionCancellation(
                    prorate: true, invoiceNow: false, details: CancellationDetails(feedback: "too_expensive")))
        },
        Case(
            "POST /v1/subscriptions/sub_1/resume",
            "expand[0]=latest_invoice.confirmation_secret&expand[1]=pending_setup_intent&proration_behavior=none"
        ) { _ = try await $0.resumeSubscription("sub_1", prorationBehavior: ProrationBehavior.none) },
    ]

    static let invoiceCases: [Case] = [
        Case("GET /v1/invoices/in_1?expand[0]=confirmation_secret&expand[1]=payments") {
            _ = try await $0.retrieveInvoice("in_1")
        },
        Case("GET /v1/invoices?customer=cus_1&subscription=sub_1&status=open&limit=5") { client in
            var filter = InvoiceFilter()
            filter.customer = "cus_1"
            filter.subscription = "sub_1"
            filter.status = "open"
            filter.page.limit = 5
            _ = try await client.listInvoices(filter)
        },
        Case("GET /v1/invoices/in_1/lines?limit=100") {
            _ = try await $0.listInvoiceLines(invoice: "in_1", page: StripePage(limit: 100))
        },
        Case(
            "POST /v1/invoices/create_preview",
            "subscription=sub_1&subscription_details[items][0][id]=si_1&subscription_details[items][0][price]=price_2"
                + "&subscription_details[items][0][quantity]=3&subscription_details[items][1][id]=si_2"
                + "&subscription_details[items][1][deleted]=true"
                + "&subscription_details[proration_behavior]=always_invoice&subscription_details[proration_date]=1777000000"
        ) { client in
            var preview = InvoicePreview(subscription: "sub_1")
            preview.items = [
                SubscriptionItemChange(id: "si_1", price: "price_2", quantity: 3),
                SubscriptionItemChange(id: "si_2", deleted: true),
            ]
            preview.prorationBehavior = .alwaysInvoice
            preview.prorationDate = 1_777_000_000
            _ = try await client.previewInvoice(preview)
        },
        Case("POST /v1/invoices/create_preview", "subscription=sub_1&preview_mode=recurring") { client in
            var preview = InvoicePreview(subscription: "sub_1")
            preview.showsRecurring = true
            _ = try await client.previewInvoice(preview)
        },
    ]

    static let otherCases: [Case] = [
        Case("GET /v1/payment_intents/pi_1") { _ = try await $0.retrievePaymentIntent("pi_1") },
        Case("GET /v1/setup_intents/seti_1") { _ = try await $0.retrieveSetupIntent("seti_1") },
        Case("GET /v1/events/evt_1") { _ = try await $0.retrieveEvent("evt_1") },
        Case("GET /v1/events?created[gte]=1&created[lt]=9&types[0]=customer.%2A&limit=100&starting_after=evt_2") { client in
            var filter = EventFilter()
            filter.createdFrom = 1
            filter.createdBefore = 9
            filter.types = ["customer.*"]
            filter.page = StripePage(limit: 100, startingAfter: "evt_2")
            _ = try await client.listEvents(filter)
        },
        Case("GET /v1/events?ending_before=evt_2") { client in
            var filter = EventFilter()
            filter.endingBefore = "evt_2"
            _ = try await client.listEvents(filter)
        },
        Case("GET /v1/account") { _ = try await $0.retrieveAccount() },
        Case("POST /v1/billing_portal/sessions", "customer=cus_1&return_url=https%3A%2F%2Fa.b%2F%3Fc%3Dd") {
            _ = try await $0.createPortalSession(customer: "cus_1", returnURL: "https://a.b/?c=d")
        },
        Case("GET /v1/entitlements/active_entitlements?customer=cus_1") {
            _ = try await $0.listActiveEntitlements(customer: "cus_1")
        },
    ]
}
