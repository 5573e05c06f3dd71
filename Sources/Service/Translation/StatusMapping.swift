package import Contract
package import Store
package import Stripe

/// The one place where the failures of the floors below become the statuses of the wire (PROTOCOL section 4).
extension RPCError {
    package init(_ error: StripeError) {
        switch error.kind {
        case .refused(let refusal):
            self.init(refusal, retryAfterMilliseconds: error.retryAfterMilliseconds, error.requestID)
        case .unreachable(let problem):
            self.init(
                .stripeUnavailable, "Stripe could not be reached: \(problem)",
                retryAfterMilliseconds: error.retryAfterMilliseconds)
        case .garbled(let problem): self.init(.stripeGarbled, "Stripe's answer could not be read: \(problem)")
        case .deadline: self.init(.waitingForStripe, "the deadline passed while waiting for Stripe")
        case .cancelled: self.init(.callerCancelled, "the caller took the call back")
        case .overloaded(let problem):
            self.init(
                .rateLimited, "too many calls wait for Stripe: \(problem)",
                retryAfterMilliseconds: error.retryAfterMilliseconds ?? 1000)
        case .invalidRequest(let problem): self.init(.stripeRefused, "the call to Stripe cannot be made: \(problem)")
        }
        mayHaveTakenEffect = error.mayHaveBeenExecuted
    }

    package init(_ error: StoreError) {
        switch error.kind {
        case .corrupt: self.init(.storeCorrupt, "the store is damaged: \(error)")
        case .unavailable, .contended, .newerDatabase: self.init(.storeUnavailable, "the store cannot be used: \(error)")
        case .misuse: self.init(.internalError, "the store refused a statement: \(error)")
        }
    }

    private init(_ refusal: Stripe.StripeRefusal, retryAfterMilliseconds: Int64?, _ requestID: String?) {
        let details = Contract.StripeRefusal(
            type: refusal.type, code: refusal.code, declineCode: refusal.declineCode, param: refusal.param,
            requestId: requestID, docUrl: refusal.docURL, httpStatus: refusal.httpStatus)
        let reason = Reason(refusal)
        let isPaced = reason == .rateLimited || reason == .lockTimeout
        self.init(
            reason, Self.message(for: reason, refusal),
            violations: reason == .stripeRefused ? Self.violations(refusal) : [],
            stripe: details, retryAfterMilliseconds: retryAfterMilliseconds ?? (isPaced ? 1000 : nil))
    }

    /// Stripe's own sentence, but for a rejected key: that is the operator's business, and the sentence names the key.
    private static func message(for reason: Reason, _ refusal: Stripe.StripeRefusal) -> String {
        reason == .stripeKeyRejected ? "Stripe rejects the server's API key" : refusal.message
    }

    private static func violations(_ refusal: Stripe.StripeRefusal) -> [Violation] {
        guard let param = refusal.param, let pointer = ParameterNames.pointer(for: param) else { return [] }
        return [Violation(pointer: pointer, rule: "stripe", message: refusal.message)]
    }
}

extension Health {
    /// Waits for the store to commit, notes how it does, and turns a failure into the wire's.
    func stored<Value>(_ body: () async throws(StoreError) -> Value) async throws(RPCError) -> Value {
        let value = try await lookedUp(body)
        storeCommitted()
        return value
    }

    /// As `stored`, for what only reads: that it succeeds says nothing about the disk.
    func lookedUp<Value>(_ body: () async throws(StoreError) -> Value) async throws(RPCError) -> Value {
        do throws(StoreError) {
            return try await body()
        } catch {
            if error.kind != .misuse { storeFailed("\(error)") }
            throw RPCError(error)
        }
    }
}

extension Reason {
    fileprivate init(_ refusal: Stripe.StripeRefusal) {
        switch refusal.category {
        case .resourceMissing(let missing): self = Self.missing(missing.object)
        case .noPaymentMethod: self = .paymentMethodRequired
        case .card: self = Self.card(refusal)
        case .authenticationRequired: self = .authenticationRequired
        case .idempotencyMismatch: self = .idempotencyMismatch
        case .idempotencyKeyInUse, .conflict: self = .conflict
        case .keyRejected, .permissionDenied: self = .stripeKeyRejected
        case .rateLimited: self = .rateLimited
        case .lockTimeout: self = .lockTimeout
        case .invalidRequest: self = .stripeRefused
        case .serverError: self = .stripeUnavailable
        }
    }

    private static func missing(_ object: String?) -> Reason {
        switch object {
        case "customer": .noSuchCustomer
        case "subscription": .noSuchSubscription
        case "subscription_item": .noSuchItem
        case "price", "plan": .noSuchPrice
        case "payment_method": .noSuchPaymentMethod
        case "promotion_code": .noSuchPromotionCode
        case "test_clock", "testclock", "test_helpers.test_clock": .noSuchTestClock
        default: .noSuchObject
        }
    }

    /// Stripe's codes name what a customer can mend; of a card that was declined the decline code may name it all the same.
    private static func card(_ refusal: Stripe.StripeRefusal) -> Reason {
        let isDeclined = refusal.code == "card_declined"
        return switch isDeclined ? refusal.declineCode : refusal.code {
        case "expired_card": .cardExpired
        case "incorrect_number", "incorrect_cvc", "incorrect_zip", "incorrect_address", "invalid_number", "invalid_cvc",
            "invalid_expiry_month", "invalid_expiry_year":
            .cardIncorrect
        case "processing_error": .paymentFailed
        default: isDeclined ? .cardDeclined : .paymentFailed
        }
    }
}

/// Stripe's parameter names as pointers into our params.
enum ParameterNames {
    /// `metadata[order]` becomes `/metadata/order`, `items[0][price]` `/items/0/priceId`; nil for a parameter that is the
    /// server's own and not the caller's.
    static func pointer(for parameter: String) -> String? {
        let parts = parameter.split { $0 == "[" || $0 == "]" }.map(String.init)
        guard let first = parts.first, let name = names[first] else { return nil }
        let rest = parts.dropFirst().map { first == "metadata" ? $0 : renamed[$0] ?? camelCase($0) }
        return ([name] + rest).reduce("") { $0 + "/" + $1 }
    }

    /// The first word of a parameter, by what our params call it.
    private static let names = [
        "customer": "customerId", "price": "priceId", "items": "items", "quantity": "quantity", "currency": "currency",
        "trial_period_days": "trialDays", "default_payment_method": "defaultPaymentMethodId",
        "payment_method": "paymentMethodId", "test_clock": "testClockId", "days_until_due": "daysUntilDue",
        "collection_method": "collectionMethod", "metadata": "metadata", "email": "email", "name": "name", "phone": "phone",
        "description": "description", "address": "address", "shipping": "shipping",
        "proration_behavior": "prorationBehavior",
        "payment_behavior": "paymentBehavior", "subscription": "subscriptionId", "limit": "limit",
        "starting_after": "cursor",
    ]

    private static let renamed = ["price": "priceId", "id": "itemId"]

    private static func camelCase(_ name: String) -> String {
        let words = name.split(separator: "_")
        return words.dropFirst().reduce(String(words.first ?? "")) { $0 + $1.prefix(1).uppercased() + $1.dropFirst() }
    }
}
