import JSON
import Testing

@testable import Sandbox

/// What subscriptions and invoices do over time and under change.
@Suite struct Billing {
    static let month: Int64 = 30 * 86_400

    // MARK: Creation

    @Test func `a working card makes the subscription active at once`() throws {
        let guest = Guest()
        let customer = guest.customer()
        let mark = guest.eventCount
        let subscription = guest.subscription(of: customer, to: guest.price("basic"), "expand[]=latest_invoice.payments")
        #expect(subscription["status"] == "active")
        #expect(subscription["latest_invoice.payments.data.0.status"] == "paid")
        #expect(subscription["latest_invoice.number"]?.stringValue?.hasSuffix("-0001") == true)
        #expect(subscription["latest_invoice.lines.data.0.description"] == "1 × Basic (at $5.00 / month)")
        #expect(
            guest.events(since: mark) == [
                "customer.subscription.created", "invoice.created", "invoice.finalized", "payment_intent.created",
                "charge.succeeded", "payment_intent.succeeded", "invoice.updated", "invoice.paid",
                "invoice.payment_succeeded", "invoice_payment.paid", "customer.subscription.updated",
            ])
        let payments = guest.get("/v1/invoice_payments", "invoice=\(subscription["latest_invoice.id"]?.stringValue ?? "")")
        #expect(payments["data.0.payment.type"] == "payment_intent")
        #expect(guest.get("/v1/invoices/\(subscription["latest_invoice.id"]?.stringValue ?? "")")["payments"] == nil)
    }

    @Test(arguments: ["allow_incomplete", "error_if_incomplete", "default_incomplete", "pending_if_incomplete"])
    func `each payment behavior answers a card that declines in its own way`(_ behavior: String) {
        let guest = Guest()
        let customer = guest.customer(paying: "pm_card_chargeCustomerFail")
        let form = "customer=\(customer)&items[0][price]=\(guest.price("basic"))&payment_behavior=\(behavior)"
        let before = guest.eventCount
        let answer = guest.call("POST", "/v1/subscriptions", form)
        switch behavior {
        case "allow_incomplete", "default_incomplete":
            #expect(answer["status"] == "incomplete")
        case "error_if_incomplete":
            #expect(answer.status == 402)
            #expect(answer["error.code"] == "card_declined")
            #expect(guest.get("/v1/subscriptions", "customer=\(customer)&status=all")["data"] == [])
            #expect(guest.eventCount == before, "nothing is kept")
        default:
            #expect(answer.status == 400)
            #expect(answer["error.param"] == "payment_behavior")
        }
    }

    @Test func `without a method only default_incomplete and trials go through`() {
        let guest = Guest()
        let customer = guest.customer(paying: nil)
        let form = "customer=\(customer)&items[0][price]=\(guest.price("basic"))"
        #expect(guest.call("POST", "/v1/subscriptions", form)["error.code"] == "resource_missing")
        let trial = guest.post("/v1/subscriptions", form + "&trial_period_days=7&expand[]=pending_setup_intent")
        #expect(trial["status"] == "trialing")
        let setup = trial["pending_setup_intent.id"]?.stringValue ?? ""
        let secret = trial["pending_setup_intent.client_secret"]?.stringValue ?? ""
        let done = guest.call(
            "POST", "/v1/setup_intents/\(setup)/confirm", "client_secret=\(secret)&payment_method=pm_card_visa",
            key: "pk_test_1")
        #expect(done["status"] == "succeeded")
        let after = guest.get("/v1/subscriptions/\(trial.id)")
        #expect(after["pending_setup_intent"] == .null)
        #expect(after["default_payment_method"] == done["payment_method"])
        guest.advance(7 * 86_400 + 3600)
        #expect(guest.get("/v1/subscriptions/\(trial.id)")["status"] == "active")
        #expect(guest.get("/v1/invoices", "subscription=\(trial.id)")["data.0.amount_paid"] == 500)
    }

    @Test func `an unpaid first invoice is void after 23 hours, and the subscription never was`() {
        let guest = Guest()
        let subscription = guest.subscription(
            of: guest.customer(paying: nil), to: guest.price("basic"), "payment_behavior=default_incomplete")
        let mark = guest.eventCount
        guest.advance(23 * 3600 - 1)
        #expect(guest.get("/v1/subscriptions/\(subscription.id)")["status"] == "incomplete")
        guest.advance(1)
        #expect(guest.get("/v1/subscriptions/\(subscription.id)")["status"] == "incomplete_expired")
        #expect(
            guest.events(since: mark) == [
                "payment_intent.canceled", "invoice.voided", "customer.subscription.updated",
            ])
    }

    // MARK: Renewal

    @Test func `a renewal is a draft for an hour, then paid`() throws {
        let guest = Guest()
        let subscription = guest.subscription(of: guest.customer(), to: guest.price("basic"))
        let mark = guest.eventCount
        guest.advance(Self.month)
        #expect(guest.events(since: mark) == ["invoice.created", "customer.subscription.updated"])
        let draft = guest.get("/v1/invoices", "subscription=\(subscription.id)")
        #expect(draft["data.0.status"] == "draft")
        #expect(draft["data.0.billing_reason"] == "subscription_cycle")
        #expect(draft["data.0.automatically_finalizes_at"] == .integer(guest.now + Self.month + 3601))
        guest.advance(3600)
        #expect(guest.get("/v1/invoices", "subscription=\(subscription.id)")["data.0.status"] == "paid")
        #expect(try guest.event("invoice.paid").at("request.id") == .null, "nobody asked for it")
        #expect(guest.get("/v1/subscriptions/\(subscription.id)")["status"] == "active")
    }

    @Test func `a renewal that fails is tried three times more, then the subscription ends`() {
        let guest = Guest()
        let customer = guest.customer()
        let subscription = guest.subscription(of: customer, to: guest.price("basic"))
        let bad = guest.post("/v1/payment_methods/pm_card_chargeCustomerFail/attach", "customer=\(customer)").id
        _ = guest.post("/v1/customers/\(customer)", "invoice_settings[default_payment_method]=\(bad)")
        guest.advance(Self.month + 3600)
        #expect(guest.get("/v1/subscriptions/\(subscription.id)")["status"] == "past_due")
        #expect(guest.get("/v1/customers/\(customer)")["delinquent"] == true)
        var counts: [Int64] = []
        for days in SandboxSettings().retryDays {
            let invoice = guest.get("/v1/invoices", "subscription=\(subscription.id)")
            counts.append(invoice["data.0.attempt_count"]?.integerValue ?? 0)
            #expect(invoice["data.0.next_payment_attempt"]?.integerValue != nil)
            guest.advance(days * 86_400)
        }
        #expect(counts == [1, 2, 3])
        let ended = guest.get("/v1/subscriptions/\(subscription.id)")
        #expect(ended["status"] == "canceled")
        #expect(ended["cancellation_details.reason"] == "payment_failed")
    }

    @Test func `paying a past due invoice with a new card brings the subscription back`() {
        let guest = Guest()
        let customer = guest.customer()
        let subscription = guest.subscription(of: customer, to: guest.price("basic"))
        let bad = guest.post("/v1/payment_methods/pm_card_chargeCustomerFail/attach", "customer=\(customer)").id
        _ = guest.post("/v1/customers/\(customer)", "invoice_settings[default_payment_method]=\(bad)")
        guest.advance(Self.month + 3600)
        let invoice = guest.get("/v1/subscriptions/\(subscription.id)")["latest_invoice"]?.stringValue ?? ""
        #expect(guest.call("POST", "/v1/invoices/\(invoice)/pay").status == 402)
        let good = guest.post("/v1/payment_methods/pm_card_visa/attach", "customer=\(customer)").id
        let paid = guest.post("/v1/invoices/\(invoice)/pay", "payment_method=\(good)")
        #expect(paid["status"] == "paid")
        #expect(paid["attempt_count"] == 1, "only automatic retries are counted")
        #expect(guest.get("/v1/subscriptions/\(subscription.id)")["status"] == "active")
        #expect(guest.get("/v1/customers/\(customer)")["delinquent"] == false)
    }

    // MARK: Change

    private func upgrade(_ guest: Guest, _ more: String) -> (id: String, item: String, answer: Guest.Answer) {
        let subscription = guest.subscription(of: guest.customer(), to: guest.price("basic"))
        let item = subscription["items.data.0.id"]?.stringValue ?? ""
        guest.now += 10 * 86_400
        let form = "items[0][id]=\(item)&items[0][price]=\(guest.price("premium"))&\(more)"
        return (subscription.id, item, guest.call("POST", "/v1/subscriptions/\(subscription.id)", form))
    }

    @Test func `create_prorations waits for the renewal, which the preview foretells`() {
        let guest = Guest()
        let (id, _, _) = upgrade(guest, "proration_behavior=create_prorations")
        let customer = guest.get("/v1/subscriptions/\(id)")["customer"]?.stringValue ?? ""
        let pending = guest.get("/v1/invoiceitems", "customer=\(customer)&pending=true")
        #expect(pending["data.0.amount"] == -334)
        #expect(pending["data.1.amount"] == 1000)
        let preview = guest.post("/v1/invoices/create_preview", "subscription=\(id)")
        guest.advance(20 * 86_400 + 3600)
        let renewal = guest.get("/v1/invoices", "subscription=\(id)")
        #expect(renewal["data.0.amount_paid"] == 2166)
        #expect(preview["amount_due"] == 2166)
        #expect(preview["period_end"] == renewal["data.0.period_end"])
        let steady = guest.post("/v1/invoices/create_preview", "subscription=\(id)&preview_mode=recurring")
        #expect(steady["total"] == 1500)
    }

    @Test func `a downgrade leaves credit that the next invoice uses up`() {
        let guest = Guest()
        let (id, item, _) = upgrade(guest, "proration_behavior=always_invoice")
        let customer = guest.get("/v1/subscriptions/\(id)")["customer"]?.stringValue ?? ""
        let form = "items[0][id]=\(item)&items[0][price]=\(guest.price("basic"))&proration_behavior=always_invoice"
        let down = guest.post("/v1/subscriptions/\(id)", form + "&expand[]=latest_invoice")
        #expect(down["latest_invoice.total"] == -667)
        #expect(down["latest_invoice.status"] == "paid")
        #expect(down["latest_invoice.attempt_count"] == 0)
        #expect(down["latest_invoice.ending_balance"] == -667)
        #expect(guest.get("/v1/customers/\(customer)/balance_transactions")["data.0.type"] == "applied_to_invoice")
        guest.advance(20 * 86_400 + 3600)
        let renewal = guest.get("/v1/invoices", "subscription=\(id)")
        #expect(renewal["data.0.starting_balance"] == -667)
        #expect(renewal["data.0.amount_due"] == 0)
        #expect(guest.get("/v1/customers/\(customer)")["balance"] == -167)
    }

    @Test func `flexible billing credits what was charged, not the price that was set`() {
        let guest = Guest()
        let (id, item, _) = upgrade(guest, "proration_behavior=none")
        let back = "items[0][id]=\(item)&items[0][price]=\(guest.price("basic"))&proration_behavior=always_invoice"
        let answer = guest.post("/v1/subscriptions/\(id)", back + "&expand[]=latest_invoice")
        #expect(answer["latest_invoice.lines.data.0.amount"] == -334)
        #expect(answer["latest_invoice.lines.data.1.amount"] == 333)
        #expect(answer["latest_invoice.lines.data.0.description"] == "Unused time on Premium after 11 Nov 2026")
    }

    @Test(arguments: ["allow_incomplete", "default_incomplete", "error_if_incomplete", "pending_if_incomplete"])
    func `each payment behavior answers an upgrade that cannot be paid in its own way`(_ behavior: String) throws {
        let guest = Guest()
        let customer = guest.customer()
        let subscription = guest.subscription(of: customer, to: guest.price("basic"))
        let bad = guest.post("/v1/payment_methods/pm_card_chargeCustomerFail/attach", "customer=\(customer)").id
        _ = guest.post("/v1/customers/\(customer)", "invoice_settings[default_payment_method]=\(bad)")
        guest.now += 10 * 86_400
        let mark = guest.eventCount
        let item = subscription["items.data.0.id"]?.stringValue ?? ""
        let answer = guest.call(
            "POST", "/v1/subscriptions/\(subscription.id)",
            """
            items[0][id]=\(item)&items[0][price]=\(guest.price("premium"))&proration_behavior=always_invoice\
            &payment_behavior=\(behavior)
            """)
        let now = guest.get("/v1/subscriptions/\(subscription.id)")
        switch behavior {
        case "allow_incomplete", "default_incomplete":
            #expect(answer["status"] == "past_due")
            #expect(now["items.data.0.price.lookup_key"] == "premium")
        case "error_if_incomplete":
            #expect(answer.status == 402)
            #expect(now["items.data.0.price.lookup_key"] == "basic")
            #expect(now["latest_invoice"] == subscription["latest_invoice"])
            #expect(guest.eventCount == mark)
        default:
            #expect(now["status"] == "active")
            #expect(now["items.data.0.price.lookup_key"] == "basic")
            #expect(now["pending_update.subscription_items.0.price.lookup_key"] == "premium")
            let invoice = now["latest_invoice"]?.stringValue ?? ""
            let good = guest.post("/v1/payment_methods/pm_card_visa/attach", "customer=\(customer)").id
            let paid = guest.post("/v1/invoices/\(invoice)/pay", "payment_method=\(good)")
            #expect(paid["amount_paid"] == 666)
            let applied = guest.get("/v1/subscriptions/\(subscription.id)")
            #expect(applied["pending_update"] == .null)
            #expect(applied["items.data.0.price.lookup_key"] == "premium")
            #expect(guest.events(since: mark).contains("customer.subscription.pending_update_applied"))
        }
    }

    @Test func `a parked upgrade takes what was pending, once, and its coupon when it is paid`() {
        let guest = Guest()
        let customer = guest.customer()
        let subscription = guest.subscription(of: customer, to: guest.price("basic"))
        let coupon = guest.post("/v1/coupons", "percent_off=20&duration=forever").id
        _ = guest.post("/v1/invoiceitems", "customer=\(customer)&amount=300&currency=usd")
        let bad = guest.post("/v1/payment_methods/pm_card_chargeCustomerFail/attach", "customer=\(customer)").id
        _ = guest.post("/v1/customers/\(customer)", "invoice_settings[default_payment_method]=\(bad)")
        let item = subscription["items.data.0.id"]?.stringValue ?? ""
        let parked = guest.post(
            "/v1/subscriptions/\(subscription.id)",
            """
            items[0][id]=\(item)&items[0][price]=\(guest.price("premium"))&proration_behavior=always_invoice\
            &payment_behavior=pending_if_incomplete&discounts[0][coupon]=\(coupon)&expand[]=latest_invoice
            """)
        #expect(parked["latest_invoice.lines.data"]?.arrayValue?.map { $0["amount"] } == [300, -500, 1200])
        #expect(parked["latest_invoice.total"] == 940)
        #expect(parked["pending_update.discounts"]?.arrayValue?.count == 1)
        #expect(parked["discounts"] == [])
        #expect(guest.get("/v1/invoiceitems", "customer=\(customer)&pending=true")["data"] == [])
        let good = guest.post("/v1/payment_methods/pm_card_visa/attach", "customer=\(customer)").id
        let invoice = parked["latest_invoice.id"]?.stringValue ?? ""
        #expect(guest.post("/v1/invoices/\(invoice)/pay", "payment_method=\(good)")["amount_paid"] == 940)
        let applied = guest.get("/v1/subscriptions/\(subscription.id)")
        #expect(applied["items.data.0.price.lookup_key"] == "premium")
        #expect(applied["discounts"]?.arrayValue?.count == 1)
        let preview = guest.post("/v1/invoices/create_preview", "subscription=\(subscription.id)")
        #expect(preview["total"] == 1200)
    }

    @Test func `a parked upgrade that is not paid in time is dropped`() {
        let guest = Guest()
        let customer = guest.customer()
        let subscription = guest.subscription(of: customer, to: guest.price("basic"))
        let bad = guest.post("/v1/payment_methods/pm_card_chargeCustomerFail/attach", "customer=\(customer)").id
        _ = guest.post("/v1/customers/\(customer)", "invoice_settings[default_payment_method]=\(bad)")
        let item = subscription["items.data.0.id"]?.stringValue ?? ""
        let parked = guest.post(
            "/v1/subscriptions/\(subscription.id)",
            """
            items[0][id]=\(item)&items[0][price]=\(guest.price("premium"))&proration_behavior=always_invoice\
            &payment_behavior=pending_if_incomplete&expand[]=latest_invoice
            """)
        #expect(parked["latest_invoice.status"] == "open")
        let mark = guest.eventCount
        guest.advance(23 * 3600)
        let after = guest.get("/v1/subscriptions/\(subscription.id)", "expand[]=latest_invoice")
        #expect(after["pending_update"] == .null)
        #expect(after["latest_invoice.status"] == "void")
        #expect(after["items.data.0.price.lookup_key"] == "basic")
        #expect(guest.events(since: mark).contains("customer.subscription.pending_update_expired"))
        #expect(!guest.events(since: mark).contains("customer.subscription.pending_update_applied"))
    }

    @Test func `a preview leaves nothing behind and is what follows`() {
        let guest = Guest()
        let subscription = guest.subscription(of: guest.customer(), to: guest.price("basic"))
        let item = subscription["items.data.0.id"]?.stringValue ?? ""
        guest.now += 777_777
        let objects = ObjectKind.allCases.map { guest.engine.account.store.ids($0).count }
        let random = guest.engine.account.random
        for behavior in ["always_invoice", "create_prorations", "none"] {
            _ = guest.post(
                "/v1/invoices/create_preview",
                """
                subscription=\(subscription.id)&subscription_details[items][0][id]=\(item)\
                &subscription_details[items][0][quantity]=3&subscription_details[proration_behavior]=\(behavior)
                """)
        }
        _ = guest.post(
            "/v1/invoices/create_preview", "subscription_details[items][0][price]=\(guest.price("basic"))&currency=usd")
        _ = guest.post(
            "/v1/invoices/create_preview", "subscription=\(subscription.id)&subscription_details[cancel_now]=true")
        #expect(ObjectKind.allCases.map { guest.engine.account.store.ids($0).count } == objects)
        #expect(guest.engine.account.random == random)
        #expect(guest.get("/v1/subscriptions/\(subscription.id)").body == subscription.body)
    }

    // MARK: End

    @Test func `cancel at period end can be taken back, and else happens without another invoice`() {
        let guest = Guest()
        let subscription = guest.subscription(of: guest.customer(), to: guest.price("basic"))
        let path = "/v1/subscriptions/\(subscription.id)"
        let set = guest.post(path, "cancel_at_period_end=true")
        #expect(set["cancel_at"] == subscription["items.data.0.current_period_end"])
        #expect(set["canceled_at"] == .integer(guest.now))
        let back = guest.post(path, "cancel_at_period_end=false")
        #expect(back["cancel_at"] == .null)
        #expect(back["canceled_at"] == .null)
        _ = guest.post(path, "cancel_at_period_end=true")
        let mark = guest.eventCount
        guest.advance(Self.month + 7200)
        #expect(guest.events(since: mark) == ["customer.subscription.deleted"])
        #expect(guest.get(path)["status"] == "canceled")
        #expect(guest.get(path)["ended_at"] == set["cancel_at"])
    }

    @Test func `a prorated cancel with an invoice now credits the balance an hour later`() {
        let guest = Guest()
        let customer = guest.customer()
        let subscription = guest.subscription(of: customer, to: guest.price("premium"))
        guest.now += 15 * 86_400
        let ended = guest.call("DELETE", "/v1/subscriptions/\(subscription.id)", "prorate=true&invoice_now=true")
        #expect(ended["status"] == "canceled")
        let invoice = ended["latest_invoice"]?.stringValue ?? ""
        #expect(guest.get("/v1/invoices/\(invoice)")["status"] == "draft")
        #expect(guest.get("/v1/invoices/\(invoice)")["total"] == -750)
        guest.advance(3600)
        #expect(guest.get("/v1/invoices/\(invoice)")["status"] == "paid")
        #expect(guest.get("/v1/customers/\(customer)")["balance"] == -750)
    }

    // MARK: 3D Secure

    @Test func `authentication completes a first payment`() {
        let guest = Guest()
        let customer = guest.customer(paying: "pm_card_authenticationRequired")
        let subscription = guest.subscription(
            of: customer, to: guest.price("basic"), "expand[]=latest_invoice.payments")
        #expect(subscription["status"] == "incomplete")
        let intent = subscription["latest_invoice.payments.data.0.payment.payment_intent"]?.stringValue ?? ""
        #expect(
            guest.get("/v1/payment_intents/\(intent)")["next_action.type"] == "use_stripe_sdk", "nobody named a way back")
        let failed = guest.post("/sandbox/authenticate/\(intent)", "outcome=fail")
        #expect(failed["last_payment_error.code"] == "payment_intent_authentication_failure")
        let again = guest.post("/v1/payment_intents/\(intent)/confirm", "return_url=https://example.com/back")
        #expect(again["next_action.type"] == "redirect_to_url")
        #expect(again["next_action.redirect_to_url.return_url"] == "https://example.com/back")
        _ = guest.post("/sandbox/authenticate/\(intent)", "outcome=succeed")
        #expect(guest.get("/v1/subscriptions/\(subscription.id)")["status"] == "active")
    }
}
