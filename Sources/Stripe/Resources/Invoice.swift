/// Invoices (https://docs.stripe.com/api/invoices): what they hold.
package import JSON

package struct StripeInvoice: StripeObject {
    /// Nil only in events about an invoice that does not exist yet; a preview's is `upcoming_in_…`.
    package let id: String?
    /// `draft`, `open`, `paid`, `uncollectible`, `void`.
    package let status: String?
    package let customer: StripeReference?
    package let subscriptionID: String?
    package let currency: String
    /// Minor units: what the lines sum to after discounts and taxes; negative where it is a credit.
    package let total: Int64
    package let subtotal: Int64?
    /// Minor units: what is charged, after the customer's balance; never negative.
    package let amountDue: Int64
    package let amountPaid: Int64?
    package let amountRemaining: Int64?
    package let startingBalance: Int64?
    package let endingBalance: Int64?
    /// `subscription_create`, `subscription_cycle`, `subscription_update`, …
    package let billingReason: String?
    package let number: String?
    package let created: Int64?
    package let dueDate: Int64?
    /// Looks back: when items could be added. The service's period is on the lines.
    package let periodStart: Int64?
    package let periodEnd: Int64?
    package let nextPaymentAttempt: Int64?
    package let attemptCount: Int64?
    package let finalizedAt: Int64?
    package let paidAt: Int64?
    package let hostedInvoiceURL: String?
    package let invoicePDF: String?
    /// Lets a browser pay it; only while it can be paid, and only where it was expanded.
    package let clientSecret: String?
    /// The payment intents of its payments, the default one first; only where `payments` was expanded.
    package let paymentIntentIDs: [String]
    package let discounts: [StripeReference]
    package let lines: [StripeInvoiceLine]
    /// Whether there are more lines than the first ones embedded here.
    package let linesHaveMore: Bool
    package let raw: JSONValue

    package init?(_ raw: JSONValue) {
        guard let currency = raw.text("currency"), let total = raw.integer("total"),
            let amountDue = raw.integer("amount_due")
        else { return nil }
        id = raw.text("id")
        status = raw.text("status")
        customer = raw.reference("customer")
        subscriptionID = Self.subscriptionID(of: raw)
        self.currency = currency
        self.total = total
        subtotal = raw.integer("subtotal")
        self.amountDue = amountDue
        amountPaid = raw.integer("amount_paid")
        amountRemaining = raw.integer("amount_remaining")
        startingBalance = raw.integer("starting_balance")
        endingBalance = raw.integer("ending_balance")
        billingReason = raw.text("billing_reason")
        number = raw.text("number")
        created = raw.integer("created")
        dueDate = raw.integer("due_date")
        periodStart = raw.integer("period_start")
        periodEnd = raw.integer("period_end")
        nextPaymentAttempt = raw.integer("next_payment_attempt")
        attemptCount = raw.integer("attempt_count")
        finalizedAt = raw["status_transitions"]?.integer("finalized_at")
        paidAt = raw["status_transitions"]?.integer("paid_at")
        hostedInvoiceURL = raw.text("hosted_invoice_url")
        invoicePDF = raw.text("invoice_pdf")
        // Before basil (2025-03-31) the secret stood on the invoice's payment intent.
        clientSecret =
            raw["confirmation_secret"]?.text("client_secret") ?? raw["payment_intent"]?.text("client_secret")
        paymentIntentIDs = Self.paymentIntentIDs(of: raw)
        discounts = raw.discounts
        lines = raw.elements("lines").compactMap(StripeInvoiceLine.init)
        linesHaveMore = raw["lines"]?.flag("has_more") ?? false
        self.raw = raw
    }

    /// The subscription that an invoice's JSON names, in this API version's place or in the one before basil.
    static func subscriptionID(of raw: JSONValue) -> String? {
        StripeReference(raw.at("parent", "subscription_details", "subscription"))?.id
            ?? raw.reference("subscription")?.id
    }

    private static func paymentIntentIDs(of raw: JSONValue) -> [String] {
        let payments = raw.elements("payments")
        let ordered =
            payments.filter { $0.flag("is_default") == true } + payments.filter { $0.flag("is_default") != true }
        let ids = ordered.compactMap { $0["payment"]?.reference("payment_intent")?.id }
        return ids.isEmpty ? [raw.reference("payment_intent")?.id].compactMap(\.self) : ids
    }

    /// Minor units: what the prorations among its lines sum to; nil where that overflows.
    package var prorationTotal: Int64? {
        var sum: Int64 = 0
        for line in lines where line.isProration {
            let (next, overflow) = sum.addingReportingOverflow(line.amount)
            if overflow { return nil }
            sum = next
        }
        return sum
    }
}

package struct StripeInvoiceLine: StripeObject {
    package let id: String?
    package let lineDescription: String?
    /// Minor units; negative for a credit.
    package let amount: Int64
    package let currency: String?
    package let quantity: Int64?
    /// Whether it credits or charges part of a period because of a change.
    package let isProration: Bool
    package let periodStart: Int64?
    package let periodEnd: Int64?
    package let priceID: String?
    package let productID: String?
    package let subscriptionItemID: String?
    package let raw: JSONValue

    package init?(_ raw: JSONValue) {
        guard let amount = raw.integer("amount") else { return nil }
        id = raw.text("id")
        lineDescription = raw.text("description")
        self.amount = amount
        currency = raw.text("currency")
        quantity = raw.integer("quantity")
        let item = raw.at("parent", "subscription_item_details")
        let invoiceItem = raw.at("parent", "invoice_item_details")
        // The last of each row is the place in API versions before basil.
        isProration = item?.flag("proration") ?? invoiceItem?.flag("proration") ?? raw.flag("proration") ?? false
        periodStart = raw["period"]?.integer("start")
        periodEnd = raw["period"]?.integer("end")
        let details = raw.at("pricing", "price_details")
        priceID = details?.reference("price")?.id ?? raw.sold.priceID
        productID = details?.reference("product")?.id ?? raw.sold.productID
        subscriptionItemID = item?.text("subscription_item") ?? raw.reference("subscription_item")?.id
        self.raw = raw
    }
}
