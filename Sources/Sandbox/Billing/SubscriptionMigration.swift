import JSON

/// Migration from classic to flexible billing, of which there is no way back
/// (docs.stripe.com/billing/subscriptions/billing-mode).
extension Account {
    static let migrationRoutes: [Route] = [
        Route(
            "POST /v1/subscriptions/{subscription}/migrate",
            "billing_mode!:{type!:(flexible) flexible:{proration_discounts:(included|itemized)}}",
            Account.migrateSubscription)
    ]

    func migrateSubscription(_ call: Call) throws(APIFailure) -> JSONValue {
        let subscription = try named(.subscription, call.id)
        guard !Self.isOver(subscription) else { throw .absent(.subscription, call.id, param: "id", status: 404) }
        guard !Self.isFlexible(subscription) else {
            throw .invalid("The subscription already has `billing_mode` `flexible`.", param: "billing_mode[type]")
        }
        let mode = Self.billingMode(call.params, at: now)
        change(.subscription, call.id) { $0["billing_mode"] = mode }
        if let schedule = subscription.string("schedule") { change(.schedule, schedule) { $0["billing_mode"] = mode } }
        emitUpdate(
            "customer.subscription.updated", .subscription, call.id, since: render(.subscription, subscription))
        return .object(rendered(.subscription, call.id))
    }
}
