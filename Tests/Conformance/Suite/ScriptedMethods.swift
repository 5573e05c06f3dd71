import Contract
import JSON
import Synchronization

/// What the next call of each method is to fail with.
final class Failures: Sendable {
    private let next = Mutex<[Method: Reason]>([:])

    func order(_ method: Method, _ reason: Reason) { next.withLock { $0[method] = reason } }

    /// Fails if that was ordered.
    func failIfOrdered(_ method: Method) throws(RPCError) {
        guard let reason = next.withLock({ $0.removeValue(forKey: method) }) else { return }
        throw RPCError(reason, "This is what \(reason.name) looks like.")
    }

    func fail(_ method: Method) throws(RPCError) -> Never {
        try failIfOrdered(method)
        throw RPCError(.unspecified, "nothing was ordered for \(method.rawValue)")
    }
}

/// Methods that fail as they are told to: for what a healthy server cannot be made to say from outside.
struct ScriptedUpstream: UpstreamMethods {
    let failures: Failures

    func createCustomer(_ params: CreateCustomerParams, _ call: CallContext) async throws(RPCError) -> CreateCustomerResult
    {
        try failures.fail(call.method)
    }

    func createSubscription(
        _ params: CreateSubscriptionParams, _ call: CallContext
    ) async throws(RPCError) -> CreateSubscriptionResult { try failures.fail(call.method) }

    func previewChange(_ params: PreviewChangeParams, _ call: CallContext) async throws(RPCError) -> PreviewChangeResult {
        try failures.fail(call.method)
    }

    func updatePlan(_ params: UpdatePlanParams, _ call: CallContext) async throws(RPCError) -> UpdatePlanResult {
        try failures.fail(call.method)
    }

    func cancel(_ params: CancelParams, _ call: CallContext) async throws(RPCError) -> CancelResult {
        try failures.fail(call.method)
    }

    func resume(_ params: ResumeParams, _ call: CallContext) async throws(RPCError) -> ResumeResult {
        try failures.fail(call.method)
    }

    func createPortalSession(
        _ params: CreatePortalSessionParams, _ call: CallContext
    ) async throws(RPCError) -> CreatePortalSessionResult { try failures.fail(call.method) }

    func getPaymentMethod(
        _ params: GetPaymentMethodParams, _ call: CallContext
    ) async throws(RPCError) -> GetPaymentMethodResult { try failures.fail(call.method) }

    func getCustomer(_ params: GetCustomerParams, _ call: CallContext) async throws(RPCError) -> GetCustomerResult {
        try failures.fail(call.method)
    }

    func listSubscriptions(
        _ params: ListSubscriptionsParams, _ call: CallContext
    ) async throws(RPCError) -> ListSubscriptionsResult { try failures.fail(call.method) }

    func listInvoices(_ params: ListInvoicesParams, _ call: CallContext) async throws(RPCError) -> ListInvoicesResult {
        try failures.fail(call.method)
    }

    func getSubscription(
        _ params: GetSubscriptionParams, _ call: CallContext
    ) async throws(RPCError) -> GetSubscriptionResult { try failures.fail(call.method) }

    func listPlans(_ params: ListPlansParams, _ call: CallContext) async throws(RPCError) -> ListPlansResult {
        try failures.fail(call.method)
    }

    func reconcile(_ params: ReconcileParams, _ call: CallContext) async throws(RPCError) -> ReconcileResult {
        try failures.fail(call.method)
    }

    func ingestWebhook(_ params: IngestWebhookParams, _ call: CallContext) async throws(RPCError) -> IngestWebhookResult {
        try failures.fail(call.method)
    }
}

/// The same for the methods that are answered on the loop; `rpc.hello` without a failure is answered, since every client
/// begins with it.
final class ScriptedLocal: LocalMethods {
    private let failures: Failures

    init(_ failures: Failures) { self.failures = failures }

    func checkAccess(_ params: CheckAccessParams, _ call: LocalContext, into result: inout JSONWriter) throws(RPCError) {
        try failures.fail(.checkAccess)
    }

    func listAccess(_ params: ListAccessParams, _ call: LocalContext, into result: inout JSONWriter) throws(RPCError) {
        try failures.fail(.listAccess)
    }

    func watchEvents(
        _ params: WatchEventsParams, _ call: CallContext
    ) throws(RPCError) -> any ValueStream<WatchEventsValue, WatchEventsResult> { try failures.fail(.watchEvents) }

    func rpcHello(_ params: RPCHelloParams, _ call: LocalContext, into result: inout JSONWriter) throws(RPCError) {
        try failures.failIfOrdered(.rpcHello)
        RPCHelloResult(
            server: "dues", version: "0", protocol: 1, mode: .sandbox, scopes: [],
            limits: HelloLimits(
                lineBytes: 1_048_576, inFlightCalls: 16, batchLength: 16, outputBytes: 1_048_576, idleSeconds: 0)
        ).write(into: &result, metadata: call.resultMetadata)
    }

    func rpcDiscover(_ params: RPCDiscoverParams, _ call: LocalContext, into result: inout JSONWriter) throws(RPCError) {
        try failures.fail(.rpcDiscover)
    }

    func rpcHealth(_ params: RPCHealthParams, _ call: LocalContext, into result: inout JSONWriter) throws(RPCError) {
        try failures.fail(.rpcHealth)
    }
}
