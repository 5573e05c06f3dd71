/// Handlers that say what they were given, and decoding as the RPC layer does it.
import Contract
import JSON

/// Every handler fails with its params, written as JSON, as the message: so that a test sees what was decoded.
struct Echo: LocalMethods, UpstreamMethods {
    static func error(_ params: some JSONWritable) -> RPCError {
        var writer = JSONWriter()
        params.write(into: &writer)
        return RPCError(.internalError, String(decoding: writer.bytes, as: UTF8.self))
    }

    func checkAccess(_ params: CheckAccessParams, _ call: CallContext) throws(RPCError) -> CheckAccessResult {
        throw Self.error(params)
    }
    func watchEvents(
        _ params: WatchEventsParams, _ call: CallContext
    ) throws(RPCError) -> any ValueStream<WatchEventsValue, WatchEventsResult> { throw Self.error(params) }
    func rpcHello(_ params: RPCHelloParams, _ call: CallContext) throws(RPCError) -> RPCHelloResult {
        throw Self.error(params)
    }
    func rpcDiscover(_ params: RPCDiscoverParams, _ call: CallContext) throws(RPCError) -> RawJSON {
        throw Self.error(params)
    }
    func rpcHealth(_ params: RPCHealthParams, _ call: CallContext) throws(RPCError) -> RPCHealthResult {
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
    func getPaymentMethod(
        _ params: GetPaymentMethodParams, _ call: CallContext
    ) async throws(RPCError) -> GetPaymentMethodResult { throw Self.error(params) }
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
        let bytes = params.map { Array($0.utf8) }
        let (metadata, decoded) = try decode(params: bytes, local: Echo.self, upstream: Echo.self)
        let context = CallContext(method: self, metadata: metadata, received: .now)
        do throws(RPCError) {
            switch decoded {
            case .local(let run):
                var writer = JSONWriter()
                try run(Echo(), context, &writer)
            case .stream(let open): _ = try open(Echo(), context)
            case .upstream(let run): _ = try await run(Echo(), context)
            }
        } catch {
            return (try JSONValue(parsing: error.message), metadata)
        }
        return (.null, metadata)
    }

    /// The error with which `params` are refused; nil if they are taken.
    func refusal(_ params: String?) -> RPCError? {
        do throws(RPCError) {
            _ = try decode(params: params.map { Array($0.utf8) }, local: Echo.self, upstream: Echo.self)
            return nil
        } catch {
            return error
        }
    }
}
