internal import Contract
internal import JSON
internal import Stripe

/// Stripe's objects in the words of the contract.
extension Contract.Customer {
    init(_ customer: StripeCustomer) {
        self.init(
            id: customer.id, email: customer.email, name: customer.name, phone: customer.phone,
            description: customer.customerDescription, address: customer.raw["address"].flatMap(Contract.Address.init),
            shipping: customer.raw["shipping"].flatMap(Contract.Shipping.init), currency: customer.currency,
            balance: customer.balance ?? 0, delinquent: customer.raw["delinquent"]?.boolValue ?? false,
            defaultPaymentMethodId: customer.defaultPaymentMethod?.id, metadata: customer.metadata,
            testClockId: customer.testClock?.id, created: Timestamp(unixSeconds: customer.created ?? 0))
    }
}

extension Contract.Address {
    /// Nil for what is not an object.
    init?(_ json: JSONValue) {
        guard json.kind == .object else { return nil }
        self.init(
            line1: json["line1"]?.stringValue, line2: json["line2"]?.stringValue, city: json["city"]?.stringValue,
            state: json["state"]?.stringValue, postalCode: json["postal_code"]?.stringValue,
            country: json["country"]?.stringValue)
    }
}

extension Contract.Shipping {
    /// Nil for what is not an object.
    fileprivate init?(_ json: JSONValue) {
        guard json.kind == .object else { return nil }
        self.init(
            name: json["name"]?.stringValue, phone: json["phone"]?.stringValue,
            address: json["address"].flatMap(Contract.Address.init))
    }
}

extension Contract.Subscription {
    init(_ subscription: StripeSubscription) {
        self.init(
            id: subscription.id, customerId: subscription.customer.id,
            status: SubscriptionStatus(rawValue: subscription.status),
            currency: subscription.currency ?? subscription.items.first?.price?.currency ?? "",
            collectionMethod: subscription.collectionMethod == "send_invoice" ? .sendInvoice : .chargeAutomatically,
            items: subscription.items.map(Contract.SubscriptionItem.init),
            cancelAtPeriodEnd: subscription.cancelAtPeriodEnd,
            cancelAt: subscription.cancelAt.map(Timestamp.init), canceledAt: subscription.canceledAt.map(Timestamp.init),
            endedAt: subscription.endedAt.map(Timestamp.init), trialEnd: subscription.trialEnd.map(Timestamp.init),
            latestInvoiceId: subscription.latestInvoice?.id, defaultPaymentMethodId: subscription.defaultPaymentMethod?.id,
            pendingUpdate: subscription.pendingUpdate.flatMap(Contract.PendingUpdate.init),
            scheduleId: subscription.schedule?.id, metadata: subscription.metadata,
            created: Timestamp(unixSeconds: subscription.created ?? 0))
    }
}

extension Contract.SubscriptionItem {
    fileprivate init(_ item: StripeSubscriptionItem) {
        self.init(
            id: item.id, priceId: item.priceID ?? "", productId: item.productID ?? "", lookupKey: item.price?.lookupKey,
            quantity: item.quantity, currentPeriodStart: Timestamp(unixSeconds: item.currentPeriodStart ?? 0),
            currentPeriodEnd: Timestamp(unixSeconds: item.currentPeriodEnd ?? 0))
    }
}

extension Contract.PendingUpdate {
    /// `pending_update` as Stripe writes it; its items are an array of subscription items.
    fileprivate init?(_ json: JSONValue) {
        guard let expiresAt = json["expires_at"]?.integerValue else { return nil }
        let items = (json["subscription_items"]?.arrayValue ?? []).compactMap(StripeSubscriptionItem.init)
        self.init(
            expiresAt: Timestamp(unixSeconds: expiresAt),
            items: items.map { item in
                Contract.PendingUpdateItem(
                    id: item.id, priceId: item.priceID ?? "", productId: item.productID ?? "", quantity: item.quantity)
            })
    }
}

