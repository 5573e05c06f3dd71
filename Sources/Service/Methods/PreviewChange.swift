internal import Billing
package import Contract
internal import Stripe

/// PreviewChange: what a change would cost, now and at the renewal, and a quote that holds UpdatePlan to it.
extension BillingService {
    /// How long a quote binds, in seconds: long enough to read a page and decide.
    private static let quoteLifetimeSeconds: Int64 = 15 * 60

    package func previewChange(
        _ params: PreviewChangeParams, _ call: CallContext
    ) async throws(RPCError) -> PreviewChangeResult {
        let wanted = WantedChange(
            subscriptionID: params.subscriptionId, priceID: params.priceId, lookupKey: params.lookupKey,
            quantity: params.quantity, items: params.items, prorationBehavior: params.prorationBehavior,
            when: params.when)
        let change = try await resolve(wanted, call)
        let preview = try await preview(change, call)
        let terms = terms(of: change, preview)
        // What is charged at the period's end is the renewal, which is shown as such.
        let shown =
            change.isAtPeriodEnd ? [] : preview.invoice.lines.filter { change.invoicesNow || $0.isProration }
        return PreviewChangeResult(
            quote: quotes.seal(terms), validUntil: Timestamp(unixSeconds: terms.validUntil),
            amountDueNow: preview.amountDueNow, currency: preview.invoice.currency, credit: preview.credit,
            prorationDate: Timestamp(unixSeconds: change.isAtPeriodEnd ? change.effectiveAt : change.prorationDate),
            effectiveAt: Timestamp(unixSeconds: change.effectiveAt),
            lines: shown.map { PreviewLine($0, currency: preview.invoice.currency) }, nextRenewal: preview.nextRenewal)
    }

    /// A quote ends with the period that it was reckoned in: after that, every amount is another. Its times are Stripe's.
    private func terms(of change: PlanChange, _ preview: PreviewedChange) -> QuoteTerms {
        let now = change.prorationDate
        return QuoteTerms(
            subscriptionID: change.subscription.id,
            items: change.items.map {
                QuoteTerms.Item(itemID: $0.id, priceID: $0.price, quantity: $0.quantity, deleted: $0.deleted ?? false)
            },
            prorationBehavior: change.prorationBehavior.rawValue, isAtPeriodEnd: change.isAtPeriodEnd, prorationDate: now,
            amountDueNow: preview.amountDueNow,
            credit: preview.credit, currency: preview.invoice.currency, nextRenewalAmount: preview.nextRenewal?.amount,
            issuedAt: now,
            validUntil: min(now + Self.quoteLifetimeSeconds, change.subscription.currentPeriodEnd ?? .max))
    }
}
