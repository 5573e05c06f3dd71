internal import Billing
package import Contract
package import Store

/// The methods that are answered on the loop's own thread, from what is at hand. One for each loop: the reader is the
/// loop's own.
package final class LocalService: LocalMethods {
    private let reader: any StoreReader
    let events: EventLog
    private let policy: AccessPolicy
    private let health: Health
    private let identity: ServerIdentity
    private let clock: @Sendable () -> Int64

    /// - Parameter graceSeconds: how long a customer whose payment failed keeps access; nil for the policy's default.
    package init(
        reader: any StoreReader, graceSeconds: Int64? = nil, health: Health, identity: ServerIdentity,
        clock: @escaping @Sendable () -> Int64
    ) {
        self.reader = reader
        events = EventLog(reader: reader)
        policy = graceSeconds.map(AccessPolicy.init) ?? AccessPolicy()
        self.health = health
        self.identity = identity
        self.clock = clock
    }

    package func checkAccess(_ params: CheckAccessParams, _ call: CallContext) throws(RPCError) -> CheckAccessResult {
        do throws(StoreError) {
            let products: [String]
            if let product = params.productId {
                products = [product]
            } else {
                products = try reader.products(withFeature: params.feature ?? "")
            }
            let known = try reader.subscriptions(ofCustomer: params.customerId)
            let decision = policy.decide(anyOf: products, subscriptions: known.map(SubscriptionView.init), now: clock())
            return CheckAccessResult(decision, basedOn: known.first { $0.id == decision.subscriptionID })
        } catch {
            throw RPCError(error)
        }
    }

    package func rpcHello(_ params: RPCHelloParams, _ call: CallContext) throws(RPCError) -> RPCHelloResult {
        if let wanted = params.protocol, wanted != protocolVersion {
            throw RPCError(.protocolMismatch, "this server speaks protocol \(protocolVersion), not \(wanted)")
        }
        return RPCHelloResult(
            server: "dues", version: identity.version, protocol: Int64(protocolVersion), mode: identity.mode,
            scopes: Scope.allCases.filter(call.scopes.contains), limits: identity.limits)
    }

    package func rpcDiscover(_ params: RPCDiscoverParams, _ call: CallContext) throws(RPCError) -> RawJSON {
        RawJSON(ContractDocument.openRPC)
    }

    package func rpcHealth(_ params: RPCHealthParams, _ call: CallContext) throws(RPCError) -> RPCHealthResult {
        health.report
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
