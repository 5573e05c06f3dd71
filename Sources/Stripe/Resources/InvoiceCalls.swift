/// The calls on invoices.
/// What an invoice would be if a subscription were changed (https://docs.stripe.com/api/invoices/create_preview).
package struct InvoicePreview: Sendable {
    package var subscription: String?
    package var customer: String?
    package var items: [SubscriptionItemChange]?
    /// `alwaysInvoice` shows what would be due now, `createProrations` the next renewal with the prorations in it.
    package var prorationBehavior: ProrationBehavior?
    /// Unix seconds. The change itself must then carry the same.
    package var prorationDate: Int64?
    package var cancelAtPeriodEnd: Bool?
    package var cancelNow: Bool?
    /// The invoice of an ordinary period, without prorations and one-off items, instead of the next one.
    package var showsRecurring = false
    package var expand: [String] = []

    package init(subscription: String? = nil, customer: String? = nil) {
        self.subscription = subscription
        self.customer = customer
    }

    var form: FormParameters {
        var details = FormParameters()
        details.set("items", items?.map(\.form))
        details.set("proration_behavior", prorationBehavior?.rawValue)
        details.set("proration_date", prorationDate)
        details.set("cancel_at_period_end", cancelAtPeriodEnd)
        details.set("cancel_now", cancelNow)
        var form = FormParameters()
        form.set("subscription", subscription)
        form.set("customer", customer)
        form.set("subscription_details", details)
        if showsRecurring { form.set("preview_mode", "recurring" as FormValue) }
        form.set("expand", expand)
        return form
    }
}

/// Which invoices a list holds.
package struct InvoiceFilter: Sendable {
    package var customer: String?
    package var subscription: String?
    /// `draft`, `open`, `paid`, `uncollectible`, `void`.
    package var status: String?
    package var created = StripeTimeRange()
    package var page = StripePage()
    package var expand: [String] = []

    package init() {}

    var form: FormParameters {
        var form = FormParameters()
        form.set("customer", customer)
        form.set("subscription", subscription)
        form.set("status", status)
        form.set("created", created.form)
        page.write(to: &form)
        form.set("expand", expand)
        return form
    }
}

extension StripeClient {
    /// - Parameter expand: `confirmation_secret` and `payments` are absent unless they are asked for.
    package func retrieveInvoice(
        _ id: String, expand: [String] = ["confirmation_secret", "payments"],
        _ options: StripeCallOptions = StripeCallOptions()
    ) async throws(StripeError) -> StripeAnswer<StripeInvoice> {
        try await answer(.get, ["invoices", id], Self.expanding(expand), options)
    }

    package func listInvoices(
        _ filter: InvoiceFilter, _ options: StripeCallOptions = StripeCallOptions()
    ) async throws(StripeError) -> StripeAnswer<StripeList<StripeInvoice>> {
        try await list(["invoices"], filter.form, options)
    }

    /// Tries to collect an open invoice now. A declined card is a refusal, and the invoice stays open.
    ///
    /// - Parameters:
    ///   - paymentMethod: instead of the default one.
    ///   - offSession: whether the customer is away, and cannot confirm; Stripe's default is that it is.
    ///   - paidOutOfBand: marks it paid, and charges nothing.
    package func payInvoice(
        _ id: String, paymentMethod: String? = nil, offSession: Bool? = nil, paidOutOfBand: Bool? = nil,
        expand: [String] = ["confirmation_secret", "payments"], _ options: StripeCallOptions = StripeCallOptions()
    ) async throws(StripeError) -> StripeAnswer<StripeInvoice> {
        var form = FormParameters()
        form.set("payment_method", paymentMethod)
        form.set("off_session", offSession)
        form.set("paid_out_of_band", paidOutOfBand)
        form.set("expand", expand)
        return try await answer(.post, ["invoices", id, "pay"], form, options)
    }

    /// Gives up an open invoice, for good. That of a subscription's start ends the subscription with it.
    package func voidInvoice(
        _ id: String, _ options: StripeCallOptions = StripeCallOptions()
    ) async throws(StripeError) -> StripeAnswer<StripeInvoice> {
        try await answer(.post, ["invoices", id, "void"], [:], options)
    }

    /// The lines of a stored invoice: for one with more than its reply embeds. A preview's cannot be listed.
    package func listInvoiceLines(
        invoice: String, page: StripePage = StripePage(), _ options: StripeCallOptions = StripeCallOptions()
    ) async throws(StripeError) -> StripeAnswer<StripeList<StripeInvoiceLine>> {
        var form = FormParameters()
        page.write(to: &form)
        return try await list(["invoices", invoice, "lines"], form, options)
    }

    /// Changes nothing at Stripe, POST though it is.
    package func previewInvoice(
        _ preview: InvoicePreview, _ options: StripeCallOptions = StripeCallOptions()
    ) async throws(StripeError) -> StripeAnswer<StripeInvoice> {
        try await answer(.post, ["invoices", "create_preview"], preview.form, options)
    }
}
