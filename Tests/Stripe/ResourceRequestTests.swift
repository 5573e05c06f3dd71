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

    static let cases =
        customerCases + catalogueCases + subscriptionCases + scheduleCases + invoiceCases + intentCases + eventCases
        + portalCases

    @Test(arguments: cases)
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
            "email=a%40b.c&name=Zo%C3%AB&phone=1&description=VIP&address[line1]=1%20Road&address[line2]=Flat%202"
                + "&address[city]=Ely&address[state]=Cambs&address[postal_code]=X&address[country]=GB&shipping[name]=Zo%C3%AB&shipping[address][city]=Ely&shipping[phone]=1&metadata[a]=1&metadata[b]="
                + "&payment_method=pm_1&invoice_settings[default_payment_method]=pm_1&test_clock=clock_1"
        ) { client in
            var parameters = CustomerParameters()
            parameters.email = "a@b.c"
            parameters.name = "Zoë"
            parameters.phone = "1"
            parameters.description = "VIP"
            var address = StripeAddress()
            address.line1 = "1 Road"
            address.line2 = "Flat 2"
            address.city = "Ely"
            address.state = "Cambs"
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
        Case("GET /v1/customers?limit=100&starting_after=cus_1") {
            _ = try await $0.listCustomers(page: StripePage(limit: 100, startingAfter: "cus_1"))
        },
        Case("GET /v1/products?limit=100&starting_after=prod_1") {
            _ = try await $0.listProducts(page: StripePage(limit: 100, startingAfter: "prod_1"))
        },
        Case("GET /v1/products/prod_1") { _ = try await $0.retrieveProduct("prod_1") },
        Case("GET /v1/products/prod_1/features?limit=9&starting_after=prodft_1") {
            _ = try await $0.listProductFeatures(product: "prod_1", page: StripePage(limit: 9, startingAfter: "prodft_1"))
        },
        Case("GET /v1/promotion_codes?code=SPRING%2025&active=true&limit=9&starting_after=promo_1") {
            _ = try await $0.listPromotionCodes(
                code: "SPRING 25", page: StripePage(limit: 9, startingAfter: "promo_1"))
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
        Case("GET /v1/subscriptions/sub_1?expand[0]=customer") {
            _ = try await $0.retrieveSubscription("sub_1", expand: ["customer"])
        },
        Case(
            "GET /v1/subscriptions?customer=cus_1&price=price_1&status=all&limit=3&starting_after=sub_0"
                + "&expand[0]=data.customer"
        ) { client in
            var filter = SubscriptionFilter()
            filter.customer = "cus_1"
            filter.price = "price_1"
            filter.status = "all"
            filter.page = StripePage(limit: 3, startingAfter: "sub_0")
            filter.expand = ["data.customer"]
            _ = try await client.listSubscriptions(filter)
        },
        Case("GET /v1/subscription_items?subscription=sub_1&limit=100&starting_after=si_1") {
            _ = try await $0.listSubscriptionItems(
                subscription: "sub_1", page: StripePage(limit: 100, startingAfter: "si_1"))
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
        Case(
            "POST /v1/subscriptions/sub_1",
            "cancel_at=&pause_collection=&default_payment_method=pm_1&metadata[k]="
        ) { client in
            var update = SubscriptionUpdate()
            update.clearsCancelAt = true
            update.clearsPauseCollection = true
            update.defaultPaymentMethod = "pm_1"
            update.metadata = ["k": ""]
            update.expand = []
            _ = try await client.updateSubscription("sub_1", update)
        },
        Case("DELETE /v1/subscriptions/sub_1") {
            _ = try await $0.cancelSubscription("sub_1", SubscriptionCancellation(details: CancellationDetails()))
        },
        Case(
            "DELETE /v1/subscriptions/sub_1?prorate=true&invoice_now=false&cancellation_details[comment]=Dear"
                + "&cancellation_details[feedback]=too_expensive"
        ) {
            _ = try await $0.cancelSubscription(
                "sub_1",
                SubscriptionCancellation(
                    prorate: true, invoiceNow: false,
                    details: CancellationDetails(comment: "Dear", feedback: "too_expensive")))
        },
        Case(
            "POST /v1/subscriptions/sub_1/resume",
            "expand[0]=latest_invoice.confirmation_secret&expand[1]=pending_setup_intent&billing_cycle_anchor[type]=unchanged"
                + "&proration_behavior=none&proration_date=1777000000&payment_behavior=resume_on_payment_success"
        ) {
            _ = try await $0.resumeSubscription(
                "sub_1", billingCycleAnchor: .unchanged, prorationBehavior: ProrationBehavior.none,
                prorationDate: 1_777_000_000, paymentBehavior: .resumeOnPaymentSuccess)
        },
        Case(
            "POST /v1/subscriptions/sub_1/resume",
            "expand[0]=latest_invoice.confirmation_secret&expand[1]=pending_setup_intent"
        ) { _ = try await $0.resumeSubscription("sub_1") },
    ]

    static let scheduleCases: [Case] = [
        Case(
            "POST /v1/subscription_schedules", "from_subscription=sub_1&metadata[k]=v&expand[0]=subscription"
        ) { client in
            _ = try await client.createSchedule(
                fromSubscription: "sub_1", metadata: ["k": "v"], expand: ["subscription"])
        },
        Case("GET /v1/subscription_schedules/sub_sched_1?expand[0]=subscription") {
            _ = try await $0.retrieveSchedule("sub_sched_1", expand: ["subscription"])
        },
        Case(
            "POST /v1/subscription_schedules/sub_sched_1",
            "phases[0][items][0][price]=price_1&phases[0][start_date]=100&phases[0][end_date]=200&end_behavior=cancel"
                + "&proration_behavior=none&metadata[k]=&expand[0]=customer"
        ) { client in
            var update = ScheduleUpdate()
            var phase = SchedulePhase(items: [SchedulePhase.Item(price: "price_1")])
            phase.startDate = 100
            phase.endDate = 200
            update.phases = [phase]
            update.endBehavior = "cancel"
            update.prorationBehavior = ProrationBehavior.none
            update.metadata = ["k": ""]
            update.expand = ["customer"]
            _ = try await client.updateSchedule("sub_sched_1", update)
        },
        Case("POST /v1/subscription_schedules/sub_sched_1/release", "preserve_cancel_date=true") {
            _ = try await $0.releaseSchedule("sub_sched_1", preservesCancelDate: true)
        },
        Case("POST /v1/subscription_schedules/sub_sched_1/cancel", "invoice_now=true&prorate=false") {
            _ = try await $0.cancelSchedule("sub_sched_1", invoiceNow: true, prorate: false)
        },
    ]

    static let invoiceCases: [Case] = [
        Case("GET /v1/invoices/in_1?expand[0]=confirmation_secret&expand[1]=payments") {
            _ = try await $0.retrieveInvoice("in_1")
        },
        Case(
            "GET /v1/invoices?customer=cus_1&subscription=sub_1&status=open&created[gte]=1&created[lt]=9&limit=5"
                + "&starting_after=in_1&expand[0]=data.payments"
        ) { client in
            var filter = InvoiceFilter()
            filter.customer = "cus_1"
            filter.subscription = "sub_1"
            filter.status = "open"
            filter.created.start = 1
            filter.created.end = 9
            filter.page = StripePage(limit: 5, startingAfter: "in_1")
            filter.expand = ["data.payments"]
            _ = try await client.listInvoices(filter)
        },
        Case("GET /v1/invoices/in_1/lines?limit=100&starting_after=il_1") {
            _ = try await $0.listInvoiceLines(
                invoice: "in_1", page: StripePage(limit: 100, startingAfter: "il_1"))
        },
        Case(
            "POST /v1/invoices/in_1/pay",
            "payment_method=pm_1&off_session=false&paid_out_of_band=true&expand[0]=confirmation_secret&expand[1]=payments"
        ) {
            _ = try await $0.payInvoice("in_1", paymentMethod: "pm_1", offSession: false, paidOutOfBand: true)
        },
        Case("POST /v1/invoices/in_1/void") { _ = try await $0.voidInvoice("in_1") },
        Case(
            "POST /v1/invoices/create_preview",
            "subscription=sub_1&customer=cus_1&subscription_details[items][0][id]=si_1&subscription_details[items][0][price]=price_2"
                + "&subscription_details[items][0][quantity]=3&subscription_details[items][1][id]=si_2"
                + "&subscription_details[items][1][deleted]=true"
                + "&subscription_details[proration_behavior]=always_invoice&subscription_details[proration_date]=1777000000"
                + "&subscription_details[cancel_at_period_end]=false&subscription_details[cancel_now]=false"
                + "&expand[0]=customer"
        ) { client in
            var preview = InvoicePreview(subscription: "sub_1", customer: "cus_1")
            preview.items = [
                SubscriptionItemChange(id: "si_1", price: "price_2", quantity: 3),
                SubscriptionItemChange(id: "si_2", deleted: true),
            ]
            preview.prorationBehavior = .alwaysInvoice
            preview.prorationDate = 1_777_000_000
            preview.cancelAtPeriodEnd = false
            preview.cancelNow = false
            preview.expand = ["customer"]
            _ = try await client.previewInvoice(preview)
        },
        Case("POST /v1/invoices/create_preview", "subscription=sub_1&preview_mode=recurring") { client in
            var preview = InvoicePreview(subscription: "sub_1")
            preview.showsRecurring = true
            _ = try await client.previewInvoice(preview)
        },
    ]

    static let intentCases: [Case] = [
        Case("GET /v1/payment_intents/pi_1?expand[0]=latest_charge") {
            _ = try await $0.retrievePaymentIntent("pi_1", expand: ["latest_charge"])
        },
        Case("POST /v1/payment_intents/pi_1/cancel", "cancellation_reason=abandoned") {
            _ = try await $0.cancelPaymentIntent("pi_1", reason: "abandoned")
        },
        Case("GET /v1/setup_intents/seti_1?expand[0]=payment_method") {
            _ = try await $0.retrieveSetupIntent("seti_1", expand: ["payment_method"])
        },
        Case("POST /v1/setup_intents/seti_1/cancel", "cancellation_reason=duplicate") {
            _ = try await $0.cancelSetupIntent("seti_1", reason: "duplicate")
        },
    ]

    static let eventCases: [Case] = [
        Case("GET /v1/events/evt_1") { _ = try await $0.retrieveEvent("evt_1") },
        Case("GET /v1/events?created[gte]=1&created[lt]=9&types[0]=customer.%2A&limit=100&starting_after=evt_2") { client in
            var filter = EventFilter()
            filter.created.start = 1
            filter.created.end = 9
            filter.types = ["customer.*"]
            filter.page = StripePage(limit: 100, startingAfter: "evt_2")
            _ = try await client.listEvents(filter)
        },
        Case("GET /v1/events?ending_before=evt_2") { client in
            var filter = EventFilter()
            filter.endingBefore = "evt_2"
            _ = try await client.listEvents(filter)
        },
    ]

    static let portalCases: [Case] = [
        Case("GET /v1/account") { _ = try await $0.retrieveAccount() },
        Case("POST /v1/billing_portal/sessions", "customer=cus_1&return_url=https%3A%2F%2Fa.b%2F%3Fc%3Dd") {
            _ = try await $0.createPortalSession(customer: "cus_1", returnURL: "https://a.b/?c=d")
        },
        Case("POST /v1/billing_portal/sessions", "customer=cus_1&flow_data[type]=payment_method_update") {
            _ = try await $0.createPortalSession(customer: "cus_1", flow: PortalFlow(type: "payment_method_update"))
        },
        Case(
            "POST /v1/billing_portal/sessions",
            "customer=cus_1&return_url=https%3A%2F%2Fa.b&configuration=bpc_1&locale=en-GB"
                + "&flow_data[type]=subscription_update_confirm"
                + "&flow_data[subscription_update_confirm][subscription]=sub_1"
                + "&flow_data[subscription_update_confirm][items][0][id]=si_1"
                + "&flow_data[subscription_update_confirm][items][0][price]=price_2"
                + "&flow_data[subscription_update_confirm][items][0][quantity]=1"
                + "&flow_data[after_completion][type]=redirect"
                + "&flow_data[after_completion][redirect][return_url]=https%3A%2F%2Fa.b%2Fdone"
        ) { client in
            var flow = PortalFlow(type: "subscription_update_confirm", subscription: "sub_1")
            flow.items = [PortalFlow.Item(id: "si_1", price: "price_2", quantity: 1)]
            flow.returnURL = "https://a.b/done"
            _ = try await client.createPortalSession(
                customer: "cus_1", returnURL: "https://a.b", configuration: "bpc_1", locale: "en-GB", flow: flow)
        },
        Case("GET /v1/entitlements/active_entitlements?customer=cus_1&limit=9&starting_after=ent_1&expand[0]=data.feature")
        {
            _ = try await $0.listActiveEntitlements(
                customer: "cus_1", page: StripePage(limit: 9, startingAfter: "ent_1"), expand: ["data.feature"])
        },
    ]
}
