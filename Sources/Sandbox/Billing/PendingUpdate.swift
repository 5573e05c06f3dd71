import JSON

/// `payment_behavior=pending_if_incomplete`: a change that waits for its payment
/// (docs.stripe.com/billing/subscriptions/pending-updates).
extension Account {
    /// A waiting change and an unpaid first invoice live for 23 hours.
    static let patience: Int64 = 23 * 3600

    /// Takes back an applied update whose invoice could not be paid, and parks it: the invoice stays, open, the items
    /// will change when it is paid.
    func parkUpdate(
        _ id: String, _ params: JSONObject, invoice applied: String, since point: Savepoint, _ attempt: PaymentAttempt
    ) throws(APIFailure) {
        let changed = items(of: id)
        let after = known(.subscription, id)
        let date = known(.invoice, applied).object("parent").object("subscription_details")
            .integer("subscription_proration_date")
        let lines = lines(of: applied)
        rollback(to: point)
        // What was pending before the update goes on the invoice itself; of the rest only the lines are left.
        let swept = lines.compactMap { $0.string("_item") }.filter { find(.invoiceItem, $0) != nil }
        let made = lines.filter { line in !swept.contains { line.string("_item") == $0 } }
        let subscription = known(.subscription, id)
        let before = render(.subscription, subscription)
        let start = items(of: id).compactMap { $0.integer("current_period_start") }.min() ?? now
        let discounts = try params["discounts"].map { (list) throws(APIFailure) in
            try self.redeem(list, for: self.owner(of: subscription))
        }
        // The discounts that the update made are gone with it; these stand in their place.
        var renamed: [String: JSONValue] = [:]
        for (old, new) in zip(after.array("discounts"), discounts ?? []) { renamed[old.stringValue ?? ""] = new }
        let invoice = addInvoice(
            InvoiceDraft(
                customer: subscription.string("customer") ?? "", subscription: subscription,
                reason: "subscription_update", currency: subscription.string("currency") ?? "usd",
                period: (start, now), lines: made.map { draft(of: $0, renamed) }, sweeps: false, isParked: true,
                prorationDate: date, discounts: discounts))
        for item in swept { attach(item, to: invoice) }
        refreshTotals(of: invoice)
        emit("invoice.created", .invoice, invoice)
        finalize(invoice)
        change(.subscription, id) { subscription in
            subscription["_pending_discounts"] = discounts.map(JSONValue.array)
            if params.has("trial_end") {
                subscription["_pending_trial"] = [
                    "status": after["status"] ?? .null, "trial_end": after["trial_end"] ?? .null,
                ]
            }
            subscription["_pending_invoice"] = .string(invoice)
            subscription["_pending_items"] = .array(changed.map { .object(waiting($0, on: invoice)) })
            subscription["_pending_anchor"] = after["billing_cycle_anchor"]
            subscription["latest_invoice"] = .string(invoice)
            subscription["pending_update"] = pendingUpdate(
                after, items: params.has("items") ? changed : nil, discounts, params)
        }
        settle(invoice, collect(invoice, attempt), automatic: false)
        emitUpdate("customer.subscription.updated", .subscription, id, since: before)
    }

    /// An item as it will be, credited later against the invoice that waits.
    private func waiting(_ item: JSONObject, on invoice: String) -> JSONObject {
        var item = item
        item["_debits"] = .array(
            item.array("_debits").map { json in
                let debit = Debit(json)
                let exists = debit.invoice.map { store.object(.invoice, $0) != nil } ?? false
                return exists
                    ? json
                    : Debit(
                        amount: debit.amount, start: debit.start, end: debit.end, invoice: invoice, line: nil,
                        invoiceItem: nil
                    ).json
            })
        return item
    }

