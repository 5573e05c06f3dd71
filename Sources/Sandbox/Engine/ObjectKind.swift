/// The kinds of object that the sandbox keeps, by Stripe's own names.
enum ObjectKind: String, CaseIterable {
    case customer, product, price, coupon, charge, subscription, invoice, event
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
    case settings = "sandbox.settings"
    case mandate, refund, dispute
    case checkoutSession = "checkout.session"
    case checkoutItem = "item"

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
        case .mandate: "mandate"
        case .refund: "re"
        case .dispute: "du"
        case .checkoutSession: "cs_test"
        case .checkoutItem: "li"
        }
    }

    /// Older kinds have ids of fourteen random characters; younger ones carry the time and the account.
    var hasShortID: Bool { self == .customer || self == .product || self == .subscriptionItem }

    /// The word in "No such ...".
    var noun: String {
        switch self {
        case .paymentMethod: "PaymentMethod"
        case .setupIntent: "setupintent"
        case .promotionCode: "promotion code"
        case .taxRate: "tax rate"
        case .webhookEndpoint: "webhook endpoint"
        default: rawValue
        }
    }

    /// The `param` of an error about an id in the path.
    var pathParam: String {
        switch self {
        case .customer, .product, .charge, .subscription, .event, .balanceTransaction: "id"
        case .paymentIntent, .setupIntent: "intent"
        case .invoiceItem: "invoiceitem"
        case .checkoutSession: "session"
        default: rawValue
        }
    }

    /// The members by which lists are filtered often enough to keep groups.
    var groupedBy: [String] {
        switch self {
        case .paymentMethod, .subscription, .setupIntent, .paymentIntent, .charge, .customerBalanceTransaction:
            ["customer"]
        case .invoice: ["customer", "_subscription"]
        case .invoiceItem: ["customer", "_subscription", "invoice"]
        case .subscriptionItem: ["subscription"]
        case .invoiceLine, .invoicePayment: ["invoice"]
        case .setupAttempt: ["setup_intent"]
        case .refund: ["charge", "payment_intent"]
        case .dispute: ["charge"]
        case .checkoutItem: ["_session"]
        case .price: ["product", "lookup_key"]
        default: []
        }
    }

    /// The place among kinds of what falls due at the same instant.
    var duePlace: Int {
        switch self {
        case .paymentIntent: -2
        case .invoice: -1
        default: Self.allCases.firstIndex(of: self) ?? 0
        }
    }
}
