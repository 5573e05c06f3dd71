/// The kinds of object that the sandbox keeps, by Stripe's own names.
enum ObjectKind: String, CaseIterable {
    case customer, product, price, coupon, charge, subscription, invoice, event, discount
    case paymentMethod = "payment_method"
    case paymentIntent = "payment_intent"
    case setupIntent = "setup_intent"
    case setupAttempt = "setup_attempt"
    case balanceTransaction = "balance_transaction"
    case subscriptionItem = "subscription_item"
    case invoiceLine = "line_item"
    case invoiceItem = "invoiceitem"
    case invoicePayment = "invoice_payment"
    case customerBalanceTransaction = "customer_balance_transaction"
    case promotionCode = "promotion_code"
    case taxRate = "tax_rate"
    case webhookEndpoint = "webhook_endpoint"
    case schedule = "subscription_schedule"
    case portalConfiguration = "billing_portal.configuration"
    case portalSession = "billing_portal.session"
    case testClock = "test_helpers.test_clock"
    case feature = "entitlements.feature"
    case productFeature = "product_feature"
    case entitlement = "entitlements.active_entitlement"
    case settings = "sandbox.settings"
    case mandate, refund, dispute
    case checkoutSession = "checkout.session"
    case checkoutItem = "item"
    case creditNote = "credit_note"
    case creditNoteLine = "credit_note_line_item"
    case taxID = "tax_id"
    case meter = "billing.meter"
    case meterEvent = "billing.meter_event"
    case meterEventSummary = "billing.meter_event_summary"

    /// What stands before the underscore of an id.
    var prefix: String {
        switch self {
        case .customer: "cus"
        case .product: "prod"
        case .price: "price"
        case .coupon, .settings: ""
        case .charge: "ch"
        case .subscription: "sub"
        case .invoice: "in"
        case .event: "evt"
        case .discount: "di"
        case .paymentMethod: "pm"
        case .paymentIntent: "pi"
        case .setupIntent: "seti"
        case .setupAttempt: "setatt"
        case .balanceTransaction: "txn"
        case .subscriptionItem: "si"
        case .invoiceLine: "il"
        case .invoiceItem: "ii"
        case .invoicePayment: "inpay"
        case .customerBalanceTransaction: "cbtxn"
        case .promotionCode: "promo"
        case .taxRate: "txr"
        case .webhookEndpoint: "we"
        case .schedule: "sub_sched"
        case .portalConfiguration: "bpc"
        case .portalSession: "bps"
        case .testClock: "clock"
        case .feature: "feat"
        case .productFeature: "prodft"
        case .entitlement: "ent"
        case .mandate: "mandate"
        case .refund: "re"
        case .dispute: "du"
        case .checkoutSession: "cs_test"
        case .checkoutItem: "li"
        case .creditNote: "cn"
        case .creditNoteLine: "cnli"
        case .taxID: "txi"
        case .meter: "mtr_test"
        case .meterEvent, .meterEventSummary: "mtrusg"
        }
    }

    /// Older kinds have ids of fourteen random characters; younger ones carry the time and the account.
    var hasShortID: Bool { [.customer, .product, .subscriptionItem, .productFeature].contains(self) }

    /// The youngest kinds say in their ids that they are of test mode.
    var saysTest: Bool { self == .feature || self == .entitlement }

    /// The word in "No such ...".
    var noun: String {
        switch self {
        case .paymentMethod: "PaymentMethod"
        case .setupIntent: "setupintent"
        case .promotionCode: "promotion code"
        case .taxRate: "tax rate"
        case .webhookEndpoint: "webhook endpoint"
        case .portalConfiguration: "configuration"
        case .testClock: "test clock"
        case .feature: "entitlement feature"
        case .productFeature: "product feature"
        case .entitlement: "active entitlement"
        case .meter: "meter"
        case .creditNote: "credit note"
        case .taxID: "tax ID"
        default: rawValue
        }
    }

    /// The `param` of an error about an id in the path.
    var pathParam: String {
        switch self {
        case .customer, .product, .charge, .subscription, .event, .balanceTransaction, .feature, .productFeature,
            .entitlement, .meter, .creditNote, .taxID:
            "id"
        case .paymentIntent, .setupIntent: "intent"
        case .invoiceItem: "invoiceitem"
        case .schedule: "schedule"
        case .portalConfiguration: "configuration"
        case .testClock: "test_clock"
        case .checkoutSession: "session"
        default: rawValue
        }
    }

    /// The members by which lists are filtered often enough to keep groups.
    var groupedBy: [String] {
        switch self {
        case .paymentMethod, .subscription, .schedule, .setupIntent, .paymentIntent, .charge, .customerBalanceTransaction,
            .discount:
            ["customer"]
        case .customer: ["test_clock"]
        case .invoice: ["customer", "_subscription"]
        case .invoiceItem: ["customer", "_subscription", "invoice"]
        case .subscriptionItem: ["subscription"]
        case .invoiceLine, .invoicePayment: ["invoice"]
        case .setupAttempt: ["setup_intent"]
        case .refund: ["charge", "payment_intent"]
        case .dispute: ["charge"]
        case .checkoutItem: ["_session"]
        case .price: ["product", "lookup_key"]
        case .portalSession: ["_secret"]
        case .feature: ["lookup_key"]
        case .productFeature: ["_product"]
        case .entitlement: ["_customer"]
        case .meterEvent: ["_key"]
        case .creditNote: ["invoice"]
        case .creditNoteLine: ["_note", "invoice_line_item"]
        case .taxID: ["customer"]
        case .event: ["type"]
        default: []
        }
    }

    /// Whether something of this kind can ever need attention by itself (`Account.due`).
    var fallsDue: Bool {
        switch self {
        case .subscription, .invoice, .schedule, .testClock, .paymentIntent, .refund, .dispute, .checkoutSession, .discount:
            true
        default: false
        }
    }

    /// The place among kinds of what falls due at the same instant: payments, then invoices, then the ends of discounts, then
    /// schedules, which come before the subscriptions that renew to what the next phase says.
    var duePlace: Int {
        switch self {
        case .paymentIntent: -4
        case .invoice: -3
        case .discount: -2
        case .schedule: -1
        default: place
        }
    }

    /// The place among all kinds. Unsafe because it looks at the byte of which a case consists, which is that very number.
    var place: Int { Int(unsafeBitCast(self, to: UInt8.self)) }
}
