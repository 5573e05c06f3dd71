package import Contract
internal import Stripe

/// IngestWebhook: for hosts that terminate HTTP themselves. The same promise as `POST /webhook`: answered means stored.
extension BillingService {
    package func ingestWebhook(
        _ params: IngestWebhookParams, _ call: CallContext
    ) async throws(RPCError) -> IngestWebhookResult {
        do throws(WebhookIngest.Refusal) {
            let receipt = try await webhooks.ingest(payload: Array(params.payload.utf8), signature: params.signature)
            return IngestWebhookResult(eventId: receipt.eventID, type: receipt.type, duplicate: receipt.isDuplicate)
        } catch {
            throw RPCError(error)
        }
    }
}

extension RPCError {
    fileprivate init(_ refusal: WebhookIngest.Refusal) {
        switch refusal {
        case .signature(let error):
            switch error {
            case .stale, .future: self.init(.signatureExpired, "\(error)")
            default: self.init(.signatureInvalid, "\(error)")
            }
        case .payload(let problem): self.init(.payloadInvalid, problem)
        case .store(let error): self.init(error)
        }
    }
}
