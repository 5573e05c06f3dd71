/// What a quote promises: this change of this subscription, at this proration date, costs this much.
package struct QuoteTerms: Sendable, Equatable {
    package var subscriptionID: String
    /// The change, item by item, in the order in which it is sent.
    package var items: [Item]
    package var prorationBehavior: String
    /// Whether the change waits for the period's end.
    package var isAtPeriodEnd: Bool
    /// Unix seconds; nil where nothing is prorated.
    package var prorationDate: Int64?
    /// Minor units charged at once; never negative.
    package var amountDueNow: Int64
    /// Minor units credited at once; never negative.
    package var credit: Int64
    package var currency: String
    /// Minor units of the next ordinary invoice; nil where there will be none.
    package var nextRenewalAmount: Int64?
    /// Unix seconds.
    package var issuedAt: Int64
    /// Unix seconds; from then on the quote is void.
    package var validUntil: Int64

    package struct Item: Sendable, Equatable {
        /// The subscription item to change; nil for a new one.
        package var itemID: String?
        package var priceID: String?
        package var quantity: Int64?
        package var deleted: Bool

        package init(itemID: String? = nil, priceID: String? = nil, quantity: Int64? = nil, deleted: Bool = false) {
            self.itemID = itemID
            self.priceID = priceID
            self.quantity = quantity
            self.deleted = deleted
        }
    }

    package init(
        subscriptionID: String, items: [Item], prorationBehavior: String, isAtPeriodEnd: Bool = false,
        prorationDate: Int64?, amountDueNow: Int64, credit: Int64, currency: String, nextRenewalAmount: Int64?, issuedAt: Int64, validUntil: Int64
    ) {
        self.subscriptionID = subscriptionID
        self.items = items
        self.prorationBehavior = prorationBehavior
        self.isAtPeriodEnd = isAtPeriodEnd
        self.prorationDate = prorationDate
        self.amountDueNow = amountDueNow
        self.credit = credit
        self.currency = currency
        self.nextRenewalAmount = nextRenewalAmount
        self.issuedAt = issuedAt
        self.validUntil = validUntil
    }

    package func isValid(at now: Int64) -> Bool { now < validUntil }

    /// Which of the promised amounts a fresh preview of the same change does not confirm; empty where it confirms all.
    package func differences(from preview: QuotePreview) -> [Difference] {
        var differences: [Difference] = []
        if preview.currency != currency { differences.append(.currency) }
        if preview.amountDueNow != amountDueNow { differences.append(.amountDueNow) }
        if preview.credit != credit { differences.append(.credit) }
        if preview.nextRenewalAmount != nextRenewalAmount { differences.append(.nextRenewalAmount) }
        return differences
    }

    /// Whether Stripe would still charge exactly what was promised.
    package func matches(preview: QuotePreview) -> Bool { differences(from: preview).isEmpty }

    package enum Difference: String, Sendable, CaseIterable {
        case currency, amountDueNow, credit, nextRenewalAmount
    }
}

/// The amounts of a preview, as `QuoteTerms` names them.
package struct QuotePreview: Sendable, Equatable {
    package var amountDueNow: Int64
    package var credit: Int64
    package var currency: String
    package var nextRenewalAmount: Int64?

    package init(amountDueNow: Int64, credit: Int64, currency: String, nextRenewalAmount: Int64?) {
        self.amountDueNow = amountDueNow
        self.credit = credit
        self.currency = currency
        self.nextRenewalAmount = nextRenewalAmount
    }
}
