import JSON

/// What an update does to the items of a subscription: prices, quantities, items more and fewer, and the lines that
/// settle the rest of the period.
extension Account {
    /// One entry of `items`.
    struct ItemEdit {
        /// Nil for an item that is added.
        var item: JSONObject?
        var price: JSONObject
        var quantity: Int64
        var isRemoved = false
        var metadata: JSONValue?
        var discounts: JSONValue?
        var taxRates: JSONValue?

        var isFree: Bool { !Account.isMetered(price) && Account.amount(price, quantity)?.isZero ?? false }

        /// Whether anything that is paid for changes.
        func changesAmount(from oldPrice: JSONObject?) -> Bool {
            guard let item, let oldPrice else { return true }
            return isRemoved || oldPrice.id != price.id || item.integer("quantity") != quantity
        }
    }

    /// An edit that changes what is paid for, once it is applied: the item as it was, and the time that is left.
    struct ItemChange {
        let edit: ItemEdit
        /// The item before the edit; a new item as it begins.
        let item: JSONObject
        let oldPrice: JSONObject?
        let window: ProrationWindow
        /// Whether the item's period begins anew, so that nothing remains of the old one.
        var restarts = false
    }

    /// Reads `items`: an entry with an id edits that item, one without adds, `deleted` removes. A new price without a
    /// quantity means one.
    func itemEdits(_ params: JSONObject, of subscription: JSONObject) throws(APIFailure) -> [ItemEdit] {
        let existing = items(of: subscription.id)
        let currency = subscription.string("currency")
        var edits: [ItemEdit] = []
        for (index, entry) in params.array("items").enumerated() {
            let entry = entry.objectValue ?? [:]
            let place = "items[\(index)]"
            let taxRates = try taxRates(entry, "tax_rates", place: "\(place)[tax_rates]")
            let namesPrice = entry.has("price") || entry.has("plan") || entry.has("price_data")
            if let id = entry.string("id") {
                guard let item = existing.first(where: { $0.id == id }) else {
                    throw .absent(.subscriptionItem, id, param: place)
                }
                let old = price(of: item)
                let new = namesPrice ? try itemPrice(entry, place: place, existingCurrency: currency) : old
                let keeps = new.id == old.id && !entry.has("quantity")
                edits.append(
                    ItemEdit(
                        item: item, price: new,
                        quantity: keeps ? item.integer("quantity") ?? 1 : try Self.quantity(entry, of: new),
                        isRemoved: entry.flag("deleted"), metadata: entry["metadata"], discounts: entry["discounts"],
                        taxRates: taxRates))
                continue
            }
            let new = try itemPrice(entry, place: place, existingCurrency: currency)
            let removed = Set(params.array("items").filter { $0["deleted"] == true }.compactMap { $0["id"]?.stringValue })
            if let twin = existing.first(where: { price(of: $0).id == new.id && !removed.contains($0.id) }) {
                throw .invalid(
                    "A new item with Price \(new.id) can't be added to this Subscription because an existing "
                        + "Subscription Item \(twin.id) is already using that Price. If you want to update the existing "
                        + "item (e.g., to adjust the quantity), pass the existing Subscription Item's `id` in your "
                        + "update request: "
                        + "https://stripe.com/docs/api/subscriptions/update#update_subscription-items-id", param: "plan")
            }
            edits.append(
                ItemEdit(
                    item: nil, price: new, quantity: try Self.quantity(entry, of: new), metadata: entry["metadata"],
                    discounts: entry["discounts"],
                    taxRates: taxRates))
        }
        let removed = edits.filter(\.isRemoved).count
        if removed > 0, removed == existing.count, edits.allSatisfy({ $0.item != nil }) {
            throw .invalid(
                "A subscription must have at least one active plan. To cancel the subscription, please use the cancel "
                    + "API.")
        }
        return edits
    }

    /// Writes the edits into the items first: what remains of the period is asked for by the configuration that results.
    func applyEdits(
        _ edits: [ItemEdit], to id: String, prorates: Bool, resets: Bool, date: Int64, _ outcome: inout ChangeOutcome
    ) throws(APIFailure) {
        let subscription = known(.subscription, id)
        let isTrialing = Self.isTrialing(subscription)
        let sibling = items(of: id).first
        let isFlexible = Self.isFlexible(subscription)
        let wasFree = items(of: id).allSatisfy { isFree($0) }
        var changes: [ItemChange] = []
        for edit in edits {
            let oldPrice = edit.item.map { price(of: $0) }
            let changesInterval =
                oldPrice.map { Self.interval(of: $0) != Self.interval(of: edit.price) && !edit.isRemoved } ?? false
            // Classic billing begins anew when what was free comes to cost something.
            let costsNow = !isFlexible && wasFree && !isTrialing && !edit.isRemoved && !edit.isFree
            let item = edit.item ?? newItem(edit, in: subscription, like: sibling)
            try apply(edit, to: item.id)
            guard edit.changesAmount(from: oldPrice) else { continue }
            changes.append(
                ItemChange(
                    edit: edit, item: item, oldPrice: oldPrice, window: ProrationWindow(item, date: date),
                    restarts: changesInterval || costsNow || resets))
        }
        try checkIntervals(of: id)
        if !isFlexible, !isTrialing, changes.contains(where: { $0.restarts && !$0.edit.isRemoved }) {
            self.change(.subscription, id) { $0["billing_cycle_anchor"] = .integer(now) }
        }
        for change in changes {
            if let old = change.oldPrice, Self.isMetered(old), isFlexible, !isTrialing,
                change.edit.isRemoved || change.edit.price.id != old.id
            {
                try billUsage(of: change.item, until: now, subscription)
            }
            if prorates, !isTrialing {
                let debit = try prorate(change, subscription)
                outcome.hasProrations = true
                if let debit { self.change(.subscriptionItem, change.item.id) { $0["_debits"] = [debit.json] } }
            }
            if change.restarts, !change.edit.isRemoved, !isTrialing { try restart(change.item.id, &outcome) }
        }
    }

