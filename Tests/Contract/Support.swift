/// Handlers that say what they were given, and decoding as the RPC layer does it.
import Contract
import JSON

/// Every handler fails with its params, written as JSON, as the message: so that a test sees what was decoded.
final class Echo: LocalMethods, UpstreamMethods {
    static func error(_ params: some JSONWritable) -> RPCError {
        var writer = JSONWriter()
        params.write(into: &writer)
        return RPCError(.internalError, String(decoding: writer.bytes, as: UTF8.self))
    }

    func checkAccess(
        _ params: CheckAccessParams, _ call: LocalContext, into result: inout JSONWriter
    ) throws(RPCError) { throw Self.error(params) }
    func rpcHello(_ params: RPCHelloParams, _ call: LocalContext, into result: inout JSONWriter) throws(RPCError) {
        throw Self.error(params)
    }
    func listAccess(_ params: ListAccessParams, _ call: LocalContext, into result: inout JSONWriter) throws(RPCError) {
        throw Self.error(params)
    }
    func watchEvents(
        _ params: WatchEventsParams, _ call: CallContext
    ) throws(RPCError) -> any ValueStream<WatchEventsValue, WatchEventsResult> { throw Self.error(params) }
    func rpcDiscover(_ params: RPCDiscoverParams, _ call: LocalContext, into result: inout JSONWriter) throws(RPCError) {
        throw Self.error(params)
    }
    func rpcHealth(_ params: RPCHealthParams, _ call: LocalContext, into result: inout JSONWriter) throws(RPCError) {
        throw Self.error(params)
    }
    func createCustomer(
        _ params: CreateCustomerParams, _ call: CallContext
    ) async throws(RPCError) -> CreateCustomerResult { throw Self.error(params) }
    func createSubscription(
        _ params: CreateSubscriptionParams, _ call: CallContext
    ) async throws(RPCError) -> CreateSubscriptionResult { throw Self.error(params) }
    func previewChange(
        _ params: PreviewChangeParams, _ call: CallContext
    ) async throws(RPCError) -> PreviewChangeResult { throw Self.error(params) }
    func updatePlan(_ params: UpdatePlanParams, _ call: CallContext) async throws(RPCError) -> UpdatePlanResult {
        throw Self.error(params)
    }
    func cancel(_ params: CancelParams, _ call: CallContext) async throws(RPCError) -> CancelResult {
        throw Self.error(params)
    }
    func resume(_ params: ResumeParams, _ call: CallContext) async throws(RPCError) -> ResumeResult {
        throw Self.error(params)
    }
    func createPortalSession(
        _ params: CreatePortalSessionParams, _ call: CallContext
    ) async throws(RPCError) -> CreatePortalSessionResult { throw Self.error(params) }
    func getPaymentMethod(
        _ params: GetPaymentMethodParams, _ call: CallContext
    ) async throws(RPCError) -> GetPaymentMethodResult { throw Self.error(params) }
    func getCustomer(_ params: GetCustomerParams, _ call: CallContext) async throws(RPCError) -> GetCustomerResult {
        throw Self.error(params)
    }
    func listSubscriptions(
        _ params: ListSubscriptionsParams, _ call: CallContext
    ) async throws(RPCError) -> ListSubscriptionsResult { throw Self.error(params) }
    func reconcile(_ params: ReconcileParams, _ call: CallContext) async throws(RPCError) -> ReconcileResult {
        throw Self.error(params)
    }
    func listInvoices(_ params: ListInvoicesParams, _ call: CallContext) async throws(RPCError) -> ListInvoicesResult {
        throw Self.error(params)
    }
    func getSubscription(
        _ params: GetSubscriptionParams, _ call: CallContext
    ) async throws(RPCError) -> GetSubscriptionResult {
        call.trace.noteAttempt(requestId: "req_1", milliseconds: 120)
        call.trace.noteReplay()
        throw Self.error(params)
    }
    func listPlans(_ params: ListPlansParams, _ call: CallContext) async throws(RPCError) -> ListPlansResult {
        throw Self.error(params)
    }
    func ingestWebhook(
        _ params: IngestWebhookParams, _ call: CallContext
    ) async throws(RPCError) -> IngestWebhookResult { throw Self.error(params) }
}

extension Method {
    /// What a handler gets of `params`, as JSON, and the call's metadata.
    func echo(_ params: String?) async throws -> (params: JSONValue, metadata: CallMetadata) {
        let bytes = Array((params ?? "").utf8)
        var metadata = CallMetadata()
        do throws(RPCError) {
            if isStreaming {
                let (found, open) = try stream(bytes.span)
                metadata = found
                _ = try open(Echo(), CallContext(method: self, metadata: found, received: .now))
            } else if isLocal {
                var writer = JSONWriter()
                try answer(
                    bytes.span, by: Echo(),
                    admitting: { found in
                        metadata = found
                        return LocalContext(found, scopes: Scope.all, params: bytes)
                    }, into: &writer)
            } else {
                let (found, run) = try call(bytes.span)
                metadata = found
                _ = try await run(Echo(), CallContext(method: self, metadata: found, received: .now))
            }
        } catch {
            return (try JSONValue(parsing: error.message), metadata)
        }
        return (.null, metadata)
    }

    /// The error with which `params` are refused; nil if they are taken.
    func refusal(_ params: String?) -> RPCError? {
        let bytes = Array((params ?? "").utf8)
        do throws(RPCError) {
            guard isLocal, !isStreaming else {
                if isStreaming { _ = try stream(bytes.span) } else { _ = try call(bytes.span) }
                return nil
            }
            var writer = JSONWriter()
            var isTaken = false
            do throws(RPCError) {
                try answer(
                    bytes.span, by: Echo(),
                    admitting: { metadata in
                        isTaken = true
                        return LocalContext(metadata, scopes: Scope.all, params: bytes)
                    }, into: &writer)
            } catch {
                if !isTaken { throw error }
            }
            return nil
        } catch {
            return error
        }
    }
}
