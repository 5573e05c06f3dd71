package import HTTP
internal import JSON

/// `POST /webhook`: the address to be given to Stripe.
package struct WebhookEndpoint: Sendable {
    private let ingest: WebhookIngest

    package init(_ ingest: WebhookIngest) { self.ingest = ingest }

    /// The answer before there is an endpoint, at the very start.
    package static let notReady = HTTPResponse.json(503, ["error": "the server is starting: send it again"])

    /// Answers one request. Only a committed event is answered 200; what Stripe should send again is answered 503.
    package func handle(_ request: HTTPRequest, _ responder: HTTPResponder) {
        guard request.path == "/webhook" else {
            return responder.respond(.json(404, ["error": "there are only POST /webhook and GET /healthz here"]))
        }
        guard request.method == "POST" else {
            var response = HTTPResponse.json(405, ["error": "webhooks come by POST"])
            response.headers.add("Allow", "POST")
            return responder.respond(response)
        }
        guard request.body.count <= WebhookIngest.maximumPayloadBytes else {
            return responder.respond(.json(413, ["error": "the event is too large"]))
        }
        Task { responder.respond(await answer(to: request)) }
    }

    private func answer(to request: HTTPRequest) async -> HTTPResponse {
        do throws(WebhookIngest.Refusal) {
            let receipt = try await ingest.ingest(
                payload: request.body, signature: request.headers["Stripe-Signature"] ?? "")
            return .json(
                200, ["received": true, "eventId": .string(receipt.eventID), "duplicate": .bool(receipt.isDuplicate)])
        } catch {
            switch error {
            case .signature(let problem): return .json(400, ["error": .string("\(problem)")])
            case .payload(let problem): return .json(400, ["error": .string(problem)])
            case .store: return .json(503, ["error": "the event could not be stored: send it again"])
            }
        }
    }
}

extension HTTPResponse {
    static func json(_ status: Int, _ value: JSONValue) -> HTTPResponse {
        HTTPResponse(status: status, headers: ["Content-Type": "application/json"], body: value.bytes)
    }
}
