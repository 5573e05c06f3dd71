internal import Billing
internal import Contract
internal import Stripe

/// A change of plan, as PreviewChange and UpdatePlan both understand it: resolved to items by id, with what it takes to know
/// whether it makes an invoice at once.
struct PlanChange {
    var subscription: StripeSubscription
    var items: [SubscriptionItemChange]
    var prorationBehavior: Stripe.ProrationBehavior
    /// Whether the change waits for the end of the period that is paid for: then nothing is prorated, and nothing due before.
    var isAtPeriodEnd: Bool
    /// How long the periods of a new price are, where that is not what they were: the billing period then begins anew, and there
    /// is an invoice when the change takes effect, whatever the proration behaviour.
    var newInterval: BillingInterval?
    /// Unix seconds on Stripe's clock at which the change is reckoned.
    var prorationDate: Int64
    /// Whether Stripe is told that date, because a quote was reckoned at it. Otherwise it takes the moment of the request,
    /// whose parameters are then the same in every attempt at the call.
    var bindsProrationDate = false
    /// The schedule with which an earlier change waits for the period's end: this one takes its place.
    var schedule: String?

    /// Whether the change makes an invoice at once.
    var invoicesNow: Bool { !isAtPeriodEnd && (prorationBehavior == .alwaysInvoice || newInterval != nil) }

    /// How long periods are after the change.
    var interval: BillingInterval? {
        newInterval ?? subscription.items.lazy.compactMap { $0.price.flatMap(BillingInterval.init) }.first
    }

    /// When the change takes effect, in Unix seconds.
    var effectiveAt: Int64 { isAtPeriodEnd ? subscription.currentPeriodEnd ?? prorationDate : prorationDate }
}

/// How long a price's billing period is.
struct BillingInterval: Equatable {
    /// `day`, `week`, `month` or `year`.
    var unit: String
    var count: Int64

    init(unit: String, count: Int64) {
        self.unit = unit
        self.count = count
    }

    init?(_ price: StripePrice) {
        guard let unit = price.interval else { return nil }
        self.init(unit: unit, count: price.intervalCount ?? 1)
    }
}

extension BillingService {
    /// What a caller asks for: one item's new price or quantity, or item by item.
    struct WantedChange {
        var subscriptionID: String
        var priceID: String?
        var lookupKey: String?
        var quantity: Int64?
        var items: [ItemChange]?
        var prorationBehavior: Contract.ProrationBehavior
        var when: ChangeTiming
    }

    /// Looks up what the change names. Throws where the subscription can take no change, or the change names what it has not.
    func resolve(_ wanted: WantedChange, _ call: CallContext) async throws(RPCError) -> PlanChange {
        let answer = try await changeableSubscription(wanted.subscriptionID, call)
        let subscription = answer.object
        var change = PlanChange(
            subscription: subscription, items: [],
            prorationBehavior: wanted.when == .periodEnd ? .none : Stripe.ProrationBehavior(wanted.prorationBehavior),
            isAtPeriodEnd: wanted.when == .periodEnd,
            prorationDate: Self.prorationDate(for: subscription, answer.reply, clock: clock))
        if change.isAtPeriodEnd { try Self.refuseEnding(subscription) }
        change.schedule = try await ownSchedule(of: subscription, call)
        if let items = wanted.items {
            for item in items { try await add(item, to: &change, call) }
        } else {
            guard subscription.items.count == 1, let only = subscription.items.first else {
                throw RPCError(
                    .ambiguousItem,
                    "the subscription \(subscription.id) has \(subscription.items.count) items: say which by items[]")
            }
            let item = ItemChange(
                itemId: only.id, priceId: wanted.priceID, lookupKey: wanted.lookupKey, quantity: wanted.quantity)
            try await add(item, to: &change, call)
        }
        return change
    }

    /// A subscription whose plan can be changed.
    func changeableSubscription(
        _ id: String, _ call: CallContext
    ) async throws(RPCError) -> StripeAnswer<StripeSubscription> {
        let answer = try await subscription(id, call)
        if answer.object.hasEnded {
            throw RPCError(.subscriptionEnded, "the subscription \(id) has ended (\(answer.object.status))")
        }
        if answer.object.status == "incomplete" {
            throw RPCError(.subscriptionIncomplete, "the subscription \(id) waits for its first payment")
        }
        return answer
    }