    private func isFree(_ item: JSONObject) -> Bool {
        ItemEdit(item: item, price: price(of: item), quantity: item.integer("quantity") ?? 1).isFree
    }

    /// Items of classic billing share one interval; in flexible billing each is a multiple of the shortest.
    func checkIntervals(of id: String) throws(APIFailure) {
        let subscription = known(.subscription, id)
        let intervals = items(of: id).map { Self.interval(of: price(of: $0)) }
        guard let shortest = intervals.min(by: { $0.isShorter(than: $1) }) else { return }
        if !Self.isFlexible(subscription), intervals.contains(where: { $0 != shortest }) {
            throw .invalid(
                "Currency and interval fields must match across all plans on this subscription. Found mismatch in "
                    + "interval field.")
        }
        if intervals.contains(where: { !$0.isMultiple(of: shortest) }) {
            throw .invalid(
                "The intervals of all prices on a subscription must be multiples of the shortest one.", param: "items")
        }
    }

    private func newItem(_ edit: ItemEdit, in subscription: JSONObject, like sibling: JSONObject?) -> JSONObject {
        let anchor = subscription.integer("billing_cycle_anchor") ?? now
        let interval = Self.interval(of: edit.price)
        let same = sibling.map { Self.interval(of: price(of: $0)) == interval } ?? false
        let start = same ? sibling?.integer("current_period_start") ?? now : now
        let end = same ? sibling?.integer("current_period_end") ?? now : interval.nextBoundary(anchor: anchor, after: now)
        let terms = ItemTerms(price: edit.price, quantity: edit.quantity, metadata: [:])
        return known(
            .subscriptionItem,
            addItem(terms, to: subscription.id, start: start, end: end, anchor: anchor))
    }

    /// Writes an edit into its item, and nothing else.
    func apply(_ edit: ItemEdit, to item: String) throws(APIFailure) {
        change(.subscriptionItem, item) { item in
            if edit.isRemoved { item["_deleted"] = true }
            item["_price"] = .string(edit.price.id)
            item["quantity"] = Self.isMetered(edit.price) ? nil : .integer(edit.quantity)
            if let rates = edit.taxRates { item["tax_rates"] = rates }
            Self.mergeMetadata(edit.metadata, into: &item)
        }
        guard let discounts = edit.discounts, !edit.isRemoved else { return }
        let subscription = known(.subscription, known(.subscriptionItem, item).string("subscription") ?? "")
        try replaceDiscounts(.subscriptionItem, item, with: discounts, owner(ofItem: item, subscription))
    }

    /// Writes the two lines of a change: the debit is made first, so that newest first shows the credit before it.
    private func prorate(_ change: ItemChange, _ subscription: JSONObject) throws(APIFailure) -> Debit? {
        var debit: Debit?
        if !change.edit.isRemoved, !change.restarts, !Self.isMetered(change.edit.price) {
            debit = try addRemaining(of: known(.subscriptionItem, change.item.id), change.window, subscription)
        }
        if let old = change.oldPrice, !Self.isMetered(old) {
            try addUnused(of: change.item, change.window, subscription)
        }
        return debit
    }

    func owner(of subscription: JSONObject, subtotal: Int64? = nil) -> DiscountOwner {
        DiscountOwner(
            customer: subscription.string("customer"), currency: subscription.string("currency") ?? "usd",
            member: "subscription", id: subscription.id, subscription: subscription.id, subtotal: subtotal)
    }

    func owner(ofItem item: String, _ subscription: JSONObject) -> DiscountOwner {
        DiscountOwner(
            customer: subscription.string("customer"), currency: subscription.string("currency") ?? "usd",
            member: "subscription_item", id: item, subscription: subscription.id)
    }

    /// Begins a new period of an item now, paid for in full at once.
    func restart(_ id: String, _ outcome: inout ChangeOutcome) throws(APIFailure) {
        let item = known(.subscriptionItem, id)
        let end = Self.interval(of: price(of: item)).boundary(1, anchor: now)
        change(.subscriptionItem, id) {
            $0["current_period_start"] = .integer(now)
            $0["current_period_end"] = .integer(end)
            $0["_anchor"] = .integer(now)
        }
        outcome.lines += try recurringLines(for: item, (now, end))
        outcome.mustInvoice = true
    }
}