    /// A stored line as a draft, so that the same lines can stand on another invoice. They have no invoice items.
    private func draft(of line: JSONObject, _ renamed: [String: JSONValue]) -> LineDraft {
        let details = line.object("parent").object("subscription_item_details")
        let period = line.object("period")
        let price = line.object("pricing").object("price_details").string("price")
        return LineDraft(
            description: line.string("description") ?? "", amount: line.integer("amount") ?? 0,
            quantity: line.integer("quantity") ?? 1,
            period: (period.integer("start") ?? now, period.integer("end") ?? now),
            price: price.map { known(.price, $0) }, quantityDecimal: line.string("quantity_decimal"),
            unitAmountDecimal: line.object("pricing").string("unit_amount_decimal"),
            item: details.string("subscription_item"), isProration: details.flag("proration"),
            credited: details.object("proration_details")["credited_items"] ?? .null,
            discountable: line.flag("discountable"), metadata: line["metadata"] ?? [:],
            discounts: line.array("discounts").filter { find(.discount, $0.stringValue ?? "") != nil },
            taxRates: line.array("_tax_rates"),
            settledDiscounts: line.array("_settled_discounts").compactMap(\.objectValue).map { share in
                var share = share
                if let id = renamed[share.string("discount") ?? ""] { share["discount"] = id }
                return .object(share)
            })
    }

    private func pendingUpdate(
        _ after: JSONObject, items: [JSONObject]?, _ discounts: [JSONValue]?, _ params: JSONObject
    ) -> JSONValue {
        [
            "billing_cycle_anchor": params.has("billing_cycle_anchor") ? after["billing_cycle_anchor"] ?? .null : .null,
            "cancel_at_period_end": params["cancel_at_period_end"] ?? .null, "discount": nil,
            "discounts": discounts.map(JSONValue.array) ?? .null, "expires_at": .integer(now + Self.patience),
            "metadata": params["metadata"] ?? .null,
            "subscription_items": items.map { .array($0.map { .object(renderItem($0)) }) } ?? .null,
            "trial_end": params.has("trial_end") ? after["trial_end"] ?? .null : .null,
            "trial_from_plan": params["trial_from_plan"] ?? .null,
        ]
    }

    /// The waiting change's invoice is paid: the items change now.
    func applyPendingUpdate(_ id: String) {
        let subscription = known(.subscription, id)
        let waiting = subscription.array("_pending_items").compactMap(\.objectValue)
        let kept = Set(waiting.map(\.id))
        for item in items(of: id) where !kept.contains(item.id) {
            change(.subscriptionItem, item.id) { $0["_deleted"] = true }
        }
        for item in waiting { put(.subscriptionItem, item) }
        let update = subscription.object("pending_update")
        change(.subscription, id) { subscription in
            if let anchor = subscription["_pending_anchor"] { subscription["billing_cycle_anchor"] = anchor }
            subscription.copy(["status", "trial_end"], from: subscription.object("_pending_trial"))
            if let end = update["cancel_at_period_end"], !end.isNull { subscription["cancel_at_period_end"] = end }
            Self.mergeMetadata(update["metadata"]?.objectValue.map(JSONValue.object), into: &subscription)
            Self.clearPendingUpdate(&subscription)
        }
        refreshPeriod(of: id)
        if let discounts = subscription["_pending_discounts"]?.arrayValue {
            for old in subscription.array("discounts") where !discounts.contains(old) { endDiscount(old.stringValue ?? "") }
            change(.subscription, id) { $0["discounts"] = .array(live(discounts)) }
        }
        // A resumption waits like an update, but is none.
        if subscription.string("_resume_invoice") == nil {
            emit("customer.subscription.pending_update_applied", .subscription, id)
        }
    }

    /// The waiting change is dropped: its time is over, or its invoice was voided.
    func expirePendingUpdate(_ id: String) {
        let subscription = known(.subscription, id)
        let invoice = subscription.string("_pending_invoice")
        let isUpdate = subscription.string("_resume_invoice") == nil
        for discount in subscription.array("_pending_discounts") where !subscription.array("discounts").contains(discount) {
            endDiscount(discount.stringValue ?? "")
        }
        change(.subscription, id) { Self.clearPendingUpdate(&$0) }
        if let invoice, known(.invoice, invoice).string("status") == "open" { void(invoice) }
        if isUpdate { emit("customer.subscription.pending_update_expired", .subscription, id) }
    }

    static func clearPendingUpdate(_ subscription: inout JSONObject) {
        subscription["pending_update"] = .null
        for key in [
            "_pending_invoice", "_pending_items", "_pending_anchor", "_pending_discounts", "_pending_trial",
            "_resume_invoice", "_resumes_when_paid",
        ] { subscription[key] = nil }
    }
}
