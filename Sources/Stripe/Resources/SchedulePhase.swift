/// One phase of a subscription schedule, as Stripe answers it and as it is sent: an update repeats the phases that stay,
/// and what it does not repeat is gone.
internal import JSON

package struct SchedulePhase: Sendable, Equatable {
    package var items: [Item]
    /// Unix seconds. That of the current phase must be sent as it is; a later one begins where the one before it ends.
    package var startDate: Int64?
    package var endDate: Int64?
    /// Instead of an end; answers have the end.
    package var duration: Duration?
    /// Unix seconds, within the phase.
    package var trialEnd: Int64?
    /// How the change at its start is billed: `create_prorations`, `always_invoice`, `none`.
    package var prorationBehavior: String?
    /// Merged into the subscription's when the phase starts.
    package var metadata: [String: String]?
    /// Discounts, taxes, the payment method and the like, by Stripe's names: sent back as they came.
    private var others = FormParameters()

    package struct Item: Sendable, Equatable {
        package var price: String?
        package var quantity: Int64?
        package var metadata: [String: String]?
        private var others = FormParameters()

        package init(price: String?, quantity: Int64? = nil, metadata: [String: String]? = nil) {
            self.price = price
            self.quantity = quantity
            self.metadata = metadata
        }

        init(_ raw: JSONValue) {
            price = raw.sold.priceID
            quantity = raw.integer("quantity")
            metadata = raw.metadata
            others = FormParameters(echoing: ["billing_thresholds", "discounts", "tax_rates"], of: raw)
        }

        fileprivate var form: FormParameters {
            var form = others
            form.set("price", price)
            form.set("quantity", quantity)
            form.set("metadata", metadata)
            return form
        }
    }

    package struct Duration: Sendable, Equatable {
        /// `day`, `week`, `month`, `year`.
        package var interval: String
        package var intervalCount: Int64

        package init(interval: String, intervalCount: Int64 = 1) {
            self.interval = interval
            self.intervalCount = intervalCount
        }
    }

    package init(items: [Item]) { self.items = items }

    init(_ raw: JSONValue) {
        items = raw.elements("items").map(Item.init)
        startDate = raw.integer("start_date")
        endDate = raw.integer("end_date")
        trialEnd = raw.integer("trial_end")
        prorationBehavior = raw.text("proration_behavior")
        metadata = raw.metadata
        others = FormParameters(
            echoing: [
                "application_fee_percent", "billing_cycle_anchor", "billing_thresholds", "collection_method",
                "default_payment_method", "default_tax_rates", "description", "discounts", "invoice_settings",
                "on_behalf_of", "transfer_data",
            ], of: raw)
        if let tax = raw.at("automatic_tax") {
            others.set("automatic_tax", FormParameters(echoing: ["enabled", "liability"], of: tax))
        }
    }

    /// The phase that follows this one with other items and all else the same. It has no end of its own yet.
    package func followed(by items: [Item]) -> SchedulePhase {
        var next = self
        next.items = items
        next.startDate = endDate
        next.endDate = nil
        next.duration = nil
        next.trialEnd = nil
        return next
    }

    var form: FormParameters {
        var form = others
        form.set("items", items.map(\.form))
        form.set("start_date", startDate)
        form.set("end_date", endDate)
        if let duration {
            form.set(
                "duration",
                ["interval": .text(duration.interval), "interval_count": .integer(duration.intervalCount)] as FormValue)
        }
        form.set("trial_end", trialEnd)
        form.set("proration_behavior", prorationBehavior)
        form.set("metadata", metadata)
        return form
    }
}
