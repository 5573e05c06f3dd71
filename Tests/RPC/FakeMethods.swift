import Contract
import JSON
import Synchronization

/// Methods for tests: their answers say what was called.
final class FakeLocal: LocalMethods {
    private let source: FakeSource
    /// Which loop answers, as the subscription's id.
    let loop: String?

    init(source: FakeSource = FakeSource(), loop: String? = nil) {
        self.source = source
        self.loop = loop
    }

    func watchEvents(
        _ params: WatchEventsParams, _ call: CallContext
    ) throws(RPCError) -> any ValueStream<WatchEventsValue, WatchEventsResult> {
        if params.after == 404 { throw RPCError(.cursorOutOfRange, "there is no 404") }
        return FakeStream(source: source, mark: params.customerId ?? "", bytes: Int(params.after ?? 0))
    }

    func checkAccess(
        _ params: CheckAccessParams, _ call: LocalContext, into result: inout JSONWriter
    ) throws(RPCError) {
        CheckAccessResult(
            allowed: true, reason: .active, status: .active, subscriptionId: loop, productId: params.productId, since: nil,
            periodEnd: nil, graceEnd: nil, asOf: nil, asOfEventId: nil
        ).write(into: &result, metadata: call.resultMetadata)
    }

    func listAccess(_ params: ListAccessParams, _ call: LocalContext, into result: inout JSONWriter) throws(RPCError) {
        throw RPCError(.internalError, "not part of the test")
    }

    func rpcHello(_ params: RPCHelloParams, _ call: LocalContext, into result: inout JSONWriter) throws(RPCError) {
        throw RPCError(.protocolMismatch, "never the right one")
    }

    func rpcDiscover(_ params: RPCDiscoverParams, _ call: LocalContext, into result: inout JSONWriter) throws(RPCError) {
        RawJSON("{}").write(into: &result)
    }

    func rpcHealth(_ params: RPCHealthParams, _ call: LocalContext, into result: inout JSONWriter) throws(RPCError) {
        let check = HealthCheck(status: .serving, ageMilliseconds: nil, lastError: nil)
        let traffic = UpstreamTraffic(inFlight: 0, waiting: 0, perSecond: nil)
        RPCHealthResult(
            status: .serving, checks: HealthChecks(stripe: check, store: check, webhooks: check),
            upstream: UpstreamPressure(breaker: .closed, read: traffic, write: traffic, waitingForTurn: 0)
        ).write(into: &result, metadata: call.resultMetadata)
    }

    var recalledMethod: Method? { .checkAccess }

    /// What is asked of the customer `cus_recalled` is known by heart.
    func recall(_ params: Span<UInt8>, into result: inout JSONWriter) -> Bool {
        let text = String(decoding: params.withUnsafeBufferPointer { Array($0) }, as: UTF8.self)
        guard text == #"{"customerId":"cus_recalled","productId":"prod_1"}"# else { return false }
        result.raw(#""recalled""#.utf8)
        return true
    }
}

/// How many calls run at once.
final class Running: Sendable {
    private let counts = Mutex((now: 0, most: 0))
    var now: Int { counts.withLock { $0.now } }
    var most: Int { counts.withLock { $0.most } }
    func begin() { counts.withLock { $0 = ($0.now + 1, max($0.most, $0.now + 1)) } }
    func end() { counts.withLock { $0.now -= 1 } }
}

/// `ListPlans` waits as many milliseconds as its limit says (a minute where its cursor says `stuck`), and answers its cursor;
/// `IngestWebhook` fails.
struct FakeUpstream: UpstreamMethods {
    let running = Running()

    func listPlans(_ params: ListPlansParams, _ call: CallContext) async throws(RPCError) -> ListPlansResult {
        running.begin()
        defer { running.end() }
        do {
            try await Task.sleep(for: .milliseconds(params.cursor == "stuck" ? 60_000 : params.limit))
        } catch {
            throw RPCError(.callerCancelled, "taken back")
        }
        return ListPlansResult(plans: [], nextCursor: params.cursor)
    }

    func ingestWebhook(_ params: IngestWebhookParams, _ call: CallContext) async throws(RPCError) -> IngestWebhookResult {
        throw RPCError(.signatureInvalid, "not signed")
    }

    private var absent: RPCError { RPCError(.internalError, "not part of the test") }
    func createCustomer(_ params: CreateCustomerParams, _ call: CallContext) async throws(RPCError) -> CreateCustomerResult
    {
        throw absent
    }
    func createSubscription(
        _ params: CreateSubscriptionParams, _ call: CallContext
    ) async throws(RPCError) -> CreateSubscriptionResult { throw absent }
    func previewChange(_ params: PreviewChangeParams, _ call: CallContext) async throws(RPCError) -> PreviewChangeResult {
        throw absent
    }
    func updatePlan(_ params: UpdatePlanParams, _ call: CallContext) async throws(RPCError) -> UpdatePlanResult {
        throw absent
    }
    func cancel(_ params: CancelParams, _ call: CallContext) async throws(RPCError) -> CancelResult { throw absent }
    func getPaymentMethod(
        _ params: GetPaymentMethodParams, _ call: CallContext
    ) async throws(RPCError) -> GetPaymentMethodResult { throw absent }
    func resume(_ params: ResumeParams, _ call: CallContext) async throws(RPCError) -> ResumeResult {
        throw RPCError(.internalError, "not part of the test")
    }

    func createPortalSession(
        _ params: CreatePortalSessionParams, _ call: CallContext
    ) async throws(RPCError) -> CreatePortalSessionResult { throw RPCError(.internalError, "not part of the test") }

    func getCustomer(_ params: GetCustomerParams, _ call: CallContext) async throws(RPCError) -> GetCustomerResult {
        throw absent
    }
    func listSubscriptions(
        _ params: ListSubscriptionsParams, _ call: CallContext
    ) async throws(RPCError) -> ListSubscriptionsResult { throw absent }
    func reconcile(_ params: ReconcileParams, _ call: CallContext) async throws(RPCError) -> ReconcileResult {
        throw absent
    }
    func listInvoices(_ params: ListInvoicesParams, _ call: CallContext) async throws(RPCError) -> ListInvoicesResult {
        throw absent
    }
    func getSubscription(
        _ params: GetSubscriptionParams, _ call: CallContext
    ) async throws(RPCError) -> GetSubscriptionResult { throw absent }
}
