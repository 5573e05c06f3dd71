internal import Contract
internal import Store
internal import Stripe

/// Changes that wait for the period's end: a subscription schedule whose first phase is the subscription as it is, and whose
/// second is the subscription as it will be for one period, after which the schedule lets it go.
extension BillingService {
    /// Tells the schedules that were made here from those that others made.
    private static let mark = (key: "dues", value: "plan-change")

    /// The schedule of an earlier change that still waits; nil where there is none. Throws where somebody else's schedule manages
    /// the subscription: what is changed beside it would be undone by its next phase.
    func ownSchedule(of subscription: StripeSubscription, _ call: CallContext) async throws(RPCError) -> String? {
        guard let id = subscription.schedule?.id else { return nil }
        let schedule = try await ask(call) { () async throws(StripeError) in
            try await stripe.retrieveSchedule(id, options(call, step: "schedule"))
        }.object
        // One that is over has only not been taken off yet.
        guard schedule.status == "active" || schedule.status == "not_started" else { return nil }
        guard schedule.metadata[Self.mark.key] == Self.mark.value else {
            throw RPCError(
                .scheduledElsewhere, "the subscription \(subscription.id) is managed by the schedule \(id)", subjectId: id)
        }
        return id
    }

    /// Lets a subscription go on without the change that waits.
    func release(_ schedule: String, _ call: CallContext) async throws(RPCError) {
        _ = try await ask(call) { () async throws(StripeError) in
            try await stripe.releaseSchedule(schedule, options(call, step: "release"))
        }
    }

    /// Orders the change for the period's end.
    func schedule(_ order: PlanOrder, _ call: CallContext) async throws(RPCError) -> StripeSubscription {
        try await change(call, order: order.json) { () async throws(RPCError) in
            let schedule = try await ask(call) { () async throws(StripeError) in
                if let id = order.schedule { return try await stripe.retrieveSchedule(id, options(call, step: "read")) }
                return try await stripe.createSchedule(
                    fromSubscription: order.subscriptionID, metadata: [Self.mark.key: Self.mark.value],
                    options(call, step: "schedule"))
            }.object
            guard let current = schedule.phasesFromNow.first else {
                throw RPCError(.stripeGarbled, "the schedule \(schedule.id) has no current phase")
            }
            var update = ScheduleUpdate()
            update.phases = [current, order.phase(after: current)]
            update.endBehavior = "release"
            _ = try await ask(call) { [update] () async throws(StripeError) in
                try await stripe.updateSchedule(schedule.id, update, options(call, step: "phases"))
            }
        }
        return try await subscription(order.subscriptionID, call).object
    }
}

extension PlanOrder {
    /// The phase that the change makes of the one that is under way.
    fileprivate func phase(after current: SchedulePhase) -> SchedulePhase {
        var items = current.items
        for change in self.items {
            // A phase names no items of the subscription, but a subscription has a price only once.
            let index = items.firstIndex { $0.price == change.replaces }
            switch (index, change.deleted) {
            case (let index?, true?): items.remove(at: index)
            case (let index?, _):
                items[index].price = change.price ?? items[index].price
                items[index].quantity = change.quantity
            case (nil, true?): break
            case (nil, _): items.append(SchedulePhase.Item(price: change.price, quantity: change.quantity))
            }
        }
        var next = current.followed(by: items)
        next.duration = interval.map { SchedulePhase.Duration(interval: $0.unit, intervalCount: $0.count) }
        next.prorationBehavior = Stripe.ProrationBehavior.none.rawValue
        return next
    }
}
