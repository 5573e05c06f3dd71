import Contract
import JSON

/// Methods for tests: their answers say what was called.
final class FakeLocal: LocalMethods {
    func checkAccess(
        _ params: CheckAccessParams, _ call: LocalContext, into result: inout JSONWriter
    ) throws(RPCError) {
        CheckAccessResult(
            allowed: true, reason: .active, status: .active, subscriptionId: nil, productId: params.productId, since: nil,
            periodEnd: nil, graceEnd: nil, asOf: nil, asOfEventId: nil
        ).write(into: &result, metadata: call.resultMetadata)
    }

    func rpcHello(_ params: RPCHelloParams, _ call: LocalContext, into result: inout JSONWriter) throws(RPCError) {
        throw RPCError(.protocolMismatch, "never the right one")
    }

    func rpcDiscover(_ params: RPCDiscoverParams, _ call: LocalContext, into result: inout JSONWriter) throws(RPCError) {
        RawJSON("{}").write(into: &result)
    }

    func rpcHealth(_ params: RPCHealthParams, _ call: LocalContext, into result: inout JSONWriter) throws(RPCError) {
        let check = HealthCheck(status: .serving, ageMilliseconds: nil, lastError: nil)
        RPCHealthResult(status: .serving, checks: HealthChecks(stripe: check, store: check, webhooks: check))
            .write(into: &result, metadata: call.resultMetadata)
    }

    /// What is asked of the customer `cus_recalled` is known by heart.
    func recall(_ method: Method, _ params: Span<UInt8>, into result: inout JSONWriter) -> Bool {
        let text = String(decoding: params.withUnsafeBufferPointer { Array($0) }, as: UTF8.self)
        guard method == .checkAccess, text == #"{"customerId":"cus_recalled","productId":"prod_1"}"# else { return false }
        result.raw(#""recalled""#.utf8)
        return true
    }
}

/// `ListPlans` waits as many milliseconds as its limit says, and answers its cursor; `IngestWebhook` fails.
struct FakeUpstream: UpstreamMethods {
    func listPlans(_ params: ListPlansParams, _ call: CallContext) async throws(RPCError) -> ListPlansResult {
        do {
            try await Task.sleep(for: .milliseconds(params.limit))
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
    func getSubscription(
        _ params: GetSubscriptionParams, _ call: CallContext
    ) async throws(RPCError) -> GetSubscriptionResult { throw absent }
}
