import JSON

/// The words in which pages speak of what an account holds. They are not escaped yet.
extension Account {
    /// What a customer is called: the name, else the email, else the id.
    func customerWords(_ id: String) -> String {
        let customer = known(.customer, id)
        return customer.string("name") ?? customer.string("email") ?? id
    }

    /// `2 × Basic (at $5.00 / month)`, a part for each tier.
    func priceWords(_ price: JSONObject, _ quantity: Int64) -> String {
        (Pricing.parts(price, ExactAmount(quantity)) ?? [])
            .map { Wording.line($0, of: price, product(of: price)) }.joined(separator: ", ")
    }

    /// What a subscription is to.
    func planWords(_ subscription: String) -> String {
        items(of: subscription).map { item in
            let price = price(of: item)
            let words = priceWords(price, item.integer("quantity") ?? 1)
            return words.isEmpty ? product(of: price).string("name") ?? price.id : words
        }.joined(separator: ", ")
    }

    /// When a subscription goes on or ends; nil for one that is over.
    func nextWords(_ subscription: JSONObject) -> String? {
        guard !Self.isOver(subscription) else { return nil }
        if let end = subscription.integer("cancel_at") { return "ends on \(CivilDate(unix: end).words)" }
        let period = items(of: subscription.id).compactMap { $0.integer("current_period_end") }.max()
        return period.map { "renews on \(CivilDate(unix: $0).words)" }
    }

    /// `visa ending in 4242`, or the type of a method that has no such number.
    func methodWords(_ method: JSONObject) -> String {
        let type = method.string("type") ?? ""
        let details = method.object(type)
        let name = details.string("brand") ?? String(type.map { $0 == "_" ? " " : $0 })
        return details.string("last4").map { "\(name) ending in \($0)" } ?? name
    }
}
