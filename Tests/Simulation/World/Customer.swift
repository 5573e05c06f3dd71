import Contract
import JSON
import TestSupport

/// One customer's life: what the customer, the application and the people at Stripe's dashboard do, as a seed has it.
struct Customer {
    let name: String
    private let world: World
    private let wishes: Wishes
    private var random: Seeded
    private var id = ""
    private var subscriptions: [String] = []

    init(_ name: String, _ world: World, _ wishes: Wishes, seed: UInt64) {
        self.name = name
        self.world = world
        self.wishes = wishes
        random = Seeded(seed)
    }

    private var stripe: FaultyStripe { world.stripe }

    private mutating func draw(_ bound: UInt64) -> UInt64 { random.next() % bound }
    private mutating func draw<Element>(of elements: [Element]) -> Element? {
        elements.isEmpty ? nil : elements[Int(random.next() % UInt64(elements.count))]
    }

    private mutating func wish(_ method: Method, _ params: JSONObject) async -> JSONValue? {
        await wishes.fulfil(method, params, of: name, seed: random.next())
    }

    mutating func live() async {
        await pause(seconds: Int64(draw(20)))
        let made = await wish(.createCustomer, ["email": .string("\(name)@example.com")])
        guard let id = made?["customerId"]?.stringValue else { return }
        self.id = id
        if draw(4) != 0 { useCard("pm_card_visa") }
        await subscribe()
        for _ in 0..<(4 + draw(7)) {
            await act()
            await passTime()
        }
        if draw(10) == 0 { stripe.ask("DELETE", "/v1/customers/\(id)") }
    }

    /// Mostly seconds, so that what is done meets what was done before; at times long enough for renewals.
    private mutating func passTime() async {
        switch draw(10) {
        case 0...5: await pause(seconds: Int64(draw(6)))
        case 6, 7: await pause(seconds: Int64(draw(7200)))
        case 8: await pause(seconds: Int64(draw(3)) * 86_400)
        default: await pause(seconds: 28 * 86_400 + Int64(draw(4)) * 86_400)
        }
    }

    private func pause(seconds: Int64) async { await world.scheduler.pause(milliseconds: seconds * 1000) }

    // MARK: What is done

    private mutating func act() async {
        guard let subscription = draw(of: subscriptions) else { return await subscribe() }
        let itself: JSONValue = .string(subscription)
        switch draw(14) {
        case 0: await subscribe()
        case 1, 2:
            let key = draw(2) == 0 ? "basic" : "premium"
            _ = await wish(.updatePlan, ["subscriptionId": itself, "lookupKey": .string(key)])
        case 3:
            _ = await wish(.updatePlan, ["subscriptionId": itself, "lookupKey": "premium", "when": "periodEnd"])
        case 4: _ = await wish(.cancel, ["subscriptionId": itself, "when": "periodEnd"])
        case 5: _ = await wish(.cancel, ["subscriptionId": itself])
        case 6, 7: _ = await wish(.resume, ["subscriptionId": itself])
        case 8: useCard(draw(2) == 0 ? "pm_card_chargeCustomerFail" : "pm_card_visa")
        case 9: await payWhatIsOpen()
        case 10: _ = await wish(.getSubscription, ["subscriptionId": itself])
        case 11: _ = await wish(.listSubscriptions, ["customerId": .string(id)])
        default: await actAtDashboard(subscription)
        }
    }

    private mutating func subscribe() async {
        var params: JSONObject = [
            "customerId": .string(id), "lookupKey": .string(draw(3) == 0 ? "premium" : "basic"), "allowDuplicate": true,
        ]
        if draw(5) == 0 { params["trialDays"] = .integer(Int64(1 + draw(7))) }
        guard let made = await wish(.createSubscription, params), let subscription = made["subscriptionId"]?.stringValue
        else { return }
        subscriptions.append(subscription)
        await pause(seconds: Int64(draw(5)))
        guard draw(6) != 0, let secret = made["clientSecret"]?.stringValue,
            let intent = secret.firstRange(of: "_secret_").map({ String(secret[..<$0.lowerBound]) })
        else { return }
        let kind = intent.hasPrefix("pi_") ? "payment_intents" : "setup_intents"
        let card = draw(5) == 0 ? "pm_card_chargeDeclined" : "pm_card_visa"
        stripe.ask("POST", "/v1/\(kind)/\(intent)/confirm", "payment_method=\(card)")
    }

    private func useCard(_ card: String) {
        let method = stripe.ask("POST", "/v1/payment_methods/\(card)/attach", "customer=\(id)")
        guard let method = method["id"]?.stringValue else { return }
        stripe.ask("POST", "/v1/customers/\(id)", "invoice_settings[default_payment_method]=\(method)")
        for subscription in subscriptions {
            stripe.ask("POST", "/v1/subscriptions/\(subscription)", "default_payment_method=\(method)")
        }
    }

    private mutating func payWhatIsOpen() async {
        let open = stripe.ask("GET", "/v1/invoices?status=open&customer=\(id)")["data"]?.arrayValue ?? []
        for invoice in open.compactMap({ $0["id"]?.stringValue }) { stripe.ask("POST", "/v1/invoices/\(invoice)/pay") }
    }

    private mutating func actAtDashboard(_ subscription: String) async {
        let path = "/v1/subscriptions/\(subscription)"
        // Several things in one second are what only Stripe can put in order.
        for _ in 0...draw(3) {
            switch draw(10) {
            case 0, 1: stripe.ask("POST", path, "metadata[note]=\(draw(1000))")
            case 2: stripe.ask("POST", path, "cancel_at_period_end=\(draw(2) == 0)")
            case 3:
                let item = stripe.ask("GET", path)["items"]?["data"]?[0]?["id"]?.stringValue ?? ""
                stripe.ask("POST", path, "items[0][id]=\(item)&items[0][quantity]=\(1 + draw(5))")
            case 4: stripe.ask("POST", path, "pause_collection[behavior]=void")
            case 5: stripe.ask("POST", path, "pause_collection=")
            case 6: stripe.ask("POST", "/v1/customers/\(id)", "name=N\(draw(1000))")
            case 7:
                let product = stripe.ask("GET", "/v1/products?limit=1")["data"]?[0]?["id"]?.stringValue ?? ""
                stripe.ask("POST", "/v1/products/\(product)", "name=P\(draw(1000))&marketing_features[0][name]=f\(draw(3))")
            case 8 where draw(3) == 0: stripe.ask("DELETE", path)
            case 8:
                let method = stripe.ask("GET", "/v1/payment_methods?limit=1&customer=\(id)")["data"]?[0]?["id"]?.stringValue
                if let method { stripe.ask("POST", "/v1/payment_methods/\(method)/detach") }
            default:
                stripe.ask("POST", "/v1/invoiceitems", "customer=\(id)&amount=\(100 + draw(900))&currency=usd")
                let invoice = stripe.ask("POST", "/v1/invoices", "customer=\(id)&pending_invoice_items_behavior=include")
                guard let invoice = invoice["id"]?.stringValue else { break }
                if draw(3) == 0 {
                    stripe.ask("DELETE", "/v1/invoices/\(invoice)")
                } else {
                    stripe.ask("POST", "/v1/invoices/\(invoice)/finalize")
                }
            }
            if draw(2) == 0 { await world.scheduler.pause(milliseconds: Int64(draw(1500))) }
        }
    }
}