extension Contract.Invoice {
    /// Nil for a preview, which is no invoice yet.
    init?(_ invoice: StripeInvoice) {
        guard let id = invoice.id, let customer = invoice.customer else { return nil }
        self.init(
            id: id, number: invoice.number, status: InvoiceStatus(rawValue: invoice.status ?? "draft"),
            customerId: customer.id, subscriptionId: invoice.subscriptionID, currency: invoice.currency,
            total: invoice.total, amountDue: invoice.amountDue, amountPaid: invoice.amountPaid ?? 0,
            amountRemaining: invoice.amountRemaining ?? 0, billingReason: invoice.billingReason,
            periodStart: Timestamp(unixSeconds: invoice.periodStart ?? 0),
            periodEnd: Timestamp(unixSeconds: invoice.periodEnd ?? 0), dueDate: invoice.dueDate.map(Timestamp.init),
            paidAt: invoice.paidAt.map(Timestamp.init), hostedInvoiceUrl: invoice.hostedInvoiceURL,
            invoicePdf: invoice.invoicePDF, created: Timestamp(unixSeconds: invoice.created ?? 0))
    }
}

extension Contract.Plan {
    /// Nil for a price that no plan can have: one that does not recur.
    init?(_ price: StripePrice) {
        guard let interval = price.interval, let product = price.product, let currency = price.currency else { return nil }
        let details = price.expandedProduct
        self.init(
            priceId: price.id, productId: product.id, lookupKey: price.lookupKey,
            name: details?.name ?? price.nickname ?? "",
            description: details?.productDescription, active: (price.isActive ?? false) && (details?.isActive ?? true),
            unitAmount: price.unitAmount, currency: currency, interval: PriceInterval(rawValue: interval),
            intervalCount: price.intervalCount ?? 1, usageType: UsageType(rawValue: price.usageType ?? "licensed"),
            metadata: price.metadata, features: details?.marketingFeatures ?? [])
    }
}

extension Contract.GetPaymentMethodResult {
    init(_ method: StripePaymentMethod, usedFor: PaymentMethodUse?) {
        let details = method.details
        let text = { (key: String) in details?[key]?.stringValue }
        self.init(
            paymentMethodId: method.id, customerId: method.customer?.id, type: PaymentMethodType(rawValue: method.type),
            card: method.card.map(Contract.Card.init),
            sepaDebit: method.type == "sepa_debit"
                ? SepaDebit(
                    bankCode: text("bank_code"), branchCode: text("branch_code"), country: text("country"),
                    last4: text("last4"))
                : nil,
            auBecsDebit: method.type == "au_becs_debit"
                ? AuBecsDebit(bsbNumber: text("bsb_number"), last4: text("last4")) : nil,
            usBankAccount: method.type == "us_bank_account"
                ? UsBankAccount(
                    bankName: text("bank_name"), last4: text("last4"), accountType: text("account_type"),
                    accountHolderType: text("account_holder_type"))
                : nil,
            link: method.type == "link" ? Link(email: text("email")) : nil,
            billingDetails: BillingDetails(
                name: method.billingName, email: method.billingEmail, phone: method.billingPhone,
                address: method.billingAddress.flatMap(Contract.Address.init)),
            usedFor: usedFor)
    }
}

extension Contract.Card {
    fileprivate init(_ card: StripePaymentMethod.Card) {
        self.init(
            brand: card.brand ?? "unknown", last4: card.last4 ?? "", expMonth: card.expMonth ?? 0,
            expYear: card.expYear ?? 0,
            funding: card.funding ?? "unknown", country: card.country, wallet: card.walletType)
    }
}

extension Contract.PreviewLine {
    init(_ line: StripeInvoiceLine, currency: String) {
        self.init(
            description: line.lineDescription, amount: line.amount, currency: line.currency ?? currency,
            proration: line.isProration,
            period: Period(
                start: Timestamp(unixSeconds: line.periodStart ?? 0), end: Timestamp(unixSeconds: line.periodEnd ?? 0)),
            priceId: line.priceID, quantity: line.quantity)
    }
}

extension Contract.Intent {
    init(_ confirmation: StripeConfirmation) {
        self =
            switch confirmation {
            case .payment: .payment
            case .setup: .setup
            case .none: .nothing
            }
    }
}
