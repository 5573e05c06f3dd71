/// What a refusal means to a billing service: the one place that reads Stripe's statuses, types, codes and sentences.
extension StripeRefusal {
    package enum Category: Sendable, Equatable {
        /// No object of that id (in this mode, for this key), in the path or in a parameter.
        case resourceMissing(MissingObject)
        /// The customer has nothing that could be charged (Stripe also calls this `resource_missing`).
        case noPaymentMethod
        /// A card or bank refused; `code` and `declineCode` say why.
        case card
        /// The payment needs its customer to authenticate.
        case authenticationRequired
        /// An idempotency key used before with other parameters.
        case idempotencyMismatch
        /// Another call with this idempotency key is still running.
        case idempotencyKeyInUse
        /// 401: the key is not (or no longer) valid.
        case keyRejected
        /// 403: the key may not do this.
        case permissionDenied
        case conflict
        case rateLimited
        /// Another call is changing the same object.
        case lockTimeout
        /// Any other refusal of what was asked.
        case invalidRequest
        case serverError
    }

    package struct MissingObject: Sendable, Equatable {
        /// The object's type as Stripe's API names it (`customer`, `payment_method`, `promotion_code`); nil where the
        /// sentence does not name it.
        package let object: String?
        package let id: String?

        package init(object: String?, id: String?) {
            self.object = object
            self.id = id
        }
    }

    package var category: Category {
        switch (httpStatus, type, code) {
        case (401, _, _): .keyRejected
        case (403, _, _): .permissionDenied
        case (_, _, "idempotency_key_in_use"): .idempotencyKeyInUse
        case (409, _, _): .conflict
        case (_, "idempotency_error", _): .idempotencyMismatch
        case (_, _, "lock_timeout"): .lockTimeout
        case (429, _, _), (_, _, "rate_limit"): .rateLimited
        case (500..., _, _): .serverError
        case (_, _, let code?) where Self.authenticationCodes.contains(code): .authenticationRequired
        case (402, _, _), (_, "card_error", _): declineCode == "authentication_required" ? .authenticationRequired : .card
        case (_, _, "resource_missing") where message.hasPrefix("This customer has no attached payment source"):
            .noPaymentMethod
        case (_, _, "resource_missing"): .resourceMissing(missingObject ?? MissingObject(object: nil, id: nil))
        // Subscription items are missing without a code.
        case (404, _, nil): missingObject.map { .resourceMissing($0) } ?? .invalidRequest
        default: .invalidRequest
        }
    }

    private static let authenticationCodes: Set<String> = [
        "authentication_required", "invoice_payment_intent_requires_action",
        "subscription_payment_intent_requires_action",
    ]

    /// Reads `No such price: 'price_x'` and `Invalid subscription_item id: si_x`.
    private var missingObject: MissingObject? {
        if let rest = message.droppingPrefix("No such "), let colon = rest.firstIndex(of: ":") {
            let noun = rest[..<colon]
            let id = rest[colon...].split(separator: "'", omittingEmptySubsequences: false).dropFirst().first
            return MissingObject(object: Self.objectName(String(noun)), id: id.map(String.init))
        }
        if let rest = message.droppingPrefix("Invalid "), let end = rest.range(of: " id: ") {
            return MissingObject(
                object: Self.objectName(String(rest[..<end.lowerBound])), id: String(rest[end.upperBound...]))
        }
        return nil
    }

    /// Stripe's sentences say `PaymentMethod`, `setupintent`, `promotion code` and `Invoice Item` for what its API calls
    /// payment_method, setup_intent, promotion_code and invoiceitem.
    private static func objectName(_ noun: String) -> String {
        let lowered = noun.lowercased()
        return switch lowered {
        case "paymentmethod", "payment method": "payment_method"
        case "setupintent": "setup_intent"
        case "paymentintent": "payment_intent"
        case "invoice item": "invoiceitem"
        default: lowered.split(separator: " ").joined(separator: "_")
        }
    }
}

extension String {
    fileprivate func droppingPrefix(_ prefix: String) -> Substring? {
        hasPrefix(prefix) ? dropFirst(prefix.count) : nil
    }
}

extension Substring {
    /// Where `pattern` first stands.
    fileprivate func range(of pattern: String) -> Range<Index>? { firstRange(of: pattern) }
}
