package import HTTP
internal import Contract
internal import JSON

/// `GET /healthz`: what rpc.health says, for whoever asks over HTTP, such as a load balancer: 200 while the server serves, 503
/// while it does not.
package struct HealthEndpoint: Sendable {
    package static let path = "/healthz"
    private let health: Health

    package init(_ health: Health) { self.health = health }

    package func handle(_ request: HTTPRequest, _ responder: HTTPResponder) {
        guard request.method == "GET" || request.method == "HEAD" else {
            var response = HTTPResponse.json(405, ["error": "health is asked for by GET"])
            response.headers.add("Allow", "GET, HEAD")
            return responder.respond(response)
        }
        let report = health.report
        var writer = JSONWriter()
        report.write(into: &writer, metadata: nil)
        responder.respond(
            HTTPResponse(
                status: report.status == .serving ? 200 : 503, headers: ["Content-Type": "application/json"],
                body: writer.bytes))
    }
}