    private static func refuseEnding(_ subscription: StripeSubscription) throws(RPCError) {
        guard subscription.willEnd else { return }
        throw RPCError(
            .subscriptionEnding,
            "the subscription \(subscription.id) ends with its period: resume it before it is changed then")
    }

    private func add(_ item: ItemChange, to change: inout PlanChange, _ call: CallContext) async throws(RPCError) {
        let current = change.subscription.items.first { $0.id == item.itemId }
        if let id = item.itemId, current == nil {
            throw RPCError(.noSuchItem, "the subscription \(change.subscription.id) has no item \(id)")
        }
        if item.deleted == true {
            return change.items.append(SubscriptionItemChange(id: item.itemId, deleted: true))
        }
        var price: StripePrice?
        if item.priceId != nil || item.lookupKey != nil {
            price = try await self.price(id: item.priceId, lookupKey: item.lookupKey, call)
        }
        if let old = current?.price, let new = price { change.note(new, insteadOf: old) }
        // Stripe resets the quantity to 1 when a price changes and none is said.
        change.items.append(
            SubscriptionItemChange(
                id: item.itemId, price: price?.id ?? current?.priceID, quantity: item.quantity ?? current?.quantity))
    }

    /// Now on Stripe's clock, which says it with every answer, kept within the current period.
    private static func prorationDate(
        for subscription: StripeSubscription, _ reply: StripeReply, clock: () -> Int64
    ) -> Int64 {
        let now = reply.date ?? clock()
        return min(max(now, subscription.currentPeriodStart ?? now), subscription.currentPeriodEnd ?? now)
    }

    // MARK: Previews

    /// What a change would cost.
    struct PreviewedChange {
        /// The invoice that the change makes at once, or the next renewal with the change in it.
        var invoice: StripeInvoice
        var amountDueNow: Int64
        var credit: Int64
        var nextRenewal: Renewal?

        var amounts: QuotePreview {
            QuotePreview(
                amountDueNow: amountDueNow, credit: credit, currency: invoice.currency,
                nextRenewalAmount: nextRenewal?.amount)
        }
    }

    /// Asks Stripe for the invoice that the change makes and, where that is not the renewal itself, for an ordinary one.
    func preview(_ change: PlanChange, _ call: CallContext) async throws(RPCError) -> PreviewedChange {
        var preview = InvoicePreview(subscription: change.subscription.id)
        preview.items = change.items
        preview.prorationBehavior = change.prorationBehavior
        preview.prorationDate = change.prorationBehavior == .none ? nil : change.prorationDate
        // Without prorations the next invoice is the same, whether its period begins now or with the change.
        let invoice = try await previewInvoice(preview, call)
        let renewal: StripeInvoice
        if change.invoicesNow {
            preview.showsRecurring = true
            renewal = try await previewInvoice(preview, call)
        } else {
            renewal = invoice
        }
        let periodEnd =
            change.newInterval != nil && !change.isAtPeriodEnd
            ? invoice.lines.filter { !$0.isProration }.compactMap(\.periodEnd).max() : change.subscription.currentPeriodEnd
        let renews = !change.subscription.willEnd
        return PreviewedChange(
            invoice: invoice, amountDueNow: change.invoicesNow ? invoice.amountDue : 0,
            credit: change.invoicesNow ? max(0, -invoice.total) : 0,
            nextRenewal: renews
                ? periodEnd.map { end in
                    Renewal(
                        amount: change.invoicesNow ? max(0, renewal.total) : renewal.amountDue, currency: renewal.currency,
                        at: Timestamp(unixSeconds: end))
                } : nil)
    }

    private func previewInvoice(_ preview: InvoicePreview, _ call: CallContext) async throws(RPCError) -> StripeInvoice {
        // Nothing is made, so that every preview is a question of its own, whatever the call's idempotency key.
        try await ask(call) { () async throws(StripeError) in
            try await stripe.previewInvoice(preview, StripeCallOptions(deadline: call.deadline))
        }.object
    }
}

extension PlanChange {
    /// A price takes another's place.
    mutating func note(_ new: StripePrice, insteadOf old: StripePrice) {
        let interval = BillingInterval(new)
        if interval != BillingInterval(old) { newInterval = interval ?? newInterval }
    }
}

extension Stripe.ProrationBehavior {
    init(_ behavior: Contract.ProrationBehavior) {
        self =
            switch behavior {
            case .createProrations: .createProrations
            case .alwaysInvoice: .alwaysInvoice
            case .noProrations: .none
            }
    }
}
