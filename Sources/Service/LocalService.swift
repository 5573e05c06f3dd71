package import Contract
package import JSON
package import Store

/// The methods that are answered on the loop's own thread, from what is at hand. One for each loop: the reader is the
/// loop's own.
package final class LocalService: LocalMethods {
    let reader: any StoreReader
    let events: EventLog
    let access: AccessQuestions
    private let health: Health
    private let identity: ServerIdentity
    private let shared: SharedAnswers
    private let answers: AnswerCache
    /// Makes answers beforehand; nil where that is not wanted.
    private let warmer: AnswerWarmer?
    private var misses = 0
    /// What was looked up, as long as no product changes.
    private var productsByFeature: [String: [String]] = [:]

    package init(
        reader: any StoreReader, access: AccessQuestions, answers: SharedAnswers, warmer: AnswerWarmer? = nil,
        health: Health, identity: ServerIdentity
    ) {
        self.reader = reader
        events = EventLog(reader: reader)
        self.access = access
        self.health = health
        self.identity = identity
        shared = answers
        self.answers = AnswerCache(answers)
        self.warmer = warmer
    }

    package func checkAccess(
        _ params: CheckAccessParams, _ call: LocalContext, into result: inout JSONWriter
    ) throws(RPCError) {
        do throws(StoreError) {
            try noticeChanges()
            let known = try reader.subscriptions(ofCustomer: params.customerId)
            let answer = access.decide(anyOf: try products(of: params, known), known)
            let start = result.count
            answer.result.write(into: &result, metadata: call.resultMetadata)
            guard call.metadata == CallMetadata(), params.productId != nil else { return }
            misses += 1
            if let warmer, misses % warmer.worthwhileMisses == 0 { warmer.start() }
            result.withBytes { bytes in
                call.params.withUnsafeBytes { question in
                    answers.insert(
                        question, customer: params.customerId, valid: answer.valid,
                        answer: UnsafeRawBufferPointer(rebasing: bytes[start...]))
                }
            }
        } catch {
            throw RPCError(error)
        }
    }

    package var recalledMethod: Method? { .checkAccess }

    /// What was asked in the same words before, and has not changed since.
    package func recall(_ params: Span<UInt8>, into result: inout JSONWriter) -> Bool {
        // A store that cannot be read says so when the call is made in earnest.
        guard (try? noticeChanges()) != nil else { return false }
        if answers.isBehind { answers.adoptOne() }
        return params.withUnsafeBytes { question in answers.find(question, now: access.clock()) { result.raw($0) } }
    }

    private func noticeChanges() throws(StoreError) {
        if reader.hasChanged { forget(try reader.changes()) }
    }

    /// The products any of which grants what is asked for. Where Stripe has said what the customer is entitled to, a feature
    /// among it is granted by whatever the customer has subscribed to, and another by nothing; elsewhere the products' own
    /// features say it.
    private func products(
        of params: CheckAccessParams, _ known: [SubscriptionRecord.Known]
    ) throws(StoreError) -> [String] {
        if let product = params.productId { return [product] }
        let feature = params.feature ?? ""
        if let isEntitled = try reader.isEntitled(params.customerId, to: feature) {
            return isEntitled ? AccessQuestions.products(in: known) : []
        }
        if let known = productsByFeature[feature] { return known }
        let products = try reader.products(withFeature: feature)
        if productsByFeature.count == Self.rememberedFeatures { productsByFeature = [:] }
        productsByFeature[feature] = products
        return products
    }

    private static let rememberedFeatures = 1000

    private func forget(_ changes: StoreChanges) {
        switch changes {
        case .some(let customers, let products):
            for customer in customers { shared.forget(customer: customer) }
            if products { productsByFeature = [:] }
        case .everything:
            shared.forgetAll()
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
