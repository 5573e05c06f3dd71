internal import Billing
internal import Contract
internal import JSON
internal import Store

/// Whether a customer has access, as CheckAccess says it: the policy over what the store knows.
package struct AccessQuestions: Sendable {
    private let policy: AccessPolicy
    /// Unix seconds.
    let clock: @Sendable () -> Int64

    /// - Parameter graceSeconds: how long a customer whose payment failed keeps access; nil for the policy's default.
    package init(graceSeconds: Int64? = nil, clock: @escaping @Sendable () -> Int64) {
        policy = graceSeconds.map(AccessPolicy.init) ?? AccessPolicy()
        self.clock = clock
    }

    /// The decision over `products`, any of which grants what is asked for, and the times at which it is the same if
    /// nothing changes but the time.
    func decide(
        anyOf products: [String], _ known: [SubscriptionRecord.Known]
    ) -> (result: CheckAccessResult, valid: Range<Int64>) {
        let now = clock()
        let views = known.map(SubscriptionView.init)
        let decision = policy.decide(anyOf: products, subscriptions: views, now: now)
        let result = CheckAccessResult(decision, basedOn: known.first { $0.id == decision.subscriptionID })
        return (result, now..<policy.nextTurn(of: views, after: now))
    }

    /// A question as clients mostly write it, and its answer.
    struct Answer {
        let question: [UInt8]
        let result: [UInt8]
        let valid: Range<Int64>
    }

    /// The answers about each product that the customer has subscribed to.
    func answers(about customer: String, _ known: [SubscriptionRecord.Known]) -> [Answer] {
        // What the contract does not take for an id cannot be asked.
        guard Identifier.isValid(customer) else { return [] }
        return Self.products(in: known).filter(Identifier.isValid).map { product in
            let (result, valid) = decide(anyOf: [product], known)
            var question = JSONWriter(capacity: 128)
            CheckAccessParams(customerId: customer, productId: product).write(into: &question)
            var answer = JSONWriter()
            result.write(into: &answer)
            return Answer(question: question.bytes, result: answer.bytes, valid: valid)
        }
    }

    /// The decision over each product that the customer has subscribed to, those of the newest subscription first.
    func list(_ known: [SubscriptionRecord.Known]) -> [ProductAccess] {
        let newestFirst = known.sorted { ($0.record.created, $0.id) > ($1.record.created, $1.id) }
        return Self.products(in: newestFirst).compactMap { ProductAccess(decide(anyOf: [$0], known).result) }
    }

    /// Each once, in the order of the subscriptions.
    static func products(in known: [SubscriptionRecord.Known]) -> [String] {
        var seen: Set<String> = []
        return known.flatMap(\.record.items).map(\.product).filter { seen.insert($0).inserted }
    }
}

extension SubscriptionView {
    fileprivate init(_ known: SubscriptionRecord.Known) {
        let record = known.record
        self.init(
            id: known.id, status: Billing.SubscriptionStatus(rawValue: record.status),
            products: record.items.map(\.product),
            created: record.created, currentPeriodStart: record.items.lazy.compactMap { $0.periodStart }.min(),
            currentPeriodEnd: record.items.lazy.compactMap { $0.periodEnd }.max(), cancelAt: record.cancelAt,
            endedAt: record.endedAt,
            trialEnd: record.trialEnd, pastDueSince: known.pastDueSince)
    }
}

extension CheckAccessResult {
    fileprivate init(_ decision: AccessDecision, basedOn known: SubscriptionRecord.Known?) {
        self.init(
            allowed: decision.allowed, reason: Contract.AccessReason(decision.reason),
            status: decision.status.map { Contract.SubscriptionStatus(rawValue: $0.rawValue) },
            subscriptionId: decision.subscriptionID, productId: decision.productID,
            since: decision.since.map(Timestamp.init),
            periodEnd: decision.periodEnd.map(Timestamp.init),
            graceEnd: decision.reason == .grace ? decision.until.map(Timestamp.init) : nil,
            asOf: known.map { Timestamp(unixSeconds: $0.knownUntil) }, asOfEventId: known?.event)
    }
}

extension ProductAccess {
    /// Nil for a decision that rests on no subscription.
    fileprivate init?(_ decision: CheckAccessResult) {
        guard let product = decision.productId, let status = decision.status, let subscription = decision.subscriptionId
        else { return nil }
        self.init(
            productId: product, allowed: decision.allowed, reason: decision.reason, status: status,
            subscriptionId: subscription, since: decision.since, periodEnd: decision.periodEnd, graceEnd: decision.graceEnd,
            asOf: decision.asOf, asOfEventId: decision.asOfEventId)
    }
}

extension Contract.AccessReason {
    fileprivate init(_ reason: Billing.AccessReason) {
        self =
            switch reason {
            case .active: .active
            case .trialing: .trialing
            case .grace: .grace
            case .noSubscription: .noSubscription
            case .pastDue: .pastDue
            case .unpaid: .unpaid
            case .paused: .paused
            case .incomplete: .incomplete
            case .canceled: .canceled
            case .incompleteExpired: .incompleteExpired
            case .unknownStatus: .unknownStatus
            }
    }
}
