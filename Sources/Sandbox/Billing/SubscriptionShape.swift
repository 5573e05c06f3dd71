import JSON

/// How subscriptions and their items are read, and the facts that other rules ask of them.
extension Account {
    /// Nothing happens to it any more.
    static func isOver(_ subscription: JSONObject) -> Bool {
        let status = subscription.string("status")
        return status == "canceled" || status == "incomplete_expired"
    }

    static func isFlexible(_ subscription: JSONObject) -> Bool {
        subscription.object("billing_mode").string("type") == "flexible"
    }

    /// The live items of a subscription, oldest first.
    func items(of subscription: String) -> [JSONObject] { all(.subscriptionItem, where: "subscription", is: subscription) }

    /// An item's price, in the currency of its subscription.
    func price(of item: JSONObject) -> JSONObject {
        let price = known(.price, item.string("_price") ?? "")
        return Self.price(price, in: item.string("_currency")) ?? price
    }

    static func interval(of price: JSONObject) -> BillingInterval {
        let recurring = price.object("recurring")
        return BillingInterval(
            unit: recurring.string("interval") ?? "month", count: max(1, recurring.integer("interval_count") ?? 1))
    }

    func productName(of price: JSONObject) -> String {
        product(of: price).string("name") ?? ""
    }

    // MARK: Rendering

    func renderItem(_ item: JSONObject) -> JSONObject {
        var shown = item.withoutHidden
        let price = known(.price, item.string("_price") ?? "")
        shown["plan"] = Self.plan(of: price)
        shown["price"] = .object(price.withoutHidden)
        return shown
    }

    func renderSubscription(_ subscription: JSONObject) -> JSONObject {
        var shown = subscription.withoutHidden
        let live = items(of: subscription.id).map(renderItem)
        shown["items"] = Self.embedded(
            live.map { .object($0) }, url: "/v1/subscription_items?subscription=\(subscription.id)")
        let only = live.count == 1 ? live.first : nil
        shown["plan"] = only?["plan"] ?? .null
        shown["quantity"] = only?["quantity"] ?? .null
        return shown
    }

    // MARK: Payment methods

    /// The method that a subscription is paid with: its own default, else the customer's.
    func defaultMethod(ofSubscription subscription: JSONObject) -> JSONObject? {
        if let own = subscription.string("default_payment_method") { return find(.paymentMethod, own) }
        let settings = known(.customer, subscription.string("customer") ?? "").object("invoice_settings")
        return settings.string("default_payment_method").flatMap { find(.paymentMethod, $0) }
    }

    /// The method that an invoice is paid with: its own default, else the subscription's, else the customer's.
    func defaultMethod(ofInvoice invoice: JSONObject) -> JSONObject? {
        if let own = invoice.string("default_payment_method") { return find(.paymentMethod, own) }
        if let subscription = invoice.string("_subscription") {
            return defaultMethod(ofSubscription: known(.subscription, subscription))
        }
        let settings = known(.customer, invoice.string("customer") ?? "").object("invoice_settings")
        return settings.string("default_payment_method").flatMap { find(.paymentMethod, $0) }
    }

    static let noMethod = APIFailure(
        400,
        "This customer has no attached payment source or default payment method. Please consider adding a default "
            + "payment method. For more information, visit "
            + "https://stripe.com/docs/billing/subscriptions/payment-methods-setting#payment-method-priority.",
        code: "resource_missing")

    /// A default method must belong to the customer.
    func checkDefaultMethod(_ params: JSONObject, customer: String) throws(APIFailure) {
        guard let id = params.string("default_payment_method") else { return }
        let method = try referred(.paymentMethod, id, param: "default_payment_method")
        guard method.string("customer") == customer else {
            throw .invalid(
                "The customer does not have a payment method with the ID \(id). The payment method must be attached to "
                    + "the customer.", param: "default_payment_method", code: "resource_missing")
        }
    }

    // MARK: Periods

    /// Notes when the subscription next needs attention by its items' periods.
    func refreshPeriod(of subscription: String) {
        let end = items(of: subscription).compactMap { $0.integer("current_period_end") }.min()
        let days = settings.upcomingDays
        let announcement = end.flatMap { days > 0 ? $0 - days * CivilDate.secondsPerDay : nil }
        change(.subscription, subscription) {
            $0["_period_end"] = .optional(end)
            $0["_upcoming_at"] = .optional(announcement.flatMap { $0 > now ? $0 : nil })
        }
    }

    /// Whether an item's period is one that nothing was paid for.
    static func isTrialing(_ subscription: JSONObject) -> Bool { subscription.string("status") == "trialing" }
}
