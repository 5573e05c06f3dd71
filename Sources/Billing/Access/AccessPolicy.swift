/// Decides access from what was paid, by product.
///
/// `active` and `trialing` allow, also after the period's or the trial's end by our clock: the end of a period is not the
/// end of a subscription, and a renewal's webhook may lag by minutes or hours. A customer who paid must not be locked out;
/// if the payment failed, Stripe says so and the status changes. Only an end that is settled (`cancelAt`) is
/// closed by our own clock, because no renewal can follow it.
package struct AccessPolicy: Sendable, Equatable {
    /// How long a customer keeps access after a payment failed. Three days by default: Stripe's first retries fall in
    /// them, and most expired cards are replaced in them.
    package var pastDueGraceSeconds: Int64 = 259_200

    package init() {}

    package init(pastDueGraceSeconds: Int64) { self.pastDueGraceSeconds = pastDueGraceSeconds }

    package func decide(product: String, subscriptions: [SubscriptionView], now: Int64) -> AccessDecision {
        decide(anyOf: [product], subscriptions: subscriptions, now: now)
    }

    /// Decides over every product that grants what is asked for (a feature may be part of several). The best of several
    /// subscriptions wins: one that allows beats all others, then one that lives beats one that ended.
    /// - Parameter now: Unix seconds.
    package func decide(anyOf products: [String], subscriptions: [SubscriptionView], now: Int64) -> AccessDecision {
        var best: (SubscriptionView, AccessDecision)?
        for subscription in subscriptions {
            guard let product = products.first(where: subscription.products.contains) else { continue }
            let decision = decision(subscription, product, now)
            if let best, Self.rank(best.0, best.1) >= Self.rank(subscription, decision) { continue }
            best = (subscription, decision)
        }
        return best?.1 ?? .noSubscription
    }

    /// Until when a decision over these subscriptions stays what it is at `now` if nothing changes but the time: the next
    /// end that is settled, or end of a grace. `Int64.max` where time alone changes nothing.
    package func nextTurn(of subscriptions: [SubscriptionView], after now: Int64) -> Int64 {
        subscriptions.reduce(Int64.max) { next, subscription in
            let grace = subscription.status == .pastDue ? graceEnd(of: subscription)?.end : nil
            let turns = [subscription.cancelAt, grace]
            return turns.lazy.compactMap { $0 }.filter { $0 > now }.reduce(next, min)
        }
    }

    // MARK: One subscription

    private func decision(_ subscription: SubscriptionView, _ product: String, _ now: Int64) -> AccessDecision {
        let (reason, since, until) = assess(subscription, now)
        return AccessDecision(
            allowed: reason == .active || reason == .trialing || reason == .grace, reason: reason,
            subscriptionID: subscription.id,
            status: subscription.status, productID: product, periodEnd: subscription.currentPeriodEnd, since: since,
            until: until)
    }

    private func assess(_ subscription: SubscriptionView, _ now: Int64) -> (AccessReason, since: Int64?, until: Int64?) {
        let isOver = subscription.cancelAt.map { $0 <= now } ?? false
        let end = subscription.cancelAt
        switch subscription.status {
        case .active, .trialing, .pastDue:
            if isOver { return (.canceled, end, nil) }
            return assessLive(subscription, now)
        case .canceled: return (.canceled, subscription.endedAt ?? end, nil)
        case .incompleteExpired: return (.incompleteExpired, subscription.endedAt, nil)
        case .incomplete: return (.incomplete, subscription.created, nil)
        case .unpaid: return (.unpaid, subscription.pastDueSince, nil)
        case .paused: return (.paused, nil, nil)
        case .unknown: return (.unknownStatus, nil, nil)
        }
    }

    private func assessLive(
        _ subscription: SubscriptionView, _ now: Int64
    ) -> (AccessReason, since: Int64?, until: Int64?) {
        let end = subscription.cancelAt
        switch subscription.status {
        case .trialing:
            return (.trialing, subscription.created, end ?? subscription.trialEnd ?? subscription.currentPeriodEnd)
        case .pastDue:
            guard let (since, graceEnd) = graceEnd(of: subscription) else { return (.pastDue, nil, nil) }
            guard now < graceEnd else { return (.pastDue, since, nil) }
            return (.grace, since, min(graceEnd, end ?? .max))
        default:
            return (.active, subscription.currentPeriodStart ?? subscription.created, end ?? subscription.currentPeriodEnd)
        }
    }

    /// The unpaid period's start is when the renewal was due: never later than the failure, so that nobody gets more than the
    /// grace. Without either time the grace has no end, and is not given.
    private func graceEnd(of subscription: SubscriptionView) -> (since: Int64, end: Int64)? {
        guard let since = subscription.pastDueSince ?? subscription.currentPeriodStart else { return nil }
        let (sum, overflow) = since.addingReportingOverflow(pastDueGraceSeconds)
        return (since, overflow ? Int64.max : sum)
    }

    // MARK: The best of several

    /// Higher is better. Equal reasons are told apart by what lasts longer, then by what is newer, then by id, so that the
    /// answer does not depend on the order of rows.
    private static func rank(_ subscription: SubscriptionView, _ decision: AccessDecision) -> Rank {
        Rank(
            reason: order[decision.reason] ?? 0, until: decision.until ?? .min,
            recency: decision.since ?? subscription.created, id: subscription.id)
    }

    /// What ended for good has one rank: of it, the most recent counts.
    private static let order: [AccessReason: Int] = [
        .active: 8, .trialing: 7, .grace: 6, .pastDue: 5, .unpaid: 4, .paused: 3, .incomplete: 2, .unknownStatus: 1,
        .canceled: 0, .incompleteExpired: 0,
    ]

    private struct Rank: Comparable {
        let reason: Int
        let until: Int64
        let recency: Int64
        let id: String

        static func < (left: Rank, right: Rank) -> Bool {
            (left.reason, left.until, left.recency, left.id) < (right.reason, right.until, right.recency, right.id)
        }
    }
}
