/// What subscriptions are created, changed, cancelled and resumed with.
/// One item of a subscription: a new one, or the item `id` changed or removed.
package struct SubscriptionItemChange: Sendable, Equatable {
    /// Without an id Stripe adds an item: a change of plan needs it.
    package var id: String?
    package var price: String?
    /// Say it whenever the price changes: Stripe resets it to 1 otherwise.
    package var quantity: Int64?
    package var deleted: Bool?

    package init(id: String? = nil, price: String? = nil, quantity: Int64? = nil, deleted: Bool? = nil) {
        self.id = id
        self.price = price
        self.quantity = quantity
        self.deleted = deleted
    }

    var form: FormParameters {
        var form = FormParameters()
        form.set("id", id)
        form.set("price", price)
        form.set("quantity", quantity)
        form.set("deleted", deleted)
        return form
    }

    /// All that a new subscription, whose items are new, takes of it.
    var addition: FormParameters { SubscriptionItemChange(price: price, quantity: quantity).form }
}

package enum ProrationBehavior: String, Sendable, CaseIterable {
    /// Prorations wait for the next invoice.
    case createProrations = "create_prorations"
    /// Prorations are invoiced now.
    case alwaysInvoice = "always_invoice"
    case none
}

package enum PaymentBehavior: String, Sendable, CaseIterable {
    case allowIncomplete = "allow_incomplete"
    case defaultIncomplete = "default_incomplete"
    case errorIfIncomplete = "error_if_incomplete"
    /// Only on update: a change whose payment fails waits in `pending_update`, and the old plan stays.
    case pendingIfIncomplete = "pending_if_incomplete"
}

/// Where the billing period of a subscription that is taken up again begins.
package enum BillingCycleAnchor: String, Sendable, CaseIterable {
    /// At this moment: a new period, invoiced in full.
    case now
    /// Where it was: what is left of the period is prorated.
    case unchanged
}

/// When a paused subscription is active again.
package enum ResumePaymentBehavior: String, Sendable, CaseIterable {
    case resumeOnPaymentAttempt = "resume_on_payment_attempt"
    case resumeOnPaymentSuccess = "resume_on_payment_success"
}

/// Why a customer left. An empty text unsets.
package struct CancellationDetails: Sendable, Equatable {
    package var comment: String?
    /// `too_expensive`, `missing_features`, `switched_service`, `unused`, `customer_service`, `too_complex`,
    /// `low_quality`, `other`.
    package var feedback: String?

    package init(comment: String? = nil, feedback: String? = nil) {
        self.comment = comment
        self.feedback = feedback
    }

    var form: FormParameters? {
        var form = FormParameters()
        form.set("comment", comment)
        form.set("feedback", feedback)
        return form.isEmpty ? nil : form
    }
}

package struct SubscriptionCreation: Sendable {
    package var customer: String
    package var items: [SubscriptionItemChange]
    package var trialPeriodDays: Int64?
    package var currency: String?
    /// The id of a promotion code, not what the customer typed.
    package var promotionCode: String?
    package var defaultPaymentMethod: String?
    /// `charge_automatically` or `send_invoice`.
    package var collectionMethod: String?
    /// Required by, and only for, `send_invoice`.
    package var daysUntilDue: Int64?
    package var metadata: [String: String]?
    package var paymentBehavior = PaymentBehavior.defaultIncomplete

    package init(customer: String, items: [SubscriptionItemChange]) {
        self.customer = customer
        self.items = items
    }

    /// The recommended first payment: nothing is charged until the customer's browser confirms, the method it confirms
    /// with becomes the subscription's default, and the reply holds the secret it needs.
    var form: FormParameters {
        var form = FormParameters()
        form.set("customer", customer)
        form.set("items", items.map(\.addition))
        form.set("payment_behavior", paymentBehavior.rawValue)
        form.set("billing_mode", ["type": "flexible"] as FormValue)
        form.set("payment_settings", ["save_default_payment_method": "on_subscription"] as FormValue)
        form.set("trial_period_days", trialPeriodDays)
        form.set("currency", currency)
        if let promotionCode { form.set("discounts", [["promotion_code": .text(promotionCode)]] as FormValue) }
        form.set("default_payment_method", defaultPaymentMethod)
        form.set("collection_method", collectionMethod)
        form.set("days_until_due", daysUntilDue)
        form.set("metadata", metadata)
        form.set("expand", StripeClient.confirmationExpansion)
        return form
    }
}

package struct SubscriptionUpdate: Sendable {
    /// Merged by id: items that are not named stay.
    package var items: [SubscriptionItemChange]?
    package var prorationBehavior: ProrationBehavior?
    /// Unix seconds within the current period: that of the preview, so that the amounts are the previewed ones.
    package var prorationDate: Int64?
    package var paymentBehavior: PaymentBehavior?
    package var cancelAtPeriodEnd: Bool?
    /// Takes back a date set by `cancel_at`.
    package var clearsCancelAt = false
    /// Charges again what a pause of collection left uncharged.
    package var clearsPauseCollection = false
    package var cancellationDetails: CancellationDetails?
    package var defaultPaymentMethod: String?
    package var metadata: [String: String]?
    package var expand = StripeClient.confirmationExpansion

    package init() {}

    var form: FormParameters {
        var form = FormParameters()
        form.set("items", items?.map(\.form))
        form.set("proration_behavior", prorationBehavior?.rawValue)
        form.set("proration_date", prorationDate)
        form.set("payment_behavior", paymentBehavior?.rawValue)
        form.set("cancel_at_period_end", cancelAtPeriodEnd)
        if clearsCancelAt { form.clear("cancel_at") }
        if clearsPauseCollection { form.clear("pause_collection") }
        form.set("cancellation_details", cancellationDetails?.form)
        form.set("default_payment_method", defaultPaymentMethod)
        form.set("metadata", metadata)
        form.set("expand", expand)
        return form
    }
}

package struct SubscriptionCancellation: Sendable {
    /// Whether the rest of the paid period is credited.
    package var prorate: Bool?
    /// Whether a final invoice takes what is pending.
    package var invoiceNow: Bool?
    package var details: CancellationDetails?

    package init(prorate: Bool? = nil, invoiceNow: Bool? = nil, details: CancellationDetails? = nil) {
        self.prorate = prorate
        self.invoiceNow = invoiceNow
        self.details = details
    }

    var form: FormParameters {
        var form = FormParameters()
        form.set("prorate", prorate)
        form.set("invoice_now", invoiceNow)
        form.set("cancellation_details", details?.form)
        return form
    }
}

/// Which subscriptions a list holds.
package struct SubscriptionFilter: Sendable {
    package var customer: String?
    package var price: String?
    /// A status, `all`, or `ended`. Nil means every one that is not canceled.
    package var status: String?
    package var page = StripePage()
    package var expand: [String] = []

    package init() {}

    var form: FormParameters {
        var form = FormParameters()
        form.set("customer", customer)
        form.set("price", price)
        form.set("status", status)
        page.write(to: &form)
        form.set("expand", expand)
        return form
    }
}
