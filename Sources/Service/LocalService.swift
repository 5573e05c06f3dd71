internal import Billing
package import Contract
package import JSON
package import Store

/// The methods that are answered on the loop's own thread, from what is at hand. One for each loop: the reader is the
/// loop's own.
package final class LocalService: LocalMethods {
    private let reader: any StoreReader
    private let policy: AccessPolicy
    private let health: Health
    private let identity: ServerIdentity
    private let clock: @Sendable () -> Int64
    private let answers: AnswerCache
    /// What was looked up, as long as no product changes.
    private var productsByFeature: [String: [String]] = [:]

    /// - Parameters:
    ///   - graceSeconds: how long a customer whose payment failed keeps access; nil for the policy's default.
    ///   - answerBytes: memory for answers of CheckAccess that are still right.
    package init(
        reader: any StoreReader, graceSeconds: Int64? = nil, answerBytes: Int = 0, health: Health, identity: ServerIdentity,
        clock: @escaping @Sendable () -> Int64
    ) {
        self.reader = reader
        policy = graceSeconds.map(AccessPolicy.init) ?? AccessPolicy()
        self.health = health
        self.identity = identity
        self.clock = clock
        answers = AnswerCache(bytes: answerBytes)
    }

    package func checkAccess(
        _ params: CheckAccessParams, _ call: LocalContext, into result: inout JSONWriter
    ) throws(RPCError) {
        do throws(StoreError) {
            try noticeChanges()
            let now = clock()
            let products = try products(of: params)
            let access = try access(of: params.customerId, toAnyOf: products, at: now)
            let start = result.count
            access.result.write(into: &result, metadata: call.resultMetadata)
            guard call.metadata == CallMetadata(), params.productId != nil else { return }
            result.withBytes { bytes in
                call.params.withUnsafeBytes { question in
                    answers.insert(
                        question, customer: params.customerId, validUntil: access.validUntil,
                        answer: UnsafeRawBufferPointer(rebasing: bytes[start...]))
                }
            }
        } catch {
            throw RPCError(error)
        }
    }

    /// What was asked in the same words before, and has not changed since.
    package func recall(_ method: Method, _ params: Span<UInt8>, into result: inout JSONWriter) -> Bool {
        // A store that cannot be read says so when the call is made in earnest.
        guard method == .checkAccess, (try? noticeChanges()) != nil else { return false }
        return params.withUnsafeBytes { question in answers.find(question, now: clock()) { result.raw($0) } }
    }

    private func noticeChanges() throws(StoreError) {
        if reader.hasChanged { forget(try reader.changes()) }
    }

    private func products(of params: CheckAccessParams) throws(StoreError) -> [String] {
        if let product = params.productId { return [product] }
        let feature = params.feature ?? ""
        if let known = productsByFeature[feature] { return known }
        let products = try reader.products(withFeature: feature)
        if productsByFeature.count == Self.rememberedFeatures { productsByFeature = [:] }
        productsByFeature[feature] = products
        return products
    }

    private static let rememberedFeatures = 1000

    private func access(
        of customer: String, toAnyOf products: [String], at now: Int64
    ) throws(StoreError) -> (result: CheckAccessResult, validUntil: Int64) {
        let known = try reader.subscriptions(ofCustomer: customer)
        let views = known.map(SubscriptionView.init)
        let decision = policy.decide(anyOf: products, subscriptions: views, now: now)
        let result = CheckAccessResult(decision, basedOn: known.first { $0.id == decision.subscriptionID })
        return (result, policy.nextTurn(of: views, after: now))
    }

    private func forget(_ changes: StoreChanges) {
        switch changes {
        case .some(let customers, let products):
            for customer in customers { answers.forget(customer: customer) }
            if products { productsByFeature = [:] }
        case .everything:
            answers.removeAll()
            productsByFeature = [:]
        }
    }

    package func rpcHello(
        _ params: RPCHelloParams, _ call: LocalContext, into result: inout JSONWriter
    ) throws(RPCError) {
        if let wanted = params.protocol, wanted != protocolVersion {
            throw RPCError(.protocolMismatch, "this server speaks protocol \(protocolVersion), not \(wanted)")
        }
        RPCHelloResult(
            server: "dues", version: identity.version, protocol: Int64(protocolVersion), mode: identity.mode,
            scopes: Scope.allCases.filter(call.scopes.contains), limits: identity.limits
        ).write(into: &result, metadata: call.resultMetadata)
    }

    package func rpcDiscover(
        _ params: RPCDiscoverParams, _ call: LocalContext, into result: inout JSONWriter
    ) throws(RPCError) {
        RawJSON(ContractDocument.openRPC).write(into: &result)
    }

    package func rpcHealth(
        _ params: RPCHealthParams, _ call: LocalContext, into result: inout JSONWriter
    ) throws(RPCError) {
        health.report.write(into: &result, metadata: call.resultMetadata)
    }
}

/// What the server says of itself.
package struct ServerIdentity: Sendable {
    package var version: String
    package var mode: ServerMode
    package var limits: HelloLimits

    package init(version: String, mode: ServerMode, limits: HelloLimits) {
        self.version = version
        self.mode = mode
        self.limits = limits
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
